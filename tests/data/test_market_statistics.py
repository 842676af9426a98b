"""The figures of a market, each checked on a market small enough to compute by hand."""

import dataclasses
import math

import numpy as np
import pytest

from perpmaker.data.statistics import MarketStatistics, measure
from perpmaker.domain.errors import RecordingError
from perpmaker.simulation import market_events as me
from support.recordings import Rows

S = 1_000_000_000
MORE = me.MORE


def book(now: int, bid: int, ask: int, bid_lots: int = 5, ask_lots: int = 7) -> list[tuple[int, int, int, int]]:
    """One message: this touch and nothing else."""
    return [
        (now, me.CLEAR_BIDS | MORE, 0, 0),
        (now, me.CLEAR_ASKS | MORE, 2**62, 0),
        (now, me.BID | MORE, bid, bid_lots),
        (now, me.ASK, ask, ask_lots),
    ]


def measured(*messages: list[tuple[int, int, int, int]]) -> MarketStatistics:
    return measure(Rows([row for message in messages for row in message]))


def end(now: int) -> list[tuple[int, int, int, int]]:
    return [(now, me.MARK, 1, 0)]


def test_the_spread_is_weighted_by_time():
    # 2 ticks for 1 s, then 4 ticks for 3 s
    found = measured(book(0, 99, 101), book(1 * S, 98, 102), end(4 * S))
    assert found.spread_ticks_mean == pytest.approx(3.5, abs=0.06)
    assert found.spread_ticks_median == 4
    assert found.spread_bp_mean == pytest.approx(350, abs=6)
    assert found.spread_bp_median == pytest.approx(400, abs=0.01)


def test_locked_and_crossed_time():
    found = measured(book(0, 99, 101), book(2 * S, 100, 100), book(3 * S, 101, 99), end(4 * S))
    assert found.locked_share == pytest.approx(0.25, abs=0.02)
    assert found.crossed_share == pytest.approx(0.25, abs=0.02)


def test_volatility_is_the_deviation_of_ten_second_returns():
    mids = [1000, 1010, 1000, 1020, 1000]
    found = measured(*[book(10 * S * i, mid - 1, mid + 1) for i, mid in enumerate(mids)], end(41 * S))
    returns = np.diff(np.log(mids))
    assert found.returns_10s == 4
    assert found.volatility_10s_bp == pytest.approx(returns.std(ddof=1) * 1e4, rel=1e-9)


def test_autocorrelation_of_one_second_returns():
    mids = [1000, 1010] * 40
    found = measured(*[book(S * i, mid - 1, mid + 1) for i, mid in enumerate(mids)], end(80 * S))
    assert found.autocorrelation_1s == pytest.approx(-1, abs=0.05)


def test_no_return_crosses_a_gap():
    gap = [(15 * S, me.GAP_START, 0, 0), (16 * S, me.GAP_END, 0, 0)]
    found = measured(book(0, 999, 1001), gap, book(16 * S, 1999, 2001), end(27 * S))
    assert found.returns_10s == 2
    assert found.volatility_10s_bp == 0


def test_gaps_count_and_are_not_seen_time():
    gap = [(15 * S, me.GAP_START, 0, 0), (45 * S, me.GAP_END, 0, 0)]
    trades = [(50 * S, me.BUY_TRADE, 100, 1)] * 3
    found = measured(book(0, 99, 101), gap, book(45 * S, 99, 101), trades, end(90 * S))
    assert (found.gaps, found.gap_ns, found.seen_ns, found.span_ns) == (1, 30 * S, 60 * S, 90 * S)
    assert found.trades_per_minute == 3


def test_a_gap_that_never_ends_lasts_to_the_last_row():
    found = measured(book(0, 99, 101), [(10 * S, me.GAP_START, 0, 0)], end(30 * S))
    assert (found.gap_ns, found.seen_ns) == (20 * S, 10 * S)


def test_the_book_of_before_a_gap_is_forgotten():
    gap = [(1 * S, me.GAP_START, 0, 0), (2 * S, me.GAP_END, 0, 0), (2 * S, me.BID, 50, 1), (2 * S, me.ASK, 150, 1)]
    found = measured(book(0, 99, 101), gap, end(1001 * S))
    assert found.spread_ticks_median == 100


def test_depth_within_bands_of_the_mid():
    message = [
        (0, me.BID | MORE, 9_999, 1),  # 1 bp below the mid of 10,000
        (0, me.BID | MORE, 9_995, 10),  # 5 bp
        (0, me.BID | MORE, 9_990, 100),  # 10 bp
        (0, me.BID | MORE, 9_974, 1_000),  # 26 bp: beyond the widest band
        (0, me.ASK | MORE, 10_001, 2),
        (0, me.ASK, 10_025, 20),  # 25 bp
    ]
    found = measured(message, end(10 * S))
    assert [dataclasses.astuple(depth) for depth in found.depth] == [
        (0, 1, 2), (5, 11, 2), (10, 111, 2), (25, 111, 22),
    ]  # fmt: skip


def test_best_quotes_state_the_touch():
    rows = [(S, me.BEST_BID | MORE, 97, 3), (S, me.BEST_ASK, 103, 4)]
    found = measured(book(0, 99, 101), rows, end(1000 * S))
    assert found.spread_ticks_median == 6
    assert found.best_price_changes_per_minute == pytest.approx(60 / 1000)


def test_price_and_size_changes_of_the_touch_are_told_apart():
    found = measured(book(0, 99, 101), book(S, 99, 101, bid_lots=6), book(2 * S, 98, 101), end(60 * S))
    assert found.best_price_changes_per_minute == 1
    assert found.best_quote_changes_per_minute == 2


def test_nobody_looks_at_the_book_inside_a_message():
    # the clears leave the book empty for a moment: no sample, no change of the touch
    found = measured(book(0, 99, 101), book(S, 99, 101), end(60 * S))
    assert found.best_quote_changes_per_minute == 0
    assert found.samples == pytest.approx(600, abs=1)


def test_trade_sizes():
    trades = [(1, me.SELL_TRADE, 100, size) for size in (1, 2, 30)] + [(1, me.BUY_TRADE, 100, 5_000_000)] * 4
    found = measured(book(0, 99, 101), trades, end(60 * S))
    assert found.trades == 7
    assert found.trade_lots_mean == pytest.approx(20_000_033 / 7)
    assert found.trade_lots_median == pytest.approx(5_000_000, rel=0.01)
    assert found.trade_row_share == 7 / 12


def test_mid_range_and_kinds():
    found = measured(book(0, 99, 101), book(S, 89, 90), end(2 * S))
    assert (found.mid_low_ticks, found.mid_high_ticks) == (89.5, 100)
    assert found.rows_by_kind == {"bid": 2, "ask": 2, "clear_bids": 2, "clear_asks": 2, "mark": 1}


@pytest.mark.parametrize("chunk_rows", [1, 3, 7])
def test_the_cut_into_chunks_changes_nothing(chunk_rows: int):
    generator = np.random.default_rng(7)
    rows = [row for message in (book(0, 99, 101), book(S, 90, 110)) for row in message]
    for now in range(2, 60):
        kind = int(generator.choice([me.BID, me.ASK, me.BUY_TRADE]))
        price = 95 - int(generator.integers(5)) if kind == me.BID else 105 + int(generator.integers(5))
        rows.append((now * S // 3 + S, kind, price, int(generator.integers(4)) + (kind == me.BUY_TRADE)))
    assert measure(Rows(rows, chunk_rows)) == measure(Rows(rows, 10_000))


def test_figures_that_cannot_be_estimated_are_not_numbers():
    found = measured(end(0), end(60 * S))
    assert found.samples == 0
    assert math.isnan(found.spread_ticks_mean)
    assert math.isnan(found.volatility_10s_bp)
    assert math.isnan(found.trade_lots_median)
    assert found.trades_per_minute == 0


def test_no_rows_at_all_is_an_error():
    with pytest.raises(RecordingError, match="nothing to measure"):
        measured()
