"""Other settings while a run goes on: as a whole, at once, and without forgetting what the limits have seen."""

from dataclasses import replace
from decimal import Decimal

import pytest

from perpmaker.domain.events import SettingsChanged
from perpmaker.domain.orders import Side
from perpmaker.maker.market_maker import Phase
from perpmaker.maker.settings import Recenter, StrategyTerms
from support.maker_bench import Bench, instrument

SETTINGS = {"spread": "0.01", "quantity": "0.1", "max_orders": 2, "max_position": "5", "interval_s": "10"}


def change(bench: Bench, **changes: object) -> None:
    settings = replace(bench.settings, **changes)  # type: ignore[arg-type]
    terms = StrategyTerms.of(settings, bench.instrument, Decimal(1_000_000), Decimal(10))
    bench.settings = settings
    bench.send(SettingsChanged(bench.now_ns, terms, "what was, and what is"))


def test_the_ladder_is_the_new_one_at_once() -> None:
    bench = Bench(instrument(), **SETTINGS)
    bench.price("100")
    change(bench, spread=Decimal("0.02"), max_orders=3, quantity=Decimal("0.2"))
    assert bench.bids == ["98", "96", "94"]
    assert bench.asks == ["102", "104", "106"]
    change(bench, max_orders=1)
    assert bench.bids == ["98"]
    assert bench.maker.quoter.not_resting == {}


def test_orders_that_are_right_by_the_new_settings_keep_their_place() -> None:
    bench = Bench(instrument(), **SETTINGS)
    bench.price("100")
    kept = bench.order_at(Side.BUY, "99")
    change(bench, max_orders=3)
    assert bench.order_at(Side.BUY, "99") == kept


def test_a_lower_cap_stops_the_side_that_adds() -> None:
    bench = Bench(instrument(), **SETTINGS)
    bench.hold("2", "100")
    bench.price("100")
    change(bench, max_position=Decimal(1))
    assert bench.bids == []
    assert len(bench.asks) == 2


def test_skew_and_threshold_of_a_position_that_was_met_before_are_new() -> None:
    bench = Bench(instrument(), **SETTINGS)
    bench.hold("2.5", "100")
    bench.price("100")
    assert bench.bids == ["99", "98"]
    change(bench, inventory_skew=Decimal("0.5"), position_threshold=Decimal(1))
    assert bench.bids == ["98.5", "97.5"]


def test_the_interval_counts_from_the_start_of_the_run() -> None:
    bench = Bench(instrument(), **SETTINGS)
    bench.price("100")
    bench.wait(12)
    change(bench, interval_s=Decimal(5))
    assert bench.maker.deadlines()[0] == 15 * 10**9


def test_a_limit_acts_with_what_it_has_seen_before() -> None:
    bench = Bench(instrument(), max_drawdown="100", **SETTINGS)
    bench.hold("1", "100")
    bench.price("130")
    bench.price("110")
    change(bench, max_drawdown=Decimal(20))
    assert bench.maker.phase is Phase.CLOSING


def test_a_stop_that_the_position_is_beyond_already_closes_at_once() -> None:
    bench = Bench(instrument(), **SETTINGS)
    bench.hold("1", "100")
    bench.price("95")
    change(bench, stop_loss=Decimal(3))
    assert any(order.reduce_only for order in bench.maker.orders)


def test_a_ladder_that_follows_fills_begins_at_the_price_of_the_change() -> None:
    bench = Bench(instrument(), **SETTINGS)
    bench.price("100")
    bench.price("110")
    change(bench, recenter=Recenter.FILL)
    assert bench.bids == ["108.9", "107.8"]
    bench.price("120")
    bench.refresh()
    assert bench.bids == ["108.9", "107.8"]


def test_the_end_of_the_run_stays_where_it_was() -> None:
    bench = Bench(instrument(), duration_s="60", **SETTINGS)
    bench.price("100")
    change(bench, duration_s=Decimal(5))
    bench.wait(30)
    assert bench.maker.phase is Phase.QUOTING


def test_what_is_no_settings_is_refused() -> None:
    bench = Bench(instrument(), **SETTINGS)
    with pytest.raises(TypeError, match="must be StrategyTerms"):
        bench.send(SettingsChanged(0, object(), ""))
