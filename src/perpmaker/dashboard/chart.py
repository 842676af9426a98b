"""The points of a run's charts, as many as the run itself keeps.

Rule kept here: all of the last `MOST_RECENT` points, and of the time before never more than `MOST_OLD`, evenly: where
they become too many, every second one is dropped. `perpmaker.monitor.history` does the same in the run.
"""

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter

from perpmaker.monitor.history import MOST_OLD, MOST_RECENT
from perpmaker.monitor.view import Sample


class Chart:
    """Points in the order of their times."""

    def __init__(self) -> None:
        self._recent: list[Sample] = []
        self._old: list[Sample] = []
        self._spacing_ns = 0

    @property
    def last_ns(self) -> int:
        """The time of the newest point; 0 where there is none."""
        return self._recent[-1].at_ns if self._recent else 0

    def replace(self, samples: Sequence[Sample]) -> None:
        """Take over what the run has kept."""
        self._old, self._recent = list(samples[:-MOST_RECENT]), list(samples[-MOST_RECENT:])
        gaps = len(self._old) - 1
        self._spacing_ns = (self._old[-1].at_ns - self._old[0].at_ns) // gaps if gaps > 0 else 0

    def extend(self, samples: Sequence[Sample]) -> None:
        """Further points, each newer than the one before."""
        self._recent += samples
        leaving = max(0, len(self._recent) - MOST_RECENT)
        for sample in self._recent[:leaving]:
            self._grow_old(sample)
        del self._recent[:leaving]

    def after(self, at_ns: int) -> list[Sample]:
        """The points later than this."""
        first = bisect_right(self._recent, at_ns, key=attrgetter("at_ns"))
        if first:
            return self._recent[first:]
        return [*self._old[bisect_right(self._old, at_ns, key=attrgetter("at_ns")) :], *self._recent]

    def _grow_old(self, sample: Sample) -> None:
        if self._old and sample.at_ns - self._old[-1].at_ns < self._spacing_ns:
            return
        self._old.append(sample)
        if len(self._old) > MOST_OLD:
            gap_ns = (self._old[-1].at_ns - self._old[0].at_ns) // (len(self._old) - 1)
            self._old, self._spacing_ns = self._old[::2], 2 * gap_ns
