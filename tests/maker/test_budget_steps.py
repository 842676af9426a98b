"""While a budget over several markets is used up only what reduces is quoted, at once, and nothing that could turn."""

import pytest

from perpmaker.domain.events import EndReason, QuotingLimited
from perpmaker.domain.orders import RejectReason, Side
from perpmaker.domain.reasons import NotResting
from support.maker_bench import Bench, instrument

SETTINGS = {"spread": "0.01", "quantity": "0.1", "max_orders": 3, "max_position": "5", "interval_s": "10"}


def limited(bench: Bench, *, only_reducing: bool = True) -> None:
    bench.send(QuotingLimited(bench.now_ns, only_reducing, "notional"))


def test_a_long_position_is_only_offered_and_no_more_than_it_holds() -> None:
    bench = Bench(instrument(), **SETTINGS)
    bench.hold("0.25", "100")
    bench.price("100")
    assert len(bench.bids) == len(bench.asks) == 3
    limited(bench)
    assert bench.bids == []
    assert bench.asks == ["101", "102", "0.05@103"]
    assert bench.maker.quoter.not_resting[Side.BUY, 1] is NotResting.BUDGET


def test_a_short_position_is_only_bid_for() -> None:
    bench = Bench(instrument(), **SETTINGS)
    bench.hold("-0.1", "100")
    bench.price("100")
    limited(bench)
    assert bench.asks == []
    assert bench.bids == ["99"]
    assert bench.maker.quoter.not_resting[Side.BUY, 2] is NotResting.BUDGET


def test_flat_nothing_is_quoted_and_a_fill_on_its_way_is_taken_back_at_once() -> None:
    bench = Bench(instrument(), acknowledges=False, **SETTINGS)
    bench.price("100")
    limited(bench)
    assert bench.bids == bench.asks == []
    bid = next(order for order in bench.maker.orders if order.side is Side.BUY)
    bench.execute(bid.order_id, Side.BUY, bid.price_ticks, 10)  # before its cancel was confirmed
    bench.refresh()
    asked = sum(order.remaining_lots for order in bench.maker.orders if order.side is Side.SELL)
    assert asked >= 10
    assert bench.bids == []


def test_every_fill_makes_less_of_it_until_it_is_flat() -> None:
    bench = Bench(instrument(), **SETTINGS)
    bench.hold("0.25", "100")
    bench.price("100")
    limited(bench)
    for left, asks in ((15, 15), (5, 5), (0, 0)):
        order = next(o for o in bench.maker.orders if o.side is Side.SELL)
        bench.execute(order.order_id, Side.SELL, order.price_ticks, order.remaining_lots)
        assert bench.maker.position.lots == left
        assert sum(o.remaining_lots for o in bench.maker.orders) == asks


def test_it_is_lifted_as_soon_as_it_is_said() -> None:
    bench = Bench(instrument(), **SETTINGS)
    bench.price("100")
    limited(bench)
    limited(bench, only_reducing=False)
    assert len(bench.bids) == len(bench.asks) == 3
    assert bench.maker.quoter.not_resting == {}


def test_an_order_that_a_budget_held_back_says_so_until_the_next_refresh() -> None:
    bench = Bench(instrument(), acknowledges=False, **SETTINGS)
    bench.price("100")
    order = next(iter(bench.maker.orders))
    bench.reject(order.order_id, RejectReason.BUDGET)
    assert bench.maker.quoter.not_resting[order.side, order.level] is NotResting.BUDGET
    before = bench.maker.state.next_order_id
    bench.refresh()
    assert bench.maker.state.next_order_id == before + 1, "tried again"


@pytest.mark.parametrize(("reason", "closes"), [(EndReason.BUDGET, False), (EndReason.BUDGET_LOSS, True)])
def test_the_end_by_a_loss_closes_and_the_end_by_a_size_does_not(reason: EndReason, *, closes: bool) -> None:
    bench = Bench(instrument(), **SETTINGS)
    bench.hold("1", "100")
    bench.price("100")
    bench.stop(reason)
    assert any(order.reduce_only for order in bench.maker.orders) is closes
