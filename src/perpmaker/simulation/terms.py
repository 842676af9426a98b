"""What the simulated exchange charges, how far away it is, and how it estimates queues.

Rates are whole parts per billion; the initial margin fraction is rounded up, so a margin check never lets through what
the exact fraction would refuse.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.money import QUANTA_PER_TICK_LOT, RATE_SCALE

MAX_NOTIONAL: Final = 10**15
"""Ticks x lots that a balance or an exposure may reach: everything below stays exact in 64 bits."""

MAX_POWER_EXPONENT: Final = 20.0
"""Beyond this the POWER estimate could leave the range of a float, and says nothing new anyway."""

_MAX_LATENCY_NS: Final = 3_600 * 10**9


class QueueModel(Enum):
    """How the place of a resting order in the queue of its level is estimated."""

    RISK_AVERSE = "risk-averse"  # only trades at the level move it up
    POWER = "power"  # unexplained decreases are split between front and back by a power law


@dataclass(frozen=True, slots=True)
class ExchangeTerms:
    """The terms of one account on the simulated exchange.

    Args:
        maker_fee_ppb: fee on resting orders, parts per billion of the notional; negative is a rebate.
        taker_fee_ppb: fee on orders that take.
        balance_quanta: money at the start, >= 0.
        leverage: position value that one unit of equity carries, >= 1.
        feed_latency_ns: how much later the maker sees market data.
        order_latency_ns: one way, the same for a request on its way in and its answer on the way out.
        queue_model: see `QueueModel`.
        power_exponent: exponent of the POWER model, above 0 and up to 20.

    Raises:
        InvalidSettingError: a value is outside its range.
    """

    maker_fee_ppb: int
    taker_fee_ppb: int
    balance_quanta: int
    leverage: Decimal
    feed_latency_ns: int = 0
    order_latency_ns: int = 0
    queue_model: QueueModel = QueueModel.RISK_AVERSE
    power_exponent: float = 3.0

    def __post_init__(self) -> None:
        for name, rate in (("maker fee", self.maker_fee_ppb), ("taker fee", self.taker_fee_ppb)):
            if abs(rate) >= RATE_SCALE:
                raise InvalidSettingError(f"the {name} must lie between -100 % and 100 %, got {rate} parts per billion")
        if not 0 <= self.balance_quanta <= MAX_NOTIONAL * QUANTA_PER_TICK_LOT:
            raise InvalidSettingError(
                f"the balance must be between 0 and {MAX_NOTIONAL} tick-lots, got {self.balance_quanta} quanta"
            )
        if not self.leverage.is_finite() or self.leverage < 1:
            raise InvalidSettingError(f"the leverage must be a number of at least 1, got {self.leverage}")
        for name, latency in (("feed latency", self.feed_latency_ns), ("order latency", self.order_latency_ns)):
            if not 0 <= latency <= _MAX_LATENCY_NS:
                raise InvalidSettingError(f"the {name} must be between 0 and one hour, got {latency} ns")
        if not 0 < self.power_exponent <= MAX_POWER_EXPONENT:
            raise InvalidSettingError(
                f"the exponent of the queue model must be above 0 and at most 20, got {self.power_exponent}"
            )

    @property
    def initial_margin_ppb(self) -> int:
        """Margin that a unit of position value needs: 1 / leverage, rounded up to a part per billion."""
        numerator, denominator = self.leverage.as_integer_ratio()
        return -(-RATE_SCALE * denominator // numerator)
