"""How fast simulated time passes: as fast as it can, or so many simulated seconds per second."""

import time
from collections.abc import Callable

_SLICE_S = 0.01
"""Short enough that a screen sees what lies between two refreshes, long enough to cost nothing."""

_NS_PER_S = 1_000_000_000


class Pace:
    """Holds simulated time back to ``speed`` simulated seconds per second of the wall clock.

    Args:
        speed: simulated seconds per second, > 0.
        clock: the wall, in ns; ``sleep`` waits so many seconds. Tests give their own.
    """

    def __init__(
        self,
        speed: float,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._speed = speed
        self._clock = clock
        self._sleep = sleep
        self._origin: tuple[int, int] | None = None

    def horizon_ns(self, now_ns: int) -> int:
        """How far the simulation may run before it is held back again."""
        return now_ns + max(1, int(_SLICE_S * self._speed * _NS_PER_S))

    def wait(self, now_ns: int) -> None:
        """Wait until the wall clock has caught up with the simulation."""
        wall = self._clock()
        if self._origin is None:
            self._origin = (wall, now_ns)
        wall_origin, simulated_origin = self._origin
        due = wall_origin + int((now_ns - simulated_origin) / self._speed)
        if due > wall:
            self._sleep((due - wall) / _NS_PER_S)
