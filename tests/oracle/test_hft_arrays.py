"""Our rows as events of hftbacktest, without hftbacktest."""

import numpy as np
import pytest

from perpmaker.simulation import market_events as me
from support.hft_arrays import event_array

LATENCY_NS = 7
BOTH = 1 << 31 | 1 << 30
BUY, SELL = 1 << 29, 1 << 28


def chunk(*rows: tuple[int, int, int, int]) -> me.MarketChunk:
    ts, kind, price, lots = np.array(rows, np.int64).T
    return me.MarketChunk(ts, kind.astype(np.uint8), price, lots)


def test_levels_and_trades_become_events_for_both_sides_one_latency_apart():
    rows = chunk(
        (100, me.BID | me.MORE, 995, 30),
        (100, me.ASK, 1005, 0),
        (200, me.BUY_TRADE, 1005, 2),
        (300, me.SELL_TRADE, 995, 1),
    )
    events = event_array(rows, 0.01, 0.1, LATENCY_NS)
    assert events["ev"].tolist() == [BOTH | BUY | 1, BOTH | SELL | 1, BOTH | BUY | 2, BOTH | SELL | 2]
    assert events["exch_ts"].tolist() == [100, 100, 200, 300]
    assert events["local_ts"].tolist() == [107, 107, 207, 307]
    assert events["px"] == pytest.approx([9.95, 10.05, 10.05, 9.95])
    assert events["qty"] == pytest.approx([3.0, 0.0, 0.2, 0.1])


def test_marks_and_funding_and_the_clearing_of_an_empty_book_are_left_out():
    rows = chunk((1, me.CLEAR_BIDS, 0, 0), (1, me.BID, 995, 3), (2, me.MARK, 995_500, 0), (3, me.FUNDING, 0, 1_000))
    assert event_array(rows, 0.01, 0.1, LATENCY_NS)["exch_ts"].tolist() == [1]


@pytest.mark.parametrize("kind", [me.CLEAR_ASKS, me.BEST_BID, me.GAP_START])
def test_what_hftbacktest_has_no_event_for_is_refused(kind: int):
    with pytest.raises(ValueError, match="row 1 is of kind"):
        event_array(chunk((1, me.BID, 995, 3), (2, kind, 990, 1)), 0.01, 0.1, LATENCY_NS)
