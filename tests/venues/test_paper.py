"""Paper trading: the simulated exchange in real time, on somebody else's market data."""

import asyncio
import inspect
from decimal import Decimal

import pytest

from perpmaker.domain.commands import Place
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.events import Filled, FundingPaid, OrderAccepted, OrderCanceled
from perpmaker.domain.money import fee_quanta
from perpmaker.domain.orders import CancelReason, OrderKind, RejectReason, Side
from perpmaker.simulation import market_events as m
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.testnet import rest, streams
from perpmaker.venues import port
from perpmaker.venues.errors import VenueError
from perpmaker.venues.feed_source import FeedSource
from perpmaker.venues.paper import PaperTerms, PaperVenue
from perpmaker.venues.paper_books import KEPT_ORDERS, PaperBooks
from perpmaker.venues.port import Accepted, Canceled, NotOpen, OrderState, Refused, Unknown
from simulation.markets import Market, ask, bid, book, market, until
from support import live_runs
from support.listeners import HeardAccount, HeardMarket
from support.runs import synthetic
from support.venue_rigs import RIGS
from support.virtual_time import START_NS, run_virtual, virtual_clock

S = 1_000_000_000
MS = 1_000_000
LATENCY_NS = 50 * MS
WHOLE = book(0, {99: 10, 98: 20}, {101: 10, 102: 20})
QUIET = [(900 * S, m.BID, 1, 1)]


def paper_terms(**changes):
    values = {
        "balance": Decimal(10_000),
        "leverage": Decimal(10),
        "maker_fee": Decimal("0.0002"),
        "taker_fee": Decimal("0.0005"),
        "order_latency_ns": LATENCY_NS,
    }
    return PaperTerms(**{**values, **changes})


class Opened:
    """A paper venue, its two listeners, and the time since it was opened."""

    def __init__(self, venue, clock, feed):
        self.venue, self.clock, self.feed = venue, clock, feed
        self.heard, self.told = HeardMarket(), HeardAccount()

    def now_ms(self):
        return (self.clock.now_ns() - START_NS) / MS

    async def take(self, coroutine):
        """What a request answers, and how long it took, in whole milliseconds."""
        before = self.now_ms()
        answer = await coroutine
        return answer, int(self.now_ms() - before)


def paper(story, rows=(), *, feed=None, min_lots=1, **changes):
    """Run a story over a paper venue on these rows."""

    async def run():
        clock = virtual_clock()
        played = feed or Market([*WHOLE, *rows, *QUIET], min_lots=min_lots)
        opened = Opened(PaperVenue(FeedSource(played, clock), paper_terms(**changes), clock), clock, played)
        await opened.venue.open(opened.heard)
        await opened.venue.open_account(opened.told)
        opened.venue.begin_run(7)
        result = await story(opened)
        await opened.venue.close()
        return result

    return run_virtual(run)


def test_an_order_is_answered_after_one_round_trip_and_rests():
    async def story(p):
        answer, took_ms = await p.take(p.venue.place([bid(1, 99, 5), ask(2, 101, 5)]))
        assert took_ms == 100
        arrived = START_NS + LATENCY_NS
        assert answer == [Accepted(1, arrived), Accepted(2, arrived)]
        assert [event.order_id for event in p.told.own] == [1, 2]
        assert p.told.own[0] == OrderAccepted(arrived + LATENCY_NS, arrived, 1)
        orders = await p.venue.open_orders()
        assert [(each.tag, each.order_id, each.price_ticks, each.lots, each.state) for each in orders] == [
            (7, 1, 99, 5, OrderState.OPEN),
            (7, 2, 101, 5, OrderState.OPEN),
        ]

    paper(story)


def test_the_queue_before_an_order_can_be_seen():
    async def story(p):
        await p.venue.place([bid(1, 99, 5), bid(2, 97, 5)])
        assert [p.venue.queue_ahead(order_id) for order_id in (1, 2, 3)] == [10, 0, None]

    paper(story)


def test_refusals_are_told_by_the_answer_alone():
    async def story(p):
        orders = [bid(1, 101, 5), bid(2, 99, 1), bid(3, 90, 5, reduce_only=True), bid(4, 99, 10**8)]
        answers = await p.venue.place(orders)
        assert [answer.reason for answer in answers] == [
            RejectReason.POST_ONLY_WOULD_CROSS,
            RejectReason.BELOW_MINIMUM,
            RejectReason.REDUCE_ONLY_WOULD_INCREASE,
            RejectReason.INSUFFICIENT_MARGIN,
        ]
        assert "post-only would cross" in answers[0].detail
        assert p.told.own == []
        assert await p.venue.order(1) is None

    paper(story, min_lots=2)


def test_before_the_first_book_and_with_a_used_id_nothing_is_sent():
    async def story(p):
        (first,) = await p.venue.place([bid(1, 98, 5)])
        (again,) = await p.venue.place([bid(1, 97, 5)])
        assert (type(first), type(again)) == (Accepted, Refused)
        assert "order id 1 was used before" in again.detail
        unopened = PaperVenue(FeedSource(Market(WHOLE), p.clock), paper_terms(), p.clock)
        (early,) = await unopened.place([bid(1, 98, 5)])
        assert early.reason is RejectReason.NO_MARKET
        assert await unopened.cancel(1) == NotOpen(1)
        assert (await unopened.position()).lots == 0

    paper(story)


def test_a_resting_order_fills_in_the_middle_of_waiting_and_pays_its_fee():
    trade = (2 * S, m.SELL_TRADE, 98, 1)

    async def story(p):
        await p.venue.place([bid(1, 99, 5)])
        await p.told.until(lambda: p.told.of(Filled))
        (fill,) = p.told.of(Filled)
        assert fill.order_id == 1
        assert (fill.side, fill.price_ticks, fill.lots, fill.is_maker) == (Side.BUY, 99, 5, True)
        assert fill.fee_quanta == fee_quanta(99, 5, 200_000)
        assert fill.at_ns - fill.venue_ns == LATENCY_NS
        assert p.told.positions == [5]
        (kept,) = await p.venue.fills(0)
        assert (kept.tag, kept.fill) == (7, fill)
        assert await p.venue.fills(fill.venue_ns + 1) == []
        position = await p.venue.position()
        assert (position.lots, position.entry_price) == (5, Decimal("0.99"))
        assert (await p.venue.order(1)).state is OrderState.FILLED

    paper(story, [trade])


def test_cancel_cancel_twice_and_cancel_of_what_never_was():
    async def story(p):
        await p.venue.place([bid(1, 99, 5)])
        (first, took_ms), second, unknown = await asyncio.gather(
            p.take(p.venue.cancel(1)), p.venue.cancel(1), p.venue.cancel(99)
        )
        assert (type(first), first.order_id, first.filled_lots, took_ms) == (Canceled, 1, 0, 100)
        assert (second, unknown) == (NotOpen(1), NotOpen(99))
        assert await p.venue.cancel(1) == NotOpen(1)
        assert [event.reason for event in p.told.of(OrderCanceled)] == [CancelReason.REQUESTED]
        assert (await p.venue.order(1)).state is OrderState.CANCELED

    paper(story)


def test_cancel_all_also_cancels_what_is_on_its_way():
    async def story(p):
        await p.venue.place([bid(1, 99, 5)])
        placing = asyncio.ensure_future(p.venue.place([ask(2, 101, 5)]))
        await asyncio.sleep(0)
        assert await p.venue.cancel_all() is True
        await placing
        assert await p.venue.open_orders() == []
        assert len(p.told.of(OrderCanceled)) == 2
        assert await p.venue.cancel_all() is True

    paper(story)


def test_a_gap_of_the_source_kills_our_orders_and_what_is_on_its_way():
    gap = [(2 * S, m.GAP_START, 0, 0), (3 * S, m.GAP_END, 0, 0), *book(3 * S, {99: 1}, {101: 1})]

    async def story(p):
        await p.venue.place([bid(1, 99, 5)])
        await asyncio.sleep(1.88)  # 2 s after the start less half a latency
        canceled, again, placed, of_placed = await asyncio.gather(
            p.venue.cancel(1), p.venue.cancel(1), p.venue.place([bid(2, 98, 5)]), p.venue.cancel(2)
        )
        assert (type(canceled), again) == (Canceled, NotOpen(1))
        assert placed[0].reason is RejectReason.MARKET_GAP
        assert of_placed == NotOpen(2)
        assert [event.reason for event in p.told.of(OrderCanceled)] == [CancelReason.MARKET_GAP]
        (blind,) = await p.venue.place([bid(3, 98, 5)])
        assert blind.reason is RejectReason.MARKET_GAP
        await asyncio.sleep(1)
        (seen,) = await p.venue.place([bid(4, 98, 5)])
        assert isinstance(seen, Accepted)

    paper(story, gap)


def test_a_restart_is_a_gap_and_the_private_stream_says_that_it_was_away():
    async def story(p):
        await p.venue.place([bid(1, 99, 5)])
        await p.venue.restart()
        assert p.told.stream == [False, True]
        await p.told.until(lambda: p.told.of(OrderCanceled))
        await asyncio.sleep(1)
        (again,) = await p.venue.place([bid(2, 99, 5)])
        assert isinstance(again, Accepted)

    paper(story)


def test_money_adds_up_with_fees_and_funding():
    funding = [(2 * S, m.MARK, 100_000, 0), (5 * S, m.FUNDING, 0, 1_000_000)]

    async def story(p):
        before = await p.venue.account()
        assert (before.equity, before.balance, before.free_margin) == (10_000, 10_000, 10_000)
        await p.venue.place([market(1, Side.BUY, 8)])
        await asyncio.sleep(2)
        after = await p.venue.account()
        # 8 lots of 0.1 at 1.01: 0.808, taker fee 5 bp; mark 1.00.
        fee = Decimal("0.808") * Decimal("0.0005")
        assert after.balance == 10_000 - fee
        assert after.equity == after.balance - Decimal("0.008")
        assert after.free_margin == after.equity - Decimal("0.8") / 10
        assert (after.maker_fee, after.taker_fee, after.leverage) == (Decimal("0.0002"), Decimal("0.0005"), 10)
        await p.told.until(lambda: p.told.of(FundingPaid))
        (payment,) = await p.venue.funding(0)
        assert payment.payment == p.told.of(FundingPaid)[0]
        assert (await p.venue.account()).balance == after.balance - Decimal("0.8") * Decimal("0.001")

    paper(story, funding)


def test_funding_of_a_flat_account_is_nothing():
    async def story(p):
        await asyncio.sleep(3)
        assert p.told.own == []
        assert await p.venue.funding(0) == []

    paper(story, [(2 * S, m.FUNDING, 100_000, 1_000_000)])


def test_orders_of_another_run_are_foreign():
    async def story(p):
        await p.venue.place([bid(1, 99, 5)])
        p.venue.begin_run(8)
        assert await p.venue.order(1) is None
        assert await p.venue.cancel(1) == NotOpen(1)
        (left,) = await p.venue.open_orders()
        assert (left.tag, left.order_id) == (7, 1)
        assert await p.venue.cancel_venue_order(left.venue_id) is True
        assert p.told.foreign == [(left.client_id, False)]
        assert p.told.of(OrderCanceled) == []
        await p.venue.place([bid(1, 99, 5)])
        assert (await p.venue.order(1)).tag == 8

    paper(story)


def test_what_is_on_its_way_when_the_venue_closes_stays_unknown():
    async def story(p):
        placing = asyncio.ensure_future(p.venue.place([bid(1, 99, 5)]))
        await asyncio.sleep(0)
        await p.venue.close()
        (answer,) = await placing
        assert isinstance(answer, Unknown)
        assert answer.order_id == 1
        assert "closed" in answer.detail
        (later,) = await p.venue.place([bid(2, 99, 5)])
        assert isinstance(later, Refused)

    paper(story)


def test_a_request_that_nobody_waits_for_any_more_does_no_harm():
    async def story(p):
        placing = asyncio.ensure_future(p.venue.place([bid(1, 99, 5)]))
        await asyncio.sleep(0.01)
        placing.cancel()
        await p.told.until(lambda: p.told.of(OrderAccepted))
        assert (await p.venue.order(1)).state is OrderState.OPEN

    paper(story)


def test_impossible_terms_are_refused():
    async def story():
        clock = virtual_clock()
        await PaperVenue(FeedSource(Market(WHOLE), clock), paper_terms(leverage=Decimal("0.5")), clock).market()

    with pytest.raises(InvalidSettingError, match="leverage"):
        run_virtual(story)


def test_fills_are_those_of_the_same_exchange_in_simulated_time():
    """Real time, a thousand small steps and answers by timer: the very same executions as in one go."""
    feed = synthetic(3)
    orders = [bid(1, 14_990, 40), ask(2, 15_010, 40), bid(3, 14_995, 500), ask(4, 15_005, 500), market(5, Side.BUY, 70)]

    async def story(p):
        await asyncio.sleep(1)
        sent_ns = p.clock.now_ns() - START_NS
        await p.venue.place(orders)
        await asyncio.sleep(120)
        return sent_ns, [fill.fill for fill in await p.venue.fills(0)]

    sent_ns, live = paper(story, feed=feed)
    exchange = SimulatedExchange(feed, paper_terms().exchange_terms(feed.instrument))
    start_ns = exchange.now_ns
    exchange.advance(until(start_ns + sent_ns))
    while exchange.now_ns < start_ns + sent_ns:
        exchange.advance(until(start_ns + sent_ns))
    exchange.submit(orders)
    simulated = []
    while exchange.now_ns < start_ns + sent_ns + 120 * S:
        simulated += [
            each for each in exchange.advance(until(start_ns + sent_ns + 120 * S)) if isinstance(each, Filled)
        ]
    assert len(simulated) >= 3
    assert [fill[2:] for fill in live] == [fill[2:] for fill in simulated]


def test_ended_orders_are_forgotten_in_time():
    instrument = Market(WHOLE).instrument
    books = PaperBooks(instrument, paper_terms().exchange_terms(instrument))
    for order_id in range(1, KEPT_ORDERS + 11):
        number = books.send(Place(order_id, Side.BUY, 99, 1, OrderKind.LIMIT, True, False), 1).number
        books.hear(OrderAccepted(1, 1, number))
        books.hear(OrderCanceled(1, 1, number, 0, CancelReason.REQUESTED))
    assert books.find(1, 10) is None
    assert books.find(1, 11).state is OrderState.CANCELED
    assert books.open_orders() == []


def test_a_source_has_no_way_to_send_an_order():
    """By construction: what a paper venue holds knows no word for it."""
    sending = {name for name in vars(port.Venue) if not name.startswith("_")} - set(vars(port.MarketSource))
    assert {"place", "cancel", "cancel_all", "cancel_venue_order", "account"} <= sending
    assert not sending & set(dir(FeedSource))
    parameters = inspect.signature(PaperVenue.__init__).parameters
    assert parameters["source"].annotation is port.MarketSource


def test_a_paper_run_on_the_testnet_sends_nothing_that_is_private(monkeypatch):
    """A whole run with fills on paper, on the public data of a testnet, which counts whatever is signed."""
    signed = []

    def counted(verify):
        def count(*arguments):
            signed.append(arguments[1])
            return verify(*arguments)

        return count

    monkeypatch.setattr(rest, "verify", counted(rest.verify))
    monkeypatch.setattr(streams, "verify_subscription", counted(streams.verify_subscription))

    async def trade(made, spread):
        played = await live_runs.rig(made.venue, made.clock, spread=spread, duration_s=Decimal(60))
        await played.play()
        return played.told.of(Filled)

    async def on(name, spread):
        async with RIGS[name]() as made:
            return await trade(made, spread)

    assert run_virtual(lambda: on("paper", Decimal("0.0005")))
    assert signed == []
    run_virtual(lambda: on("backpack", Decimal("0.0005")))
    assert len(signed) > 10  # what is signed does count


def test_questions_are_answered_after_a_round_trip_even_before_the_market_is_known():
    async def story(p):
        for question in (p.venue.account, p.venue.position, p.venue.open_orders):
            _, took_ms = await p.take(question())
            assert took_ms == 100
        with pytest.raises(VenueError):
            await PaperVenue(FeedSource(Market(WHOLE), p.clock), paper_terms(), p.clock).resnapshot()

    paper(story)
