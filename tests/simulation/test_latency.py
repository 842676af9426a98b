"""Latencies that vary: drawn, recorded; in order; the same in every run."""

import random

import pytest

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.events import TradeSeen
from perpmaker.simulation import market_events as m
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.latency import QUANTILES, LatencyPath, Lognormal, Path, Recorded, longest_ns
from simulation.markets import Market, book, terms, until


def dues(latency, times, seed=1, path=Path.FEED):
    way = LatencyPath(latency, seed, path)
    return [way.due_ns(now) for now in times]


def test_messages_never_overtake_one_another():
    times = sorted(random.Random(3).randrange(10_000) for _ in range(500))
    arrivals = dues(Lognormal(1_000, 1.5), times)
    assert arrivals == sorted(arrivals)
    assert all(due >= now for now, due in zip(times, arrivals, strict=True))


def test_half_of_the_messages_are_faster_than_the_median():
    took = dues(Lognormal(1_000_000, 0.5), [10**10 * index for index in range(20_000)])
    faster = sum(due - 10**10 * index < 1_000_000 for index, due in enumerate(took))
    assert 0.48 < faster / 20_000 < 0.52


def test_a_cap_is_a_cap_and_sigma_zero_is_the_median():
    assert longest_ns(Lognormal(10, 3.0, 25)) == 25
    assert set(Lognormal(10, 0.0).quantiles()) == {10}
    assert len(Lognormal(10, 1.0).quantiles()) == QUANTILES


def test_paths_and_seeds_draw_for_themselves():
    drawn = [
        tuple(dues(Lognormal(10**6, 1.0), range(0, 10**12, 10**10), seed, path)) for seed in (1, 2) for path in Path
    ]
    assert len(set(drawn)) == 6


def test_of_a_recorded_series_the_last_row_at_or_before_the_message_holds():
    series = Recorded((100, 200, 200, 300), (5, 7, 9, 1))
    assert dues(series, [50, 100, 199, 200, 299, 300]) == [
        55,
        105,
        204,
        209,
        308,
        308,
    ]  # the last waits for the one before


def test_the_maker_sees_each_trade_when_its_latency_is_over():
    rows = [*book(1, {100: 5}, {101: 5}), *((at, m.BUY_TRADE, 101, 1) for at in (10, 20, 30))]
    exchange = SimulatedExchange(Market(rows), terms(feed_latency_ns=Recorded((0, 20), (4, 40))))
    seen = []
    for at in range(1, 100):
        seen += [event.at_ns for event in exchange.advance(until(at)) if isinstance(event, TradeSeen)]
    assert seen == [14, 60, 70]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Lognormal(0, 1.0), "median"),
        (lambda: Lognormal(5, 6.0), "sigma"),
        (lambda: Lognormal(5, 1.0, 4), "cap"),
        (lambda: Recorded((), ()), "needs rows"),
        (lambda: Recorded((1, 2), (3, -1), "x.csv"), "x.csv, row 2"),
        (lambda: Recorded((2, 1), (3, 3), "x.csv"), "row 2: time 1 ns"),
    ],
)
def test_impossible_latencies_are_refused(make, words):
    with pytest.raises(InvalidSettingError, match=words):
        make()
