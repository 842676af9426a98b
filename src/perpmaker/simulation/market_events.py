"""Market data as arrays: the only form in which the simulated exchange takes it.

One row is one change. Rows of one atomic message share a time, and all but its last carry `MORE`: nobody looks at
the book between them.

==============  ==========================================================================================
kind            meaning of ``price`` and ``lots``
==============  ==========================================================================================
BID, ASK        the level at ``price`` ticks now holds ``lots`` (0 removes it)
CLEAR_BIDS      every bid at or above ``price`` is gone: that range is about to be stated anew (0 = all bids)
CLEAR_ASKS      every ask at or below ``price`` is gone (a huge price = all asks)
BEST_BID        ``price`` is the best bid and holds ``lots``: bids above it are gone (lots 0: no bid at all)
BEST_ASK        ``price`` is the best ask and holds ``lots``: asks below it are gone (lots 0: no ask at all)
BUY_TRADE       a buyer took ``lots`` at ``price``
SELL_TRADE      a seller took ``lots`` at ``price``
MARK            the venue's mark price: ``price`` is in milliticks, ``lots`` is 0
FUNDING         funding is settled now: ``price`` is the mark in milliticks (0 = the current mark),
                ``lots`` the rate in parts per billion; longs pay when it is positive
GAP_START       the recording is blind from here; ``price`` and ``lots`` are 0
GAP_END         the recording sees again; the rows that follow state the book anew
==============  ==========================================================================================
"""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from perpmaker.domain.instrument import Instrument

BID: Final = 1
ASK: Final = 2
CLEAR_BIDS: Final = 3
CLEAR_ASKS: Final = 4
BEST_BID: Final = 5
BEST_ASK: Final = 6
BUY_TRADE: Final = 7
SELL_TRADE: Final = 8
MARK: Final = 9
FUNDING: Final = 10
GAP_START: Final = 11
GAP_END: Final = 12

MORE: Final = 0x80
"""Added to a kind: the message goes on with the next row, which has the same time."""

KIND_MASK: Final = 0x7F


class MarketChunk(NamedTuple):
    """A stretch of market data: four arrays of equal length, times never decreasing.

    ``ts_ns`` is the time line of the simulation (for a recording: when the recorder received the row).
    A message may go on from one chunk into the next.
    """

    ts_ns: NDArray[np.int64]
    kind: NDArray[np.uint8]
    price: NDArray[np.int64]
    lots: NDArray[np.int64]


class MarketFeed(Protocol):
    """Where market data comes from: a recording or the synthetic market."""

    @property
    def instrument(self) -> Instrument: ...

    def chunks(self) -> Iterator[MarketChunk]:
        """The data from its beginning, chunk by chunk; each call starts anew and gives the same data."""
        ...
