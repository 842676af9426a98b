"""How long to wait before the next attempt: longer every time, never twice the same, and never for long."""

from random import Random
from typing import Final

FIRST_S: Final = 0.2
LONGEST_S: Final = 3.0
"""A market maker that waits longer than this for its next attempt is out of the market for no reason."""


class Backoff:
    """Doubles from `FIRST_S` to `LONGEST_S`; each wait is a random part, at least half, of that."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._bound_s = FIRST_S

    def next_s(self) -> float:
        """Seconds to wait now."""
        wait = self._bound_s * self._random.uniform(0.5, 1.0)
        self._bound_s = min(self._bound_s * 2, LONGEST_S)
        return wait

    def reset(self) -> None:
        """It has worked."""
        self._bound_s = FIRST_S
