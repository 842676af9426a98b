"""The contract of `perpmaker.venues.port.Venue`: the same rules for every venue that can run here."""

import asyncio
from decimal import Decimal

import pytest

from perpmaker.domain.commands import Place
from perpmaker.domain.errors import UnknownNameError
from perpmaker.domain.events import BookUpdated, Filled, GapEnded, GapStarted, MarkUpdated, OrderAccepted, OrderCanceled
from perpmaker.domain.money import fee_quanta
from perpmaker.domain.orders import CancelReason, OrderKind, RejectReason, Side
from perpmaker.simulation import market_events as m
from perpmaker.venues.errors import VenueError
from perpmaker.venues.port import Accepted, Canceled, NotOpen, OrderState, Refused, Unknown
from support.contract_market import ASK_TICKS, BID_TICKS, INSTRUMENT, MARKS, SWEEP_TICKS
from support.venue_rigs import BALANCE, MAKER_FEE_PPB, RIGS, TAKER_FEE_PPB, closing
from venues.contract import FAR_ASK, FAR_BID, ask, bid, filled, market, needs, tell, without_times


@pytest.fixture(params=RIGS)
def name(request):
    return request.param


# --- the market ---


def test_the_terms_of_the_market_are_the_venues_own(name):
    async def story(rig):
        terms = await rig.venue.market()
        assert terms.instrument == INSTRUMENT
        assert terms.is_tradable
        assert terms.initial_margin_ppb > 0

    tell(name, story, is_opened=False)


def test_a_symbol_that_is_not_there_is_the_users_mistake(name):
    async def story(rig):
        needs(rig, "other_symbol")
        source = rig.other_symbol("NOPE_USDC_PERP")
        async with closing(source):
            with pytest.raises(UnknownNameError, match="NOPE_USDC_PERP"):
                await source.market()

    tell(name, story, is_opened=False)


def test_the_clock_is_read_within_its_round_trip(name):
    async def story(rig):
        reading = await rig.venue.clock()
        assert reading.sent_ns <= reading.received_ns
        assert abs(reading.offset_ns) <= 2_000_000  # Backpack tells whole milliseconds

    tell(name, story, is_opened=False)


def test_the_mark_is_told_before_the_streams_are_open(name):
    async def story(rig):
        assert BID_TICKS * 1_000 <= await rig.venue.mark() <= ASK_TICKS * 1_000

    tell(name, story, is_opened=False)


def test_the_whole_book_comes_first_and_then_every_change_in_order(name):
    async def story(rig):
        first = rig.heard.messages[0]
        assert isinstance(first.event, BookUpdated)
        assert len(first.rows) >= 20
        await asyncio.sleep(30)
        received = [message.received_ns for message in rig.heard.messages]
        assert received == sorted(received)
        assert len(received) > 100
        for event in rig.heard.events():
            assert event.at_ns in received
        for event in rig.heard.events(BookUpdated):
            assert (event.bid_ticks, event.ask_ticks) == (BID_TICKS, ASK_TICKS)
        assert rig.heard.touch() == rig.heard.top[2:]
        assert not rig.heard.events(GapStarted)

    tell(name, story)


def test_trades_and_marks_are_told(name):
    async def story(rig):
        await rig.heard.until(lambda: rig.heard.trades(Side.BUY) and rig.heard.trades(Side.SELL))
        assert rig.heard.trades(Side.SELL)[0].price_ticks == BID_TICKS - SWEEP_TICKS
        assert rig.heard.trades(Side.BUY)[0].price_ticks == ASK_TICKS + SWEEP_TICKS
        await rig.heard.until(lambda: rig.heard.events(MarkUpdated))
        assert rig.heard.events(MarkUpdated)[-1].mark_milliticks in MARKS

    tell(name, story)


def test_a_lost_stream_is_told_as_a_gap_and_ends_with_a_whole_book(name):
    async def story(rig):
        await asyncio.sleep(3)
        before = len(rig.heard.messages)
        await rig.lose_streams()
        await rig.heard.until(lambda: rig.heard.events(GapEnded))
        await asyncio.sleep(3)
        after = rig.heard.messages[before:]
        gap = next(place for place, message in enumerate(after) if isinstance(message.event, GapStarted))
        end = next(place for place, message in enumerate(after) if isinstance(message.event, GapEnded))
        assert all(message.event is None for message in after[gap + 1 : end])
        whole = next(message for message in after[end:] if isinstance(message.event, BookUpdated))
        assert {row.kind for row in whole.rows} >= {m.BID, m.ASK}
        assert len(whole.rows) >= 20
        assert rig.heard.touch() == rig.heard.top[2:]

    tell(name, story)


def test_a_restart_comes_back_with_a_whole_book(name):
    async def story(rig):
        await rig.venue.restart()
        await rig.heard.until(lambda: rig.heard.events(GapEnded))
        await rig.heard.until(lambda: isinstance(rig.heard.events()[-1], BookUpdated))
        assert len(rig.heard.events(GapStarted)) == 1
        assert rig.heard.touch() == rig.heard.top[2:]
        await rig.told.until(lambda: rig.told.stream[-1:] == [True])
        assert rig.told.stream == [False, True]

    tell(name, story)


def test_a_book_that_is_right_survives_a_resnapshot_and_gives_a_sign_of_life(name):
    async def story(rig):
        await asyncio.sleep(1)
        before = len(rig.heard.messages)
        await rig.venue.resnapshot()
        assert len(rig.heard.messages) > before
        assert not rig.heard.events(GapStarted)

    tell(name, story)


def test_after_close_nothing_is_told(name):
    async def story(rig):
        await rig.venue.close()
        before = len(rig.heard.messages)
        await asyncio.sleep(10)
        assert len(rig.heard.messages) == before

    tell(name, story)


# --- placing ---


def test_a_post_only_order_rests_and_is_ours(name):
    async def story(rig):
        answers = await rig.venue.place([bid(1, lots=7), ask(2, lots=9)])
        assert [type(answer) for answer in answers] == [Accepted, Accepted]
        assert [answer.order_id for answer in answers] == [1, 2]
        found = {order.order_id: order for order in await rig.venue.open_orders()}
        assert found.keys() == {1, 2}
        one, two = found[1], found[2]
        assert (one.tag, one.side, one.price_ticks, one.lots, one.filled_lots) == (7, Side.BUY, FAR_BID, 7, 0)
        assert (two.tag, two.side, two.price_ticks, two.lots, two.filled_lots) == (7, Side.SELL, FAR_ASK, 9, 0)
        assert {one.state, two.state} == {OrderState.OPEN}
        assert not one.reduce_only
        await rig.told.until(lambda: len(rig.told.of(OrderAccepted)) >= 2)
        assert sorted(event.order_id for event in rig.told.of(OrderAccepted)) == [1, 2]

    tell(name, story)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (bid(1, ASK_TICKS), RejectReason.POST_ONLY_WOULD_CROSS),
        (ask(1, BID_TICKS - 3), RejectReason.POST_ONLY_WOULD_CROSS),
        (bid(1, lots=4), RejectReason.BELOW_MINIMUM),
        (market(1, Side.SELL, 10, reduce_only=True), RejectReason.REDUCE_ONLY_WOULD_INCREASE),
        (bid(1, lots=1_000_000), RejectReason.INSUFFICIENT_MARGIN),
    ],
)
def test_what_the_venue_refuses_it_refuses_with_its_reason(name, order, reason):
    async def story(rig):
        (answer,) = await rig.venue.place([order])
        assert isinstance(answer, Refused), answer
        assert (answer.order_id, answer.reason) == (1, reason), answer
        assert answer.detail
        assert await rig.venue.open_orders() == []
        found = await rig.venue.order(1)
        assert found is None or found.state is not OrderState.OPEN
        assert (await rig.venue.position()).lots == 0

    tell(name, story)


def test_a_batch_is_answered_in_order_whatever_becomes_of_each(name):
    async def story(rig):
        answers = await rig.venue.place([bid(3), bid(1, ASK_TICKS), ask(5), bid(4, lots=4), bid(2)])
        assert [answer.order_id for answer in answers] == [3, 1, 5, 4, 2]
        assert [type(answer) for answer in answers] == [Accepted, Refused, Accepted, Refused, Accepted]
        assert {order.order_id for order in await rig.venue.open_orders()} == {2, 3, 5}

    tell(name, story)


# --- cancelling, and what became of an order ---


def test_a_cancel_is_answered_with_proof_and_a_second_one_with_not_open(name):
    async def story(rig):
        await rig.venue.place([bid(1), bid(2)])
        canceled = await rig.venue.cancel(1)
        assert isinstance(canceled, Canceled), canceled
        assert (canceled.order_id, canceled.filled_lots) == (1, 0)
        assert await rig.venue.cancel(1) == NotOpen(1)
        assert await rig.venue.cancel(99) == NotOpen(99)
        assert [order.order_id for order in await rig.venue.open_orders()] == [2]
        await rig.told.until(lambda: rig.told.of(OrderCanceled))
        (told,) = rig.told.of(OrderCanceled)
        assert (told.order_id, told.filled_lots, told.reason) == (1, 0, CancelReason.REQUESTED)

    tell(name, story)


def test_an_order_that_was_filled_in_part_dies_with_what_it_has(name):
    """A lot at a time trades ten ticks below the best bid, where nobody else stands."""

    async def story(rig):
        await rig.venue.place([bid(1, BID_TICKS - SWEEP_TICKS, 10)])
        (fill,) = await filled(rig, 1, 1)
        assert (fill.lots, fill.is_maker) == (1, True)
        (order,) = await rig.venue.open_orders()
        assert (order.lots, order.filled_lots, order.state) == (10, 1, OrderState.OPEN)
        canceled = await rig.venue.cancel(1)
        assert isinstance(canceled, Canceled), canceled
        assert canceled.filled_lots == 1
        ended = await rig.venue.order(1)
        assert (ended.state, ended.filled_lots) == (OrderState.CANCELED, 1)
        await rig.told.until(lambda: rig.told.of(OrderCanceled))
        assert [type(event) for event in rig.told.own] == [OrderAccepted, Filled, OrderCanceled]
        assert rig.told.of(OrderCanceled)[0].filled_lots == 1

    tell(name, story)


def test_cancel_all_leaves_nothing(name):
    async def story(rig):
        await rig.venue.place([bid(1), bid(2), ask(3)])
        assert await rig.venue.cancel_all() is True
        assert await rig.venue.open_orders() == []
        await rig.told.until(lambda: len(rig.told.of(OrderCanceled)) >= 3)
        assert sorted(event.order_id for event in rig.told.of(OrderCanceled)) == [1, 2, 3]
        assert await rig.venue.cancel_all() is True

    tell(name, story)


def test_as_many_orders_as_there_are_are_listed_and_cancelled(name):
    async def story(rig):
        for first in (1, 21, 41):
            answers = await rig.venue.place([bid(first + place, FAR_BID - first - place) for place in range(20)])
            assert {type(answer) for answer in answers} == {Accepted}
        found = await rig.venue.open_orders()
        assert sorted(order.order_id for order in found) == list(range(1, 61))
        assert {order.price_ticks for order in found} == {FAR_BID - order_id for order_id in range(1, 61)}
        assert await rig.venue.cancel_all() is True
        assert await rig.venue.open_orders() == []

    tell(name, story)


def test_what_became_of_an_order_can_be_asked(name):
    async def story(rig):
        await rig.venue.place([bid(1), bid(2), market(3, Side.BUY, 6)])
        await rig.venue.cancel(2)
        await filled(rig, 3, 6)
        one, two, three = [await rig.venue.order(order_id) for order_id in (1, 2, 3)]
        assert (one.state, one.order_id, one.tag, one.price_ticks, one.lots) == (OrderState.OPEN, 1, 7, FAR_BID, 10)
        assert (two.state, two.cancel_reason, two.filled_lots) == (OrderState.CANCELED, CancelReason.REQUESTED, 0)
        assert (three.state, three.filled_lots, three.side) == (OrderState.FILLED, 6, Side.BUY)
        assert await rig.venue.order(99) is None

    tell(name, story)


# --- executions, position, money ---


def test_a_market_order_fills_at_once_with_its_exact_fee_and_is_told_once(name):
    async def story(rig):
        started_ns = rig.clock.now_ns()
        (answer,) = await rig.venue.place([market(1, Side.BUY, 70)])
        assert isinstance(answer, Accepted)
        told = await filled(rig, 1, 70)
        await asyncio.sleep(5)
        assert rig.told.of(Filled) == told
        assert len(told) >= 2  # a level holds fewer
        for fill in told:
            assert (fill.side, fill.is_maker) == (Side.BUY, False)
            assert fill.price_ticks >= ASK_TICKS
            assert started_ns <= fill.venue_ns <= fill.at_ns <= rig.clock.now_ns()
            assert fill.fee_quanta == fee_quanta(fill.price_ticks, fill.lots, TAKER_FEE_PPB)
        assert len({fill.fill_id for fill in told}) == len(told)
        kept = await rig.venue.fills(started_ns - 1_000_000_000)
        assert [without_times(each.fill) for each in kept] == [without_times(fill) for fill in told]
        assert {each.tag for each in kept} == {7}
        assert await rig.venue.fills(rig.clock.now_ns()) == []

    tell(name, story)


def test_an_ioc_order_takes_what_its_limit_allows_and_rests_nowhere(name):
    async def story(rig):
        (answer,) = await rig.venue.place([Place(1, Side.BUY, ASK_TICKS, 200, OrderKind.IOC, False, False)])
        assert isinstance(answer, Accepted)
        await rig.told.until(lambda: rig.told.of(OrderCanceled))
        (canceled,) = rig.told.of(OrderCanceled)
        fills = rig.told.of(Filled)
        assert {fill.price_ticks for fill in fills} == {ASK_TICKS}
        taken = sum(fill.lots for fill in fills)
        assert (canceled.order_id, canceled.filled_lots) == (1, taken)
        assert 0 < taken < 200
        ended = await rig.venue.order(1)
        assert (ended.state, ended.filled_lots) == (OrderState.CANCELED, taken)
        assert (await rig.venue.position()).lots == taken

    tell(name, story)


def test_a_resting_order_that_is_reached_fills_as_maker(name):
    async def story(rig):
        await rig.venue.place([bid(1, BID_TICKS - 5, 8), ask(2, ASK_TICKS + 5, 6)])
        (bought,) = await filled(rig, 1, 8)
        (sold,) = await filled(rig, 2, 6)
        assert (bought.side, bought.price_ticks, bought.is_maker) == (Side.BUY, BID_TICKS - 5, True)
        assert (sold.side, sold.price_ticks, sold.is_maker) == (Side.SELL, ASK_TICKS + 5, True)
        assert bought.fee_quanta == fee_quanta(BID_TICKS - 5, 8, MAKER_FEE_PPB)
        assert await rig.venue.open_orders() == []
        assert await rig.venue.cancel(1) == NotOpen(1)

    tell(name, story)


@pytest.mark.parametrize("side", list(Side))
def test_the_position_is_the_sum_of_the_executions(name, side):
    async def story(rig):
        flat = await rig.venue.position()
        assert flat.lots == 0
        await rig.venue.place([market(1, side, 12)])
        await filled(rig, 1, 12)
        held = await rig.venue.position()
        assert held.lots == side * 12
        fills = rig.told.of(Filled)
        average = INSTRUMENT.price(sum(fill.price_ticks * fill.lots for fill in fills)) / 12
        assert abs(held.entry_price - average) < Decimal("0.0001")
        assert held.mark_milliticks in MARKS
        await rig.venue.place([market(2, side.opposite, 20, reduce_only=True)])
        await filled(rig, 2, 12)
        assert (await rig.venue.position()).lots == 0
        assert sum(fill.side * fill.lots for fill in rig.told.of(Filled)) == 0

    tell(name, story)


def test_the_account_is_told_in_money(name):
    async def story(rig):
        before = await rig.venue.account()
        assert before.equity == before.balance == BALANCE
        assert before.free_margin == BALANCE
        assert (before.maker_fee, before.taker_fee) == (Decimal("0.0002"), Decimal("0.0005"))
        assert before.leverage == 20
        assert before.can_trade
        await rig.venue.place([market(1, Side.BUY, 40)])
        fills = await filled(rig, 1, 40)
        mark = (await rig.venue.position()).mark_milliticks
        after = await rig.venue.account()
        fees = INSTRUMENT.money(sum(fill.fee_quanta for fill in fills))
        paid = sum(INSTRUMENT.price(fill.price_ticks) * INSTRUMENT.quantity(fill.lots) for fill in fills)
        worth = INSTRUMENT.price_from_milliticks(mark) * INSTRUMENT.quantity(40)
        assert after.equity == BALANCE - fees + worth - paid
        margin = worth / 20
        assert abs(after.equity - after.free_margin - margin) <= margin  # some venues ask for more than 1 / leverage
        assert after.free_margin < after.equity

    tell(name, story)


def test_without_funding_there_are_no_payments(name):
    async def story(rig):
        assert await rig.venue.funding(0) == []

    tell(name, story)


# --- others on the account ---


def test_foreign_orders_are_seen_and_are_nobodys_of_ours(name):
    async def story(rig):
        needs(rig, "rest_foreign")
        venue_id = rig.rest_foreign(Side.BUY, FAR_BID, 30)
        await rig.told.until(lambda: rig.told.foreign)
        assert rig.told.foreign[0][1] is True
        await rig.venue.place([bid(1)])
        found = {order.venue_id: order for order in await rig.venue.open_orders()}
        assert len(found) == 2
        foreign = found[venue_id]
        assert (foreign.tag, foreign.order_id, foreign.lots) == (None, None, 30)
        assert isinstance(await rig.venue.cancel(1), Canceled)
        assert [order.venue_id for order in await rig.venue.open_orders()] == [venue_id]
        assert not [event for event in rig.told.own if getattr(event, "order_id", 1) != 1]

    tell(name, story)


def test_an_order_can_be_cancelled_by_the_venues_own_id(name):
    async def story(rig):
        await rig.venue.place([bid(1)])
        (order,) = await rig.venue.open_orders()
        assert await rig.venue.cancel_venue_order(order.venue_id) is True
        assert await rig.venue.open_orders() == []

    tell(name, story)


def test_executions_of_others_are_told_apart(name):
    async def story(rig):
        needs(rig, "trade_foreign")
        started_ns = rig.clock.now_ns()
        rig.trade_foreign(15)
        await rig.told.until(lambda: 15 in rig.told.positions)
        assert (await rig.venue.position()).lots == 15
        (foreign,) = await rig.venue.fills(started_ns - 1_000_000_000)
        assert (foreign.tag, foreign.fill.order_id, foreign.fill.lots) == (None, 0, 15)
        assert rig.told.of(Filled) == []

    tell(name, story)


def test_orders_of_another_run_are_not_this_runs(name):
    async def story(rig):
        await rig.venue.place([bid(1), bid(2)])
        rig.venue.begin_run(8)
        assert await rig.venue.order(1) is None
        assert await rig.venue.cancel(1) == NotOpen(1)
        found = await rig.venue.open_orders()
        assert {(order.tag, order.order_id) for order in found} == {(7, 1), (7, 2)}
        (answer,) = await rig.venue.place([bid(1)])
        assert isinstance(answer, Accepted)
        assert (await rig.venue.order(1)).tag == 8

    tell(name, story)


# --- no answer ---


def test_a_question_without_an_answer_is_an_error_and_a_request_stays_unknown(name):
    async def story(rig):
        needs(rig, "outage")
        venue = rig.venue
        await venue.place([bid(1)])
        with rig.outage():
            questions = [
                venue.market, venue.clock, venue.account, venue.position, venue.open_orders, venue.cancel_all,
                lambda: venue.order(1), lambda: venue.fills(0), lambda: venue.funding(0), venue.resnapshot,
            ]  # fmt: skip
            for question in questions:
                with pytest.raises(VenueError):
                    await question()
            (placed,) = await venue.place([bid(2)])
            assert isinstance(placed, Unknown | Refused)
            assert isinstance(await venue.cancel(1), Unknown)
        assert [order.order_id for order in await venue.open_orders()] == [1]

    tell(name, story)


def test_what_a_venue_says_of_itself_is_possible(name):
    async def story(rig):
        facts = rig.venue.facts
        assert facts.name
        assert facts.account
        assert facts.requests_per_minute > 0
        assert facts.request_life_ns is None or facts.request_life_ns > 0
        rig.venue.begin_run(facts.max_tag)
        (answer,) = await rig.venue.place([bid(facts.max_order_id)])
        assert isinstance(answer, Accepted)
        (order,) = await rig.venue.open_orders()
        assert (order.tag, order.order_id) == (facts.max_tag, facts.max_order_id)

    tell(name, story)
