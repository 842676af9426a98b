"""The fill rules of `perpmaker.simulation.kernel_fill`, one test a rule, named after it and numbered as there."""

import pytest

from perpmaker.domain.commands import ASLEEP, Place
from perpmaker.domain.events import BookUpdated, Filled, OrderAccepted, OrderCanceled, OrderRejected
from perpmaker.domain.money import fee_quanta
from perpmaker.domain.orders import CancelReason, OrderKind, RejectReason, Side
from perpmaker.simulation import market_events as m
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.terms import QueueModel
from simulation.markets import Market, ask, bid, book, ioc, market, terms, until

START = book(1, {99: 10, 98: 20}, {101: 10, 102: 20})


def trade_with(rows, *commands, **changes):
    """Open with `START`, send the commands at 2, play the rows; returns the exchange and everything told."""
    exchange = SimulatedExchange(Market([*START, *rows]), terms(**changes))
    exchange.advance(until(2))
    exchange.submit(commands)
    events = []
    while not exchange.exhausted:
        events += exchange.advance(ASLEEP)
    return exchange, events


def fills(events):
    return [(event.order_id, event.price_ticks, event.lots) for event in events if isinstance(event, Filled)]


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize(("order", "row"), [(bid(1, 99, 5), (5, m.ASK, 99, 1)), (ask(1, 101, 5), (5, m.BID, 102, 1))])
def test_rule_1_a_resting_order_fills_in_full_when_the_other_side_comes_to_it(order, row):
    exchange, events = trade_with([row], order)
    assert fills(events) == [(1, order.price_ticks, 5)]
    assert exchange.open_orders() == []


def test_rule_1_the_book_is_looked_at_only_when_the_message_is_whole():
    rows = [(5, m.ASK | m.MORE, 99, 1), (5, m.ASK, 99, 0)]
    assert fills(trade_with(rows, bid(1, 99, 5))[1]) == []


@pytest.mark.parametrize(
    ("order", "row"),
    [(bid(1, 99, 5), (5, m.SELL_TRADE, 98, 1)), (ask(1, 101, 5), (5, m.BUY_TRADE, 102, 1))],
)
def test_rule_2_a_trade_beyond_the_price_fills_in_full(order, row):
    assert fills(trade_with([row], order)[1]) == [(1, order.price_ticks, 5)]


def test_rule_3_at_its_price_an_order_waits_for_the_lots_ahead():
    exchange, events = trade_with([(5, m.SELL_TRADE, 99, 10)], bid(1, 99, 5))
    assert fills(events) == []
    assert exchange.queue_ahead(1) == 0


def test_rule_3_what_a_trade_has_left_after_the_queue_is_ours_in_part():
    exchange, events = trade_with([(5, m.SELL_TRADE, 99, 12)], bid(1, 99, 5))
    assert fills(events) == [(1, 99, 2)]
    assert [order.lots for order in exchange.open_orders()] == [3]


def test_rule_3_a_trade_that_the_other_side_took_says_nothing():
    exchange, events = trade_with([(5, m.BUY_TRADE, 99, 50), (5, m.BUY_TRADE, 98, 50)], bid(1, 99, 5))
    assert fills(events) == []
    assert exchange.queue_ahead(1) == 10


def test_rule_3_risk_averse_only_a_smaller_level_moves_the_queue_without_a_trade():
    exchange, _ = trade_with([(5, m.BID, 99, 30), (6, m.BID, 99, 12), (7, m.BID, 99, 6)], bid(1, 99, 5))
    assert exchange.queue_ahead(1) == 6


def test_rule_3_power_splits_an_unexplained_decrease():
    rows = [(5, m.BID, 99, 20), (6, m.BID, 99, 12)]
    exchange, _ = trade_with(rows, bid(1, 99, 5), queue_model=QueueModel.POWER, power_exponent=1.0)
    # 10 ahead and 10 behind: of 8 lots that left, half stood ahead.
    assert exchange.queue_ahead(1) == 6


def test_rule_3_power_does_not_count_a_trade_twice():
    rows = [(5, m.SELL_TRADE, 99, 4), (6, m.BID, 99, 6)]
    exchange, _ = trade_with(rows, bid(1, 99, 5), queue_model=QueueModel.POWER)
    assert exchange.queue_ahead(1) == 6


def test_rule_4_orders_at_one_price_share_a_trade_in_order_of_arrival():
    _, events = trade_with([(5, m.SELL_TRADE, 99, 18)], bid(1, 99, 5), bid(2, 99, 5))
    assert fills(events) == [(1, 99, 5), (2, 99, 3)]


def test_rule_5_resting_orders_pay_the_maker_fee():
    _, events = trade_with([(5, m.SELL_TRADE, 98, 1)], bid(1, 99, 5), maker_fee_ppb=-10_000)
    fill = of(Filled, events)[0]
    assert fill.is_maker
    assert fill.fee_quanta == fee_quanta(99, 5, -10_000) < 0


@pytest.mark.parametrize("order", [bid(1, 101, 5), bid(1, 105, 5), ask(1, 99, 5), ask(1, 90, 5)])
def test_rule_6_a_post_only_order_that_would_cross_is_rejected(order):
    exchange, events = trade_with([], order)
    assert [event.reason for event in of(OrderRejected, events)] == [RejectReason.POST_ONLY_WOULD_CROSS]
    assert exchange.position_lots == 0


def test_rule_7_a_limit_order_that_crosses_takes_first_and_rests_the_rest():
    exchange, events = trade_with([], bid(1, 101, 15, post_only=False))
    assert fills(events) == [(1, 101, 10)]
    assert exchange.open_orders() == [(1, Side.BUY, 101, 5)]


def test_rule_8_an_ioc_order_takes_what_its_limit_allows_and_the_rest_is_cancelled():
    _, events = trade_with([], ioc(1, Side.SELL, 99, 15))
    assert fills(events) == [(1, 99, 10)]
    [canceled] = of(OrderCanceled, events)
    assert (canceled.filled_lots, canceled.reason) == (10, CancelReason.IMMEDIATE_REMAINDER)


def test_rule_8_a_market_order_sweeps_and_its_remainder_is_cancelled():
    _, events = trade_with([], market(1, Side.BUY, 35))
    assert fills(events) == [(1, 101, 10), (1, 102, 20)]
    assert [event.filled_lots for event in of(OrderCanceled, events)] == [30]


def test_rule_8_a_market_order_needs_another_side():
    _, events = trade_with([(3, m.CLEAR_ASKS, 10**9, 0)], market(1, Side.BUY, 5), order_latency_ns=10)
    assert [event.reason for event in of(OrderRejected, events)] == [RejectReason.NO_MARKET]


def test_rule_8_no_order_before_there_is_a_mark():
    exchange = SimulatedExchange(Market([(1, m.BID, 99, 10)]), terms())
    exchange.submit([bid(1, 98, 5)])
    assert [event.reason for event in of(OrderRejected, exchange.advance(ASLEEP))] == [RejectReason.NO_MARKET]


def test_rule_9_what_takes_pays_the_taker_fee_one_fill_a_level():
    _, events = trade_with([], market(1, Side.BUY, 12))
    taken = of(Filled, events)
    assert [fill.fee_quanta for fill in taken] == [fee_quanta(101, 10, 500_000), fee_quanta(102, 2, 500_000)]
    assert not any(fill.is_maker for fill in taken)


def test_rule_10_what_we_take_is_gone_until_the_feed_states_the_level_again():
    rows = [(20, m.ASK, 101, 10)]
    exchange = SimulatedExchange(Market([*START, *rows]), terms())
    exchange.advance(until(2))
    exchange.submit([market(1, Side.BUY, 10), market(2, Side.BUY, 5)])
    events = exchange.advance(until(3))
    assert fills(events) == [(1, 101, 10), (2, 102, 5)]
    assert of(BookUpdated, events)[-1][2:] == (99, 10, 102, 15)
    exchange.advance(until(20))
    exchange.submit([market(3, Side.BUY, 1)])
    assert fills(exchange.advance(ASLEEP)) == [(3, 101, 1)]


def test_rule_11_our_own_orders_never_trade_with_each_other():
    exchange, events = trade_with([], bid(1, 100, 5), market(2, Side.SELL, 5))
    assert fills(events) == [(2, 99, 5)]
    assert [order.order_id for order in exchange.open_orders()] == [1]


def test_rule_11_what_we_take_from_a_level_stood_ahead_of_us():
    exchange, events = trade_with([], bid(1, 99, 5), market(2, Side.SELL, 4))
    assert fills(events) == [(2, 99, 4)]
    assert exchange.queue_ahead(1) == 6


def test_rule_12_reduce_only_is_rejected_when_flat_or_on_the_same_side():
    _, events = trade_with(
        [], ask(1, 105, 5, reduce_only=True), market(2, Side.BUY, 5), bid(3, 95, 5, reduce_only=True)
    )
    rejected = [(event.order_id, event.reason) for event in of(OrderRejected, events)]
    assert rejected == [(each, RejectReason.REDUCE_ONLY_WOULD_INCREASE) for each in (1, 3)]


def test_rule_12_reduce_only_is_cut_down_to_the_position_on_arrival():
    exchange, events = trade_with([], market(1, Side.BUY, 5), market(2, Side.SELL, 50, reduce_only=True))
    assert fills(events) == [(1, 101, 5), (2, 99, 5)]
    ended = [(event.order_id, event.filled_lots, event.reason) for event in of(OrderCanceled, events)]
    assert ended == [(2, 5, CancelReason.REDUCE_ONLY)], "what could not fill must be known to be dead"
    assert exchange.position_lots == 0


def test_rule_12_reduce_only_is_cut_down_again_at_its_fill():
    commands = [market(1, Side.BUY, 5), ask(2, 105, 5, reduce_only=True), market(3, Side.SELL, 2)]
    exchange, events = trade_with([(5, m.BUY_TRADE, 106, 1)], *commands)
    assert fills(events)[-1] == (2, 105, 3)
    assert [(event.order_id, event.filled_lots) for event in of(OrderCanceled, events)] == [(2, 3)]
    assert exchange.position_lots == 0


def test_rule_13_a_resting_reduce_only_order_is_cancelled_when_nothing_is_left_to_reduce():
    commands = [market(1, Side.BUY, 5), ask(2, 105, 5, reduce_only=True), market(3, Side.SELL, 5)]
    exchange, events = trade_with([], *commands)
    assert [(event.order_id, event.reason) for event in of(OrderCanceled, events)] == [(2, CancelReason.REDUCE_ONLY)]
    assert exchange.open_orders() == []


def test_rule_14_a_gap_cancels_what_rests_and_refuses_what_arrives():
    rows = [(5, m.GAP_START, 0, 0), (9, m.SELL_TRADE, 90, 99), (50, m.GAP_END, 0, 0)]
    exchange = SimulatedExchange(Market([*START, *rows]), terms())
    exchange.advance(until(2))
    exchange.submit([bid(1, 99, 5)])
    events = exchange.advance(until(5))
    assert [event.reason for event in of(OrderCanceled, events)] == [CancelReason.MARKET_GAP]
    exchange.submit([bid(2, 99, 5)])
    events = exchange.advance(ASLEEP)
    assert [event.reason for event in of(OrderRejected, events)] == [RejectReason.MARKET_GAP]
    assert fills(events + exchange.advance(ASLEEP)) == []


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (bid(1, 99, 2), RejectReason.BELOW_MINIMUM),
        (bid(1, 0, 5), RejectReason.OTHER),
        (bid(1, 10**9 + 1, 5), RejectReason.OTHER),
        (Place(1, Side.BUY, 105, 5, OrderKind.IOC, True, False), RejectReason.OTHER),
    ],
)
def test_an_order_of_bad_form_is_rejected(order, reason):
    exchange = SimulatedExchange(Market(START, min_lots=3), terms())
    exchange.advance(until(2))
    exchange.submit([order])
    assert [event.reason for event in of(OrderRejected, exchange.advance(ASLEEP))] == [reason]


def test_the_257th_resting_order_is_rejected():
    exchange, events = trade_with([], *(bid(each, 90, 1) for each in range(1, 258)))
    assert [(event.order_id, event.reason) for event in of(OrderRejected, events)] == [(257, RejectReason.OTHER)]
    assert len(of(OrderAccepted, events)) == len(exchange.open_orders()) == 256
