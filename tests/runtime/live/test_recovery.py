"""What a dead run left at the venue: its orders are cancelled, what it missed is found, nothing else is touched."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from perpmaker.domain.events import FundingPaid
from perpmaker.domain.orders import Side
from perpmaker.domain.position import Position
from perpmaker.runtime.live.recovery import ATTEMPTS, DeadRun, Recovered, recover
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import VenueFunding
from support.scripted_venue import FACTS, ScriptedVenue
from support.virtual_time import run_virtual

TAG = 7
DEAD = DeadRun(
    tag=TAG,
    since_ns=0,
    funding_since_ns=0,
    known_fill_ids=frozenset(),
    known_funding=frozenset(),
    position=Position(),
    silent_ns=60_000_000_000,
)


def recovered(venue: ScriptedVenue, dead: DeadRun = DEAD) -> Recovered:
    return run_virtual(lambda: recover(venue, dead))


def own(venue: ScriptedVenue, order_id: int, lots: int = 10, side: Side = Side.BUY) -> str:
    return venue.rest(order_id=order_id, side=side, price_ticks=9_900, lots=lots, tag=TAG)


def once(venue: ScriptedVenue, method: str, action: Callable[[], Any], *, call: int) -> None:
    """Something happens before a later call of this method."""
    venue.before(method, *[lambda: None] * (call - 1), action)


def test_a_run_that_left_nothing_leaves_nothing_to_do() -> None:
    venue = ScriptedVenue()
    found = recovered(venue)
    assert (found.fills, found.funding, found.canceled, found.books) == ((), (), (), Position())
    assert venue.called("cancel_venue_order") == []


def test_its_orders_are_cancelled_and_those_of_others_are_not() -> None:
    venue = ScriptedVenue()
    mine = [own(venue, 1), own(venue, 2, side=Side.SELL)]
    foreign = venue.rest(side=Side.BUY, price_ticks=9_000, lots=1)
    other_run = venue.rest(order_id=1, side=Side.BUY, price_ticks=9_000, lots=1, tag=TAG + 1)
    found = recovered(venue)
    assert [order.order_id for order in found.canceled] == [1, 2]
    assert [arguments[0] for arguments in venue.called("cancel_venue_order")] == mine
    assert set(venue.resting) == {foreign, other_run}


def test_what_its_journal_missed_is_told_in_order_with_its_real_fees() -> None:
    venue = ScriptedVenue()
    order = own(venue, 1)
    known = venue.execute(order, 2, fee_quanta=2).fill
    missed = [venue.execute(order, 3, fee_quanta=31).fill, venue.execute(order, 5, fee_quanta=-57).fill]
    before = Position()
    before.apply_fill(known.side, known.price_ticks, known.lots, known.fee_quanta)
    found = recovered(venue, replace(DEAD, known_fill_ids={known.fill_id}, position=before))
    assert list(found.fills) == missed
    assert found.books == venue.books
    assert found.books.lots == found.position.lots == 10
    assert before.lots == 2  # what was given is not changed


def test_executions_of_others_are_not_its_own() -> None:
    venue = ScriptedVenue()
    venue.execute(venue.rest(side=Side.BUY, price_ticks=9_000, lots=4), 4)
    venue.execute(venue.rest(order_id=1, side=Side.BUY, price_ticks=9_000, lots=3, tag=TAG + 1), 3)
    found = recovered(venue)
    assert found.fills == ()
    assert (found.books.lots, found.position.lots) == (0, 7)  # and the venue's word is told beside


def test_an_execution_while_its_order_is_being_cancelled_is_not_lost() -> None:
    venue = ScriptedVenue()
    order = own(venue, 1)
    venue.before("cancel_venue_order", lambda: venue.execute(order, 4, fee_quanta=9))
    found = recovered(venue)
    assert [(fill.lots, fill.fee_quanta) for fill in found.fills] == [(4, 9)]
    assert [order.filled_lots for order in found.canceled] == [4]


def test_an_order_that_fills_before_it_can_be_cancelled_is_booked() -> None:
    venue = ScriptedVenue()
    order = own(venue, 1)
    venue.before("cancel_venue_order", lambda: venue.execute(order, 10))
    found = recovered(venue)
    assert [order.filled_lots for order in found.canceled] == [10]
    assert found.books.lots == 10


def test_a_cancel_is_not_believed_but_looked_after() -> None:
    venue = ScriptedVenue()
    order = own(venue, 1)
    venue.answer("cancel_venue_order", True, False)
    found = recovered(venue)
    assert venue.called("cancel_venue_order") == [(order,)] * 3
    assert venue.resting == {}
    assert len(found.canceled) == 1


def test_an_order_that_cannot_be_cancelled_is_an_error() -> None:
    venue = ScriptedVenue()
    own(venue, 1)
    venue.answer("cancel_venue_order", *[True] * ATTEMPTS)
    with pytest.raises(VenueError, match=r"1 orders of the run that died \(tag 7\) still rest at scripted"):
        recovered(venue)


def test_an_order_that_was_on_its_way_when_the_process_died_is_waited_for() -> None:
    venue = ScriptedVenue(facts=replace(FACTS, request_life_ns=5_000_000_000))
    once(venue, "open_orders", lambda: own(venue, 1), call=2)
    assert len(recovered(venue, replace(DEAD, silent_ns=1_000_000_000)).canceled) == 1
    assert venue.resting == {}


def test_nothing_is_waited_for_when_the_process_died_long_ago() -> None:
    venue = ScriptedVenue()
    recovered(venue)
    assert len(venue.called("open_orders")) == 1


def test_a_history_that_comes_late_is_asked_for_again() -> None:
    venue = ScriptedVenue()
    order = own(venue, 1)
    venue.execute(order, 4)
    venue.answer("fills", [], [])
    found = recovered(venue)
    assert [fill.lots for fill in found.fills] == [4]
    assert found.books.lots == found.position.lots == 4


def test_an_execution_that_never_comes_into_the_history_is_an_error() -> None:
    venue = ScriptedVenue()
    order = own(venue, 1)
    venue.execute(order, 4)
    venue.answer("fills", *[[]] * ATTEMPTS)
    with pytest.raises(VenueError, match=r"orders \['1'\] of the run that died have executed, and its history"):
        recovered(venue)


def test_an_execution_told_twice_counts_once() -> None:
    venue = ScriptedVenue()
    order = own(venue, 1)
    venue.execute(order, 4)
    venue.executions *= 2
    found = recovered(venue)
    assert len(found.fills) == 1
    assert found.books.lots == 4
    assert [order.filled_lots for order in found.canceled] == [4]


def test_funding_that_was_missed_is_booked_once() -> None:
    venue = ScriptedVenue()
    known, missed = FundingPaid(5, 5, -3), FundingPaid(9, 9, 4)
    venue.payments = [VenueFunding("a", known), VenueFunding("b", missed), VenueFunding("b", missed)]
    found = recovered(venue, replace(DEAD, known_funding={(5, -3)}))
    assert found.funding == (missed,)
    assert found.books.funding_quanta == 4


def test_it_asks_from_the_times_that_it_was_given() -> None:
    venue = ScriptedVenue()
    recovered(venue, replace(DEAD, since_ns=11, funding_since_ns=22))
    assert venue.called("fills")[0] == (11,)
    assert venue.called("funding") == [(22,)]


@pytest.mark.parametrize("question", ["open_orders", "cancel_venue_order", "fills", "position", "funding"])
def test_a_question_without_an_answer_is_never_taken_for_one(question: str) -> None:
    venue = ScriptedVenue()
    own(venue, 1)
    venue.fail(question, VenueError("no answer", Reaction.RETRY))
    with pytest.raises(VenueError, match="no answer"):
        recovered(venue)
    assert recovered(venue).canceled == () or question in ("open_orders", "cancel_venue_order")  # and all over again
    assert venue.resting == {}


@pytest.mark.parametrize("seed", range(50))
def test_whatever_was_heard_and_whenever_it_executed_the_books_end_as_the_venues(seed: int) -> None:
    chance = random.Random(seed)
    venue = ScriptedVenue()
    orders = [own(venue, number, lots=50, side=chance.choice(list(Side))) for number in range(1, 9)]

    def something_executes() -> None:
        resting = [venue_id for venue_id in orders if venue_id in venue.resting]
        if resting:
            order = venue.resting[chance.choice(resting)]
            venue.execute(order.venue_id, chance.randint(1, order.lots - order.filled_lots), chance.randint(-9, 9))

    for _ in range(20):
        something_executes()
    heard = [execution.fill for execution in venue.executions if chance.random() < 0.5]
    before = Position()
    for fill in heard:
        before.apply_fill(fill.side, fill.price_ticks, fill.lots, fill.fee_quanta)
    for question in ("open_orders", "cancel_venue_order"):
        venue.before(question, *[something_executes] * 3)
    found = recovered(venue, replace(DEAD, known_fill_ids={fill.fill_id for fill in heard}, position=before))
    assert venue.resting == {}
    assert (found.books.lots, found.books.fees_quanta) == (venue.books.lots, venue.books.fees_quanta)
    booked = [fill.fill_id for fill in (*heard, *found.fills)]
    assert sorted(booked) == [execution.fill.fill_id for execution in venue.executions]


def test_books_that_agree_with_the_venue_need_no_second_question() -> None:
    venue = ScriptedVenue()
    venue.execute(own(venue, 1), 4)
    recovered(venue)
    assert len(venue.called("fills")) == 1
