"""From a source's decimals and floats to whole ticks and lots, and never nearly.

Rules kept here:

1. A decimal string is scaled exactly; a value that is not a whole number of steps is an error, not a rounding.
2. A float is taken for the multiple of the step next to it, and must lie within `SNAP_TOLERANCE` steps of it.
3. Nothing beyond `MOST_STEPS` steps passes: up to there a double still tells neighbouring steps apart.
4. A mark price may lie between ticks: it is rounded to a thousandth of one.
"""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from perpmaker.domain.instrument import Instrument

SNAP_TOLERANCE: Final = 1e-6
MOST_STEPS: Final = 2**53
_CACHE_ENTRIES: Final = 262_144


class OffGridError(ValueError):
    """A value is not a whole number of steps, or no number; it says what to do, the caller adds where it was found."""


class ExactScale(dict[str, int]):
    """Decimal strings to whole steps. A dictionary because the same prices and sizes come again and again.

    Looking up a string gives its number of steps, at least ``lowest``, or raises `OffGridError`.
    """

    def __init__(self, step: Decimal, what: str, lowest: int) -> None:
        super().__init__()
        self._step = step
        self._what = what
        self._lowest = lowest

    def __missing__(self, text: str) -> int:
        value = finite(text)
        try:
            steps, rest = divmod(value, self._step)
        except InvalidOperation:  # more steps than decimals have digits
            raise OffGridError(_unreal(text)) from None
        if rest:
            raise OffGridError(_off_grid(text, self._step, self._what))
        if not self._lowest <= steps <= MOST_STEPS:
            raise OffGridError(_unreal(text))
        if len(self) >= _CACHE_ENTRIES:  # a bound on memory; what is in use is soon back
            self.clear()
        self[text] = int(steps)
        return int(steps)


def finite(text: str) -> Decimal:
    """The number that a text is, exactly.

    Raises:
        OffGridError: it is none, or not a finite one.
    """
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise OffGridError(_no_number(repr(text)))
    return value


def mark_milliticks(price: Decimal, instrument: Instrument) -> int:
    """A mark price in thousandths of a tick, above 0.

    Raises:
        OffGridError: there can be no such price.
    """
    mark = instrument.price_to_milliticks(price) if price < MOST_STEPS * instrument.tick_size else 0
    if not 1 <= mark <= MOST_STEPS:
        raise OffGridError(f"a mark price of {price} is impossible: correct it, or fetch the file again")
    return mark


def funding_rate(rate: Decimal) -> Decimal:
    """The same rate.

    Raises:
        OffGridError: there can be no such rate.
    """
    if abs(rate) >= 1:
        raise OffGridError(f"a funding rate of {rate} is 100 % or more: rates are fractions")
    return rate


def snap(values: NDArray[np.float64], step: Decimal, what: str) -> NDArray[np.int64]:
    """Floats to whole steps.

    Raises:
        OffGridError: with the index of the first value in ``values`` that is no multiple of ``step``, in `args[1]`.
    """
    steps: NDArray[Any] = values / float(step)
    with np.errstate(invalid="ignore"):
        whole = np.rint(steps)
        # NaN and infinities fail the comparison too
        off = ~((np.abs(steps - whole) < SNAP_TOLERANCE) & (np.abs(whole) <= MOST_STEPS))
    if off.any():
        index = int(np.argmax(off))
        value = float(values[index])
        if not np.isfinite(value):
            raise OffGridError(_no_number(repr(value)), index)
        if abs(steps[index]) > MOST_STEPS:
            raise OffGridError(_unreal(repr(value)), index)
        raise OffGridError(_off_grid(repr(value), step, what), index)
    whole_steps: NDArray[np.int64] = whole.astype(np.int64)
    return whole_steps


def _off_grid(value: str, step: Decimal, what: str) -> str:
    return f"{value} is not a multiple of the {what} {step}: give another --{what.replace(' ', '-')}"


def _no_number(shown: str) -> str:
    return f"{shown} is not a usable number: correct it, or fetch the file again"


def _unreal(text: str) -> str:
    return f"{text} is beyond any real price or size: correct it, or fetch the file again"
