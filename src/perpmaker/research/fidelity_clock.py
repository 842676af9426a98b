"""The venue's clock on the line of time of a recording.

Rules kept here:

1. A recording's line of time is our clock at reception. What the venue stamped at ``v`` lies on it where the market
   data stamped at ``v`` does: the two clocks need not agree, nor need anybody know by how much they differ.
2. The place is ``v`` plus the median delay of the run's messages, but never before a message that the venue had sent by
   then, nor after the first that it sent later: what came first at the venue comes first here.
3. A fill happens with the message that brought it about, the first one of its stamp: the price just before it does not
   know of it yet.
4. On paper the venue is our own machine: its stamps are on the line already.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from perpmaker.data.reader import Recording

LEAST_MESSAGES: Final = 100
"""With fewer stamped messages the venue's clock cannot be placed."""

STAMP_NS: Final = 1_000
"""Stamps that agree to a microsecond are the same moment at the venue."""


class VenueLine:
    """Places stamps of the venue.

    Args:
        received: times of messages on the recording's line, ns, ascending.
        stamped: what the venue stamped them with, ns.
    """

    def __init__(self, received: NDArray[np.int64], stamped: NDArray[np.int64]) -> None:
        self._received = received
        self._reached = np.maximum.accumulate(stamped) if len(stamped) else stamped
        delays = received - stamped
        self.delay_ns = int(np.median(delays)) if len(delays) else 0
        """Median delay, the difference of the clocks included: it may be negative."""
        self.spread_ns = int(np.subtract(*np.percentile(delays, [90, 10]))) if len(delays) else 0
        """Between the tenth and the ninetieth part of the delays."""

    def place(self, venue_ns: int) -> int:
        """Where a stamp lies on the recording's line, ns."""
        after = int(np.searchsorted(self._reached, venue_ns, side="right"))
        placed = venue_ns + self.delay_ns
        if after > 0:
            placed = max(placed, int(self._received[after - 1]))
        if after < len(self._received):
            placed = min(placed, max(int(self._received[after]) - 1, int(self._received[after - 1]) if after else 0))
        return placed

    def place_fill(self, venue_ns: int) -> int:
        """Where a fill lies (rule 3)."""
        first = int(np.searchsorted(self._reached, venue_ns, side="left"))
        if first < len(self._reached) and int(self._reached[first]) - venue_ns < STAMP_NS:
            return int(self._received[first])
        return self.place(venue_ns)


SAME: Final = VenueLine(np.zeros(0, np.int64), np.zeros(0, np.int64))
"""Rule 4: nothing is moved."""


def line_of(recording: Recording, start_ns: int, end_ns: int) -> VenueLine | None:
    """The venue's clock during a run; None where the recording has too few stamps of it then.

    Raises:
        RecordingError: the recording is damaged.
    """
    received, stamped = [], []
    for every_time, every_stamp in recording.stamps():
        inside = (every_time >= start_ns) & (every_time <= end_ns) & (every_stamp > 0)
        times, stamps = every_time[inside], every_stamp[inside]
        new = np.ones(len(times), bool)
        new[1:] = (np.diff(times) != 0) | (np.diff(stamps) != 0)
        received.append(times[new])
        stamped.append(stamps[new])
    messages = sum(map(len, received))
    if messages < LEAST_MESSAGES:
        return None
    return VenueLine(_joined(received), _joined(stamped))


def _joined(parts: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate(list(parts))
