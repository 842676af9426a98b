"""The simulated exchange as a run on wires met its own."""

from decimal import Decimal

from perpmaker.domain.commands import ASLEEP, Cancel, Place
from perpmaker.domain.events import (
    BookUpdated,
    CancelRejected,
    Event,
    GapEnded,
    GapStarted,
    OrderAccepted,
    OrderCanceled,
    PositionCorrected,
)
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.execution.transitions import Trigger
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.research.fidelity_wires import WiredExchange
from perpmaker.simulation import market_events as m
from simulation.markets import Market, book, terms

MARKET = [*book(0, {99: 5}, {101: 5}), (10, m.GAP_START, 0, 0), (20, m.GAP_END, 0, 0), *book(20, {98: 5}, {100: 5})]
LATE = [(100_000, m.MARK, 100_000, 0)]
EVERYTHING = ASLEEP._replace(on_book=True, on_order=True)


def wired(rows, outside=(), *, waits=True, latency_ns=100):
    feed = Market(rows)
    exchange = WiredExchange(feed, terms(order_latency_ns=latency_ns), outside, waits=waits)
    strategy = StrategySettings(spread=Decimal("0.01"), quantity=Decimal("0.5"))
    maker = MarketMaker(StrategyTerms.of(strategy, feed.instrument, Decimal(10_000), Decimal(10)), 0)
    return exchange, maker


def heard(exchange: WiredExchange, until_ns: int) -> list[Event]:
    events: list[Event] = []
    while exchange.now_ns < until_ns or not events:
        events += exchange.advance(EVERYTHING._replace(until_ns=until_ns))
    return events


def place(maker: MarketMaker, side: Side, price: int) -> Place:
    command = Place(maker.state.next_order_id, side, price, 1, OrderKind.LIMIT, True, False, 1)
    maker.state.next_order_id += 1
    maker.orders.placed(command)
    return command


def accept(exchange: WiredExchange, maker: MarketMaker, orders: list[Place]) -> None:
    exchange.submit(orders)
    for event in heard(exchange, exchange.now_ns + 250):
        if isinstance(event, OrderAccepted):
            maker.orders.apply(event.order_id, Trigger.ACCEPTED)


def test_the_maker_is_blind_when_the_run_was_and_not_in_the_feeds_own_gaps() -> None:
    exchange, maker = wired([*MARKET, *LATE], [GapStarted(0, 0), GapEnded(50, 50)])
    exchange.begin(maker, 0)
    told = heard(exchange, 60)
    gaps = [(type(event), event.at_ns) for event in told if isinstance(event, GapStarted | GapEnded)]
    assert gaps == [(GapStarted, 0), (GapEnded, 50)]
    after = told[told.index(GapEnded(50, 50)) + 1]
    assert isinstance(after, BookUpdated)
    assert (after.at_ns, after.bid_ticks, after.ask_ticks) == (50, 98, 100), "the book is told anew"


def test_a_run_that_starts_later_sees_the_market_of_then_first() -> None:
    exchange, maker = wired([*MARKET, *LATE], [GapStarted(30, 30)])
    exchange.begin(maker, 30)
    first, second = exchange.advance(EVERYTHING), exchange.advance(EVERYTHING)
    assert first == [GapStarted(30, 30)]
    assert isinstance(second[0], BookUpdated)
    assert (second[0].at_ns, second[0].bid_ticks) == (30, 98)


def test_what_came_from_outside_reaches_maker_and_exchange() -> None:
    exchange, maker = wired([*MARKET, *LATE], [PositionCorrected(40, 40, 7, 99_000)])
    exchange.begin(maker, 0)
    assert PositionCorrected(40, 40, 7, 99_000) in heard(exchange, 60)
    assert exchange.position_lots == 7


def test_quotes_wait_for_a_cancel_of_everything_and_one_that_is_cancelled_meanwhile_is_never_sent() -> None:
    exchange, maker = wired([*book(0, {99: 5}, {101: 5}), *LATE])
    exchange.begin(maker, 0)
    old = [place(maker, Side.BUY, 98), place(maker, Side.SELL, 102)]
    accept(exchange, maker, old)
    sent_ns = exchange.now_ns
    new = [place(maker, Side.BUY, 97), place(maker, Side.SELL, 103)]
    cancels = [maker.state.cancel(order) for order in list(maker.orders) if order.order_id <= 2]
    exchange.submit([*cancels, *new])
    exchange.submit([Cancel(new[0].order_id)])
    told = heard(exchange, sent_ns + 1_000)
    dropped = next(event for event in told if isinstance(event, OrderCanceled))
    assert (dropped.order_id, dropped.at_ns) == (new[0].order_id, sent_ns)
    accepted = [(event.order_id, event.venue_ns) for event in told if isinstance(event, OrderAccepted)]
    assert accepted == [(new[1].order_id, sent_ns + 300)], "there and back, and there once more"


def test_without_such_a_request_nothing_waits() -> None:
    exchange, maker = wired([*book(0, {99: 5}, {101: 5}), *LATE], waits=False)
    exchange.begin(maker, 0)
    accept(exchange, maker, [place(maker, Side.BUY, 98), place(maker, Side.SELL, 102)])
    sent_ns = exchange.now_ns
    cancels = [maker.state.cancel(order) for order in list(maker.orders)]
    exchange.submit([*cancels, place(maker, Side.BUY, 97)])
    told = heard(exchange, sent_ns + 1_000)
    assert [event.venue_ns for event in told if isinstance(event, OrderAccepted)] == [sent_ns + 100]


def test_one_cancel_keeps_nothing_waiting_and_a_closing_order_never_waits() -> None:
    exchange, maker = wired([*book(0, {99: 5}, {101: 5}), *LATE], [PositionCorrected(0, 0, 7, 99_000)])
    exchange.begin(maker, 0)
    accept(exchange, maker, [place(maker, Side.BUY, 98), place(maker, Side.SELL, 102)])
    sent_ns = exchange.now_ns
    first, second = (maker.state.cancel(order) for order in list(maker.orders))
    exchange.submit([first, place(maker, Side.BUY, 97)])
    closing = Place(9, Side.SELL, 0, 1, OrderKind.MARKET, False, True)
    exchange.submit([second, closing])
    told = heard(exchange, sent_ns + 1_000)
    assert [event.venue_ns for event in told if isinstance(event, OrderAccepted)] == [sent_ns + 100] * 2


def test_that_an_order_was_not_open_any_more_is_not_told_by_a_cancel_of_everything() -> None:
    rows = [*book(0, {99: 5}, {101: 5}), (300, m.SELL_TRADE, 90, 1), *LATE]
    for waits, tellings in ((True, 0), (False, 1)):
        exchange, maker = wired(rows, waits=waits)
        exchange.begin(maker, 0)
        accept(exchange, maker, [place(maker, Side.BUY, 98), place(maker, Side.SELL, 102)])
        exchange.submit([maker.state.cancel(order) for order in list(maker.orders)])
        told = heard(exchange, 2_000)
        assert sum(isinstance(event, CancelRejected) for event in told) == tellings
