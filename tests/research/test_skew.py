"""The comparison of skews: its figures are those of single runs, and a market that returns rewards leaning back."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from perpmaker.cli.main import _run
from perpmaker.data.reader import Recording
from perpmaker.domain.errors import RecordingError
from perpmaker.journal.readers import list_runs
from perpmaker.journal.writer import open_journal
from perpmaker.quoting.skew import SkewMode
from perpmaker.report.attribution import HOUR_NS, Execution
from perpmaker.report.run_data import read_report
from perpmaker.research.skew import Skew, SkewPlan, SkewRun, compare_skews, held_until, order_lots
from perpmaker.simulation import market_events as me
from perpmaker.simulation.first_mark import needed_first_mark
from support.recordings import INSTRUMENT, Rows, record
from support.returning_flow import MID_TICKS, START_NS, returning_flow

PLAN = SkewPlan(half_spreads=(Decimal("0.0002"),), order_value=Decimal(200))
LOTS = 2


@pytest.fixture(scope="module")
def runs() -> dict[Skew, SkewRun]:
    """Twelve hours of a market that always returns, at 2 bp."""
    found = compare_skews(returning_flow(12), PLAN, Decimal("0.0002"), LOTS)
    return {run.skew: run for run in found}


def test_where_the_price_returns_shift_holds_less_and_is_at_the_cap_less_often(runs: dict[Skew, SkewRun]) -> None:
    shift, off = runs[Skew.SHIFT], runs[Skew.OFF]
    assert off.fills > 1_000
    assert shift.mean_abs_lots < off.mean_abs_lots / 2
    assert shift.at_cap_share < off.at_cap_share


def test_only_the_skew_differs(runs: dict[Skew, SkewRun]) -> None:
    assert [run.cap_lots for run in runs.values()] == [LOTS * PLAN.cap_orders] * 3
    off, *others = (PLAN.settings(skew, Decimal("0.0002"), INSTRUMENT, LOTS) for skew in Skew)
    for other in others:
        assert replace(other, inventory_skew=off.inventory_skew, skew_mode=off.skew_mode) == off
    assert [(one.inventory_skew, one.skew_mode) for one in others] == [(1, SkewMode.SHIFT), (1, SkewMode.PRINTED)]


def test_hours_are_whole_and_make_up_the_whole(runs: dict[Skew, SkewRun]) -> None:
    off = runs[Skew.OFF]
    assert len(off.hours) == 11, "the twelfth is cut: its last trade comes before its end"
    assert sum(hour.mean_abs_lots for hour in off.hours) / 11 == pytest.approx(off.mean_abs_lots, rel=0.1)
    whole = compare_skews(returning_flow(12.01), PLAN, Decimal("0.0002"), LOTS)[0]
    assert len(whole.hours) == 12


@pytest.mark.parametrize("skew", [Skew.OFF, Skew.SHIFT, Skew.PRINTED])
def test_the_figures_are_those_of_the_same_run_and_its_report(skew: Skew, tmp_path: Path) -> None:
    recording = record(tmp_path / "r", returning_flow(2.01))
    file = str(tmp_path / "journal.db")
    mode = {Skew.OFF: ("0", "shift"), Skew.SHIFT: ("1", "shift"), Skew.PRINTED: ("1", "printed")}[skew]
    flags = (
        f"run --feed {recording} --spread 2bp --quantity 0.002 --max-orders 2 --max-position 0.02 --duration 0 "
        f"--position-threshold 0 --inventory-skew {mode[0]} --skew-mode {mode[1]} --interval 10 --view none"
    )
    _run([*flags.split(), "--journal", file])
    with open_journal(file) as journal:
        report = read_report(journal, list_runs(journal)[0])
    measured = {run.skew: run for run in compare_skews(Recording.open(recording), PLAN, Decimal("0.0002"), LOTS)}[skew]
    assert report.summary is not None
    assert report.attribution is not None
    assert measured.terms == report.attribution.total
    assert measured.fills == report.summary["fills"] > 5
    assert measured.two_sided_share == report.summary["two_sided_uptime"]
    seconds = (report.span.end_ns - report.span.start_ns) / 1e9
    assert measured.at_cap_share * seconds == pytest.approx(report.summary["time_at_cap_s"])
    held = sum(abs(value) * share for value, share in report.inventory.items())
    assert measured.mean_abs_lots * float(INSTRUMENT.lot_size) == pytest.approx(held)
    by_hour = [terms.total for terms in report.attribution.by_hour().values()]
    assert [hour.profit_quanta for hour in measured.hours] == by_hour[:2]


def test_a_position_counts_for_as_long_as_it_was_held() -> None:
    made = [Execution(at, lots, 1, 0, 1, is_maker=True) for at, lots in ((10, 3), (20, -5), (40, 2))]
    assert held_until(made, [0, 10, 15, 20, 30, 100]) == {0: 0, 10: 0, 15: 15, 20: 30, 30: 50, 100: 70}


def test_an_order_is_worth_what_was_asked_as_nearly_as_lots_allow_and_the_minimum_at_least() -> None:
    mid = MID_TICKS * 1_000  # a lot is worth 100
    assert [order_lots(INSTRUMENT, mid, Decimal(value)) for value in ("1", "240", "260", "1000")] == [2, 2, 3, 10]


def test_the_first_price_is_that_of_the_first_hour_and_without_one_there_is_no_study() -> None:
    assert needed_first_mark(returning_flow(0.1)) == MID_TICKS * 1_000
    late = Rows([(START_NS, me.BID, 5, 1), (START_NS + 2 * HOUR_NS, me.ASK, 7, 1)])
    with pytest.raises(RecordingError, match="no price in its first hour"):
        needed_first_mark(late)
