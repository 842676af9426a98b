"""Exact amounts as text, as the summary and the journal write them: plain decimals, to the last digit.

Prices and sizes are whole steps, and a book has eighty of them; so their text is made of whole numbers. That gives what
the decimal would and costs a fraction of it.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from perpmaker.domain.instrument import Instrument


class Texts:
    """Prices, sizes and money of one instrument.

    Attributes:
        price: of whole ticks.
        quantity: of whole lots.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self.price = steps_text(instrument.tick_size)
        self.quantity = steps_text(instrument.lot_size)

    def between(self, milliticks: int | None) -> str | None:
        """A price that may lie between two ticks; None stays None."""
        return None if milliticks is None else f"{self._instrument.price_from_milliticks(milliticks):f}"

    def money(self, quanta: int) -> str:
        return f"{self._instrument.money(quanta):f}"


def steps_text(step: Decimal) -> Callable[[int], str]:
    """What writes so many steps as ``f"{count * step:f}"`` would."""
    _, digits, exponent = step.as_tuple()
    places = -int(exponent)
    unit = int("".join(map(str, digits))) * 10 ** max(0, -places)
    if places <= 0:
        return lambda count: str(count * unit)

    def text(count: int) -> str:
        whole = str(abs(count) * unit).rjust(places + 1, "0")
        return f"{'-' if count < 0 else ''}{whole[:-places]}.{whole[-places:]}"

    return text


def ticks_text(milliticks: int) -> str:
    """Milliticks as ticks, with three places."""
    return f"{Decimal(milliticks).scaleb(-3):f}"


def decimal_text(share: Fraction) -> str:
    """A fraction that was made from a decimal, as that decimal."""
    return f"{Decimal(share.numerator) / Decimal(share.denominator):f}"
