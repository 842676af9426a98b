"""Figures of bars, against ones worked out by hand."""

import math
from fractions import Fraction

import numpy as np
import pytest

from perpmaker.data.bar_statistics import measure_bars
from perpmaker.domain.errors import RecordingError
from perpmaker.simulation import market_events as me
from perpmaker.simulation.touches import Touches, measure_touches
from support.recordings import Row, Rows

MINUTE_NS = 60 * 10**9


def feed_of(*bars: tuple[int, int, int, int, int, int], chunk: int = 10**6, length_ns: int = MINUTE_NS) -> Rows:
    """Bars (minute, open, high, low, close, lots), so many rows at a time."""
    rows: list[Row] = [
        row
        for number, opening, high, low, close, lots in bars
        for row in (
            (number * length_ns, me.BAR_OPEN | me.MORE, opening, lots),
            (number * length_ns, me.BAR_HIGH | me.MORE, high, 0),
            (number * length_ns, me.BAR_LOW | me.MORE, low, 0),
            (number * length_ns, me.BAR_CLOSE, close, 0),
            (number * length_ns + length_ns // 4, me.BAR_STEP, 0, 0),
        )
    ]
    return Rows(rows, chunk)


BARS = (
    (0, 10_000, 10_100, 9_990, 10_050, 10),
    (1, 10_060, 10_070, 10_050, 10_060, 0),
    (2, 10_060, 10_061, 9_950, 9_951, 20),
    (5, 20_000, 20_001, 19_999, 20_000, 30),  # after a gap of two
)


@pytest.mark.parametrize("chunk", [1, 3, 7, 1_000])
def test_the_figures_of_bars(chunk):
    found = measure_bars(feed_of(*BARS, chunk=chunk))
    assert (found.bars, found.length_ns, found.low_ticks, found.high_ticks) == (4, MINUTE_NS, 9_950, 20_001)
    returns = [math.log(10_060 / 10_050), math.log(9_951 / 10_060)]
    assert found.returns == 2, "none across the gap"
    assert found.volatility_bp == pytest.approx(np.std(returns, ddof=1) * 1e4)
    ranges = sorted([110.0, 20 / 1.006, 111 / 1.006, 1.0])
    assert found.range_bp_median == pytest.approx((ranges[1] + ranges[2]) / 2)
    assert found.jump_bp_largest == pytest.approx(10 / 10_050 * 1e4)
    assert (found.volume_lots_median, found.volume_lots_mean, found.without_volume_share) == (15, 15, 0.25)


def test_how_often_a_price_is_reached_counts_both_sides():
    found = measure_bars(feed_of(*BARS))
    # 100 bp: the first bar up, the third down (109 bp); 10 bp: the first bar twice, the third down
    assert dict(found.reached_per_hour)[100] == pytest.approx(2 * 15)
    assert dict(found.reached_per_hour)[10] == pytest.approx(3 * 15)


def test_without_bars_there_is_nothing_to_measure():
    with pytest.raises(RecordingError, match="holds no bars"):
        measure_bars(feed_of())


@pytest.mark.parametrize("chunk", [1, 3, 1_000])
def test_bars_of_a_minute_say_how_often_a_spread_is_reached(chunk):
    assert measure_touches(feed_of(*BARS, chunk=chunk).chunks(), Fraction(1, 100), 10**6) == Touches(30.0, 4)


def test_other_bars_do_not():
    feed = feed_of(*BARS, length_ns=5 * MINUTE_NS)
    assert measure_touches(feed.chunks(), Fraction(1, 100), 10**6) is None
