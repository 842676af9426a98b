"""The golden scenarios of the strategy, by name, with their exact numbers (docs/strategy.md)."""

from decimal import Decimal

import pytest

from perpmaker.domain.commands import Place
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.maker.market_maker import Phase
from perpmaker.quoting.skew import SkewMode
from support.maker_bench import Bench, instrument


def document_bench() -> Bench:
    return Bench(
        instrument(tick="1", lot="0.1", minimum="0.1"),
        spread="0.01",
        quantity="0.1",
        max_orders=1,
        max_position="5",
        position_threshold="2",
        interval_s="10",
    )


def test_a0_quotes_99_and_101_around_100() -> None:
    bench = document_bench()
    bench.price("100")
    assert (bench.bids, bench.asks, bench.position) == (["99"], ["101"], 0)


def test_a1_to_a3_the_document_round_trip_earns_a_tenth() -> None:
    bench = document_bench()
    bench.price("100")
    bench.now_ns += 1
    bench.price("99")
    bench.fill(Side.BUY, "99")
    assert bench.position == Decimal("0.1")
    assert (bench.bids, bench.asks) == (["98"], ["100"])  # A2
    bench.now_ns += 1
    bench.price("100")
    bench.fill(Side.SELL, "100")
    assert (bench.position, bench.realized) == (0, Decimal("0.10"))


def test_a4_the_short_mirror() -> None:
    bench = document_bench()
    bench.price("100")
    bench.price("101")
    bench.fill(Side.SELL, "101")
    assert bench.position == Decimal("-0.1")
    assert bench.maker.position.cost_quanta == -bench.instrument.money_to_quanta(Decimal("10.1"))


def ladder_bench(position: str, **settings: object) -> Bench:
    options: dict[str, object] = {
        "spread": "0.01",
        "quantity": "0.1",
        "max_orders": 2,
        "max_position": "5",
        "position_threshold": "2",
        "interval_s": "10",
    }
    minimum = str(settings.pop("minimum", "0.01"))
    bench = Bench(instrument(minimum=minimum), **{**options, **settings})
    bench.hold(position, "100")
    bench.price("100")
    return bench


GOLDEN_LADDERS = {
    "B1 beyond the threshold without skew": ("2.5", {}, ["99", "98"], ["101", "102"]),
    "B2 long, shift": ("2.5", {"inventory_skew": "0.5"}, ["98.5", "97.5"], ["100.5", "101.5"]),
    "B3 long, printed": (
        "2.5",
        {"inventory_skew": "0.5", "skew_mode": SkewMode.PRINTED},
        ["98.5", "97.5"],
        ["101.5", "102.5"],
    ),
    "B4 at the threshold": ("2.0", {"inventory_skew": "0.5"}, ["99", "98"], ["101", "102"]),
    "B5 short, shift": ("-2.5", {"inventory_skew": "0.5"}, ["99.5", "98.5"], ["101.5", "102.5"]),
    "B6 near the cap": ("4.95", {}, ["0.05@99"], ["101", "102"]),
    "B6 near the cap, minimum 0.1": ("4.95", {"minimum": "0.1"}, [], ["101", "102"]),
    "B7 at the cap": ("5", {}, [], ["101", "102"]),
    "B8 above its target": (
        "2.5",
        {"target_position": "1", "position_threshold": "1", "inventory_skew": "1"},
        ["98.4", "97.4"],
        ["100.4", "101.4"],
    ),
    "B9 below its target": (
        "0.2",
        {"target_position": "1", "position_threshold": "0.5", "inventory_skew": "1"},
        ["99.32", "98.32"],
        ["101.32", "102.32"],
    ),
}


@pytest.mark.parametrize("case", GOLDEN_LADDERS)
def test_b_ladder(case: str) -> None:
    position, settings, bids, asks = GOLDEN_LADDERS[case]
    bench = ladder_bench(position, **settings)
    assert (bench.bids, bench.asks) == (bids, asks)
    assert bench.maker.phase is Phase.QUOTING
    assert not any(isinstance(c, Place) and c.kind is OrderKind.MARKET for c in bench.sent), "nothing may be closed"


def closes(position: str, mark: str, **settings: str) -> bool:
    bench = ladder_bench(position, **settings)
    bench.now_ns += 1
    commands = bench.mark(mark)
    return any(isinstance(c, Place) and c.kind is OrderKind.MARKET and c.reduce_only for c in commands)


def test_c1_stop_loss_of_1_closes_5_bought_at_100_at_99_79_and_not_at_99_81() -> None:
    assert closes("5", "99.79", stop_loss="1")
    assert not closes("5", "99.81", stop_loss="1")


def test_c2_take_profit_of_5_closes_5_sold_at_100_at_98_99() -> None:
    assert closes("-5", "98.99", take_profit="5")
    assert not closes("-5", "99.01", take_profit="5")


def test_c3_the_sign_of_the_stop_loss_does_not_matter() -> None:
    assert closes("5", "99.79", stop_loss="-1")
    assert not closes("5", "99.81", stop_loss="-1")
