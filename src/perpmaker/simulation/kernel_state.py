"""The memory of the compiled exchange: which number stands in which cell.

Everything that the kernel remembers between two calls is in these arrays, so a run can stop and go on at any instant.

* ``state``: one int64 vector; the names below are its indices. A name that ends in ``_OF_SIDE`` is the first of two
  cells: + `BUYS` (bids) and + `SELLS` (asks). Behind its `STATE_CELLS` lie the tables of latencies that vary, so that
  they are at hand wherever the state is.
* ``levels``: int64[2, window]: lots at each price of a side; cell 0 of a side is the price ``ORIGIN_OF_SIDE``.
* ``orders``: int64[capacity, columns]: our resting orders in order of arrival, without holes; ``ahead`` is the
  estimated number of lots before each in its queue (a float: the POWER model needs fractions; RISK_AVERSE keeps
  whole numbers in it, exact up to 2**53).
* ``requests``, ``responses``, ``views``: rings of 8-cell records on their way to the exchange, back to the maker, and
  from the market to the maker; heads and tails only grow, the place in the ring is the number modulo the capacity,
  which is a power of two.
* ``out``: what the maker is told at the next stop.
* ``ts``, ``kind``, ``price``, ``lots``: the current chunk of market data.

Money is kept in milliticks x lots, with the parts per billion of one in a cell of their own (0 <= rest < 10**9).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

BUYS: Final = 0
SELLS: Final = 1

NO_PRICE_ABOVE: Final = 2**62
NO_PRICE_BELOW: Final = -(2**62)
FAR: Final = 2**62

# What the driver sets at the start of each advance, in the order in which it packs them.
(
    FRESH, UNTIL, REFRESH, INTERVAL, REFERENCE, REFERENCE_LOW, REFERENCE_HIGH, BID_GUARD, ASK_GUARD,
    MARK_LOW, MARK_HIGH, ON_BOOK, ON_ORDER, STOPPING, TIMER, OUT_COUNT,
) = range(16)  # fmt: skip
WAKE_CELLS: Final = 16

(
    # the clock, the feed and the three rings
    NOW, LAST_INSTANT, NEXT_DUE, ROW, ROWS_BEFORE, FEED_ENDED, END_TOLD,
    REQUEST_HEAD, REQUEST_TAIL, RESPONSE_HEAD, RESPONSE_TAIL, VIEW_HEAD, VIEW_TAIL,
    # terms
    FEED_LATENCY, ORDER_LATENCY, MAKER_FEE, TAKER_FEE, MARGIN, MIN_LOTS, POWER_MODEL,
    # the exchange's book and mark
    IN_GAP, MARK_RECORDED, MARK_KNOWN, MARK,
    TOP_BID, TOP_BID_LOTS, TOP_ASK, TOP_ASK_LOTS,
    # our account
    POSITION, CASH, CASH_REST, PEAK, MAX_DRAWDOWN, NEXT_FILL, ORDER_COUNT, ORDERS_TOUCHED,
    # what the maker has seen, and what it has been told of that
    SEEN_BID, SEEN_BID_LOTS, SEEN_ASK, SEEN_ASK_LOTS, SEEN_BOOK_AT, SEEN_BOOK_VENUE,
    TOLD_BID, TOLD_BID_LOTS, TOLD_ASK, TOLD_ASK_LOTS,
    SEEN_TRADE, SEEN_TRADE_PRICE, SEEN_TRADE_LOTS, SEEN_TRADE_AT, SEEN_TRADE_VENUE, TRADE_UNTOLD,
    SEEN_MARK_KNOWN, SEEN_MARK, SEEN_MARK_AT, SEEN_MARK_VENUE, TOLD_MARK, TOLD_MARK_KNOWN,
) = range(WAKE_CELLS, WAKE_CELLS + 58)  # fmt: skip

# Pairs: bids, then asks.
ORIGIN_OF_SIDE, BEST_OF_SIDE, COUNT_OF_SIDE, OWN_LOW_OF_SIDE, OWN_HIGH_OF_SIDE = range(80, 90, 2)

# Margin, liquidation and fee tiers. DAY_VOLUMES is the first of a ring of days, each at its number modulo their count;
# TIERS the first of three cells a tier: from which volume, maker fee, taker fee; the first is from 0. Volumes are ticks
# x lots.
(
    MAINTENANCE, LIQUIDATION_FEE, IS_LIQUIDATION_DUE, FEE_DAY, FEE_DAY_END, DAY_VOLUME, TIER_COUNT,
) = range(96, 103)  # fmt: skip
DAYS_COUNTED: Final = 30
DAY_VOLUMES: Final = 103
MAX_TIERS: Final = 21
TIERS: Final = DAY_VOLUMES + DAYS_COUNTED

# A path to the maker whose latency varies (FEED_LATENCY or ORDER_LATENCY is then `VARIES`). Cells from the start of the
# path: TABLE is a cell of the state; drawn: SIZE latencies, and LOW and HIGH are the generator; recorded: SIZE times,
# then as many latencies, of which the one in PLACE_IN_TABLE holds.
VARIES: Final = -1
IS_DRAWN, TABLE, SIZE, PLACE_IN_TABLE, LAST_DUE, LOW, HIGH = range(7)
FEED_PATH: Final = TIERS + 3 * MAX_TIERS
ANSWER_PATH: Final = FEED_PATH + 7  # its last cell is 209

# Terms and state of bars, see `kernel_bars`; DEPTH is what the feed says of queues.
(
    BAR_SHARE, BAR_HALF_SPREAD, BARS, BAR_STAGE, BAR_OPEN, BAR_HIGH, BAR_LOW, BAR_CLOSE, BAR_SHOWN_LOTS, BAR_LEFT,
    BAR_LOW_FIRST, DEPTH,
) = range(220, 232)  # fmt: skip
BAR_PRICE_OF_SIDE: Final = 232  # what takes from a side of a bar gets; a pair
STATE_CELLS: Final = 234

# Columns of ``orders``. SEEN_LEVEL is the level's size when the queue model last looked, TRADED what traded since;
# EXPOSED is 1 once an order may be filled by the bar that is under way.
ID, SIDE, PRICE, LEFT, DONE, REDUCE, SEEN_LEVEL, TRADED, TOUCHED, EXPOSED = range(10)
ORDER_COLUMNS: Final = 10

UNKNOWN_QUEUE: Final = 2.0**53
"""Lots ahead of an order whose queue nobody has stated yet."""

RECORD_CELLS: Final = 8
DUE, CODE, VENUE = range(3)  # the first cells of a response, a view and an ``out`` record
REQUEST_CODE, REQUEST_ID, REQUEST_SIDE, REQUEST_PRICE, REQUEST_LOTS, REQUEST_KIND, REQUEST_FLAGS = range(1, 8)
PLACE, CANCEL = 1, 2
LIMIT, IOC, MARKET = range(3)
POST_ONLY, REDUCE_ONLY = 1, 2

# Bits of TIMER.
TIME_REACHED, REFRESH_DUE = 1, 2

# Codes of records. The tens are the order in which things that are due at one instant are told.
GAP_STARTED, GAP_ENDED, FUNDING_PAID = 10, 11, 12
BOOK_UPDATED, TRADE_SEEN, MARK_UPDATED = 20, 30, 40
ACCEPTED, REJECTED, CANCELED, CANCEL_REJECTED, FILLED, LIQUIDATED = 50, 51, 52, 53, 54, 55
TIMER_FIRED = 60

# Reasons of a rejection and of a cancel: indices into the tables of `exchange`.
WOULD_CROSS, WOULD_INCREASE, NO_MARGIN, TOO_SMALL, NO_MARKET, REJECTED_BY_GAP, REFUSED = range(7)
REQUESTED, REMAINDER, NOTHING_TO_REDUCE, CANCELED_BY_GAP, CANCELED_BY_LIQUIDATION = range(5)

LIQUIDATION_ORDER: Final = 0
"""The id of the order with which the exchange closes our position, see `domain.events`."""

MID, MICRO, LAST, MARK_REFERENCE = range(4)

# Why the kernel returns.
CONTINUE, STOPPED, NEED_CHUNK, NEED_VIEW_ROOM, NEED_RESPONSE_ROOM, NEED_OUT_ROOM, TIME_RAN_BACK, UNKNOWN_KIND = range(8)


Cells = NDArray[np.int64]
"""Any of the integer arrays. The busiest functions take just what they need: a call hands over seven words an array."""


class Core(NamedTuple):
    """All memory of one exchange, see the module's docstring."""

    state: NDArray[np.int64]
    levels: NDArray[np.int64]
    orders: NDArray[np.int64]
    ahead: NDArray[np.float64]
    requests: NDArray[np.int64]
    responses: NDArray[np.int64]
    views: NDArray[np.int64]
    out: NDArray[np.int64]
    ts: NDArray[np.int64]
    kind: NDArray[np.uint8]
    price: NDArray[np.int64]
    lots: NDArray[np.int64]
    power: float
