"""Our orders as we know them: what counts as exposure, and that a fill counts once, whenever it is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.commands import Place
from perpmaker.domain.orders import OrderKind, OrderStatus, Side
from perpmaker.execution.own_orders import OwnOrders
from perpmaker.execution.transitions import Trigger

BUY, SELL = Side.BUY, Side.SELL


def sent(*orders: tuple[int, Side, int], reduce_only: bool = False) -> OwnOrders:
    own = OwnOrders()
    for order_id, side, lots in orders:
        place(own, order_id, side, lots, reduce_only=reduce_only)
    return own


def place(own: OwnOrders, order_id: int, side: Side, lots: int, *, reduce_only: bool = False) -> None:
    own.placed(Place(order_id, side, 100, lots, OrderKind.LIMIT, not reduce_only, reduce_only, level=1))


def status(own: OwnOrders, order_id: int) -> OrderStatus:
    order = own.get(order_id)
    assert order is not None
    return order.status


def test_an_order_counts_from_the_moment_in_which_it_is_sent() -> None:
    own = sent((1, BUY, 10), (2, BUY, 5), (3, SELL, 7))
    assert (own.exposure_lots(BUY), own.exposure_lots(SELL)) == (15, 7)
    assert status(own, 1) is OrderStatus.PENDING_PLACE


@pytest.mark.parametrize(
    "news",
    [
        [],
        [Trigger.ACCEPTED],
        [Trigger.CANCEL_SENT],
        [Trigger.ACCEPTED, Trigger.CANCEL_SENT],
        [Trigger.UNANSWERED],
        [Trigger.ACCEPTED, Trigger.CANCEL_SENT, Trigger.UNANSWERED],
        [Trigger.ACCEPTED, Trigger.CANCEL_SENT, Trigger.CANCEL_REJECTED],
    ],
    ids=[
        "pending place",
        "live",
        "cancelled before answer",
        "pending cancel",
        "unanswered",
        "lost cancel",
        "refused cancel",
    ],
)
def test_everything_that_could_still_fill_is_exposure(news: list[Trigger]) -> None:
    own = sent((1, BUY, 10))
    for trigger in news:
        own.apply(1, trigger)
    assert own.exposure_lots(BUY) == 10
    assert [order.order_id for order in own] == [1]


@pytest.mark.parametrize("proof", [Trigger.CANCELED, Trigger.REJECTED])
def test_a_proof_of_the_end_takes_the_exposure_away(proof: Trigger) -> None:
    own = sent((1, BUY, 10))
    own.apply(1, proof)
    assert (own.exposure_lots(BUY), len(own)) == (0, 0)
    assert own.get(1) is not None, "the dead are remembered: their fills may be late"


def test_a_fill_lowers_the_exposure_by_its_size_and_the_last_one_ends_the_order() -> None:
    own = sent((1, SELL, 10))
    own.apply_fill(1, 4)
    assert (own.exposure_lots(SELL), status(own, 1)) == (6, OrderStatus.LIVE)
    own.apply_fill(1, 6)
    assert (own.exposure_lots(SELL), status(own, 1), len(own)) == (0, OrderStatus.FILLED, 0)


def test_a_fill_before_the_acknowledgement_counts_and_the_late_acknowledgement_changes_nothing() -> None:
    own = sent((1, BUY, 10))
    own.apply_fill(1, 10)
    own.apply(1, Trigger.ACCEPTED)
    assert (status(own, 1), own.exposure_lots(BUY)) == (OrderStatus.FILLED, 0)


def test_fills_that_a_cancellation_counted_are_exposure_until_they_are_told() -> None:
    own = sent((1, BUY, 10))
    own.apply(1, Trigger.CANCEL_SENT)
    own.apply(1, Trigger.CANCELED, venue_filled_lots=4)
    assert (own.exposure_lots(BUY), len(own)) == (4, 1)
    own.apply_fill(1, 3)
    assert own.exposure_lots(BUY) == 1
    own.apply_fill(1, 1)
    assert (own.exposure_lots(BUY), len(own), status(own, 1)) == (0, 0, OrderStatus.CANCELED)


def test_fills_told_before_the_cancellation_that_counts_them_are_not_counted_again() -> None:
    own = sent((1, BUY, 10))
    own.apply_fill(1, 4)
    own.apply(1, Trigger.CANCELED, venue_filled_lots=4)
    assert (own.exposure_lots(BUY), len(own)) == (0, 0)


def test_an_older_count_of_the_venue_does_not_undo_a_newer_one() -> None:
    own = sent((1, BUY, 10))
    own.apply(1, Trigger.CANCELED, venue_filled_lots=4)
    own.apply(1, Trigger.CANCELED, venue_filled_lots=0)
    assert own.exposure_lots(BUY) == 4


def test_a_fill_of_everything_after_the_cancellation_makes_it_a_filled_order() -> None:
    own = sent((1, BUY, 10))
    own.apply(1, Trigger.CANCELED)
    own.apply_fill(1, 10)
    assert status(own, 1) is OrderStatus.FILLED


def test_a_fill_of_a_rejected_order_brings_it_back_to_life() -> None:
    own = sent((1, BUY, 10))
    own.apply(1, Trigger.REJECTED)
    own.apply_fill(1, 4)
    assert (status(own, 1), own.exposure_lots(BUY), len(own)) == (OrderStatus.UNKNOWN, 6, 1)
    own.apply(1, Trigger.CANCELED, venue_filled_lots=4)
    assert (own.exposure_lots(BUY), len(own)) == (0, 0)


def test_more_fills_than_were_ordered_are_no_negative_exposure() -> None:
    own = sent((1, BUY, 10), (2, BUY, 5))
    order = own.apply_fill(1, 12)
    assert order is not None
    assert (order.could_fill_lots, own.exposure_lots(BUY)) == (0, 5)


def test_a_reduce_only_order_is_remembered_but_cannot_enlarge_a_position() -> None:
    own = sent((1, SELL, 10), reduce_only=True)
    assert (own.exposure_lots(SELL), len(own)) == (0, 1)


def test_news_and_fills_of_orders_that_we_never_sent_are_told_apart() -> None:
    own = sent((1, BUY, 10))
    assert own.apply(2, Trigger.ACCEPTED) is None
    assert own.apply_fill(2, 5) is None
    assert own.get(2) is None
    assert own.exposure_lots(BUY) == 10


def test_orders_come_in_the_order_in_which_they_were_sent() -> None:
    own = sent((3, BUY, 1), (1, SELL, 1), (2, BUY, 1))
    own.apply(1, Trigger.ACCEPTED)
    assert [order.order_id for order in own] == [3, 1, 2]


def test_a_fill_is_new_once() -> None:
    own = OwnOrders()
    assert [own.is_new_fill(fill_id) for fill_id in (7, 8, 7, 8, 9)] == [True, True, False, False, True]
    assert [own.has_seen_fill(fill_id) for fill_id in (7, 9, 10)] == [True, True, False]


def test_of_fill_ids_the_latest_ten_thousand_are_remembered() -> None:
    own = OwnOrders()
    for fill_id in range(10_001):
        own.is_new_fill(fill_id)
    assert not own.is_new_fill(1)
    assert not own.is_new_fill(10_000)
    assert own.is_new_fill(0), "the oldest is forgotten: memory is bounded"
    assert len(own._fills_seen) == 10_000


def test_of_the_dead_the_latest_thousand_are_remembered_and_none_of_the_living_is_forgotten() -> None:
    own = sent((0, SELL, 3))
    for order_id in range(1, 1_002):
        place(own, order_id, BUY, 1)
        own.apply(order_id, Trigger.CANCELED)
    assert own.get(1) is None
    assert own.get(2) is not None
    assert own.get(0) is not None
    assert (len(own._dead), own.exposure_lots(SELL)) == (1_000, 3)


histories = st.permutations(["ack", "cancel sent", "fill", "fill", "fill", "canceled"])


@given(histories, st.sets(st.integers(0, 2)))
def test_whatever_the_order_of_the_news_the_end_is_the_same(news: list[str], told_twice: set[int]) -> None:
    """Ten ordered, three executions of three lots each, then cancelled: told in any order, some executions twice."""
    own = sent((1, BUY, 10))
    fills = iter(range(3))
    for item in news:
        match item:
            case "ack":
                own.apply(1, Trigger.ACCEPTED)
            case "cancel sent":
                own.apply(1, Trigger.CANCEL_SENT)
            case "canceled":
                own.apply(1, Trigger.CANCELED, venue_filled_lots=9)
            case _:
                fill_id = next(fills)
                for _ in range(2 if fill_id in told_twice else 1):
                    if own.is_new_fill(fill_id):
                        own.apply_fill(1, 3)
    order = own.get(1)
    assert order is not None
    assert (order.status, order.filled_lots) == (OrderStatus.CANCELED, 9)
    assert (own.exposure_lots(BUY), len(own)) == (0, 0)
