"""What a person sees of a maker: its ladder level by level, and the reason for every level that does not rest."""

import pytest

from perpmaker.domain.events import BookUpdated
from perpmaker.domain.orders import OrderStatus, RejectReason, Side
from perpmaker.domain.reasons import NotResting
from perpmaker.maker.status import ladder_status, skew_ticks
from support.maker_bench import Bench, instrument

BUY, SELL = Side.BUY, Side.SELL


def bench(position: str | None = None, **settings: object) -> Bench:
    options = {"spread": "0.01", "quantity": "0.1", "max_orders": 2, "max_position": "5", "interval_s": "10"}
    made = Bench(instrument(), **{**options, **settings})
    if position is not None:
        made.hold(position, "100")
    return made


def reasons(made: Bench, side: Side = BUY) -> list[NotResting | None]:
    return [level.not_resting for level in ladder_status(made.maker, side)]


def test_a_resting_level_shows_its_order_its_price_and_what_is_left_of_it() -> None:
    made = bench()
    made.price("100")
    made.execute(1, BUY, 9_900, 4)
    first, second = ladder_status(made.maker, BUY)
    assert first == (BUY, 1, 1, 9_900, 6, OrderStatus.LIVE, None)
    assert second == (BUY, 2, 3, 9_800, 10, OrderStatus.LIVE, None)


def test_an_order_that_is_not_acknowledged_yet_is_shown_as_such() -> None:
    made = bench(acknowledges=False)
    made.price("100")
    assert [level.status for level in ladder_status(made.maker, SELL)] == [OrderStatus.PENDING_PLACE] * 2


def test_of_two_orders_of_a_level_the_newer_is_shown() -> None:
    made = bench(acknowledges=False)
    made.price("100")
    for order_id in (1, 2, 3, 4):
        made.accept(order_id)
    made.price("101")
    made.refresh()
    assert [level.price_ticks for level in ladder_status(made.maker, BUY)] == [9_999, 9_898]


def test_before_the_first_book() -> None:
    assert reasons(bench()) == [NotResting.STARTING] * 2


def test_in_a_gap_the_book_is_stale() -> None:
    made = bench()
    made.price("100")
    made.gap(starts=True)
    assert reasons(made) == reasons(made, SELL) == [NotResting.BOOK_STALE] * 2


@pytest.mark.parametrize("lots", [(0, 10), (10, 0)])
def test_with_an_empty_side_there_is_no_reference(lots: tuple[int, int]) -> None:
    made = bench()
    made.send(BookUpdated(0, 0, 9_999, lots[0], 10_001, lots[1]))
    assert reasons(made) == [NotResting.NO_REFERENCE] * 2


def test_at_the_cap() -> None:
    made = bench("5")
    made.price("100")
    assert (reasons(made), reasons(made, SELL)) == ([NotResting.AT_CAP] * 2, [None] * 2)


def test_below_the_minimum() -> None:
    made = Bench(instrument(minimum="0.1"), spread="0.01", quantity="0.1", max_orders=2, max_position="5")
    made.hold("4.95", "100")
    made.price("100")
    assert reasons(made) == [NotResting.BELOW_MINIMUM, NotResting.AT_CAP]


def test_without_margin() -> None:
    made = bench(balance="1")
    made.price("100")
    assert reasons(made) == [None, NotResting.NO_MARGIN]


def test_refused_by_the_venue() -> None:
    made = bench(acknowledges=False)
    made.price("100")
    made.reject(1, RejectReason.POST_ONLY_WOULD_CROSS)
    made.reject(3, RejectReason.OTHER)
    assert reasons(made) == [NotResting.POST_ONLY_WOULD_CROSS, NotResting.REFUSED_BY_VENUE]


def test_after_a_stop_closing_then_cooling_down() -> None:
    made = bench("5", stop_loss="1")
    made.price("100")
    made.mark("99.7")
    assert reasons(made) == [NotResting.STOPPED] * 2
    close = next(order for order in made.maker.orders if order.reduce_only)
    made.execute(close.order_id, SELL, 9_970, 500)
    assert reasons(made) == reasons(made, SELL) == [NotResting.COOLING_DOWN] * 2


def test_at_the_end() -> None:
    made = bench()
    made.price("100")
    made.stop()
    assert reasons(made) == [NotResting.ENDING] * 2


def test_the_order_that_closes_the_position_is_no_level() -> None:
    made = bench("5", stop_loss="1")
    made.price("100")
    made.mark("99.7")
    assert [level.order_id for level in ladder_status(made.maker, SELL)] == [None, None]


def test_skew_is_told_in_ticks_below_zero_when_it_leans_towards_selling() -> None:
    made = bench("2.5", inventory_skew="0.5", position_threshold="2")
    assert skew_ticks(made.maker) == 0.0
    made.price("100")
    assert skew_ticks(made.maker) == -50.0
