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
BAR_OPEN        a bar begins: ``price`` is its open, ``lots`` its whole volume
BAR_HIGH        the same bar's highest price
BAR_LOW         its lowest price
BAR_CLOSE       its last price; these four are one message, in this order, at the bar's start
BAR_STEP        the bar's path goes on to its next point, three times a bar: see `kernel_bars`; the others are 0
DEPTH           what the rows say of queues: ``lots`` is `EVERY_LEVEL` (so it is before the first such row),
                `BEST_ONLY` or `NO_QUEUES`; ``price`` is 0
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
BAR_OPEN: Final = 13
BAR_HIGH: Final = 14
BAR_LOW: Final = 15
BAR_CLOSE: Final = 16
BAR_STEP: Final = 17
DEPTH: Final = 18
LAST_KIND: Final = DEPTH

EVERY_LEVEL: Final = 0
"""Every level is stated: an order joins behind what its level holds."""
BEST_ONLY: Final = 1
"""Only the best bid and offer are: what rests behind them is unknown until it is the best."""
NO_QUEUES: Final = 2
"""The best bid and offer are inferred from trades: no queue is known, and only a trade through a price fills it."""

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
