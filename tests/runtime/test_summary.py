"""The summary of a run: exact, complete, and the same bytes for the same run."""

import dataclasses
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.commands import Place
from perpmaker.domain.events import EndReason, Filled, FundingPaid, OrderAccepted
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.domain.position import Position
from perpmaker.runtime.statistics import RunStatistics
from perpmaker.runtime.summary import RunFacts, Summary, average_entry_price, summarize

SECOND = 1_000_000_000
SOL = Instrument("SOL_USDC_PERP", "SOL", "USDC", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))
FIELDS = [
    "equity_start",
    "equity_end",
    "realized_pnl",
    "unrealized_pnl",
    "fees",
    "funding",
    "position",
    "avg_entry_price",
    "fills",
    "buys",
    "sells",
    "volume_base",
    "volume_quote",
    "orders_placed",
    "orders_cancelled",
    "orders_rejected",
    "requests",
    "max_abs_position",
    "max_drawdown",
    "time_at_cap_s",
    "two_sided_uptime",
    "stops",
    "takes",
    "start_ns",
    "end_ns",
    "events",
    "wall_s",
    "events_per_s",
    "run",
]
RUN_FIELDS = ["end_reason", "mode", "exchange", "symbol", "seed", "version", "settings", "notices"]


def facts() -> RunFacts:
    notices = ["skew 0 never acts"]
    return RunFacts(EndReason.DURATION, "simulation", "sim", SOL.symbol, 7, "0.1.0", {"spread": "0.01"}, notices)


def busy_run() -> RunStatistics:
    stats = RunStatistics(SOL, 100, 0)
    for order_id, side in ((1, Side.BUY), (2, Side.SELL)):
        stats.on_command(Place(order_id, side, 10_000, 30, OrderKind.LIMIT, True, False))
        stats.on_event(OrderAccepted(0, 0, order_id))
    stats.on_event(Filled(SECOND, SECOND, 1, 1, Side.BUY, 9_900, 30, True, SOL.money_to_quanta(Decimal("0.005"))))
    stats.on_event(Filled(SECOND, SECOND, 2, 2, Side.SELL, 10_100, 10, True, SOL.money_to_quanta(Decimal("0.002"))))
    stats.on_event(FundingPaid(SECOND, SECOND, SOL.money_to_quanta(Decimal("-0.001"))))
    return stats


def summary_of(
    stats: RunStatistics, mark: int = 10_000_000, wall_s: float = 0.5, start: int = SOL.money_to_quanta(Decimal(1000))
) -> Summary:
    return summarize(
        stats,
        equity_start_quanta=start,
        mark_milliticks=mark,
        max_drawdown_quanta=SOL.money_to_quanta(Decimal("0.25")),
        requests=3,
        end_ns=4 * SECOND,
        events=1_000,
        wall_s=wall_s,
        run=facts(),
    )


def test_the_fields_are_these_in_this_order() -> None:
    assert [f.name for f in dataclasses.fields(Summary)] == FIELDS
    document = json.loads(summary_of(busy_run()).to_json())
    assert list(document) == FIELDS
    assert list(document["run"]) == RUN_FIELDS


def test_money_sizes_and_prices_are_exact_decimal_strings() -> None:
    document = json.loads(summary_of(busy_run()).to_json())
    assert document["equity_start"] == "1000.00"
    assert document["equity_end"] == "1000.392"
    assert document["realized_pnl"] == "0.20"
    assert document["unrealized_pnl"] == "0.20"
    assert document["fees"] == "0.007"
    assert document["funding"] == "-0.001"
    assert document["position"] == "0.20"
    assert document["avg_entry_price"] == "99"
    assert document["volume_base"] == "0.40"
    assert document["volume_quote"] == "39.80"
    assert document["max_drawdown"] == "0.25"


def test_small_money_is_written_without_an_exponent() -> None:
    stats = RunStatistics(SOL, 100, 0)
    stats.on_event(FundingPaid(0, 0, 1))
    assert json.loads(summary_of(stats).to_json())["funding"] == "0.0000000000000001"


def test_ratios_are_formed_at_the_end() -> None:
    summary = summary_of(busy_run())
    assert summary.two_sided_uptime == 0.25  # the bid is filled after one second of four
    assert summary.time_at_cap_s == 0.0
    assert summary.events_per_s == 2_000.0


def test_a_run_that_never_traded_has_a_summary() -> None:
    summary = summary_of(RunStatistics(SOL, 100, 0))
    assert summary.avg_entry_price is None
    assert json.loads(summary.to_json())["avg_entry_price"] is None


def test_a_run_of_no_length_has_no_ratios() -> None:
    summary = summary_of(RunStatistics(SOL, 100, 4 * SECOND), wall_s=0.0)
    assert (summary.two_sided_uptime, summary.events_per_s) == (0.0, 0.0)


def test_equal_runs_give_equal_bytes_but_for_the_wall() -> None:
    slow, fast = summary_of(busy_run(), wall_s=2.0), summary_of(busy_run(), wall_s=0.1)
    assert slow.to_json() != fast.to_json()
    assert slow.to_json(with_wall=False) == fast.to_json(with_wall=False)
    assert set(json.loads(slow.to_json())) - set(json.loads(slow.to_json(with_wall=False))) == {
        "wall_s",
        "events_per_s",
    }


@pytest.mark.parametrize("name", ["equity_start", "equity_end", "realized_pnl", "unrealized_pnl", "fees", "funding"])
def test_a_summary_that_is_wrong_by_one_quantum_cannot_be_made(name: str) -> None:
    right = summary_of(busy_run())
    with pytest.raises(ValueError, match="does not explain it"):
        dataclasses.replace(right, **{name: getattr(right, name) + SOL.money(1)})


def test_an_average_entry_between_ticks_is_rounded_to_twelve_places() -> None:
    position = Position()
    position.apply_fill(Side.BUY, 10_000, 2, 0)
    position.apply_fill(Side.BUY, 10_001, 1, 0)
    assert average_entry_price(SOL, position) == Decimal("100.003333333333")


def test_the_average_entry_of_a_short_is_positive() -> None:
    position = Position()
    position.apply_fill(Side.SELL, 10_100, 3, 0)
    assert average_entry_price(SOL, position) == Decimal(101)


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(Side),
            st.integers(1, 10**7),
            st.integers(1, 10**6),
            st.integers(-(10**20), 10**20),
        ),
        st.integers(-(10**24), 10**24),
    ),
    max_size=30,
)
STEP_SIZES = st.sampled_from([Decimal("0.01"), Decimal("0.0001"), Decimal("0.5"), Decimal("0.000003")])


@given(
    steps=STEPS,
    tick=STEP_SIZES,
    lot=STEP_SIZES,
    mark=st.integers(1, 10**10),
    balance=st.integers(-(10**30), 10**30),
)
def test_the_equity_is_always_explained_to_the_last_digit(
    steps: list[tuple[Side, int, int, int] | int], tick: Decimal, lot: Decimal, mark: int, balance: int
) -> None:
    instrument = Instrument("X", "X", "Y", tick, lot, lot)
    stats = RunStatistics(instrument, 10, 0)
    cash = balance  # the venue's account, kept in the plainest way: cash and lots
    lots = 0
    for number, step in enumerate(steps):
        if isinstance(step, int):
            stats.on_event(FundingPaid(0, 0, step))
            cash += step
        else:
            side, price, size, fee = step
            stats.on_event(Filled(0, 0, number, number, side, price, size, True, fee))
            cash -= side * size * price * 10**12 + fee
            lots += side * size
    summary = summary_of(stats, mark, start=balance)
    document = json.loads(summary.to_json())
    assert instrument.money_to_quanta(Decimal(document["equity_end"])) == cash + lots * mark * 10**9
    assert document["fills"] == document["buys"] + document["sells"]
