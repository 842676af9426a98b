"""The memory of the compiled synthetic market: one record, its fields, their units.

All that the market remembers between two calls is in it, so a run can stop and go on at any event. Prices are ticks,
sizes lots, the hidden prices floats of ticks. Side 0 is the bids, side 1 the asks.
"""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 32_768
"""Prices that a side can tell apart: the level at a price is kept in cell ``price & (WIDTH - 1)``."""
FARTHEST: Final = WIDTH // 8
"""Most ticks between a new order and the opposite best price."""
BATCH: Final = 16_384
"""Draws of each kind that are made at once."""
QUANTILES: Final = 2_048
ROOM: Final = 65_536
"""Rows that one call of `run` can write."""

_RATES: Final = (
    "home", "homing", "volatility", "log_volatility_sd", "log_volatility_memory", "jumps", "jump_sd", "visits",
    "touch_share", "touch_order_lots", "order_lots", "order_sd", "orders", "branching", "calming", "activity_power",
    "trade_lots", "trade_sd", "informed", "stale", "follow", "funding_ppb", "funding_sd_ppb",
)  # fmt: skip
_HIDDEN: Final = ("fair", "log_volatility", "volatility_now", "activity", "excitement", "jump_in", "funding_state")
_COUNTERS: Final = (
    "now", "next_second", "mark", "farthest", "room", "used_rows", "used_uniform", "used_normal", "used_exponential",
)  # fmt: skip

MEMORY: Final = np.dtype(
    (
        np.record,  # gives its fields as attributes where numba does not compile
        [(name, np.float64) for name in _RATES + _HIDDEN]
        + [(name, np.int64) for name in _COUNTERS]
        + [
            ("best", np.int64, (2,)),
            ("outermost", np.int64, (2,)),
            ("levels", np.int64, (2,)),
            ("book", np.int64, (2, WIDTH)),
            ("balance", np.float64, (FARTHEST + 1,)),
            ("quantile", np.float64, (QUANTILES + 1,)),
            ("uniform", np.float64, (BATCH,)),
            ("normal", np.float64, (BATCH,)),
            ("exponential", np.float64, (BATCH,)),
            ("ts_ns", np.int64, (ROOM,)),
            ("price", np.int64, (ROOM,)),
            ("lots", np.int64, (ROOM,)),
            ("kind", np.uint8, (ROOM,)),
        ],
    )
)
"""One record holds everything: compiled functions pass it on as a single pointer, four times faster than arrays."""


class Memory(Protocol):
    """The fields of a `MEMORY` record, for readers and type checkers."""

    # The profile, in ticks, lots and seconds.
    home: float  # ticks: the fair price is drawn back here ...
    homing: float  # ... at this rate per second
    volatility: float  # ticks per square root of a second, its median
    log_volatility_sd: float
    log_volatility_memory: float  # from one second to the next, 0..1
    jumps: float  # per second
    jump_sd: float  # ticks
    visits: float  # looks at one level (a limit order or a cancel may come of it), per second
    touch_share: float  # part of the visits that goes to one tick from the opposite best
    touch_order_lots: float  # median limit order or cancel there
    order_lots: float  # median limit order or cancel elsewhere
    order_sd: float  # of its logarithm
    orders: float  # market orders per second, uncaused
    branching: float  # market orders that one market order calls forth
    calming: float  # per second: how fast the excitement dies down
    activity_power: float  # activity = (volatility now / median) ** this
    trade_lots: float  # median market order
    trade_sd: float  # of its logarithm
    informed: float  # 0..1: how surely market orders go towards the fair price
    stale: float  # ticks that the fair price must pass the best quote before makers withdraw it
    follow: float  # 0..1: chance that the other side closes the gap at once
    funding_ppb: float  # mean hourly rate
    funding_sd_ppb: float
    farthest: int  # ticks between a new order and the opposite best price
    balance: NDArray[np.float64]  # [distance from the opposite best, ticks]: lots around which a level there balances
    quantile: NDArray[np.float64]  # distances of visits beyond the touch, ticks, evenly spaced in probability

    # What nobody sees.
    fair: float  # ticks: the price that the informed know
    log_volatility: float  # standard deviations from its mean
    volatility_now: float  # ticks per square root of a second
    activity: float  # factor on all base rates
    excitement: float  # market orders per second, called forth by market orders before
    jump_in: float  # seconds until the next jump
    funding_state: float  # standard deviations from its mean

    # The clock and the book.
    now: int  # ns
    next_second: int  # ns: the next mark price
    mark: int  # milliticks
    best: NDArray[np.int64]  # [side], ticks
    outermost: NDArray[np.int64]  # [side], ticks: nothing rests beyond
    levels: NDArray[np.int64]  # [side]: how many prices hold lots
    book: NDArray[np.int64]  # [side, price & (WIDTH - 1)]: lots

    # Random numbers, those below ``used_...`` used up.
    uniform: NDArray[np.float64]
    normal: NDArray[np.float64]
    exponential: NDArray[np.float64]
    used_uniform: int
    used_normal: int
    used_exponential: int

    # Rows written.
    room: int  # at most `ROOM`
    used_rows: int
    ts_ns: NDArray[np.int64]
    kind: NDArray[np.uint8]
    price: NDArray[np.int64]
    lots: NDArray[np.int64]
