"""What numbers a key may have: for the refusal of a file, and for the schema that editors read.

These are the limits that settings and simulated exchange keep themselves; a test holds both against each other. What
depends on two keys at once (a target above the cap) is found by them alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

_HOUR_NS: Final = 3_600 * 10**9
_LONGEST_S: Final = 10 * 366 * 86_400


@dataclass(frozen=True, slots=True)
class Range:
    """Least and most, None without one; ``is_above`` leaves the least itself out. ``unit`` names what is counted."""

    least: Decimal | int | None = None
    most: Decimal | int | None = None
    is_above: bool = False
    unit: str = ""

    def check(self, value: object) -> None:
        """Raise ValueError with one sentence for a number outside; what is no number (a drawn latency) passes."""
        if not isinstance(value, Decimal | int | float):
            return
        least, most = self.least, self.most
        is_low = least is not None and (value <= least if self.is_above else value < least)
        if is_low or (most is not None and value > most):
            raise ValueError(f"must be {self}")

    def __str__(self) -> str:
        parts = []
        if self.least is not None:
            parts.append(f"{'above' if self.is_above else 'at least'} {self._shown(self.least)}")
        if self.most is not None:
            parts.append(f"at most {self._shown(self.most)}")
        return " and ".join(parts)

    def _shown(self, limit: Decimal | int) -> str:
        if self.unit != "ns":
            return str(limit)
        return "one hour" if limit == _HOUR_NS else f"{limit}"


_ABOVE_0 = Range(0, is_above=True)
_FROM_0 = Range(0)
_PORT = Range(1, 65_535)

RANGES: Final[Mapping[str, Range]] = {
    "spread": Range(0, 1, is_above=True),
    "quantity": _ABOVE_0,
    "max_orders": Range(1, 50),
    "max_drift": _FROM_0,
    "max_position": _ABOVE_0,
    "position_threshold": _FROM_0,
    "take_profit": _FROM_0,
    "max_drawdown": _FROM_0,
    "max_loss": _FROM_0,
    "max_daily_loss": _FROM_0,
    "interval": Range(Decimal("0.001"), _LONGEST_S),
    "duration": Range(0, _LONGEST_S),
    "max_book_age": Range(0, is_above=True, unit="ns"),
    "seed": _FROM_0,
    "balance": _ABOVE_0,
    "leverage": Range(1),
    "maker_fee": Range(-1, 1),
    "taker_fee": Range(-1, 1),
    "feed_latency": Range(0, _HOUR_NS, unit="ns"),
    "order_latency": Range(0, _HOUR_NS, unit="ns"),
    "queue_exponent": Range(0, 20, is_above=True),
    "bar_volume_share": Range(0, 1, is_above=True),
    "bar_half_spread": Range(0, Decimal("0.1")),
    "maintenance_margin": Range(0, 1),
    "liquidation_fee": Range(0, 1),
    "volume_30d": _FROM_0,
    "dashboard_port": _PORT,
    "metrics_port": _PORT,
    "port": Range(0, 65_535),
    "max_notional": _FROM_0,
    "max_margin_share": Range(0, 1),
}
"""By key; the numbers are in the key's own unit. What has none here takes any number."""
