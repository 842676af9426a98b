"""Our clock: the one place where venues and drivers read the time of day.

Tests give a clock of their own, so that a run of an hour takes seconds and nothing sleeps.
"""

import time
from typing import Protocol


class Clock(Protocol):
    def now_ns(self) -> int:
        """Nanoseconds since 1970 UTC; never goes back."""
        ...


class SystemClock:
    """The machine's time of day when it was made, carried on by the monotonic clock: no step of the system's clock
    reaches a run; what the two drift apart is part of the offset that is measured against the venue.
    """

    def __init__(self) -> None:
        self._origin_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        return self._origin_ns + time.monotonic_ns()
