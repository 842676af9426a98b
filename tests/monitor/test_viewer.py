"""What a run shows of itself is what it knows, and at its end what its summary says."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from perpmaker.domain.orders import Side
from perpmaker.domain.reasons import NotResting
from perpmaker.maker.status import skew_ticks
from perpmaker.monitor.view import RunView
from perpmaker.runtime.summary import Summary
from support.live_runs import paper_venue
from support.monitored import Monitored, links_in_a_short_place, monitored
from support.virtual_time import run_virtual, virtual_clock


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with links_in_a_short_place(monkeypatch) as folder:
        yield folder


def played(**settings: object) -> tuple[Monitored, RunView, Summary]:
    """Five minutes on paper, and its last view."""

    async def whole() -> tuple[Monitored, RunView, Summary]:
        clock = virtual_clock()
        rig = await monitored(paper_venue(clock), clock, **settings)
        _, summary = await rig.play()
        view = rig.monitor.latest_view()
        assert view is not None
        return rig, view, summary

    return run_virtual(whole)


@pytest.mark.parametrize("closes", [True, False])
def test_the_last_view_is_the_summary_to_the_last_digit(closes: bool) -> None:
    _, view, summary = played(close_on_exit=closes)
    profit, counts = view.profit, view.counts
    assert view.is_over
    assert view.end_reason == summary.run.end_reason.value
    assert counts.fills == summary.fills > 20
    assert profit.equity_start == f"{summary.equity_start:f}"
    assert profit.equity == f"{summary.equity_end:f}"
    assert profit.net == f"{summary.equity_end - summary.equity_start:f}"
    assert profit.realized == f"{summary.realized_pnl:f}"
    assert profit.unrealized == f"{summary.unrealized_pnl:f}"
    assert Decimal(profit.fees) == -summary.fees
    assert profit.funding == f"{summary.funding:f}"
    assert profit.max_drawdown == f"{summary.max_drawdown:f}"
    assert counts.volume == f"{summary.volume_quote:f}"
    assert view.position.quantity == f"{summary.position:f}"
    entry = summary.avg_entry_price
    assert view.position.entry_price == (None if entry is None else f"{entry:f}")
    for name in ("buys", "sells", "orders_placed", "orders_cancelled", "orders_rejected", "stops", "takes"):
        assert getattr(counts, name) == getattr(summary, name)
    assert view.health.requests == summary.requests
    assert view.health.messages == summary.events


def test_the_terms_of_the_profit_sum_to_it() -> None:
    _, view, _ = played(close_on_exit=False)
    assert sum(map(Decimal, view.profit.terms.values())) == Decimal(view.profit.net)
    assert Decimal(view.profit.terms["spread"]) > 0


def test_while_it_goes_on_the_view_is_what_the_maker_has() -> None:
    async def whole() -> None:
        clock = virtual_clock()
        rig = await monitored(paper_venue(clock), clock, duration_s=Decimal(120), named={"spread": "0.0003"})
        seen: list[RunView] = []

        class Onlooker:
            def on_step(self, *_: object) -> None:
                view = rig.monitor._viewer.view()
                seen.append(view)
                self.compare(view)

            def compare(self, view: RunView) -> None:
                maker, price = rig.maker, rig.subject.instrument.price
                orders = {(o.side, o.level): o for o in maker.orders if not o.reduce_only}
                shown = {(Side.BUY if one.side == "buy" else Side.SELL, one.level): one for one in view.levels}
                assert len(shown) == 2 * maker.state.terms.levels
                for place, level in shown.items():
                    order = orders.get(place)
                    assert (order is None) == (level.price is None) == (level.state is None) == (level.why is not None)
                    assert order is None or level.price == f"{price(order.price_ticks):f}"
                assert view.phase == maker.phase.value
                anchor = maker.quoter.anchor_milliticks
                if anchor is None:
                    assert view.skew.reservation is None
                else:
                    lean = Decimal(view.skew.reservation or 0) - Decimal(view.skew.reference or 0)
                    assert lean == Decimal(view.skew.ticks) * rig.subject.instrument.tick_size
                    assert float(view.skew.ticks) == pytest.approx(skew_ticks(maker), abs=0.0006)
                assert sum(map(Decimal, view.profit.terms.values())) == Decimal(view.profit.net)

        rig.run._audience.observers.append(Onlooker())
        await rig.play()
        resting = [level for view in seen for level in view.levels if level.state == "resting"]
        assert any(level.queue_ahead not in (None, "0.00") for level in resting)
        assert {view.settings["spread"] for view in seen} == {"0.0003"}
        assert any(Decimal(view.skew.ticks) for view in seen)
        with_book = [view for view in seen if view.book is not None]
        assert len(with_book) > len(seen) / 2
        for view in with_book:
            assert view.book is not None
            assert view.bid == view.book.bids[0][0]
            assert Decimal(view.book.bids[0][0]) < Decimal(view.book.asks[0][0])
            assert len(view.book.bids) <= 20

    run_virtual(whole)


def test_at_the_cap_the_side_that_has_no_room_is_named() -> None:
    async def whole() -> None:
        clock = virtual_clock()
        rig = await monitored(
            paper_venue(clock), clock, max_position=Decimal("0.1"), position_threshold=Decimal(0), max_orders=1
        )
        sides = []

        class Onlooker:
            def on_step(self, *_: object) -> None:
                position = rig.monitor._viewer.view().position
                held, cap = Decimal(position.quantity), Decimal(position.cap)
                sides.append(position.capped_side)
                full = abs(held) + Decimal("0.01") > cap
                assert position.capped_side == (("buy" if held > 0 else "sell") if full else None)

        rig.run._audience.observers.append(Onlooker())
        await rig.play()
        assert set(sides) >= {None, "buy"} or set(sides) >= {None, "sell"}

    run_virtual(whole)


def test_before_the_first_price_nothing_is_known_and_nothing_is_earned() -> None:
    async def whole() -> None:
        clock = virtual_clock()
        rig = await monitored(paper_venue(clock), clock)
        await rig.monitor.open(rig.run, rig.wishes.carry_out)
        view = rig.monitor.latest_view()
        assert view is not None
        assert (view.bid, view.ask, view.mark, view.book, view.skew.reservation) == (None,) * 5
        assert view.health.book_age_ms is None
        assert view.health.clock_offset_ms is None
        assert view.health.reconciled_at_ns is None
        assert view.health.decision.p99_ms is None
        assert view.profit.net == "0.00"
        assert {level.why for level in view.levels} == {NotResting.STARTING.value}
        rig.monitor.abandon()

    run_virtual(whole)
