"""One timer on the running loop, set by the time of day and set again at will."""

import asyncio
from collections.abc import Callable

from perpmaker.venues.clock import Clock

_LATE_NS = 1_000  # the loop counts in floating seconds: a microsecond late, but never a hair too early


class Alarm:
    """Calls ``ring`` once the clock has reached the time that was set last; None sets it off."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._at_ns: int | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        return self._at_ns is not None

    def set(self, at_ns: int | None) -> None:
        if at_ns == self._at_ns:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._at_ns = at_ns
        if at_ns is not None:
            wait_ns = max(0, at_ns - self._clock.now_ns()) + _LATE_NS
            self._timer = asyncio.get_running_loop().call_later(wait_ns / 1e9, self._fire)

    def _fire(self) -> None:
        self._at_ns = None
        self._timer = None
        self._ring()
