"""`perpmaker run` as a user meets it: what it prints, writes, records, and the code that it ends with."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest

from perpmaker.cli.main import _run
from perpmaker.domain.errors import JournalError
from perpmaker.domain.events import EndReason
from perpmaker.journal.readers import fills, funding, list_runs, replay_position
from perpmaker.journal.writer import RunJournal, open_journal
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.runtime.outcome import Outcome
from perpmaker.runtime.replay import Replay
from perpmaker.runtime.summary import Summary

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENT = shlex.split(
    "--exchange sim --market-type perp --symbol SOL_USDC_PERP --spread 0.01 --quantity 0.1 --max-orders 2 "
    "--target-position 0 --max-position 5 --position-threshold 2 --inventory-skew 0 --stop-loss -1 --take-profit 5 "
    "--duration 3600 --interval 10"
)
BUSY = shlex.split(
    "--spread 3bp --quantity 0.1 --max-position 1 --inventory-skew 0.5 --position-threshold 0 --interval 5"
)


def run(*flags: str, journal: str = "none") -> int:
    return _run(["run", "--journal", journal, *flags])


def test_the_documents_command_runs_to_its_end_and_says_why_nothing_traded(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*DOCUMENT) == 0
    out = capsys.readouterr().out
    assert "1 % = 100 bp on each side" in out
    assert "nothing traded: quotes rested, and no price reached them 1 % away" in out


@pytest.mark.parametrize("spread", ["0.0003", "0.03%", "3bp"])
def test_a_spread_means_the_same_in_every_unit(spread: str, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    assert run(*BUSY, "--spread", spread, "--duration", "120", "--summary", str(summary)) == 0
    assert json.loads(summary.read_text())["run"]["settings"]["spread"] == "0.0003"


def test_the_summary_file_has_every_field_and_adds_up(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    assert run(*BUSY, "--duration", "900", "--summary", str(path)) == 0
    told = json.loads(path.read_text())
    assert list(told) == [field.name for field in fields(Summary)]
    exact = {name: Decimal(value) for name, value in told.items() if isinstance(value, str)}
    assert exact["equity_end"] - exact["equity_start"] == (
        exact["realized_pnl"] + exact["unrealized_pnl"] - exact["fees"] + exact["funding"]
    )
    assert told["fills"] == told["buys"] + told["sells"] > 0


def test_replaying_the_journals_fills_gives_the_same_position_and_profit(tmp_path: Path) -> None:
    path, database = tmp_path / "summary.json", str(tmp_path / "journal.db")
    assert run(*BUSY, "--duration", "2400", "--stop-loss", "0.05", "--summary", str(path), journal=database) == 0
    told = json.loads(path.read_text())
    with open_journal(database) as journal:
        (recorded,) = list_runs(journal)
        position = replay_position(fills(journal, recorded), funding(journal, recorded))
        instrument = recorded.instrument
    assert instrument.quantity(position.lots) == Decimal(told["position"])
    assert instrument.money(position.realized_quanta) == Decimal(told["realized_pnl"])
    assert instrument.money(position.fees_quanta) == Decimal(told["fees"])
    assert instrument.money(position.funding_quanta) == Decimal(told["funding"])


ENDINGS = {
    "duration": (["--duration", "60"], 0, "duration reached"),
    "stop loss": (["--stop-loss", "0.01", "--after-stop", "halt"], 11, "stop loss"),
    "take profit": (["--take-profit", "0.01", "--after-stop", "halt"], 12, "take profit"),
    "drawdown": (["--max-drawdown", "0.05"], 13, "maximum drawdown"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_end_has_its_name_and_its_code(ending: str, capsys: pytest.CaptureFixture[str]) -> None:
    flags, code, name = ENDINGS[ending]
    assert run(*BUSY, *flags) == code
    assert name in capsys.readouterr().out


def test_an_error_inside_ends_with_its_own_code_a_summary_and_no_order_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = MarketMaker.on_event

    def fail_later(maker: MarketMaker, event: object) -> Sequence[object]:
        if maker.position.lots:
            raise RuntimeError("a bug")
        return real(maker, event)  # type: ignore[arg-type]

    monkeypatch.setattr(MarketMaker, "on_event", fail_later)
    assert run(*BUSY) == 1
    out = capsys.readouterr().out
    assert "unrecoverable error, orders were cancelled: RuntimeError: a bug" in out
    assert "nothing traded" not in out
    assert "net result" in out


def test_orders_that_the_exchange_still_holds_after_the_end_are_told_and_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Replay, "run", lambda _: Outcome(EndReason.DURATION, orders_left=2))
    assert run(*BUSY) == 1
    assert "2 orders still rest at the exchange" in capsys.readouterr().out


def test_a_journal_that_fails_is_told_with_the_summary_and_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise JournalError("the disk is full")

    monkeypatch.setattr(RunJournal, "end", fail)
    assert run("--duration", "10", *BUSY[:4], journal=str(tmp_path / "journal.db")) == 1
    captured = capsys.readouterr()
    assert "net result" in captured.out
    assert captured.err == "perpmaker: the disk is full\n"


def test_a_run_in_which_nothing_could_trade_says_so_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*BUSY, "--balance", "0.01", "--duration", "60") == 0
    assert "nothing could trade: no order ever rested (no margin)" in capsys.readouterr().out


def test_close_on_exit_ends_flat(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    assert run(*BUSY, "--duration", "900", "--close-on-exit", "--summary", str(path)) == 0
    assert Decimal(json.loads(path.read_text())["position"]) == 0


def test_presets_can_be_overridden(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    assert run("--preset", "neutral", "--spread", "4bp", "--duration", "30", "--summary", str(path)) == 0
    told = json.loads(path.read_text())["run"]["settings"]
    assert (told["spread"], told["inventory_skew"], told["interval_s"]) == ("0.0004", "0.7", "10")


def test_lines_are_structured_and_one_per_event(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*BUSY, "--duration", "900") == 0
    out = capsys.readouterr().out
    assert "event=fill side=" in out
    assert "event=ending" in out
    assert "event=quoting" in out


def start(*flags: str) -> subprocess.Popen[str]:
    """A paced run in a process of its own, started by `python run.py`; returns once it quotes."""
    process = subprocess.Popen(
        [sys.executable, str(PROJECT / "run.py"), "--journal", "none", "--speed", "1", *BUSY, *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "event=quoting" in line:
            return process
    raise AssertionError(process.stderr.read() if process.stderr else "")


@pytest.mark.parametrize(
    ("number", "code", "name"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_ends_cleanly(number: signal.Signals, code: int, name: str) -> None:
    process = start()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert name in out
    assert "net result" in out
    assert err == ""


def test_a_second_signal_ends_at_once_and_says_what_is_left() -> None:
    process = start("--order-latency", "30s")  # a clean end takes a minute of simulated time here, at speed 1
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    while "event=ending" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 14
    assert err.startswith("abandoned: ")
    assert "orders left resting, position" in err


def test_run_py_without_the_packages_goes_on_in_the_environment_or_says_what_to_do(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    python = str(bare / "bin" / "python")
    alone = tmp_path / "run.py"
    alone.write_text((PROJECT / "run.py").read_text())
    lost = subprocess.run([python, str(alone), *BUSY], capture_output=True, text=True, check=False)
    assert lost.returncode == 1
    assert lost.stderr == "perpmaker's packages are not installed: run `make setup` in this folder first\n"
    if not (PROJECT / ".venv" / "bin" / "python").exists():
        pytest.skip("this checkout has no .venv of its own")
    found = subprocess.run(
        [python, str(PROJECT / "run.py"), "--journal", "none", "--duration", "5", *BUSY],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
