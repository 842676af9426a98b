"""What became of orders, and their levels: as the maker gave them, or guessed where an old journal lacks them."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from perpmaker.domain.commands import Cancel, Command, Place
from perpmaker.domain.events import Event, Filled, OrderAccepted, OrderCanceled, OrderRejected
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.report.orders import level_rows, read_orders
from perpmaker.report.rows import CancelAsked, OrderNews, Placed, RunRows, Story
from support.runs import run, strategy, synthetic

NEWS = {OrderAccepted: "accepted", OrderCanceled: "canceled", OrderRejected: "rejected"}


class Witness:
    """Keeps what a journal would, and the level that the maker gave to each order."""

    def __init__(self, maker: MarketMaker, *, keeps_levels: bool = False) -> None:
        self._maker = maker
        self._keeps_levels = keeps_levels
        self.story: list[Story] = []
        self.levels: dict[int, int] = {}

    def on_step(self, now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None:
        for event in events:
            if isinstance(event, OrderAccepted | OrderCanceled | OrderRejected):
                self.story.append(OrderNews(event.at_ns, event.venue_ns, NEWS[type(event)], event.order_id, None))
            elif isinstance(event, Filled):
                self.story.append(event)
        for command in commands:
            if isinstance(command, Place):
                rests = command.kind is OrderKind.LIMIT
                level = command.level if self._keeps_levels else None
                self.story.append(Placed(now_ns, *command[:4], rests, command.reduce_only, level))
                order = self._maker.orders.get(command.order_id)
                assert order is not None
                self.levels[command.order_id] = order.level
            elif isinstance(command, Cancel):
                self.story.append(CancelAsked(now_ns, command.order_id))


def rows(story: list[Story], *, levels: int = 3, spread: str = "0.01") -> RunRows:
    about: Any = SimpleNamespace(mode="simulation", settings={"max_orders": str(levels), "spread": spread})
    return RunRows(about, story, [], [], [])


def placed(order_id: int, price: int, *, at: int = 0, side: Side = Side.BUY, rests: bool = True) -> Placed:
    return Placed(at, order_id, side, price, 10, rests, reduce_only=not rests, level=None)


def levels_of(*story: Story) -> dict[int, int]:
    return {order.order_id: order.level for order in read_orders(rows(list(story))).values()}


def test_a_whole_ladder_is_counted_from_the_inside() -> None:
    bids = [placed(1, 9_900), placed(2, 9_800), placed(3, 9_700)]
    asks = [placed(4, 10_100, side=Side.SELL), placed(5, 10_200, side=Side.SELL), placed(6, 10_300, side=Side.SELL)]
    assert levels_of(*bids, *asks) == {1: 1, 2: 2, 3: 3, 4: 1, 5: 2, 6: 3}


def test_an_order_that_replaces_another_takes_its_level() -> None:
    ladder = [placed(1, 9_900), placed(2, 9_800), placed(3, 9_700)]
    assert levels_of(*ladder, CancelAsked(5, 2), placed(4, 9_810, at=5))[4] == 2


def test_a_hole_in_the_ladder_is_as_wide_as_half_spreads_fit_into_it() -> None:
    assert levels_of(placed(1, 9_900), placed(3, 9_700)) == {1: 1, 3: 3}


def test_a_closing_order_is_of_no_level() -> None:
    assert levels_of(placed(1, 0, rests=False)) == {1: 0}


@pytest.mark.parametrize("settings", [{}, {"max_orders": 3, "stop_loss": "1"}])
def test_a_guessed_level_is_that_of_the_maker_but_for_one_in_a_hundred(settings: dict[str, Any]) -> None:
    seen: list[Witness] = []

    def watch(maker: MarketMaker, _: object) -> Witness:
        seen.append(Witness(maker))
        return seen[-1]

    run(strategy(duration_s="900", **settings), synthetic(1), observers=[watch])
    witness = seen[0]
    inferred = read_orders(rows(witness.story, levels=settings.get("max_orders", 2), spread="0.0003"))
    same = sum(inferred[order_id].level == level for order_id, level in witness.levels.items())
    assert len(witness.levels) > 500
    assert same / len(witness.levels) >= 0.99


def test_a_level_that_the_journal_kept_is_that_of_the_maker() -> None:
    seen: list[Witness] = []

    def watch(maker: MarketMaker, _: object) -> Witness:
        seen.append(Witness(maker, keeps_levels=True))
        return seen[-1]

    run(strategy(duration_s="600", max_orders=3, stop_loss="0.02"), synthetic(1), observers=[watch])
    known = read_orders(rows(seen[0].story))
    assert {order.order_id: order.level for order in known.values()} == seen[0].levels
    assert {0, 1, 2, 3} == set(seen[0].levels.values())


def test_the_life_of_an_order_and_the_row_of_its_level() -> None:
    story: list[Story] = [
        placed(1, 9_900),
        OrderNews(15, 10, "accepted", 1, None),
        Filled(45, 40, 1, 1, Side.BUY, 9_900, 4, is_maker=True, fee_quanta=0),
        Filled(45, 40, 1, 1, Side.BUY, 9_900, 4, is_maker=True, fee_quanta=0),
        placed(2, 9_900, at=50),
        OrderNews(55, 52, "accepted", 2, None),
        OrderNews(95, 90, "canceled", 1, "requested"),
        placed(3, 9_900, at=60),
        OrderNews(70, 65, "rejected", 3, "other"),
    ]
    orders = read_orders(rows(story, levels=1))
    first = orders[1]
    assert (first.accepted_ns, first.first_fill_ns, first.ended_ns, first.filled_lots) == (10, 40, 90, 4)
    assert orders[3].is_rejected
    (row,) = level_rows(orders.values(), {1: 30, 2: 50}, end_ns=100)
    assert (row.side, row.level, row.accepted, row.filled_orders, row.filled_lots) == (Side.BUY, 1, 2, 1, 4)
    assert row.resting_ns == (90 - 10) + (100 - 52)
    assert row.median_fill_ns == 30
    assert row.median_queue_lots == 40
    assert row.fill_share == 0.5
