"""The venue's time of day, from our clock and what was measured of the difference."""

from perpmaker.venues.clock import Clock


class VenueClock:
    """Our clock, corrected by what was measured against the venue's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.offset_ns = 0
        self.is_measured = False

    def local_ns(self) -> int:
        """Our own clock."""
        return self._clock.now_ns()

    def now_ns(self) -> int:
        """The venue's time, as far as we know it."""
        return self._clock.now_ns() + self.offset_ns

    def correct(self, offset_ns: int) -> None:
        self.offset_ns = offset_ns
        self.is_measured = True
