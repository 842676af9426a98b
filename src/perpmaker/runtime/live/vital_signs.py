"""How fast a run decides and its venue answers, and what was refused: counted where it happens, as cheaply as can be.

Rules kept here:

1. A measurement is one search among fixed bounds and three whole numbers that change: no list grows, however long the
   run. What is read of it is therefore the upper bound of a bucket, at most a quarter above the true value.
2. Only whole numbers: a reader in another thread sees each of them whole, at worst one measurement behind another.
3. Times are differences of the run's own clock, which never goes back.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import accumulate
from typing import Final

from perpmaker.domain.orders import RejectReason

_STEPS: Final = (100, 125, 160, 200, 250, 315, 400, 500, 630, 800)
"""Ten to a decade, each about a quarter above the one before; every 1, 2 and 5 is among them."""

_DECADES: Final = range(1, 9)

BOUNDS_NS: Final = tuple(step * 10**decade for decade in _DECADES for step in _STEPS)
"""Upper bounds of the buckets, from a microsecond to 80 seconds; a last bucket has no bound."""


class Histogram:
    """How long things took, ns.

    Attributes:
        counts: per bucket of `BOUNDS_NS` (a bound belongs to its bucket), and one for all that took longer.
        sum_ns: of all measurements.
        max_ns: the longest.
    """

    __slots__ = ("counts", "max_ns", "sum_ns")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_NS) + 1)
        self.sum_ns = 0
        self.max_ns = 0

    def add(self, took_ns: int) -> None:
        """One more measurement."""
        self.counts[bisect_left(BOUNDS_NS, took_ns)] += 1
        self.sum_ns += took_ns
        if took_ns > self.max_ns:
            self.max_ns = took_ns

    @property
    def count(self) -> int:
        """How many measurements there are."""
        return sum(self.counts)

    def quantile_ns(self, share: float) -> int | None:
        """At least this share (0 to 1) took no longer; None where nothing was measured."""
        below = self.cumulative()
        if not below[-1]:
            return None
        bucket = bisect_left(below, max(1, share * below[-1]))
        return min(BOUNDS_NS[bucket], self.max_ns) if bucket < len(BOUNDS_NS) else self.max_ns

    def cumulative(self) -> list[int]:
        """How many took no longer than each of `BOUNDS_NS`, and at last how many there are: buckets of Prometheus."""
        return list(accumulate(self.counts))


def together(parts: Iterable[Histogram]) -> Histogram:
    """All measurements of several histograms in one."""
    whole = Histogram()
    for part in parts:
        whole.counts = [mine + theirs for mine, theirs in zip(whole.counts, part.counts, strict=True)]
        whole.sum_ns += part.sum_ns
        whole.max_ns = max(whole.max_ns, part.max_ns)
    return whole


class VitalSigns:
    """Of one run.

    Attributes:
        decision: from the arrival of an event to its commands having been handed on; for an event that waited for its
            turn, the wait included. Of every event, also where nothing was commanded.
        wire: from a request's sending to its answer, by kind of request; what was never answered is not in it.
        rejects: orders that were refused, by whom- and whyever, each once.
        book_ns: the last sign of life of the book, by our clock; None before the first.
    """

    __slots__ = ("book_ns", "decision", "rejects", "wire")

    def __init__(self) -> None:
        self.decision = Histogram()
        self.wire: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.rejects: Counter[RejectReason] = Counter()
        self.book_ns: int | None = None
