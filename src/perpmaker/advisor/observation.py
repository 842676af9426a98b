"""What a market was like, in the few figures that the advisor needs.

Rules kept here:

1. Spread and volatility are those of `perpmaker.data.statistics`; a move in one second is the 10 s return's deviation
   divided by the root of ten. Bars know no spread, and their volatility is that of a bar's return, divided likewise.
2. How often level 1 is reached is counted over all of the data (`perpmaker.simulation.touches`), not a sample.
"""

import math
from fractions import Fraction

import numpy as np

from perpmaker.advisor.case import SECONDS_PER_HOUR, Observed
from perpmaker.data.bar_statistics import measure_bars
from perpmaker.data.statistics import measure
from perpmaker.domain.money import RATE_SCALE
from perpmaker.simulation.bar_columns import has_bars
from perpmaker.simulation.market_events import FUNDING, KIND_MASK, MarketFeed
from perpmaker.simulation.touches import measure_touches

_BP = 10_000
_NS_PER_S = 10**9
_RETURN_S = 10
_EVERY_ROW = 2**62


def observe(feed: MarketFeed, half_spread: Fraction, name: str) -> Observed:
    """Watch all of this market data.

    Args:
        feed: market data.
        half_spread: distance of level 1 as a share of the price.
        name: what the figures will be said to rest on.

    Raises:
        RecordingError: there are no rows, or the recording is damaged.
    """
    spread, volatility_s, hours = _of_bars(feed) if has_bars(feed) else _of_book(feed)
    touches = measure_touches(feed.chunks(), half_spread, _EVERY_ROW)
    return Observed(
        hours=hours,
        spread=_known(spread),
        volatility_s=_known(volatility_s),
        touches_per_hour=None if touches is None else touches.per_hour,
        funding_rate=_mean_funding_rate(feed),
        name=name,
    )


def _of_book(feed: MarketFeed) -> tuple[float, float, float]:
    """Spread, volatility of a second, hours."""
    seen = measure(feed)
    volatility_s = seen.volatility_10s_bp / _BP / math.sqrt(_RETURN_S)
    return seen.spread_bp_mean / _BP, volatility_s, seen.seen_ns / _NS_PER_S / SECONDS_PER_HOUR


def _of_bars(feed: MarketFeed) -> tuple[float, float, float]:
    seen = measure_bars(feed)
    length_s = seen.length_ns / _NS_PER_S
    volatility_s = seen.volatility_bp / _BP / math.sqrt(length_s) if length_s else math.nan
    return 0.0, volatility_s, seen.bars * length_s / SECONDS_PER_HOUR


def _mean_funding_rate(feed: MarketFeed) -> float | None:
    rates = [chunk.lots[(chunk.kind & KIND_MASK) == FUNDING] for chunk in feed.chunks()]
    settled = np.concatenate(rates) if rates else np.zeros(0)
    return float(settled.mean()) / RATE_SCALE if len(settled) else None


def _known(value: float) -> float:
    """What could not be measured moves nothing and costs nothing."""
    return 0.0 if math.isnan(value) else value
