"""The page about skew: the same bytes for the same study, numbers of the study alone, and no band on too little."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from perpmaker.cli.main import _run
from perpmaker.report.attribution import Terms
from perpmaker.research.skew import Hour, Skew, SkewPlan, SkewRun
from perpmaker.research.skew_page import page
from perpmaker.research.skew_study import MarketFacts, MarketStudy, study
from perpmaker.research.skew_words import Difference, about_position, conclusion, sentences
from support.recordings import INSTRUMENT, record
from support.returning_flow import returning_flow

PLAN = SkewPlan(half_spreads=(Decimal("0.0002"), Decimal("0.01")), order_value=Decimal(200))
FACTS = MarketFacts(
    instrument=INSTRUMENT, importer="test", depth="every-change", period="then", span_ns=10**13, blind_ns=0,
    mid_milliticks=10**9, order_lots=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A market of eleven hours and one of ten minutes."""
    folder = tmp_path_factory.mktemp("recordings")
    short = returning_flow(0.2, seed=2, every_s=5)
    return [record(folder / "long", returning_flow(11.01)), record(folder / "short", short)]


@pytest.fixture(scope="module")
def studies(recordings: list[Path]) -> list[MarketStudy]:
    return study(recordings, PLAN)


def made(skew: Skew, positions: list[float], *, fills: int = 5, profit: int = 0) -> SkewRun:
    """A run with these mean positions by hour."""
    return SkewRun(
        skew=skew, half_spread=Decimal("0.0005"), fills=fills, cap_lots=20, mean_abs_lots=sum(positions),
        at_cap_share=0.0, two_sided_share=1.0, terms=Terms(spread=profit),
        hours=[Hour(lots, profit) for lots in positions],
    )  # fmt: skip


def test_on_two_processors_the_page_is_the_same_to_the_last_byte(
    recordings: list[Path], studies: list[MarketStudy]
) -> None:
    assert page(study(recordings, PLAN, processes=2), PLAN, "x") == page(studies, PLAN, "x")


def test_every_row_is_a_run_and_its_parts_add_up(studies: list[MarketStudy]) -> None:
    written = page(studies, PLAN, "perpmaker study skew")
    rows = [line.strip("| ").split(" | ") for line in written.splitlines() if line.startswith("| 2 bp")]
    assert [row[1] for row in rows] == ["off", "shift", "printed"] * 2
    for row in rows:
        *parts, total = (Decimal(cell.replace(",", "")) for cell in row[6:])
        assert abs(sum(parts) - total) <= Decimal("0.0035"), "seven parts, each rounded to a thousandth"
    off = studies[0].comparisons[0][0]
    assert rows[0][2:4] == [f"{off.fills:,}", f"{off.mean_of_cap:.1%}"]


def test_half_spreads_at_which_nothing_traded_have_a_sentence_and_no_row(studies: list[MarketStudy]) -> None:
    written = page(studies, PLAN, "x")
    assert "| 100 bp" not in written
    assert written.count("**100 bp.** Nothing traded, with any skew.") == 2


def test_too_few_hours_give_no_band_and_the_sentence_says_so(studies: list[MarketStudy]) -> None:
    long, short = (sentences(one.facts, one.comparisons[0]) for one in studies)
    assert "±" in long
    assert "±" not in short
    assert "There is no whole hour of data: 10 are needed for a band, so all of this may be chance." in short


def test_a_difference_is_paired_by_hour_and_apart_only_when_its_band_leaves_zero_out() -> None:
    off = made(Skew.OFF, [float(hour) for hour in range(12)])
    always_two_less = made(Skew.SHIFT, [hour.mean_abs_lots - 2 + 0.1 * (i % 2) for i, hour in enumerate(off.hours)])
    found = about_position(always_two_less, off)
    assert found is not None
    assert found.mean == pytest.approx(-1.95 / 20)
    assert found.is_apart, "the hours themselves differ far more than the pairs do"
    now_and_then = made(Skew.SHIFT, [hour.mean_abs_lots + (-1) ** i for i, hour in enumerate(off.hours)])
    unsure = about_position(now_and_then, off)
    assert unsure is not None
    assert not unsure.is_apart
    assert about_position(made(Skew.SHIFT, []), made(Skew.OFF, [])) is None
    assert not Difference(5.0, None).is_apart


def test_the_conclusion_counts_what_was_measured() -> None:
    hours = [5.0 + 0.01 * (hour % 3) for hour in range(12)]
    lower = [value - 3 for value in hours]
    runs = [made(Skew.OFF, hours), made(Skew.SHIFT, lower, profit=-1), made(Skew.PRINTED, hours, profit=2)]
    quiet = [replace(run, fills=0) for run in runs]
    found = conclusion([MarketStudy(FACTS, [runs, quiet])])
    assert found[0].startswith("2 comparisons (a recording at a half-spread), of which 1 with any fill, and 1 of these")
    assert found[1] == (
        "`shift` against off: a smaller mean position in 1 of 1, less time at the cap in 0, a higher change of equity "
        "in 0. Where there are bands (1): position lower in 1, higher in 0, not told apart in 0; change of equity "
        "lower in 1, higher in 0, not told apart in 0."
    )
    assert "`printed` against off: a smaller mean position in 0 of 1" in found[2]
    assert found[3] == "`shift` held a smaller mean position than `printed` in 1 of 1."


def test_the_command_writes_the_page_and_names_no_place_of_this_machine(recordings: list[Path], tmp_path: Path) -> None:
    file = tmp_path / "skew.md"
    flags = ["study", "skew", "--data", str(recordings[1]), "--half-spreads", "2bp", "--out", str(file)]
    assert _run(flags) == 0
    written = file.read_text(encoding="utf-8")
    assert written.startswith("# What skew does, measured")
    assert str(recordings[1].parent) not in written


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--data is missing"),
        (["--data", "/nowhere"], "there is no such recording"),
        (["--data", ".", "--half-spreads", "2bp,x"], "--half-spreads 2bp,x: 'x' is not a number"),
        (["--data", ".", "--half-spreads", "2bp,0.0002"], "one of them is given twice"),
        (["--data", ".", "--half-spreads", "0"], "must be above 0"),
        (["--data", ".", "--out", "/nowhere/skew.md"], "--out /nowhere/skew.md"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["study", "skew", *arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
