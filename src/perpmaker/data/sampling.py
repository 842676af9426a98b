"""The compiled half of the statistics: a book, and samples of it on a grid of time.

Rules kept here:

1. A side of the book is two arrays, keys ascending and their lots, the best level last: what happens near the touch
   moves little memory, no window bounds the prices (the exchange's own book has one, for speed), and depth is a walk
   over what is there. The key of a bid is its price, of an ask minus its price, so both sides are one code.
2. The book is looked at where a message ends, and sampled every `STEP_NS` from the moment a stretch begins. A stretch
   begins with the first two-sided book at the start or after a gap, and ends with a gap; nothing is measured across.
3. A sample at time t sees every row up to and including t. A one-sided book gives no sample and cuts the returns.
4. Each side keeps its best `KEPT_LEVELS` levels; a feed that never removes far levels cannot fill the memory.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perpmaker.simulation import market_events as me
from perpmaker.simulation.jit import compiled, entry_point

STEP_NS: Final = 100_000_000
_STEPS_1S: Final = 10
_STEPS_10S: Final = 100

KEPT_LEVELS: Final = 65_536
SLICE_ROWS: Final = 262_144
"""At most so many rows may be absorbed at once: each could add a level."""

BANDS_BP: Final = (0.0, 5.0, 10.0, 25.0)
"""Depth is measured at the best price (0) and within so many basis points of the mid."""

HISTOGRAM_BUCKETS: Final = 1 << 20
HISTOGRAM_ZERO: Final = 4096
"""The bucket of a spread of 0; crossed books lie below."""
BP_BUCKETS_PER_BP: Final = 1_000

# Whole numbers that live from chunk to chunk.
BID_COUNT: Final = 0
ASK_COUNT: Final = 1
IN_GAP: Final = 2
IN_STRETCH: Final = 3
NEXT_SAMPLE_NS: Final = 4
STEP: Final = 5  # samples since the stretch began, taken or not
SAMPLES: Final = 6
LOCKED: Final = 7
CROSSED: Final = 8
SPREAD_TICKS: Final = 9  # sum over the samples
GAP_NS: Final = 10
GAP_START_NS: Final = 11
GAPS: Final = 12
PRICE_CHANGES: Final = 13
QUOTE_CHANGES: Final = 14
BEST_BID: Final = 15
BEST_BID_LOTS: Final = 16
BEST_ASK: Final = 17
BEST_ASK_LOTS: Final = 18
MID_LOW: Final = 19  # half ticks
MID_HIGH: Final = 20
DEPTH_STALE: Final = 21
LAST_NS: Final = 22
RETURNS_1S: Final = 23
RETURNS_10S: Final = 24
PAIRS: Final = 25
INTS: Final = 26

# Estimates that live from chunk to chunk; NaN is "none yet".
LAST_LOG_1S: Final = 0
LAST_LOG_10S: Final = 1
LAST_RETURN_1S: Final = 2
SPREAD_BP: Final = 3
SUM_10S: Final = 4
SQUARES_10S: Final = 5
SUM_1S: Final = 6
SQUARES_1S: Final = 7
PRODUCTS_1S: Final = 8
FLOATS: Final = 9


class Side(NamedTuple):
    keys: NDArray[np.int64]
    lots: NDArray[np.int64]


class State(NamedTuple):
    """Everything that `absorb` carries from one stretch of rows to the next."""

    bids: Side
    asks: Side
    ints: NDArray[np.int64]
    floats: NDArray[np.float64]
    bands: NDArray[np.float64]
    """Depth now: lots per band of `BANDS_BP`, bids in row 0 and asks in row 1."""
    depth: NDArray[np.float64]
    """Depth summed over the samples, same shape."""
    spread_ticks: NDArray[np.int64]
    """Histogram, samples per tick of spread from `HISTOGRAM_ZERO`."""
    spread_bp: NDArray[np.int64]
    """Histogram, samples per thousandth of a basis point from `HISTOGRAM_ZERO`."""


def new_state() -> State:
    room = KEPT_LEVELS + SLICE_ROWS
    ints = np.zeros(INTS, dtype=np.int64)
    ints[MID_LOW] = np.iinfo(np.int64).max
    ints[DEPTH_STALE] = 1
    floats = np.zeros(FLOATS)
    floats[: LAST_RETURN_1S + 1] = math.nan
    return State(
        bids=Side(np.zeros(room, dtype=np.int64), np.zeros(room, dtype=np.int64)),
        asks=Side(np.zeros(room, dtype=np.int64), np.zeros(room, dtype=np.int64)),
        ints=ints,
        floats=floats,
        bands=np.zeros((2, len(BANDS_BP))),
        depth=np.zeros((2, len(BANDS_BP))),
        spread_ticks=np.zeros(HISTOGRAM_BUCKETS, dtype=np.int64),
        spread_bp=np.zeros(HISTOGRAM_BUCKETS, dtype=np.int64),
    )


@compiled
def _find(keys: NDArray[np.int64], count: int, key: int) -> int:
    """The first index whose key is at or above ``key``."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _set_level(side: Side, count: int, key: int, lots: int) -> int:
    """State one level; returns the new number of levels."""
    index = _find(side.keys, count, key)
    present = index < count and side.keys[index] == key
    if lots > 0:
        if not present:
            for position in range(count, index, -1):
                side.keys[position] = side.keys[position - 1]
                side.lots[position] = side.lots[position - 1]
            side.keys[index] = key
            count += 1
        side.lots[index] = lots
    elif present:
        for position in range(index, count - 1):
            side.keys[position] = side.keys[position + 1]
            side.lots[position] = side.lots[position + 1]
        count -= 1
    return count


@compiled
def _set_best(side: Side, count: int, key: int, lots: int) -> int:
    """State the best level: whatever is better is gone, and everything is when it holds nothing."""
    if lots == 0:
        return 0
    return _set_level(side, _find(side.keys, count, key + 1), key, lots)


@compiled
def _prune(side: Side, count: int) -> int:
    """Forget all but the best `KEPT_LEVELS` levels."""
    extra = count - KEPT_LEVELS
    if extra <= 0:
        return count
    for position in range(KEPT_LEVELS):
        side.keys[position] = side.keys[position + extra]
        side.lots[position] = side.lots[position + extra]
    return KEPT_LEVELS


@compiled
def _measure_depth(side: Side, count: int, mid: float, sign: int, bands: NDArray[np.float64]) -> None:
    """Lots at the best price and within each band of the mid (``mid`` in ticks; ``sign`` 1 for bids, -1 for asks)."""
    total = 0
    index = count - 1
    bands[0] = side.lots[index]
    for band in range(1, len(BANDS_BP)):
        limit = sign * mid - mid * BANDS_BP[band] * 1e-4
        while index >= 0 and side.keys[index] >= limit:
            total += side.lots[index]
            index -= 1
        bands[band] = total


@compiled
def _bucket(value: float) -> int:
    return min(max(math.floor(value) + HISTOGRAM_ZERO, 0), HISTOGRAM_BUCKETS - 1)


@compiled
def _forget_returns(floats: NDArray[np.float64]) -> None:
    floats[LAST_LOG_1S] = math.nan
    floats[LAST_LOG_10S] = math.nan
    floats[LAST_RETURN_1S] = math.nan


@compiled
def _sample_returns(ints: NDArray[np.int64], floats: NDArray[np.float64], mid: float) -> None:
    """Take the returns that end with this sample."""
    if ints[STEP] % _STEPS_1S != 0:
        return
    log_mid = math.log(mid)
    move = log_mid - floats[LAST_LOG_1S]
    if not math.isnan(move):
        ints[RETURNS_1S] += 1
        before = floats[LAST_RETURN_1S]
        if not math.isnan(before):
            ints[PAIRS] += 1
            floats[PRODUCTS_1S] += move * before
        floats[SUM_1S] += move
        floats[SQUARES_1S] += move * move
    floats[LAST_RETURN_1S] = move
    floats[LAST_LOG_1S] = log_mid
    if ints[STEP] % _STEPS_10S == 0:
        move = log_mid - floats[LAST_LOG_10S]
        if not math.isnan(move):
            ints[RETURNS_10S] += 1
            floats[SUM_10S] += move
            floats[SQUARES_10S] += move * move
        floats[LAST_LOG_10S] = log_mid


@compiled
def _sample(state: State) -> None:
    ints = state.ints
    bids, asks = ints[BID_COUNT], ints[ASK_COUNT]
    if bids == 0 or asks == 0:
        _forget_returns(state.floats)
        return
    bid, ask = state.bids.keys[bids - 1], -state.asks.keys[asks - 1]
    spread = ask - bid
    mid = (bid + ask) / 2.0
    spread_bp = spread / mid * 1e4
    ints[SAMPLES] += 1
    ints[SPREAD_TICKS] += spread
    ints[LOCKED] += spread == 0
    ints[CROSSED] += spread < 0
    state.floats[SPREAD_BP] += spread_bp
    state.spread_ticks[_bucket(spread)] += 1
    state.spread_bp[_bucket(spread_bp * BP_BUCKETS_PER_BP)] += 1
    if ints[DEPTH_STALE] != 0:
        _measure_depth(state.bids, bids, mid, 1, state.bands[0])
        _measure_depth(state.asks, asks, mid, -1, state.bands[1])
        ints[DEPTH_STALE] = 0
    for side in range(2):
        for band in range(len(BANDS_BP)):
            state.depth[side, band] += state.bands[side, band]
    _sample_returns(ints, state.floats, mid)


@compiled
def _sample_until(state: State, until_ns: int) -> None:
    """Take the samples that are due before ``until_ns``."""
    ints = state.ints
    while ints[NEXT_SAMPLE_NS] < until_ns:
        _sample(state)
        ints[NEXT_SAMPLE_NS] += STEP_NS
        ints[STEP] += 1


@compiled
def _end_message(state: State, now_ns: int) -> None:
    """Look at the touch where a message ends."""
    ints = state.ints
    bids, asks = ints[BID_COUNT], ints[ASK_COUNT]
    if bids == 0 or asks == 0 or ints[IN_GAP] != 0:
        return
    bid, bid_lots = state.bids.keys[bids - 1], state.bids.lots[bids - 1]
    ask, ask_lots = -state.asks.keys[asks - 1], state.asks.lots[asks - 1]
    if ints[IN_STRETCH] == 0:
        ints[IN_STRETCH] = 1
        ints[NEXT_SAMPLE_NS] = now_ns
        ints[STEP] = 0
        _forget_returns(state.floats)
    else:
        moved = bid != ints[BEST_BID] or ask != ints[BEST_ASK]
        ints[PRICE_CHANGES] += moved
        ints[QUOTE_CHANGES] += moved or bid_lots != ints[BEST_BID_LOTS] or ask_lots != ints[BEST_ASK_LOTS]
    ints[BEST_BID], ints[BEST_BID_LOTS] = bid, bid_lots
    ints[BEST_ASK], ints[BEST_ASK_LOTS] = ask, ask_lots
    ints[MID_LOW] = min(ints[MID_LOW], bid + ask)
    ints[MID_HIGH] = max(ints[MID_HIGH], bid + ask)


@compiled
def _apply_row(state: State, kind: int, price: int, lots: int) -> None:
    """Change the book as one row says; rows that are not of the book change nothing."""
    ints = state.ints
    if kind == me.BID:
        ints[BID_COUNT] = _set_level(state.bids, ints[BID_COUNT], price, lots)
    elif kind == me.ASK:
        ints[ASK_COUNT] = _set_level(state.asks, ints[ASK_COUNT], -price, lots)
    elif kind == me.BEST_BID:
        ints[BID_COUNT] = _set_best(state.bids, ints[BID_COUNT], price, lots)
    elif kind == me.BEST_ASK:
        ints[ASK_COUNT] = _set_best(state.asks, ints[ASK_COUNT], -price, lots)
    elif kind == me.CLEAR_BIDS:
        ints[BID_COUNT] = _find(state.bids.keys, ints[BID_COUNT], price)
    elif kind == me.CLEAR_ASKS:
        ints[ASK_COUNT] = _find(state.asks.keys, ints[ASK_COUNT], -price)
    if kind <= me.BEST_ASK:
        ints[DEPTH_STALE] = 1


@compiled
def _apply_gap(state: State, kind: int, now_ns: int) -> None:
    ints = state.ints
    if kind == me.GAP_START and ints[IN_GAP] == 0:
        ints[IN_GAP] = 1
        ints[GAPS] += 1
        ints[GAP_START_NS] = now_ns
        ints[IN_STRETCH] = 0
        ints[BID_COUNT] = 0
        ints[ASK_COUNT] = 0
    elif kind == me.GAP_END and ints[IN_GAP] != 0:
        ints[IN_GAP] = 0
        ints[GAP_NS] += now_ns - ints[GAP_START_NS]


@entry_point
def absorb(
    state: State, ts_ns: NDArray[np.int64], kinds: NDArray[np.uint8], price: NDArray[np.int64], lots: NDArray[np.int64]
) -> None:
    """Take in at most `SLICE_ROWS` rows."""
    ints = state.ints
    for row in range(len(ts_ns)):
        now_ns = ts_ns[row]
        kind = int(kinds[row]) & me.KIND_MASK
        if ints[IN_STRETCH] != 0 and ints[NEXT_SAMPLE_NS] < now_ns:
            _sample_until(state, now_ns)
        if kind == me.GAP_START or kind == me.GAP_END:  # noqa: PLR1714  # a tuple here costs compiled code a call
            _apply_gap(state, kind, now_ns)
        elif ints[IN_GAP] == 0:
            _apply_row(state, kind, price[row], lots[row])
        if kinds[row] < me.MORE:
            _end_message(state, now_ns)
    if len(ts_ns) > 0:
        ints[LAST_NS] = ts_ns[-1]
    ints[BID_COUNT] = _prune(state.bids, ints[BID_COUNT])
    ints[ASK_COUNT] = _prune(state.asks, ints[ASK_COUNT])
