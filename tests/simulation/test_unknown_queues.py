"""Where a feed does not state every level: what an order stands behind, what fills it (`kernel_queue` 5 and 6)."""

import pytest

from perpmaker.domain.events import BookUpdated, Event, Filled
from perpmaker.simulation import market_events as m
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.terms import QueueModel
from simulation.markets import Market, Row, bid, terms, until

START = [(1, m.BEST_BID | m.MORE, 99, 10), (1, m.BEST_ASK, 101, 10)]


def play(depth: int, price: int, rows: list[Row], model: QueueModel = QueueModel.RISK_AVERSE) -> list[Event]:
    """Our bid of 5 lots, placed at 2, and then the rows."""
    exchange = SimulatedExchange(Market([(0, m.DEPTH, 0, depth), *START, *rows]), terms(queue_model=model))
    exchange.advance(until(2))
    exchange.submit([bid(1, price, 5)])
    return exchange.advance(until(100, on_book=False)) + exchange.advance(until(200))


def filled(events: list[Event]) -> int:
    return sum(event.lots for event in events if isinstance(event, Filled))


def ahead(price: int, rows: list[Row]) -> int | None:
    exchange = SimulatedExchange(Market([(0, m.DEPTH, 0, m.BEST_ONLY), *START, *rows]), terms())
    exchange.advance(until(2))
    exchange.submit([bid(1, price, 5)])
    exchange.advance(until(50))
    return exchange.queue_ahead(1)


def test_at_the_best_price_the_queue_is_what_is_shown_there():
    assert ahead(99, []) == 10


def test_before_the_best_price_an_order_is_alone():
    assert ahead(100, []) == 0


def test_behind_the_best_the_queue_is_unknown():
    assert ahead(98, []) is None


def test_an_unknown_queue_becomes_all_of_what_is_first_shown_there():
    assert ahead(98, [(10, m.BEST_BID, 98, 40)]) == 40


def test_trades_before_that_do_not_shorten_it():
    assert ahead(98, [(9, m.SELL_TRADE, 98, 30), (10, m.BEST_BID, 98, 40)]) == 40


def test_an_old_statement_of_a_level_counts_for_nothing():
    # 98 was the best once, with 3 lots; since then 99 is, and nobody knows what 98 holds
    rows = [(0, m.DEPTH, 0, m.BEST_ONLY), (1, m.BEST_BID, 98, 3), *START]
    exchange = SimulatedExchange(Market([*rows, (60, m.BEST_ASK, 101, 9)]), terms())
    exchange.advance(until(2))
    exchange.submit([bid(1, 98, 5)])
    exchange.advance(until(50))
    assert exchange.queue_ahead(1) is None


@pytest.mark.parametrize("model", QueueModel)
@pytest.mark.parametrize(("traded", "lots"), [(40, 0), (42, 2), (60, 5)])
def test_an_unknown_queue_fills_only_behind_all_of_it(model, traded, lots):
    rows = [(10, m.BEST_BID, 98, 40), (11, m.SELL_TRADE, 98, traded), (12, m.BEST_BID, 97, 1)]
    assert filled(play(m.BEST_ONLY, 98, rows, model)) == lots


def test_a_trade_through_the_price_fills_whatever_the_queue():
    assert filled(play(m.BEST_ONLY, 98, [(10, m.SELL_TRADE, 97, 1)])) == 5


def test_with_every_level_stated_an_empty_level_has_nobody_in_it():
    assert filled(play(m.EVERY_LEVEL, 98, [(10, m.SELL_TRADE, 98, 5)])) == 5


# --- trades alone -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [(10, m.SELL_TRADE, 98, 999), (10, m.BEST_ASK, 98, 5), (10, m.BEST_BID, 98, 5)])
def test_without_queues_neither_a_trade_at_the_price_nor_an_inferred_quote_fills(row):
    assert filled(play(m.NO_QUEUES, 98, [row])) == 0


def test_without_queues_a_trade_through_the_price_fills():
    assert filled(play(m.NO_QUEUES, 98, [(10, m.SELL_TRADE, 97, 1)])) == 5


def test_without_queues_the_maker_sees_the_inferred_quotes():
    seen = [event for event in play(m.NO_QUEUES, 98, [(10, m.BEST_ASK, 100, 5)]) if isinstance(event, BookUpdated)]
    assert seen[-1].ask_ticks == 100
