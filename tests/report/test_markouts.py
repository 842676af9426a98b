"""Markouts by hand: where the mid went, which fills are left out, and when a band may be given."""

import math

import pytest

from perpmaker.report.attribution import Execution
from perpmaker.report.estimates import LEAST_BLOCKS, clustered_mean, performance, student_t
from perpmaker.report.market_path import Gap, MarketPath
from perpmaker.report.markouts import measure, times_needed

S = 10**9
T0 = 1_000_000 * S


def path(mids: dict[int, int], *, gaps: tuple[Gap, ...] = (), last_s: int = 10_000) -> MarketPath:
    times = sorted(mids)
    known = [mids[at] for at in times]
    return MarketPath([T0 + at * S for at in times], known, known, gaps, {}, T0 - S, T0 + last_s * S)


def fill(at_s: float, lots: int, price: int = 100_000, *, level: int = 1, is_maker: bool = True) -> Execution:
    return Execution(T0 + int(at_s * S), lots, price, 0, level, is_maker)


def test_a_markout_is_the_move_of_the_mid_from_our_price_in_basis_points_good_above_zero() -> None:
    market = path({0: 100_010, 11: 100_020, 15: 99_990, 40: 100_000, 310: 100_100})
    for lots, sign in ((5, 1), (-5, -1)):
        curve = measure([fill(10, lots)], market, T0 + 9_000 * S)[0]
        assert [point.mean.value for point in curve.points if point.mean] == pytest.approx(
            [sign * value for value in (1, 2, -1, 0, 10)]
        )


def test_maker_and_taker_fills_sides_and_levels_are_apart() -> None:
    fills = [fill(10, 5), fill(20, -5, level=2), fill(30, 5, level=0, is_maker=False)]
    names = [(curve.name, curve.fills) for curve in measure(fills, path({0: 100_000}), T0 + 9_000 * S)]
    assert names == [
        ("maker", 2), ("maker buys", 1), ("maker sells", 1), ("maker buys level 1", 1), ("maker sells level 2", 1),
        ("taker", 1), ("taker buys", 1),
    ]  # fmt: skip


def test_a_fill_whose_horizon_passes_the_end_or_meets_a_gap_is_left_out_and_counted() -> None:
    market = path({0: 100_000}, gaps=(Gap(T0 + 25 * S, T0 + 26 * S),))
    fills = [fill(10, 5), fill(23, 5), fill(95, 5)]
    maker = measure(fills, market, T0 + 100 * S)[0]
    assert [point.left_out for point in maker.points] == [0, 0, 1, 3, 3]
    assert maker.points[3].mean is None


def test_no_market_is_asked_for_beyond_the_end_of_the_run() -> None:
    assert max(times_needed([fill(95, 5)], T0 + 100 * S)) == T0 + 100 * S


def test_few_blocks_of_time_give_no_band() -> None:
    many_at_once = [(0, float(value % 2)) for value in range(1_000)]
    mean = clustered_mean(many_at_once, 10)
    assert mean is not None
    assert mean.half_width is None
    spread_out = clustered_mean([(at * 10, float(at % 2)) for at in range(LEAST_BLOCKS)], 10)
    assert spread_out is not None
    assert spread_out.half_width is not None


def test_fills_that_share_their_block_do_not_make_a_band_narrower() -> None:
    once = clustered_mean([(at * 10, float(at % 3)) for at in range(30)], 10)
    five_times = clustered_mean([(at * 10 + copy, float(at % 3)) for at in range(30) for copy in range(5)], 10)
    assert once is not None
    assert five_times is not None
    assert once.half_width == pytest.approx(five_times.half_width)


def test_where_every_block_has_one_value_the_band_is_the_usual_one() -> None:
    values = [1.0, 2.0, 4.0, 8.0, 3.0, 5.0, 9.0, 2.0, 6.0, 7.0, 1.0, 0.0]
    mean = clustered_mean([(index * 10, value) for index, value in enumerate(values)], 10)
    assert mean is not None
    average = math.fsum(values) / 12
    deviation = math.sqrt(math.fsum((value - average) ** 2 for value in values) / 11)
    assert mean.half_width == pytest.approx(2.20099 * deviation / math.sqrt(12), rel=1e-3)


@pytest.mark.parametrize(("degrees", "quantile"), [(9, 2.26216), (29, 2.04523), (99, 1.98422), (10**6, 1.95996)])
def test_the_quantiles_are_those_of_the_tables(degrees: int, quantile: float) -> None:
    assert student_t(degrees) == pytest.approx(quantile, abs=1e-3)


def test_profit_is_given_per_period_only_with_thirty_periods_and_a_sharpe_ratio_only_with_thirty_days() -> None:
    minute, day = 60 * S, 86_400 * S
    assert performance([(0, 1.0), (29 * minute, 2.0)], 0, 29 * minute) is None
    half_an_hour = performance([(at * minute, float(at % 3)) for at in range(31)], 0, 30 * minute)
    assert half_an_hour is not None
    assert (half_an_hour.period_ns, half_an_hour.periods, half_an_hour.sharpe) == (minute, 30, None)
    month = performance([(at * day, at + 0.5 * (at % 2)) for at in range(31)], 0, 30 * day)
    assert month is not None
    assert (month.period_ns, month.periods) == (day, 30)
    assert month.sharpe == pytest.approx(month.mean / month.deviation * math.sqrt(365.25))
