"""Exact money: whole quanta.

One quantum is ``tick_size * lot_size / 10**12`` of the quote currency. The power is the smallest in which
everything that moves money is a whole number: a notional is ticks x lots, a mark price is a thousandth of a
tick (10**3), and a fee or funding rate is a whole number of parts per billion (10**9). Python's integers do
not overflow, so sums and differences of money are exact, whatever their order.
"""

from decimal import Decimal
from typing import Final

MILLITICKS_PER_TICK: Final = 1_000
"""A reference or mark price may lie between two ticks; it is kept in thousandths of a tick."""

RATE_SCALE: Final = 1_000_000_000
"""Fee and funding rates are whole parts per billion: 0.0002 (2 bp) is 200_000."""

QUANTA_PER_TICK_LOT: Final = MILLITICKS_PER_TICK * RATE_SCALE
"""Quanta in one tick x one lot."""

QUANTA_PER_MILLITICK_LOT: Final = RATE_SCALE
"""Quanta in one millitick x one lot."""


def notional_quanta(price_ticks: int, lots: int) -> int:
    """Value of ``lots`` at ``price_ticks``, in quanta."""
    return price_ticks * lots * QUANTA_PER_TICK_LOT


def fee_quanta(price_ticks: int, lots: int, rate_ppb: int) -> int:
    """Fee on a fill: positive is paid, negative is a rebate. Exact: no rounding takes place."""
    return price_ticks * lots * rate_ppb * MILLITICKS_PER_TICK


def rate_to_ppb(rate: Decimal) -> int:
    """A rate as a whole number of parts per billion.

    Raises:
        ValueError: the rate is finer than a part per billion, or not finite.
    """
    scaled = rate * RATE_SCALE
    if not rate.is_finite() or scaled != scaled.to_integral_value():
        raise ValueError(f"a rate has at most 9 decimals, {rate} has more")
    return int(scaled)
