"""Bars as a user would do it, by the commands: import, look, run."""

import json
import random
from pathlib import Path

import pytest

from perpmaker.cli.main import _run
from perpmaker.journal.readers import list_runs
from perpmaker.journal.writer import open_journal
from perpmaker.report.run_data import read_report

MINUTE_MS = 60_000
START_MS = 1_735_689_600_000  # 2025-01-01 00:00 UTC
STRATEGY = ["--spread", "10bp", "--quantity", "1", "--max-orders", "2", "--max-position", "10", "--interval", "10"]


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """A csv of two hours of minutes, with a hole of three."""
    rng = random.Random(5)
    lines, close = ["date,open,high,low,close,volume"], 15_000
    for minute in range(120):
        opening, close = close, close + rng.randrange(-20, 21)
        high, low = max(opening, close) + rng.randrange(10), min(opening, close) - rng.randrange(10)
        at = f"2025-01-01 {minute // 60:02}:{minute % 60:02}:00"
        prices = ",".join(f"{ticks // 100}.{ticks % 100:02}" for ticks in (opening, high, low, close))
        if minute not in range(50, 53):
            lines.append(f"{at},{prices},{rng.randrange(100, 2_000)}.5")
    file = tmp_path / "SOL_USDT_USDT-1m-futures.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture
def recording(tmp_path: Path, bars: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    funding = tmp_path / "funding.csv"
    funding.write_text(f"ts_ms,funding_rate\n{START_MS + 60 * MINUTE_MS},0.0001\n")
    dest = tmp_path / "recording"
    flags = ["--from", "ohlcv", "--timezone", "UTC", "--funding", str(funding)]
    assert _run(["data", "import", *flags, str(bars), str(dest)]) == 0
    assert "SOLUSDT, 2025-01-01 00:00:00 to 2025-01-01 01:59:59 UTC, 822 rows, 117 bars, 1 gap (3 min 0 s in all)" in (
        capsys.readouterr().out
    )
    return dest


def test_times_without_a_zone_are_refused_in_one_sentence(bars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["data", "import", "--from", "ohlcv", str(bars), str(bars.parent / "r")]) == 2
    told = capsys.readouterr().err
    assert "row 1: column date: 2025-01-01 00:00:00 names no time zone: say which it is, e.g. --timezone UTC" in (
        " ".join(told.split())
    )


def test_info_shows_what_bars_can_tell_and_nothing_else(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["data", "info", str(recording)]) == 0
    shown = capsys.readouterr().out
    assert "117 of 60 s" in shown
    assert "bars that are missing" in shown
    assert "nan" not in shown
    assert "spread" not in shown


def test_info_as_json_has_the_figures_of_bars(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["data", "info", "--json", str(recording)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bars"]["bars"] == 117
    assert told["recording"]["provenance"]["depth"] == "bars"


def run_on(recording: Path, *flags: str) -> dict[str, object]:
    """The summary of a run over all of it."""
    summary = recording.parent / "summary.json"
    arguments = ["run", "--feed", str(recording), *STRATEGY, "--duration", "0", "--journal", "none", *flags]
    assert _run([*arguments, "--summary", str(summary)]) in (0, 10)
    told: dict[str, object] = json.loads(summary.read_text())
    return told


def test_a_run_trades_on_bars_and_pays_funding(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = run_on(recording)
    assert told["fills"] > 10
    assert told["funding"] != "0"
    shown = capsys.readouterr().out
    assert "this market reaches a price that far away within a minute" in shown
    assert "gap_started" in shown


def test_a_report_on_bars_does_not_take_the_marks_of_the_path_for_another_market(
    recording: Path, tmp_path: Path
) -> None:
    """Which extreme comes first depends on the position, and a report plays the market without one."""
    database = str(tmp_path / "journal.db")
    flags = [*STRATEGY, "--spread", "5bp", "--max-position", "1", "--interval", "60", "--view", "none"]
    assert _run(["backtest", "--data", str(recording), *flags, "--journal", database]) == 0
    with open_journal(database) as journal:
        warnings = read_report(journal, list_runs(journal)[0]).warnings
    assert any("On bars the mid changes at each close only" in warning for warning in warnings)
    assert not any("not what the run traded on" in warning for warning in warnings)


def test_the_share_of_the_volume_bounds_what_a_run_gets(recording: Path) -> None:
    assert run_on(recording, "--bar-volume-share", "0.0001bp")["fills"] == 0, "less than a lot of any bar"


def test_the_half_spread_is_what_taking_costs(recording: Path) -> None:
    stop = ("--stop-loss", "0.5", "--after-stop", "requote")
    near, far = (run_on(recording, *stop, "--bar-half-spread", half) for half in ("1bp", "20bp"))
    assert float(str(far["equity_end"])) < float(str(near["equity_end"]))


@pytest.mark.parametrize(
    ("flag", "value", "sentence"),
    [
        ("--bar-volume-share", "0", "share of a bar's volume must be above 0 and at most 100 %"),
        ("--bar-volume-share", "101%", "share of a bar's volume must be above 0 and at most 100 %"),
        ("--bar-half-spread", "11%", "half spread assumed for bars must be between 0 and 10 %"),
    ],
)
def test_impossible_assumptions_are_refused(
    recording: Path, capsys: pytest.CaptureFixture[str], flag: str, value: str, sentence: str
) -> None:
    assert _run(["run", "--feed", str(recording), *STRATEGY, flag, value, "--journal", "none"]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
