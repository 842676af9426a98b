"""`perpmaker backtest` as a user meets it: the same orders and figures as a run, over one or many recordings."""

import json
import re
from dataclasses import fields
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from rich.console import Console

from perpmaker.cli.flags import DirectionFlags, ExchangeFlags, StrategyFlags
from perpmaker.cli.main import _run, app
from perpmaker.cli.progress import ProgressLine
from perpmaker.data.format import SCHEMA, read_info
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.events import EndReason
from perpmaker.domain.moments import moment_text
from perpmaker.journal.readers import funding, list_runs
from perpmaker.journal.writer import open_journal
from perpmaker.report.run_data import read_report
from perpmaker.runtime.outcome import Outcome
from perpmaker.runtime.replay import Replay
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import BUY_TRADE
from perpmaker.simulation.terms import ExchangeTerms
from support.played import BUSY, Told
from support.recordings import record
from support.runs import synthetic

SECOND = 10**9
START_NS = 1_767_605_400 * SECOND
SPLIT_NS = START_NS + 300 * SECOND + 123
END_NS = START_NS + 600 * SECOND


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes of SOL whole, the same in two halves, and ten of BTC."""
    folder = tmp_path_factory.mktemp("data")
    sol, btc = synthetic(), synthetic(symbol="BTC_USD_PERP")
    record(folder / "sol", sol, to_ns=END_NS)
    (folder / "halves").mkdir()
    record(folder / "halves" / "a", sol, to_ns=SPLIT_NS)
    record(folder / "halves" / "b", sol, SPLIT_NS, END_NS)
    record(folder / "btc", btc, to_ns=END_NS)
    return folder


def backtest(*flags: str, journal: str = "none") -> int:
    return _run(["backtest", "--journal", journal, *BUSY, *flags])


@pytest.fixture(scope="module")
def as_run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    return Told(tmp_path_factory.mktemp("run"), "run", "--feed", str(data / "sol"), "--speed", "max", "--duration", "0")


def test_it_gives_the_orders_and_the_figures_of_a_replayed_run(as_run: Told, data: Path, tmp_path: Path) -> None:
    told = Told(tmp_path, "backtest", "--data", str(data / "sol"))
    assert told.orders == as_run.orders
    assert told.figures == as_run.figures
    assert told.figures["fills"] > 20
    assert told.summary["run"] == {**as_run.summary["run"], "mode": "backtest"}


def test_so_it_does_through_a_window_onto_all_of_it(as_run: Told, data: Path, tmp_path: Path) -> None:
    window = ["--from", moment_text(START_NS), "--to", moment_text(END_NS)]
    told = Told(tmp_path, "backtest", "--data", str(data / "sol"), *window)
    assert (told.orders, told.figures) == (as_run.orders, as_run.figures)


def test_so_it_does_over_the_recording_split_in_two_and_joined(as_run: Told, data: Path, tmp_path: Path) -> None:
    halves = [str(data / "halves" / name) for name in "ba"]
    told = Told(tmp_path, "backtest", "--data", halves[0], halves[1])
    assert (told.orders, told.figures) == (as_run.orders, as_run.figures)


def test_a_folder_of_recordings_is_all_of_them(as_run: Told, data: Path, tmp_path: Path) -> None:
    told = Told(tmp_path, "backtest", str(data / "halves"))
    assert (told.orders, told.figures) == (as_run.orders, as_run.figures)


def test_the_same_again_is_the_same_to_the_last_digit(data: Path, tmp_path: Path) -> None:
    window = ["--from", moment_text(SPLIT_NS), "--to", moment_text(SPLIT_NS + 200 * SECOND)]
    (tmp_path / "again").mkdir()
    once = Told(tmp_path, "backtest", "--data", str(data / "sol"), *window)
    again = Told(tmp_path / "again", "backtest", "--data", str(data / "halves"), *window)
    assert (once.orders, once.figures) == (again.orders, again.figures)


def test_a_window_plays_what_lies_in_it(data: Path, tmp_path: Path) -> None:
    window = ["--from", moment_text(SPLIT_NS), "--to", moment_text(SPLIT_NS + 60 * SECOND)]
    told = Told(tmp_path, "backtest", "--data", str(data / "sol"), *window)
    assert told.code == 0
    assert told.summary["start_ns"] == SPLIT_NS
    assert SPLIT_NS + 59 * SECOND < told.summary["end_ns"] < SPLIT_NS + 61 * SECOND
    assert told.summary["run"]["end_reason"] == "market data ended"


def test_the_report_has_the_figures_of_the_summary_to_the_last_digit(data: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    window = ["--from", moment_text(SPLIT_NS), "--report", str(page)]
    told = Told(tmp_path, "backtest", "--data", str(data / "halves"), *window)
    assert "<html" in page.read_text(encoding="utf-8")
    with open_journal(told.database) as journal:
        report = read_report(journal, told.run)
    money, quantity, summary = report.instrument.money, report.instrument.quantity, told.summary
    assert report.summary == summary
    assert report.attribution is not None, "the market was opened again, joined and windowed"
    total = report.attribution.total
    assert money(total.total) == Decimal(summary["equity_end"]) - Decimal(summary["equity_start"])
    assert money(-total.maker_fees - total.taker_fees) == Decimal(summary["fees"])
    assert money(total.funding) == Decimal(summary["funding"])
    assert money(report.position.realized_quanta) == Decimal(summary["realized_pnl"])
    assert quantity(report.position.lots) == Decimal(summary["position"])
    assert len(report.fills) == summary["fills"]
    assert sum(abs(fill.signed_lots) for fill in report.fills) == report.instrument.quantity_to_lots(
        Decimal(summary["volume_base"])
    )
    assert report.span.end_mark_milliticks > 0
    assert not [warning for warning in report.warnings if "not what the run traded on" in warning]


def test_a_report_needs_no_journal_to_be_kept(data: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert backtest("--data", str(data / "sol"), "--report", str(page)) == 0
    assert page.stat().st_size > 100_000
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_the_journal_tells_how_to_do_it_again(data: Path, tmp_path: Path) -> None:
    window = ["--from", moment_text(SPLIT_NS)]
    run = Told(tmp_path, "backtest", "--data", str(data / "halves"), *window).run
    assert run.mode == "backtest"
    a, b = (read_info(data / "halves" / name) for name in "ab")
    assert run.provenance == {
        "feed": str(data / "halves" / "a"), "feed 2": str(data / "halves" / "b"),
        "rows": str(a.rows), "rows 2": str(b.rows),
        "first": moment_text(a.first_ns), "first 2": moment_text(b.first_ns),
        "last": moment_text(a.last_ns), "last 2": moment_text(b.last_ns),
        "depth": "every-change", "depth 2": "every-change",
        "from": moment_text(SPLIT_NS),
    }  # fmt: skip


def test_several_instruments_are_runs_of_their_own(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database, summary, page = str(tmp_path / "j.db"), tmp_path / "s.json", tmp_path / "r.html"
    flags = ["--summary", str(summary), "--report", str(page), "--quantity", "0.01"]
    assert backtest("--data", str(data), *flags, journal=database) == 0
    out = capsys.readouterr().out
    assert "market 1 of 2, with a maker, an exchange and a balance of its own" in out
    table = out.split("\nmarkets", 1)[1]
    assert re.findall(r"^(\w+_PERP)", table, re.MULTILINE) == ["BTC_USD_PERP", "SOL_USDC_PERP"]
    with open_journal(database) as journal:
        assert {run.symbol for run in list_runs(journal)} == {"BTC_USD_PERP", "SOL_USDC_PERP"}
    for symbol in ("BTC_USD_PERP", "SOL_USDC_PERP"):
        told = json.loads((tmp_path / f"s-{symbol}.json").read_text())
        assert told["run"]["symbol"] == symbol
        assert Decimal(told["equity_start"]) == 10_000
        assert symbol in (tmp_path / f"r-{symbol}.html").read_text(encoding="utf-8")


def test_beside_another_market_a_run_is_the_same_as_alone(data: Path, tmp_path: Path) -> None:
    flags = ["--quantity", "0.01", "--summary"]
    assert backtest("--data", str(data / "sol"), str(data / "btc"), *flags, str(tmp_path / "s.json")) == 0
    assert backtest("--data", str(data / "sol"), *flags, str(tmp_path / "alone.json")) == 0
    beside, alone = (json.loads((tmp_path / name).read_text()) for name in ("s-SOL_USDC_PERP.json", "alone.json"))
    for told in (beside, alone):
        del told["wall_s"], told["events_per_s"], told["run"]["notices"]
    assert beside == alone


def test_one_market_of_many_can_be_chosen(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert backtest("--data", str(data / "sol"), str(data / "btc"), "--symbol", "SOL_USDC_PERP") == 0
    out = capsys.readouterr().out
    assert "SOL_USDC_PERP on sim, backtest: market data ended" in out
    assert "BTC_USD_PERP" not in out


def test_it_says_what_the_data_was(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert backtest("--data", str(data / "halves")) == 0
    out = capsys.readouterr().out
    assert "data: 2 recordings, 2026-01-05 09:30:00 to 2026-01-05 09:" in out
    assert "grade every-change: every change of the order book, and every trade\nknown bias: Others do not" in out
    assert "event=fill" not in out, "lines only where they were asked for"


def test_a_hole_between_two_recordings_is_said_and_counted(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late_ns = SPLIT_NS + 60 * SECOND
    late = record(tmp_path / "late", synthetic(), late_ns, END_NS)
    told = Told(tmp_path, "backtest", "--data", str(data / "halves" / "a"), str(late))
    out = capsys.readouterr().out
    assert re.search(
        r"no data from 2026-01-05 09:3\d:\d\d to 2026-01-05 09:3\d:\d\d UTC \(60\.\d s\), between two", out
    )
    assert "gaps: 1, 60." in out
    assert any("between two recordings: a gap" in notice for notice in told.summary["run"]["notices"])


def test_lines_can_be_had(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert backtest("--data", str(data / "sol"), "--view", "lines") == 0
    assert "event=fill" in capsys.readouterr().out


def test_nothing_is_shown_where_nothing_is_wanted(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert backtest("--data", str(data / "sol"), str(data / "btc"), "--quantity", "0.01", "--view", "none") == 0
    assert capsys.readouterr() == ("", "")


ENDINGS = {
    "the end of the data is the planned one": ([], 0, "market data ended"),
    "the duration": (["--duration", "60"], 0, "duration reached"),
    "data that ends before the duration": (["--duration", "7200"], 10, "market data ended"),
    "a stop": (["--stop-loss", "0.01", "--after-stop", "halt"], 11, "stop loss"),
    "a preset's hour is not meant": (["--preset", "neutral"], 0, "market data ended"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_end_has_its_code(ending: str, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags, code, name = ENDINGS[ending]
    assert backtest("--data", str(data / "sol"), *flags) == code
    assert f"backtest: {name}" in capsys.readouterr().out


def test_the_synthetic_market_needs_no_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backtested = Told(tmp_path, "backtest", "--data", "synthetic", "--seed", "7", "--duration", "300")
    ran = Told(tmp_path, "run", "--seed", "7", "--duration", "300")
    assert (backtested.orders, backtested.figures) == (ran.orders, ran.figures)
    assert "synthetic market, seed 7" in capsys.readouterr().out


def test_an_interrupt_ends_the_run_and_starts_no_other(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = Replay.run

    def interrupted(replay: Replay) -> Outcome:
        replay.request_stop(EndReason.INTERRUPTED)
        return real(replay)

    monkeypatch.setattr(Replay, "run", interrupted)
    assert backtest("--data", str(data / "sol"), str(data / "btc"), "--quantity", "0.01") == 130
    table = capsys.readouterr().out.split("\nmarkets", 1)[1]
    assert re.search(r"BTC_USD_PERP .* interrupted", table)
    assert re.search(r"SOL_USDC_PERP +not run", table)


def test_a_market_whose_data_is_damaged_is_refused_and_the_others_are_run(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(tmp_path / "r", synthetic(), to_ns=START_NS + 60 * SECOND)
    columns = pq.read_table(folder / "events.parquet").to_pydict()
    row = len(columns["kind"]) // 2
    columns["kind"][row], columns["price"][row] = BUY_TRADE, -1
    pq.write_table(pa.table(columns, schema=SCHEMA), folder / "events.parquet")
    sentence = f"perpmaker: {folder / 'events.parquet'}, row {row}: a row of kind buy_trade with price -1"
    assert backtest("--data", str(folder)) == 2
    assert capsys.readouterr().err.startswith(sentence)
    assert backtest("--data", str(folder), str(data / "btc"), "--quantity", "0.01") == 2
    said = capsys.readouterr()
    assert said.err.startswith(sentence)
    assert re.search(r"BTC_USD_PERP .* market data ended", said.out)
    assert re.search(r"SOL_USDC_PERP +not run", said.out)


BAD = {
    "no data": ([], "--data is missing"),
    "data that is not there": (["--data", "/nowhere/at/all"], "--data /nowhere/at/all: there is no such recording"),
    "a folder without recordings": (["--data", "/usr/lib"], "neither a recording nor a folder that holds some"),
    "synthetic beside a recording": (["--data", "synthetic", "SOL"], "is a market of its own"),
    "a symbol that is not there": (["--data", "SOL", "--symbol", "DOGE"], "--symbol DOGE: the recordings are of SOL"),
    "a window after the data": (
        ["--data", "SOL", "--from", "2027-01-01"],
        "--from 2027-01-01T00:00:00Z is after the end",
    ),
    "a window before the data": (
        ["--data", "SOL", "--to", "2020-01-01"],
        "--to 2020-01-01T00:00:00Z is before the begin",
    ),
    "a window that is turned around": (
        ["--data", "SOL", "--from", "2026-01-05T09:35", "--to", "2026-01-05T09:31"],
        "--from 2026-01-05T09:35:00Z is not before --to 2026-01-05T09:31:00Z: the window is empty",
    ),
    "a time that is none": (["--data", "SOL", "--from", "noon"], "'noon' is no date or time like 2026-01-05"),
    "a window onto the synthetic market": (
        ["--data", "synthetic", "--to", "2027-01-01"],
        "--from and --to choose from",
    ),
    "a seed for a recording": (["--data", "SOL", "--seed", "3"], "--seed 3 does nothing on recordings"),
    "the same recording twice": (["--data", "SOL", "SOL"], "overlap"),
    "a report in no folder": (
        ["--data", "SOL", "--report", "/nowhere/r.html"],
        "--report /nowhere/r.html: there is no",
    ),
    "report and summary in one file": (["--data", "SOL", "--report", "x", "--summary", "x"], "give two files"),
    "an interval without a rate": (["--data", "SOL", "--funding-interval", "8h"], "needs a --funding-rate"),
    "funding twice": (["--data", "SOL", "--funding", "f", "--funding-rate", "1bp"], "contradict each other"),
    "long only": (["--data", "SOL", "--long-only"], "no long-only or short-only mode"),
    "spot": (["--data", "SOL", "--market-type", "spot"], "perpetual futures only"),
    "a balance of nothing": (["--data", "SOL", "--balance", "0"], "--balance 0"),
    "a quantity too small": (["--data", "SOL", "--quantity", "0.001"], "minimum order"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_refused_in_one_sentence(
    case: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flags, sentence = BAD[case]
    monkeypatch.chdir(tmp_path)
    assert backtest(*(str(data / "sol") if flag == "SOL" else flag for flag in flags)) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.err.startswith("perpmaker: ")
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


def flag_names(command: str) -> set[str]:
    found: Any = typer.main.get_command(app)
    return {parameter.name for parameter in found.commands[command].params}


def test_run_and_backtest_take_the_same_flags_of_strategy_and_exchange() -> None:
    shared = {field.name for group in (StrategyFlags, ExchangeFlags, DirectionFlags) for field in fields(group)}
    assert shared <= flag_names("run")
    assert shared <= flag_names("backtest")
    assert {field.name for field in fields(StrategyFlags)} <= flag_names("doctor")


def test_the_progress_shows_time_speed_and_share() -> None:
    file = StringIO()
    console = Console(file=file, force_terminal=True, width=120, _environ={"TERM": "xterm"})
    terms = ExchangeTerms(maker_fee_ppb=0, taker_fee_ppb=0, balance_quanta=1, leverage=Decimal(1))
    exchange = SimulatedExchange(synthetic(), terms)
    with ProgressLine(console, "SOL", exchange, START_NS + 100 * SECOND) as line:
        line.on_step(START_NS + 50 * SECOND, [], [])
    shown = file.getvalue()
    assert "SOL 2026-01-05 09:30:50" in shown
    assert " 50 %" in shown
    assert "events/s" in shown


def test_funding_can_be_added_and_is_in_report_and_summary_alike(data: Path, tmp_path: Path) -> None:
    flags = ["--funding-rate", "1bp", "--funding-interval", "1m"]
    told = Told(tmp_path, "backtest", "--data", str(data / "sol"), *flags)
    assert Decimal(told.summary["funding"]) != 0
    settings = told.summary["run"]["settings"]
    assert (settings["funding_rate"], settings["funding_interval_ns"]) == ("0.0001", str(60 * SECOND))
    with open_journal(told.database) as journal:
        report = read_report(journal, told.run)
    assert report.attribution is not None
    assert report.instrument.money(report.attribution.total.funding) == Decimal(told.summary["funding"])


def test_funding_of_a_file_is_paid_at_its_times(data: Path, tmp_path: Path) -> None:
    rates = tmp_path / "rates.csv"
    rates.write_text("timestamp,funding_rate\n2026-01-05T09:32:00Z,0.0001\n2026-01-05T09:34:00Z,-0.0002\n")
    told = Told(tmp_path, "backtest", "--data", str(data / "sol"), "--funding", str(rates))
    with open_journal(told.database) as journal:
        paid = list(funding(journal, told.run))
    assert [moment_text(payment.venue_ns) for payment in paid] == ["2026-01-05T09:32:00Z", "2026-01-05T09:34:00Z"]


def test_a_report_that_cannot_be_written_after_all_is_told_with_the_summary_and_a_failure(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise InvalidSettingError("the disk is full")

    monkeypatch.setattr("perpmaker.cli.reporting.write_report", fail)
    assert backtest("--data", str(data / "sol"), "--report", str(tmp_path / "r.html")) == 1
    said = capsys.readouterr()
    assert "net result" in said.out
    assert said.err == "perpmaker: the disk is full\n"
