"""From a source's decimals and floats to whole ticks and lots, and never nearly.

Rules kept here:

1. A decimal string is scaled exactly; a value that is not a whole number of steps is an error, not a rounding.
2. A float is taken for the multiple of the step next to it, and must lie within `SNAP_TOLERANCE` steps of it.
3. Nothing beyond `MOST_STEPS` steps passes: up to there a double still tells neighbouring steps apart.
"""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SNAP_TOLERANCE: Final = 1e-6
MOST_STEPS: Final = 2**53
_CACHE_ENTRIES: Final = 262_144


class OffGridError(ValueError):
    """A value is not a whole number of steps; the caller adds where it was found."""


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
        try:
            steps, rest = divmod(Decimal(text), self._step)
        except InvalidOperation:
            raise OffGridError(f"{text!r} is not a usable number") from None
        if rest or not steps.is_finite():
            raise OffGridError(f"{text} is not a multiple of the {self._what} {self._step}")
        if not self._lowest <= steps <= MOST_STEPS:
            raise OffGridError(f"{text} is beyond any real price or size")
        if len(self) >= _CACHE_ENTRIES:  # a bound on memory; what is in use is soon back
            self.clear()
        self[text] = int(steps)
        return int(steps)


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
        raise OffGridError(f"{float(values[index])!r} is not a multiple of the {what} {step}", index)
    whole_steps: NDArray[np.int64] = whole.astype(np.int64)
    return whole_steps
