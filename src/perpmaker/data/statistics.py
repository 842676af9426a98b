"""What a market is like, in figures: computed in one pass over any `MarketFeed`, holding one chunk of it.

How each figure is taken:

1. The state of the book (spread, depth, locked and crossed share) is sampled every 100 ms, so an average over the
   samples is an average over time. Gaps, and the time before the first two-sided book, are not sampled.
2. A return is the difference of the log of the mid at two samples 1 s or 10 s apart within one stretch between gaps.
   `volatility_10s_bp` is the standard deviation of the 10 s returns (about their mean).
3. Rates are per minute of seen time: the span without its gaps.
4. Depth counts the lots at the best price, and those within so many basis points of the mid. A recording that shows
   only its top levels shows only their depth.
5. Medians of the spread are exact in ticks, to 0.001 bp in basis points (and end at 1,044 bp); a median trade size is
   exact up to 1,024 lots and to 1 % above.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perpmaker.data import sampling as s
from perpmaker.data.format import KIND_NAMES
from perpmaker.domain.errors import RecordingError
from perpmaker.simulation import market_events as me
from perpmaker.simulation.market_events import MarketFeed

_EXACT_LOTS = 1_024
_BUCKETS_PER_E = 100
_SIZE_BUCKETS = _EXACT_LOTS + 40 * _BUCKETS_PER_E  # e**40 lots is beyond int64


@dataclass(frozen=True, slots=True)
class Depth:
    """Mean lots on each side within ``within_bp`` of the mid; at the best price where that is 0."""

    within_bp: float
    bid_lots: float
    ask_lots: float


@dataclass(frozen=True, slots=True)
class MarketStatistics:
    """The figures of one market. Estimates are floats, NaN where the data holds nothing to estimate them from."""

    first_ns: int
    last_ns: int
    rows: int
    rows_by_kind: dict[str, int]
    gaps: int
    gap_ns: int
    seen_ns: int
    """Span without its gaps."""
    samples: int
    """Samples of a two-sided book, 100 ms apart."""
    spread_ticks_mean: float
    spread_ticks_median: float
    spread_bp_mean: float
    spread_bp_median: float
    locked_share: float
    """Share of the samples in which best bid and best ask are equal."""
    crossed_share: float
    """Share of the samples in which the best bid is above the best ask."""
    volatility_10s_bp: float
    returns_10s: int
    autocorrelation_1s: float
    """Correlation of a 1 s return of the mid with the one before it."""
    trades: int
    trades_per_minute: float
    trade_lots_mean: float
    trade_lots_median: float
    trade_row_share: float
    """Share of all rows that are trades."""
    depth: tuple[Depth, ...]
    best_price_changes_per_minute: float
    """Messages after which the best bid or ask price is another."""
    best_quote_changes_per_minute: float
    """Messages after which the best bid or ask, price or size, is another."""
    mid_low_ticks: float
    mid_high_ticks: float

    @property
    def span_ns(self) -> int:
        return self.last_ns - self.first_ns


def measure(feed: MarketFeed) -> MarketStatistics:
    """The statistics of everything that ``feed`` holds.

    Raises:
        RecordingError: the feed holds no rows, or is a damaged recording.
    """
    state = s.new_state()
    by_kind = np.zeros(me.KIND_MASK + 1, dtype=np.int64)
    sizes = np.zeros(_SIZE_BUCKETS, dtype=np.int64)
    trade_lots = 0
    first_ns: int | None = None
    for chunk in feed.chunks():
        if not len(chunk.ts_ns):
            continue
        if first_ns is None:
            first_ns = int(chunk.ts_ns[0])
        for start in range(0, len(chunk.ts_ns), s.SLICE_ROWS):
            part = slice(start, start + s.SLICE_ROWS)
            s.absorb(state, chunk.ts_ns[part], chunk.kind[part], chunk.price[part], chunk.lots[part])
            kind = chunk.kind[part] & me.KIND_MASK
            by_kind += np.bincount(kind, minlength=len(by_kind))
            traded = chunk.lots[part][(kind == me.BUY_TRADE) | (kind == me.SELL_TRADE)]
            trade_lots += int(traded.sum())
            sizes += np.bincount(_size_buckets(traded), minlength=_SIZE_BUCKETS)
    if first_ns is None:
        raise RecordingError("there is nothing to measure: the market data holds no rows")
    return _summary(state, first_ns, by_kind, sizes, trade_lots)


def _summary(
    state: s.State, first_ns: int, by_kind: NDArray[np.int64], sizes: NDArray[np.int64], trade_lots: int
) -> MarketStatistics:
    i, f = state.ints.tolist(), state.floats.tolist()
    last_ns = i[s.LAST_NS]
    gap_ns = i[s.GAP_NS] + (last_ns - i[s.GAP_START_NS] if i[s.IN_GAP] else 0)
    seen_ns = last_ns - first_ns - gap_ns
    minutes = seen_ns / 60e9
    samples = i[s.SAMPLES]
    trades = int(by_kind[me.BUY_TRADE] + by_kind[me.SELL_TRADE])
    rows = int(by_kind.sum())
    median_ticks = _median_bucket(state.spread_ticks)
    return MarketStatistics(
        first_ns=first_ns,
        last_ns=last_ns,
        rows=rows,
        rows_by_kind={name: int(by_kind[kind]) for kind, name in KIND_NAMES.items() if by_kind[kind]},
        gaps=i[s.GAPS],
        gap_ns=gap_ns,
        seen_ns=seen_ns,
        samples=samples,
        spread_ticks_mean=_ratio(i[s.SPREAD_TICKS], samples),
        spread_ticks_median=median_ticks - s.HISTOGRAM_ZERO,
        spread_bp_mean=_ratio(f[s.SPREAD_BP], samples),
        spread_bp_median=(_median_bucket(state.spread_bp) - s.HISTOGRAM_ZERO) / s.BP_BUCKETS_PER_BP,
        locked_share=_ratio(i[s.LOCKED], samples),
        crossed_share=_ratio(i[s.CROSSED], samples),
        volatility_10s_bp=_deviation(i[s.RETURNS_10S], f[s.SUM_10S], f[s.SQUARES_10S]) * 1e4,
        returns_10s=i[s.RETURNS_10S],
        autocorrelation_1s=_autocorrelation(state),
        trades=trades,
        trades_per_minute=_ratio(trades, minutes),
        trade_lots_mean=_ratio(trade_lots, trades),
        trade_lots_median=_size_of(_median_bucket(sizes)),
        trade_row_share=_ratio(trades, rows),
        depth=tuple(
            Depth(within_bp, _ratio(float(bids), samples), _ratio(float(asks), samples))
            for within_bp, bids, asks in zip(s.BANDS_BP, state.depth[0], state.depth[1], strict=True)
        ),
        best_price_changes_per_minute=_ratio(i[s.PRICE_CHANGES], minutes),
        best_quote_changes_per_minute=_ratio(i[s.QUOTE_CHANGES], minutes),
        mid_low_ticks=i[s.MID_LOW] / 2 if samples else math.nan,
        mid_high_ticks=i[s.MID_HIGH] / 2 if samples else math.nan,
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _deviation(count: int, total: float, squares: float) -> float:
    if count < 2:
        return math.nan
    return math.sqrt(max(squares - total * total / count, 0.0) / (count - 1))


def _autocorrelation(state: s.State) -> float:
    count, pairs = int(state.ints[s.RETURNS_1S]), int(state.ints[s.PAIRS])
    deviation = _deviation(count, float(state.floats[s.SUM_1S]), float(state.floats[s.SQUARES_1S]))
    if pairs == 0 or math.isnan(deviation) or deviation == 0.0:
        return math.nan
    mean = float(state.floats[s.SUM_1S]) / count
    return (float(state.floats[s.PRODUCTS_1S]) / pairs - mean * mean) / (deviation * deviation)


def _median_bucket(histogram: NDArray[np.int64]) -> float:
    """The bucket of the (lower) median, NaN when all are empty."""
    total = int(histogram.sum())
    if total == 0:
        return math.nan
    return float(np.searchsorted(np.cumsum(histogram), (total + 1) // 2))


def _size_buckets(lots: NDArray[np.int64]) -> NDArray[np.int64]:
    """One bucket per lot up to `_EXACT_LOTS`, then one per percent."""
    above = np.maximum(lots, _EXACT_LOTS) / _EXACT_LOTS
    return np.minimum(lots, _EXACT_LOTS) + (np.log(above) * _BUCKETS_PER_E).astype(np.int64)


def _size_of(bucket: float) -> float:
    if math.isnan(bucket) or bucket <= _EXACT_LOTS:
        return bucket
    return round(_EXACT_LOTS * math.exp((bucket - _EXACT_LOTS + 0.5) / _BUCKETS_PER_E))
