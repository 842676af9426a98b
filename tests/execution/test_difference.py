"""What is sent so that our orders become the approved ladder, and nothing else (rules 7 and 10)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.commands import Place
from perpmaker.domain.orders import OrderKind, OrderStatus, Side
from perpmaker.execution.difference import Difference, Quote, difference
from perpmaker.execution.own_orders import OwnOrders
from perpmaker.execution.transitions import Trigger

BUY, SELL = Side.BUY, Side.SELL
BID_1, BID_2 = Quote(BUY, 1, 99, 10), Quote(BUY, 2, 98, 10)
ASK_1, ASK_2 = Quote(SELL, 1, 101, 10), Quote(SELL, 2, 102, 10)
LADDER = (BID_1, BID_2, ASK_1, ASK_2)


def resting(*quotes: Quote, news: Trigger = Trigger.ACCEPTED) -> OwnOrders:
    """These quotes as orders 1, 2, ... that the venue has confirmed (or whatever the news is)."""
    own = OwnOrders()
    for order_id, quote in enumerate(quotes, start=1):
        own.placed(
            Place(order_id, quote.side, quote.price_ticks, quote.lots, OrderKind.LIMIT, True, False, quote.level)
        )
        own.apply(order_id, news)
    return own


def compare(wanted: tuple[Quote, ...], orders: OwnOrders, room: int = 1_000) -> Difference:
    return difference(wanted, orders, room_bid_lots=room, room_ask_lots=room)


def cancelled(result: Difference) -> list[int]:
    return [order.order_id for order in result.cancels]


def test_of_nothing_wanted_and_nothing_resting_nothing_comes() -> None:
    assert compare((), OwnOrders()) == ((), (), ())


def test_a_ladder_that_rests_already_is_left_alone() -> None:
    assert compare(LADDER, resting(*LADDER)) == ((), (), ())


def test_an_order_that_is_still_on_its_way_is_not_sent_again() -> None:
    own = OwnOrders()
    own.placed(Place(1, BUY, 99, 10, OrderKind.LIMIT, True, False, 1))
    assert compare((BID_1,), own) == ((), (), ())


def test_what_is_missing_is_placed_in_the_order_in_which_it_is_wanted() -> None:
    assert compare((BID_1, ASK_1, BID_2, ASK_2), OwnOrders()).places == (BID_1, ASK_1, BID_2, ASK_2)


def test_what_is_not_wanted_is_cancelled_and_what_is_right_stays() -> None:
    result = compare((BID_1, ASK_1), resting(*LADDER))
    assert (cancelled(result), result.places) == ([2, 4], ())


def test_a_level_at_another_price_is_cancelled_and_placed() -> None:
    moved = BID_1._replace(price_ticks=97)
    result = compare((moved, ASK_1), resting(BID_1, ASK_1))
    assert (cancelled(result), result.places) == ([1], (moved,))


def test_an_order_on_the_other_side_at_the_wanted_price_is_not_right() -> None:
    result = compare((Quote(SELL, 1, 99, 10),), resting(BID_1))
    assert cancelled(result) == [1]


def test_an_order_that_serves_another_level_now_takes_its_number() -> None:
    own = resting(BID_2)
    assert compare((BID_2._replace(level=1),), own) == ((), (), ())
    assert [order.level for order in own] == [1]


def test_a_partly_filled_order_keeps_its_place() -> None:
    own = resting(BID_1)
    own.apply_fill(1, 4)
    assert compare((BID_1,), own) == ((), (), ())


def test_a_partly_filled_order_of_exactly_the_wanted_size_stays() -> None:
    own = resting(BID_1)
    own.apply_fill(1, 4)
    assert compare((BID_1._replace(lots=6),), own) == ((), (), ())


@pytest.mark.parametrize("lots", [5, 11])
def test_a_partly_filled_order_of_which_more_is_left_than_wanted_or_too_little_was_ordered_is_replaced(
    lots: int,
) -> None:
    own = resting(BID_1)
    own.apply_fill(1, 4)
    result = compare((BID_1._replace(lots=lots),), own)
    assert (cancelled(result), [quote.lots for quote in result.places]) == ([1], [lots])


@pytest.mark.parametrize("lots", [9, 11])
def test_a_whole_order_of_another_size_is_replaced(lots: int) -> None:
    result = compare((BID_1._replace(lots=lots),), resting(BID_1))
    assert (cancelled(result), [quote.lots for quote in result.places]) == ([1], [lots])


def test_levels_squeezed_onto_one_price_have_an_order_each() -> None:
    squeezed = (BID_1, BID_2._replace(price_ticks=99), Quote(BUY, 3, 99, 10))
    assert len(compare(squeezed, OwnOrders()).places) == 3
    own = resting(*squeezed)
    assert compare(squeezed, own) == ((), (), ())
    assert [order.level for order in own] == [1, 2, 3]


def test_of_levels_squeezed_onto_one_price_only_the_missing_ones_are_placed() -> None:
    squeezed = (BID_1, BID_2._replace(price_ticks=99))
    result = compare(squeezed, resting(BID_1))
    assert (result.cancels, result.places) == ((), (squeezed[1],))


def test_levels_of_different_sizes_squeezed_onto_one_price_keep_their_orders_whichever_was_sent_first() -> None:
    large, small = BID_1, BID_2._replace(price_ticks=99, lots=4)
    assert compare((large, small), resting(small, large)) == ((), (), ())


def test_more_orders_at_one_price_than_levels_are_cancelled() -> None:
    assert cancelled(compare((BID_1,), resting(BID_1, BID_1))) == [2]


def test_a_bid_and_an_ask_squeezed_together_are_not_mixed_up() -> None:
    asks = (ASK_1, ASK_2._replace(price_ticks=101))
    bids = (BID_1, BID_2._replace(price_ticks=99))
    own = resting(BID_1, ASK_1)
    assert set(compare((*bids, *asks), own).places) == {bids[1], asks[1]}


def test_an_order_on_its_way_out_is_not_cancelled_again_and_serves_no_level() -> None:
    result = compare((BID_1,), resting(BID_1, news=Trigger.CANCEL_SENT))
    assert (result.cancels, result.places) == ((), (BID_1,))


def test_an_order_of_unknown_outcome_serves_no_level_and_is_cancelled() -> None:
    result = compare((BID_1,), resting(BID_1, news=Trigger.UNANSWERED))
    assert (cancelled(result), result.places) == ([1], (BID_1,))


def test_an_order_that_closes_the_position_is_nobodys_level_and_left_alone() -> None:
    own = OwnOrders()
    own.placed(Place(1, BUY, 99, 10, OrderKind.MARKET, False, True))
    result = compare((BID_1, ASK_1), own)
    assert (result.cancels, set(result.places)) == ((), {BID_1, ASK_1})


def test_a_new_order_waits_while_a_dying_one_holds_the_capacity() -> None:
    moved = BID_1._replace(price_ticks=97)
    result = compare((moved,), resting(BID_1), room=19)
    assert (cancelled(result), result.places, result.deferred) == ([1], (), (moved,))
    assert compare((moved,), resting(BID_1), room=20).places == (moved,)


def test_each_side_has_room_of_its_own() -> None:
    result = difference((BID_1, ASK_1), OwnOrders(), room_bid_lots=9, room_ask_lots=10)
    assert (result.places, result.deferred) == ((ASK_1,), (BID_1,))


def test_what_is_placed_uses_the_room_up_inner_levels_first() -> None:
    result = compare((BID_1, BID_2), OwnOrders(), room=15)
    assert (result.places, result.deferred) == ((BID_1,), (BID_2,))


@pytest.mark.parametrize(("price", "waits"), [(100, False), (101, True), (102, True)])
def test_a_bid_waits_while_an_ask_of_ours_that_may_still_rest_is_in_its_way(price: int, waits: bool) -> None:
    bid = Quote(BUY, 1, price, 10)
    result = compare((bid,), resting(ASK_1, news=Trigger.CANCEL_SENT))
    assert bool(result.deferred) == waits
    assert bool(result.places) != waits


@pytest.mark.parametrize(("price", "waits"), [(100, False), (99, True), (98, True)])
def test_an_ask_waits_while_a_bid_of_ours_that_may_still_rest_is_in_its_way(price: int, waits: bool) -> None:
    ask = Quote(SELL, 1, price, 10)
    result = compare((ask,), resting(BID_1, news=Trigger.UNANSWERED))
    assert bool(result.deferred) == waits
    assert bool(result.places) != waits


quotes_ = st.lists(st.tuples(st.integers(90, 99), st.integers(1, 12)), max_size=5)


def ladder(bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> tuple[Quote, ...]:
    bids, asks = sorted(bids, reverse=True), sorted((200 - price, lots) for price, lots in asks)
    return tuple(
        Quote(side, level, price, lots)
        for side, levels in ((BUY, bids), (SELL, asks))
        for level, (price, lots) in enumerate(levels, start=1)
    )


@given(quotes_, quotes_, quotes_, quotes_, st.integers(0, 80))
def test_once_the_cancels_are_confirmed_one_more_step_reaches_the_ladder_and_then_nothing_is_sent(
    old_bids: list, old_asks: list, bids: list, asks: list, room: int
) -> None:
    own = resting(*ladder(old_bids, old_asks))
    wanted = ladder(bids, asks)
    room = max(room, sum(q.lots for q in wanted if q.side is BUY), sum(q.lots for q in wanted if q.side is SELL))
    next_id = 1_000
    for _ in range(2):
        result = compare(wanted, own, room)
        for order in result.cancels:
            own.apply(order.order_id, Trigger.CANCEL_SENT)
        for quote in result.places:
            next_id += 1
            own.placed(
                Place(next_id, quote.side, quote.price_ticks, quote.lots, OrderKind.LIMIT, True, False, quote.level)
            )
        for side in Side:
            assert own.exposure_lots(side) <= max(
                room, sum(lots for _, lots in (old_bids if side is BUY else old_asks))
            )
        for order in list(own):
            confirmed = order.status is OrderStatus.PENDING_CANCEL
            own.apply(order.order_id, Trigger.CANCELED if confirmed else Trigger.ACCEPTED)
    assert compare(wanted, own, room) == ((), (), ())
    assert sorted((o.side, o.price_ticks, o.lots) for o in own) == sorted(
        (q.side, q.price_ticks, q.lots) for q in wanted
    )
