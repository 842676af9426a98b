"""Whole steps (ticks, lots) and the decimal strings of a wire: the way in and out, exact and fast.

Rules kept here:

1. A number that is not on the grid is an error, never rounded: the venue and we would mean different things.
2. No float on the way. What is neither digits nor a point is an error, too.
"""

import re
from decimal import Decimal
from typing import Final

_WITH_EXPONENT: Final = re.compile(r"[0-9]+(\.[0-9]*)?[eE][+-]?[0-9]{1,3}")


class Steps:
    """The grid of a price or of a size.

    Args:
        step: the smallest difference, > 0.
        what: what is counted, for errors.
    """

    __slots__ = ("_decimals", "_units_per_step", "step", "what")

    def __init__(self, step: Decimal, what: str) -> None:
        self.step = step
        self.what = what
        self._decimals = max(0, -int(step.normalize().as_tuple().exponent))
        self._units_per_step = int(step.scaleb(self._decimals))

    def whole(self, text: str) -> int:
        """How many steps; 0 or more.

        Raises:
            ValueError: it is not a plain number of at least 0, or not on the grid.
        """
        before, _, after = text.partition(".")
        digits = before + after
        if not (digits.isascii() and digits.isdigit()):
            return self._unusual(text)
        if len(after) > self._decimals:
            if after[self._decimals :].strip("0"):
                raise self._off_grid(text)
            digits = before + after[: self._decimals]
        else:
            digits += "0" * (self._decimals - len(after))
        steps, rest = divmod(int(digits), self._units_per_step)
        if rest:
            raise self._off_grid(text)
        return steps

    def signed(self, text: str) -> int:
        """The same for a number that may be negative (a position)."""
        return -self.whole(text[1:]) if text.startswith("-") else self.whole(text)

    def text(self, steps: int) -> str:
        """The decimal string of so many steps, without an exponent."""
        if not self._decimals:
            return str(steps * self._units_per_step)
        digits = str(steps * self._units_per_step).rjust(self._decimals + 1, "0")
        return f"{digits[: -self._decimals]}.{digits[-self._decimals :]}"

    def _unusual(self, text: str) -> int:
        """A number with an exponent (``1E-7``), which some venues write; anything else is an error."""
        if not _WITH_EXPONENT.fullmatch(text):
            raise ValueError(f"{text!r} is not a {self.what}")
        number = Decimal(text)
        steps = number / self.step
        if steps != steps.to_integral_value():
            raise self._off_grid(text)
        return int(steps)

    def _off_grid(self, text: str) -> ValueError:
        return ValueError(f"the {self.what} {text} is not a multiple of {self.step}")
