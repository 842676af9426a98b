"""The exchange around its fill rules: time, latency, wakes, gaps, margin, money, memory."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.commands import ASLEEP, FAR_FUTURE_NS, Cancel
from perpmaker.domain.errors import InvalidSettingError, RecordingError
from perpmaker.domain.events import (
    BookUpdated,
    CancelRejected,
    Filled,
    FundingPaid,
    GapEnded,
    GapStarted,
    MarkUpdated,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    TimerFired,
    TradeSeen,
)
from perpmaker.domain.money import QUANTA_PER_TICK_LOT
from perpmaker.domain.orders import CancelReason, RejectReason, Side
from perpmaker.domain.position import Position
from perpmaker.domain.reference import ReferencePrice
from perpmaker.simulation import market_events as m
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import MarketChunk
from simulation.markets import Market, ask, bid, book, market, terms, until

TESTS = str(Path(__file__).resolve().parents[1])
START = book(1, {99: 10, 98: 20}, {101: 10, 102: 20})


def opened(rows=(), *, min_lots=1, **changes):
    """An exchange at time 2, after `START`."""
    exchange = SimulatedExchange(Market([*START, *rows], min_lots=min_lots), terms(**changes))
    exchange.advance(until(2))
    return exchange


def drain(exchange):
    events = []
    while not exchange.exhausted:
        events += exchange.advance(ASLEEP)
    return events


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


# --- time and latency ---


def test_the_clock_starts_at_the_first_row():
    assert SimulatedExchange(Market([(77, m.BID, 99, 1)]), terms()).now_ns == 77


def test_the_maker_sees_the_market_one_feed_latency_late():
    exchange = SimulatedExchange(Market(START), terms(feed_latency_ns=10))
    assert exchange.advance(until(10)) == [TimerFired(10)]
    told = exchange.advance(until(11))
    assert told[0] == BookUpdated(11, 1, 99, 10, 101, 10)


def test_an_order_arrives_one_latency_after_it_was_sent_and_is_answered_one_later():
    exchange = opened([(99, m.BID, 97, 1)], order_latency_ns=10)
    exchange.submit([bid(1, 99, 5)])
    assert exchange.advance(until(12, on_order=True)) == [TimerFired(12)]
    assert exchange.queue_ahead(1) == 10
    assert exchange.advance(until(99, on_order=True)) == [OrderAccepted(22, 12, 1)]


def test_rows_come_before_arrivals_at_the_same_time():
    exchange = opened([(12, m.ASK, 99, 1)], order_latency_ns=10)
    exchange.submit([bid(1, 99, 5)])
    assert of(OrderRejected, drain(exchange))[0].reason is RejectReason.POST_ONLY_WOULD_CROSS


def test_an_until_in_the_past_delivers_the_timer_at_once():
    exchange = opened([(9, m.BID, 97, 1)])
    assert exchange.advance(until(0)) == [TimerFired(2)]
    assert exchange.now_ns == 2


def test_a_horizon_before_the_end_of_the_wake_stops_the_clock_and_a_later_one_changes_nothing():
    assert opened().advance(until(9), 5)[-1] == TimerFired(5)
    assert opened().advance(until(9), 12)[-1] == TimerFired(9)


def test_after_the_feed_the_clock_still_runs_to_each_timer():
    exchange = opened()
    drain(exchange)
    assert exchange.advance(until(1_000)) == [TimerFired(1_000)]
    assert exchange.advance(ASLEEP) == [TimerFired(1_000)]


def test_time_running_backwards_is_an_error_that_names_the_row():
    exchange = SimulatedExchange(Market([(5, m.BID, 99, 1), (4, m.BID, 98, 1)]), terms())
    with pytest.raises(RecordingError, match="row 1, time 4 ns: time runs backwards"):
        exchange.advance(ASLEEP)


def test_an_unknown_kind_and_an_empty_feed_are_errors():
    with pytest.raises(RecordingError, match="unknown kind 99"):
        SimulatedExchange(Market([(5, 99, 0, 0)]), terms()).advance(ASLEEP)
    with pytest.raises(RecordingError, match="has no rows"):
        SimulatedExchange(Market([]), terms())


# --- wakes ---


def test_acceptances_are_kept_until_something_stops_the_run():
    exchange = opened([(50, m.SELL_TRADE, 98, 1)])
    exchange.submit([bid(1, 99, 5)])
    told = exchange.advance(ASLEEP)
    assert [type(event) for event in told] == [OrderAccepted, TradeSeen, Filled]
    assert exchange.now_ns == 50


def test_only_the_latest_book_trade_and_mark_are_told():
    exchange = opened(
        [(5, m.BUY_TRADE, 101, 1), (6, m.ASK, 101, 4), (7, m.BUY_TRADE, 101, 2), (8, m.ASK, 101, 2), (20, m.BID, 97, 1)]
    )
    told = exchange.advance(until(9))
    assert told == [TradeSeen(7, 7, 101, 2, Side.BUY), BookUpdated(8, 8, 99, 10, 101, 2), TimerFired(9)]


def test_a_mark_outside_the_band_wakes():
    exchange = opened([(5, m.MARK, 100_400, 0), (6, m.MARK, 100_501, 0), (7, m.MARK, 100_000, 0)])
    assert exchange.advance(ASLEEP._replace(mark_low=99_000, mark_high=100_500)) == [MarkUpdated(6, 6, 100_501)]


def test_a_refresh_inside_its_band_is_passed_over_and_the_next_is_an_interval_later():
    exchange = opened([(25, m.BEST_BID, 100, 5), (90, m.BID, 97, 1)])
    wake = until(80, refresh_ns=10, interval_ns=10, reference_low=99_000, reference_high=100_000)
    assert exchange.advance(wake)[-1] == TimerFired(30, is_refresh=True)
    assert exchange.advance(wake)[-1] == TimerFired(40, is_refresh=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"bid_guard_ticks": 101},
        {"ask_guard_ticks": 99},
        {"reference": ReferencePrice.LAST},
        {"reference": ReferencePrice.MICRO, "reference_low": 100_001},
        {"reference": ReferencePrice.MARK, "reference_high": 99_999},
    ],
)
def test_a_refresh_is_due_at_a_guard_or_outside_the_band_of_its_reference(changes):
    exchange = opened([(90, m.BID, 97, 1)])
    told = exchange.advance(until(80, refresh_ns=10, **changes))
    assert told[-1] == TimerFired(10, is_refresh=True)


def test_the_micro_price_is_exact_where_its_product_leaves_64_bits():
    rows = book(1, {10**8: 3 * 10**11}, {9 * 10**8: 5 * 10**11})
    exchange = SimulatedExchange(Market([*rows, (90, m.BID, 97, 1)]), terms())
    exact = 10**11 + 8 * 10**8 * 1000 * 3 * 10**11 // (8 * 10**11)
    band = {"reference": ReferencePrice.MICRO, "reference_low": exact, "reference_high": exact}
    assert exchange.advance(until(50, refresh_ns=10, **band))[-1] == TimerFired(50, is_refresh=False)
    band["reference_low"] = exact + 1
    assert exchange.advance(until(80, refresh_ns=60, **band))[-1] == TimerFired(60, is_refresh=True)


def test_on_book_wakes_at_every_change_of_the_touch_and_only_there():
    exchange = opened([(5, m.BID, 97, 3), (6, m.BID, 99, 11)])
    assert exchange.advance(ASLEEP._replace(on_book=True)) == [BookUpdated(6, 6, 99, 11, 101, 10)]


# --- cancels and gaps ---


def test_a_cancel_of_what_does_not_rest_is_rejected():
    exchange = opened([(9, m.BID, 97, 1)])
    exchange.submit([Cancel(9)])
    assert of(CancelRejected, drain(exchange)) == [CancelRejected(2, 2, 9)]


def test_a_cancel_reports_what_was_filled():
    exchange = opened([(5, m.SELL_TRADE, 99, 12), (9, m.BID, 97, 1)])
    exchange.submit([bid(1, 99, 5)])
    exchange.advance(ASLEEP)
    exchange.submit([Cancel(1)])
    assert of(OrderCanceled, drain(exchange)) == [OrderCanceled(5, 5, 1, 2, CancelReason.REQUESTED)]


def test_a_gap_kills_what_rests_and_what_is_on_its_way_in():
    rows = [(30, m.GAP_START, 0, 0), (60, m.GAP_END, 0, 0), *book(60, {99: 1}, {101: 1})]
    exchange = opened(rows, order_latency_ns=10)
    exchange.submit([bid(1, 99, 5)])
    exchange.advance(until(25))
    exchange.submit([bid(2, 98, 5), Cancel(1), Cancel(2), Cancel(7)])
    told = drain(exchange)
    assert of(GapStarted, told) == [GapStarted(30, 30)]
    assert of(CancelRejected, told) == [CancelRejected(40, 30, 7)]
    assert of(OrderCanceled, told) == [OrderCanceled(40, 30, 1, 0, CancelReason.MARKET_GAP)]
    assert of(OrderRejected, told) == [OrderRejected(40, 30, 2, RejectReason.MARKET_GAP)]
    assert of(GapEnded, told) == [GapEnded(60, 60)]
    assert of(BookUpdated, told)[0][2:] == (0, 0, 0, 0)
    assert of(BookUpdated, told)[-1][2:] == (99, 1, 101, 1)


def test_a_mark_recorded_before_a_gap_does_not_count_after_it():
    exchange = opened(
        [
            (5, m.MARK, 90_000, 0),
            (6, m.GAP_START, 0, 0),
            (20, m.GAP_END, 0, 0),
            *book(20, {199: 10}, {201: 10}),
            (30, m.MARK, 195_000, 0),
            *book(40, {219: 10}, {221: 10}),
        ]
    )
    marks = []
    for now in (5, 19, 20, 30, 40):
        exchange.advance(until(now))
        marks.append(exchange.mark_milliticks)
    assert marks == [90_000, 90_000, 200_000, 195_000, 195_000], "unless it goes on, nothing says what it is"


# --- margin and money ---


@pytest.mark.parametrize(("lots", "fits"), [(100, True), (101, False)])
def test_the_margin_check_is_exact_at_its_edge(lots, fits):
    # mark 100, leverage 10: 100 lots need 1000 tick-lots.
    exchange = opened(balance_tick_lots=1000)
    exchange.submit([bid(1, 99, lots)])
    rejected = [event.reason for event in of(OrderRejected, drain(exchange))]
    assert rejected == ([] if fits else [RejectReason.INSUFFICIENT_MARGIN])


def test_the_margin_of_both_sides_is_that_of_the_larger():
    exchange = opened(balance_tick_lots=1000)
    exchange.submit([bid(1, 99, 100), ask(2, 101, 100), ask(3, 102, 1)])
    assert [event.order_id for event in of(OrderRejected, drain(exchange))] == [3]


def test_an_order_that_only_reduces_needs_no_margin():
    exchange = opened([(9, m.MARK, 50_000, 0), (9, m.BID, 97, 1)], balance_tick_lots=200, leverage="10")
    exchange.submit([market(1, Side.BUY, 10)])
    exchange.advance(until(8))  # stops at the fill
    exchange.advance(until(9))
    assert exchange.equity_quanta < 0
    exchange.submit([bid(2, 98, 1), ask(3, 105, 10)])
    told = drain(exchange)
    assert [event.order_id for event in of(OrderRejected, told)] == [2]
    assert [order.order_id for order in exchange.open_orders()] == [3]


def test_a_size_beyond_64_bits_of_notional_is_refused_not_wrapped():
    exchange = opened(balance_tick_lots=10**15, leverage="100")
    exchange.submit([bid(1, 99, 10**13 + 1), bid(2, 99, 10**17)])
    reasons = [event.reason for event in of(OrderRejected, drain(exchange))]
    assert reasons == [RejectReason.INSUFFICIENT_MARGIN, RejectReason.OTHER]


@pytest.mark.parametrize(
    ("rate", "mark_row", "expected"), [(1_000, 0, -5 * 100_000 * 1_000), (-7, 99_999, 5 * 99_999 * 7)]
)
def test_funding_is_paid_on_the_mark_exactly(rate, mark_row, expected):
    exchange = opened([(9, m.FUNDING, mark_row, rate)], feed_latency_ns=3)
    exchange.submit([market(1, Side.BUY, 5)])
    exchange.advance(until(8))
    before = exchange.equity_quanta
    assert of(FundingPaid, drain(exchange)) == [FundingPaid(12, 9, expected)]
    assert exchange.equity_quanta - before == expected


def test_the_drawdown_is_the_deepest_fall_from_the_highest_equity():
    rows = [(5, m.MARK, 103_000, 0), (6, m.MARK, 98_000, 0), (7, m.MARK, 101_000, 0)]
    exchange = opened(rows, taker_fee_ppb=0)
    exchange.submit([market(1, Side.BUY, 5)])
    drain(exchange)
    assert exchange.max_drawdown_quanta == 5 * 5 * QUANTA_PER_TICK_LOT


def test_equity_equals_the_position_replayed_from_the_fills():
    rows = [row for ts in range(10, 400, 10) for row in book(ts, {99 - ts % 7: 5}, {101 + ts % 5: 5})]
    rows += [(401, m.FUNDING, 0, 12_345)]
    exchange = opened(sorted(rows), maker_fee_ppb=-33_333, taker_fee_ppb=77_777, order_latency_ns=4)
    position, order_id = Position(), 0
    while exchange.now_ns < 500:
        for event in exchange.advance(until(exchange.now_ns + 10)):
            if isinstance(event, Filled):
                position.apply_fill(event.side, event.price_ticks, event.lots, event.fee_quanta)
            elif isinstance(event, FundingPaid):
                position.apply_funding(event.amount_quanta)
        order_id += 1
        exchange.submit([market(order_id, Side.BUY if order_id % 3 else Side.SELL, 1 + order_id % 4)])
    assert position.lots == exchange.position_lots != 0
    profit = position.profit_quanta(exchange.mark_milliticks)
    assert exchange.equity_quanta == exchange.terms.balance_quanta + profit


def test_terms_out_of_range_are_refused_with_a_sentence():
    for changes in ({"leverage": "0.5"}, {"maker_fee_ppb": 10**9}, {"feed_latency_ns": -1}, {"power_exponent": 0.0}):
        with pytest.raises(InvalidSettingError, match="must"):
            terms(**changes)
    assert terms(leverage="3").initial_margin_ppb == 333_333_334
    assert terms(leverage=str(Decimal(1))).initial_margin_ppb == 10**9


# --- memory: chunks, windows, rings ---


def test_a_message_may_span_chunks():
    rows = [*START, (5, m.ASK | m.MORE, 99, 1), (5, m.ASK, 99, 0), (9, m.SELL_TRADE, 98, 1)]
    for chunk in (1, 2, 3, 100):
        exchange = SimulatedExchange(Market(rows, chunk=chunk), terms())
        exchange.advance(until(2))
        exchange.submit([bid(1, 99, 5)])
        assert [fill.venue_ns for fill in of(Filled, drain(exchange))] == [9]


def test_the_window_follows_the_price_and_keeps_what_is_inside_it():
    rows = [row for step in range(200) for row in book(5 + step, {100 + 3 * step: 1 + step}, {103 + 3 * step: 1})]
    exchange = SimulatedExchange(Market(rows), terms(), window_ticks=64)
    told = of(BookUpdated, drain(exchange))
    assert told[-1][2:] == (100 + 3 * 199, 200, 103, 1)


def test_rings_grow_and_lose_nothing():
    rows = [(10 + each, m.BUY_TRADE, 101, 1) for each in range(5_000)]
    exchange = opened(rows, feed_latency_ns=10**6, order_latency_ns=10**6)
    exchange.submit([Cancel(each) for each in range(3_000)])
    told = drain(exchange)
    assert [event.order_id for event in of(CancelRejected, told)] == list(range(3_000))
    assert of(TradeSeen, told)[-1].venue_ns == 5_009
    assert exchange.events_processed == len(START) + 5_000


def _story(step_ns, chunk):
    """All that happens to a few orders, told in steps of this length."""
    rows = [row for ts in range(5, 600, 3) for row in [(ts, m.SELL_TRADE - ts % 2, 97 + ts % 7, ts % 9 + 1)]]
    rows += [row for ts in range(7, 600, 11) for row in book(ts, {99 - ts % 3: 4}, {101 + ts % 4: 4})]
    exchange = SimulatedExchange(Market([*START, *sorted(rows, key=lambda row: row[0])], chunk=chunk), terms())
    exchange.advance(until(2))
    exchange.submit([bid(1, 97, 30), ask(2, 103, 30), bid(3, 96, 7), ask(4, 104, 7)])
    events = []
    while not exchange.exhausted:
        stop = exchange.now_ns + step_ns if step_ns else FAR_FUTURE_NS
        events += [event for event in exchange.advance(until(stop)) if isinstance(event, Filled | OrderAccepted)]
    return events, exchange.equity_quanta, exchange.max_drawdown_quanta


@pytest.mark.parametrize("step_ns", [1, 13])
@pytest.mark.parametrize("chunk", [1, 7, 10**6])
def test_stops_and_chunks_change_nothing(step_ns, chunk):
    whole = _story(0, 10**6)
    assert len(whole[0]) > 4
    assert _story(step_ns, chunk) == whole


# --- market data that is pushed ---


def _messages(rows):
    """Rows put together into messages: their time, and kind, price and lots of each row without MORE."""
    message = []
    for ts, kind, price, lots in rows:
        message.append((kind & m.KIND_MASK, price, lots))
        if not kind & m.MORE:
            yield ts, message
            message = []


def _told_while_pushing(rows, orders, cuts):
    """All that is told when rows are pushed in pieces that end at these times, and time passes after each."""
    messages = list(_messages(rows))
    exchange = SimulatedExchange.pushed(Market(rows).instrument, terms(order_latency_ns=5), *messages[0])
    exchange.submit(orders)
    told, place = [], 1
    for cut in cuts:
        while place < len(messages) and messages[place][0] <= cut:
            exchange.push(*messages[place])
            place += 1
        told += _told_until(exchange, cut)
    return told, exchange.equity_quanta, exchange.events_processed


def _told_until(exchange, ns):
    told = exchange.advance(until(ns, on_book=True, on_order=True))
    while exchange.now_ns < ns:
        told += exchange.advance(until(ns, on_book=True, on_order=True))
    return [event for event in told if not isinstance(event, TimerFired)]


def _eventful_rows():
    rows = [(ts, m.SELL_TRADE - ts % 2, 97 + ts % 7, ts % 9 + 1) for ts in range(5, 600, 3)]
    rows += [row for ts in range(7, 600, 11) for row in book(ts, {99 - ts % 3: 4}, {101 + ts % 4: 4})]
    rows += [(200, m.GAP_START, 0, 0), (220, m.GAP_END, 0, 0), (300, m.FUNDING, 0, 1_000)]
    return [*START, *sorted(rows, key=lambda row: row[0])]


@given(st.lists(st.integers(1, 620), max_size=40))
def test_pushing_a_feed_in_any_pieces_tells_what_pulling_it_tells(cuts):
    rows, orders = _eventful_rows(), [bid(1, 97, 30), ask(2, 103, 30), bid(3, 96, 7), market(4, Side.BUY, 6)]
    pulled = SimulatedExchange(Market(rows), terms(order_latency_ns=5))
    pulled.submit(orders)
    cuts = [*sorted(cuts), 620]
    expected = [event for cut in cuts for event in _told_until(pulled, cut)]
    told, equity, processed = _told_while_pushing(rows, orders, cuts)
    assert len(of(Filled, expected)) > 2
    assert told == expected
    assert equity == pulled.equity_quanta
    assert processed == len(rows) + 1  # a pushed feed opens with a row that says nothing


def test_a_feed_can_go_over_into_pushing_and_is_not_asked_any_more():
    exchange = SimulatedExchange(Market([*START, (50, m.BID, 97, 1)], chunk=len(START)), terms())
    exchange.extend(
        MarketChunk(*(np.array(values) for values in ([9, 9], [m.BEST_BID | m.MORE, m.ASK], [100, 105], [5, 1])))
    )
    exchange.push(12, [(m.BUY_TRADE, 101, 3)])
    told = _told_until(exchange, 60)
    assert of(BookUpdated, told)[-1] == BookUpdated(9, 9, 100, 5, 101, 10)
    assert of(TradeSeen, told) == [TradeSeen(12, 12, 101, 3, Side.BUY)]
    assert not exchange.exhausted
    assert exchange.now_ns == 60
    exchange.push(61, [(m.BID, 98, 1)])
    _told_until(exchange, 61)
    assert exchange.events_processed == len(START) + 4


def test_a_pushed_exchange_must_be_told_until_when():
    exchange = SimulatedExchange.pushed(Market(START).instrument, terms(), 1, [(m.BID, 99, 1)])
    with pytest.raises(ValueError, match="until_ns"):
        exchange.advance(ASLEEP)


def test_rows_in_any_number_are_kept_until_they_happen():
    exchange = SimulatedExchange.pushed(Market(START).instrument, terms(), 1, [(m.BID, 99, 1), (m.ASK, 101, 1)])
    for step in range(20_000):
        exchange.push(2 + step, [(m.BID, 99, 2 + step), (m.ASK, 101, 2 + step)])
        if step % 7 == 0:
            exchange.advance(until(step - 9_000))
    assert of(BookUpdated, _told_until(exchange, 20_001))[-1] == BookUpdated(20_001, 20_001, 99, 20_001, 101, 20_001)
    assert exchange.events_processed == 3 + 2 * 20_000


def test_pushing_takes_no_more_memory_however_long_it_goes_on():
    exchange = SimulatedExchange.pushed(Market(START).instrument, terms(), 1, [(m.BID, 99, 1), (m.ASK, 101, 1)])
    for step in range(30_000):
        exchange.push(2 + step, [(m.BID, 99, 2 + step)])
        exchange.advance(until(2 + step))
    assert len(exchange._core.ts) == 4096


def test_what_is_on_its_way_is_known():
    exchange = opened([(99, m.BID, 97, 1)], order_latency_ns=10, feed_latency_ns=3)
    exchange.advance(until(10))
    assert exchange.next_due_ns is None
    exchange.submit([bid(1, 99, 5)])
    assert exchange.next_due_ns == 20
    exchange.advance(until(20))
    assert exchange.next_due_ns == 30
    exchange.advance(until(30))
    assert exchange.next_due_ns is None


# --- the account changed from outside ---


@pytest.mark.parametrize("quanta", [7, -7, 3 * 10**9 + 1, -(10**13) - 1])
def test_money_moved_is_no_drawdown_and_is_exact(quanta):
    exchange = opened([(9, m.MARK, 100_000, 0)])
    before = exchange.cash_quanta
    exchange.transfer(quanta)
    assert exchange.cash_quanta - before == quanta
    exchange.advance(until(9))
    assert exchange.max_drawdown_quanta == 0


def test_a_position_taken_over_costs_its_price_and_no_fee():
    exchange = opened([(9, m.MARK, 100_000, 0)])
    before = exchange.equity_quanta
    exchange.advance(until(9))
    exchange.take_over(-5, 101_000)
    assert exchange.position_lots == -5
    assert exchange.equity_quanta - before == 5 * QUANTA_PER_TICK_LOT


def test_the_compiler_changes_nothing():
    script = f"import sys; sys.path.insert(0, {TESTS!r}); from simulation import test_oracle; "
    script += "print(test_oracle.story_of_a_seed(3))"
    outputs = []
    for disabled in ("0", "1"):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled}
        command = [sys.executable, "-W", "error::RuntimeWarning", "-c", script]
        outputs.append(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert outputs[0] == outputs[1] != ""
