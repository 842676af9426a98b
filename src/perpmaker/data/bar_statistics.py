"""What a market of bars is like, in figures: what `statistics` is for books, as far as bars can tell.

How each figure is taken:

1. A return is the difference of the log of two neighbouring closes; across a gap there is none. `volatility_bp` is the
   standard deviation of the returns of one bar (about their mean).
2. The range of a bar is its high less its low, in basis points of its open.
3. A jump is the distance from a close to the next open, in basis points of the close; not across a gap.
4. How often a price is reached: bars whose high or low is at least so far from their open, both sides counted, per hour
   of bars.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from perpmaker.domain.errors import RecordingError
from perpmaker.simulation.bar_columns import BarColumns, Bars
from perpmaker.simulation.market_events import MarketFeed

DISTANCES_BP: Final = (1, 10, 100)
_HOUR_NS: Final = 3_600 * 10**9


@dataclass(frozen=True, slots=True)
class BarStatistics:
    """The figures of one market of bars. Estimates are floats, NaN where there is nothing to estimate them from."""

    bars: int
    length_ns: int
    low_ticks: int
    high_ticks: int
    volatility_bp: float
    returns: int
    range_bp_median: float
    range_bp_mean: float
    jump_bp_mean: float
    jump_bp_largest: float
    volume_lots_median: float
    volume_lots_mean: float
    without_volume_share: float
    reached_per_hour: tuple[tuple[int, float], ...]
    """Distance from the open in basis points, and how often an hour it is reached."""


def measure_bars(feed: MarketFeed) -> BarStatistics:
    """The statistics of all bars of a feed.

    Raises:
        RecordingError: the feed holds no bars, or is a damaged recording.
    """
    columns = BarColumns()
    for chunk in feed.chunks():
        columns.add(chunk)
    bars = columns.bars()
    if not len(bars.ts_ns):
        raise RecordingError("there is nothing to measure: the market data holds no bars")
    return _summary(bars)


def _summary(bars: Bars) -> BarStatistics:
    opened = bars.open.astype(np.float64)
    adjacent = np.diff(bars.ts_ns) == bars.length_ns
    returns = np.diff(np.log(bars.close))[adjacent]
    jumps = np.abs(bars.open[1:] / bars.close[:-1] - 1)[adjacent] * 1e4
    ranges = (bars.high - bars.low) / opened * 1e4
    hours = len(bars.ts_ns) * bars.length_ns / _HOUR_NS
    up, down = (bars.high / opened - 1) * 1e4, (1 - bars.low / opened) * 1e4
    return BarStatistics(
        bars=len(bars.ts_ns),
        length_ns=bars.length_ns,
        low_ticks=int(bars.low.min()),
        high_ticks=int(bars.high.max()),
        volatility_bp=float(np.std(returns, ddof=1)) * 1e4 if len(returns) > 1 else math.nan,
        returns=len(returns),
        range_bp_median=float(np.median(ranges)),
        range_bp_mean=float(np.mean(ranges)),
        jump_bp_mean=float(np.mean(jumps)) if len(jumps) else math.nan,
        jump_bp_largest=float(np.max(jumps)) if len(jumps) else math.nan,
        volume_lots_median=float(np.median(bars.lots)),
        volume_lots_mean=float(np.mean(bars.lots)),
        without_volume_share=float(np.mean(bars.lots == 0)),
        reached_per_hour=tuple(
            (distance, float((up >= distance).sum() + (down >= distance).sum()) / hours if hours else math.nan)
            for distance in DISTANCES_BP
        ),
    )
