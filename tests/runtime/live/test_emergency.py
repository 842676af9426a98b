"""Cancelling ours and closing a position from outside a run: what is touched, what counts as proof, when it ends."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from perpmaker.domain.commands import Place
from perpmaker.domain.orders import OrderKind, RejectReason, Side
from perpmaker.runtime.live.emergency import Canceled, Closed, Effort, cancel_ours, close_position
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import Refused, Unknown
from support.closing_venue import ClosingVenue
from support.scripted_venue import ScriptedVenue
from support.virtual_time import LoopClock, run_virtual, virtual_clock

DOWN = VenueError("the venue cannot be reached: check the network", Reaction.RETRY)
WRONG_KEYS = VenueError("the venue refuses the keys: check them", Reaction.STOP)
SECOND = 10**9

_Result = TypeVar("_Result")


def in_virtual_time(
    work: Callable[[Effort], Coroutine[Any, Any, _Result]], **settings: Any
) -> tuple[_Result, list[str], float]:
    """The result, what was told, and how many seconds it took."""
    said: list[str] = []

    async def run() -> tuple[_Result, list[str], float]:
        clock: LoopClock = virtual_clock()
        start_ns = clock.now_ns()
        result = await work(Effort(clock, said.append, **settings))
        return result, said, (clock.now_ns() - start_ns) / SECOND

    return run_virtual(run)


def cancelling(
    venue: ScriptedVenue, *tags: int, settled_s: float = 0, **settings: Any
) -> tuple[Canceled, list[str], float]:
    async def work(effort: Effort) -> Canceled:
        settled_ns = effort.clock.now_ns() + round(settled_s * SECOND)
        return await cancel_ours(venue, tags, effort, settled_ns=settled_ns)

    return in_virtual_time(work, **settings)


def closing(venue: ScriptedVenue, *, max_lots: int | None = None, **settings: Any) -> tuple[Closed, list[str], float]:
    async def work(effort: Effort) -> Closed:
        return await close_position(venue, 9, effort, max_lots=max_lots)

    return in_virtual_time(work, **settings)


def with_orders() -> ScriptedVenue:
    """Two of run 7, one of run 8, one foreign."""
    venue = ScriptedVenue()
    venue.rest(side=Side.BUY, price_ticks=9_900, lots=10, tag=7, order_id=1)
    venue.rest(side=Side.SELL, price_ticks=10_100, lots=10, tag=7, order_id=2)
    venue.rest(side=Side.SELL, price_ticks=10_200, lots=10, tag=8, order_id=1)
    venue.rest(side=Side.BUY, price_ticks=9_000, lots=10)
    return venue


def test_only_orders_with_our_tags_are_cancelled_and_that_is_verified() -> None:
    venue = with_orders()
    report, _, _ = cancelling(venue, 7)
    assert report.is_clean
    assert report.done == {"v1", "v2"}
    assert [order.venue_id for order in report.others] == ["v3", "v4"]
    assert set(venue.resting) == {"v3", "v4"}
    assert venue.calls[-1] == ("open_orders", ()), "the last word is the venue's"
    assert venue.called("cancel_all") == []


def test_without_anything_of_ours_one_look_is_enough() -> None:
    venue = with_orders()
    report, _, took_s = cancelling(venue, 9)
    assert report.is_clean
    assert report.done == set()
    assert took_s == 0


def test_a_cancel_that_does_nothing_is_repeated() -> None:
    venue = with_orders()
    venue.answer("cancel_venue_order", True, True, True)
    report, _, _ = cancelling(venue, 7)
    assert report.is_clean
    assert set(venue.resting) == {"v3", "v4"}


def test_an_order_that_a_dead_run_had_on_its_way_is_waited_for() -> None:
    venue = with_orders()
    late = lambda: venue.rest(side=Side.BUY, price_ticks=9_800, lots=10, tag=7, order_id=3)  # noqa: E731
    venue.before("open_orders", lambda: None, lambda: None, late)
    report, _, took_s = cancelling(venue, 7, settled_s=5)
    assert report.is_clean
    assert report.done == {"v1", "v2", "v5"}
    assert took_s >= 5


def test_an_unreachable_venue_is_asked_until_it_answers_and_told_once() -> None:
    venue = with_orders()
    venue.fail("open_orders", *[DOWN] * 6)
    venue.fail("cancel_venue_order", DOWN)
    report, said, _ = cancelling(venue, 7)
    assert report.is_clean
    assert said == ["trying again: the venue cannot be reached: check the network"]


def test_patience_ends_and_unknown_is_not_none() -> None:
    venue = with_orders()
    venue.fail("open_orders", *[DOWN] * 1_000)
    report, _, took_s = cancelling(venue, 7)
    assert report.left is None
    assert not report.is_clean
    assert 60 <= took_s < 100


def test_orders_that_cannot_be_cancelled_are_named_in_the_end() -> None:
    venue = with_orders()
    venue.answer("cancel_venue_order", *[False] * 1_000)
    report, _, _ = cancelling(venue, 7)
    assert report.left is not None
    assert [order.venue_id for order in report.left] == ["v1", "v2"]


def test_what_only_a_person_can_mend_ends_it_at_once_unless_somebody_keeps_watch() -> None:
    venue = with_orders()
    venue.fail("open_orders", WRONG_KEYS)
    with pytest.raises(VenueError, match="refuses the keys"):
        cancelling(venue, 7)
    venue.fail("open_orders", *[WRONG_KEYS] * 500)
    report, _, took_s = cancelling(venue, 7, patience_ns=None, persists=True)
    assert report.is_clean
    assert took_s > 3_600


@pytest.mark.parametrize("lots", [25, -25])
def test_a_position_is_closed_by_one_reduce_only_market_order_and_that_is_verified(lots: int) -> None:
    venue = ClosingVenue()
    venue.books.lots = lots
    report, _, _ = closing(venue)
    assert report.is_flat
    assert venue.books.lots == 0
    side = Side.SELL if lots > 0 else Side.BUY
    assert venue.sent() == [Place(1, side, 0, 25, OrderKind.MARKET, post_only=False, reduce_only=True)]
    assert venue.called("begin_run") == [(9,)]
    assert venue.calls[-1] == ("position", ())


def test_a_flat_position_needs_nothing() -> None:
    report, _, took_s = closing(ClosingVenue())
    assert report.is_flat
    assert (report.orders, took_s) == (0, 0)


def test_what_is_left_is_sent_again_under_a_new_number() -> None:
    venue = ClosingVenue()
    venue.books.lots, venue.fills_at_most = 25, 10
    report, _, _ = closing(venue)
    assert report.is_flat
    assert [(order.order_id, order.lots) for order in venue.sent()] == [(1, 25), (2, 15), (3, 5)]


def test_the_venues_largest_order_is_kept() -> None:
    venue = ClosingVenue()
    venue.books.lots = -25
    assert closing(venue, max_lots=10)[0].is_flat
    assert [order.lots for order in venue.sent()] == [10, 10, 5]


def test_an_unknown_outcome_is_settled_by_asking_for_the_position() -> None:
    venue = ClosingVenue()
    venue.books.lots = 25
    venue.answer("place", [Unknown(1, "no answer in time")])
    venue.before("position", lambda: None, lambda: setattr(venue.books, "lots", 0))
    report, said, _ = closing(venue)
    assert report.is_flat
    assert len(venue.sent()) == 1, "it had worked: nothing is sent again"
    assert said == ["the closing order of 25 lots: no answer in time"]


def test_a_position_that_cannot_be_asked_for_is_not_flat_and_nothing_is_sent() -> None:
    venue = ClosingVenue()
    venue.books.lots = 25
    venue.fail("position", *[DOWN] * 1_000)
    report, _, took_s = closing(venue)
    assert report.lots_left is None
    assert not report.is_flat
    assert venue.sent() == []
    assert took_s < 100


def test_a_remainder_below_the_minimum_is_left_to_a_person_at_once() -> None:
    venue = ClosingVenue()
    venue.books.lots = 1
    venue.answer("place", [Refused(1, RejectReason.BELOW_MINIMUM, "quantity below minimum")])
    report, said, _ = closing(venue)
    assert report.lots_left == 1
    assert said == ["the closing order of 1 lots: quantity below minimum"]
    assert len(venue.sent()) == 1


def test_refusals_are_borne_until_patience_ends() -> None:
    venue = ClosingVenue()
    venue.books.lots = 25
    for number in range(1, 100):
        venue.answer("place", [Refused(number, RejectReason.NO_MARKET, "no liquidity")])
    report, said, took_s = closing(venue)
    assert report.lots_left == 25
    assert 60 <= took_s < 100
    assert said == ["the closing order of 25 lots: no liquidity"]
