"""The instrument: the one crossing between a venue's decimals and our integers.

Rules kept here:

1. A bid rounds down to the tick, an ask rounds up, a size rounds down to the lot: rounding never makes a quote
   more aggressive or larger than asked for.
2. Going out (ticks to price, quanta to money) is always exact.
"""

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

from perpmaker.domain.money import MILLITICKS_PER_TICK, QUANTA_PER_TICK_LOT
from perpmaker.domain.orders import Side

_EXACT = Context(prec=60)  # 60 digits hold any product of quanta, tick size and lot size


@dataclass(frozen=True, slots=True)
class Instrument:
    """A linear perpetual future, as its venue describes it.

    Args:
        symbol: the venue's name, e.g. ``SOL_USDC_PERP``.
        base: base currency, the unit of sizes.
        quote: quote currency, the unit of prices and money.
        tick_size: smallest price step, quote per base, > 0.
        lot_size: smallest size step, base, > 0.
        min_quantity: smallest order, base, a multiple of the lot size, > 0.

    Raises:
        ValueError: a step is not a positive finite number, or the minimum is not on the lot.
    """

    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    _quantum: Decimal = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("tick_size", "lot_size", "min_quantity"):
            value: Decimal = getattr(self, name)
            if not value.is_finite() or value <= 0:
                raise ValueError(f"{self.symbol}: {name} must be a positive number, got {value}")
        if self.min_quantity % self.lot_size != 0:
            raise ValueError(
                f"{self.symbol}: min_quantity {self.min_quantity} is not a multiple of the lot {self.lot_size}"
            )
        tick_lot = _EXACT.multiply(self.tick_size, self.lot_size)
        object.__setattr__(self, "_quantum", _EXACT.divide(tick_lot, Decimal(QUANTA_PER_TICK_LOT)))

    @property
    def min_lots(self) -> int:
        """The smallest order, in lots."""
        return int(self.min_quantity / self.lot_size)

    def price_to_ticks(self, price: Decimal, side: Side) -> int:
        """Whole ticks, rounded away from the other side: bids down, asks up."""
        rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        return int((price / self.tick_size).to_integral_value(rounding))

    def price_to_milliticks(self, price: Decimal) -> int:
        """A price between ticks (a mark price), to the nearest thousandth of a tick."""
        return int((price * MILLITICKS_PER_TICK / self.tick_size).to_integral_value(ROUND_HALF_EVEN))

    def quantity_to_lots(self, quantity: Decimal) -> int:
        """Whole lots, rounded down."""
        return int((quantity / self.lot_size).to_integral_value(ROUND_FLOOR))

    def money_to_quanta(self, amount: Decimal) -> int:
        """Money in quanta, to the nearest quantum (exact for every usual tick and lot size)."""
        return int(_EXACT.divide(amount, self._quantum).to_integral_value(ROUND_HALF_EVEN))

    def price(self, ticks: int) -> Decimal:
        return ticks * self.tick_size

    def price_from_milliticks(self, milliticks: int) -> Decimal:
        return milliticks * self.tick_size / MILLITICKS_PER_TICK

    def quantity(self, lots: int) -> Decimal:
        return lots * self.lot_size

    def money(self, quanta: int) -> Decimal:
        """Money in the quote currency, exact, without trailing zeros beyond the cents."""
        exact = _EXACT.multiply(Decimal(quanta), self._quantum)
        plain = exact.normalize(_EXACT)
        exponent = plain.as_tuple().exponent
        return plain.quantize(Decimal("0.01"), context=_EXACT) if int(exponent) > -2 else plain
