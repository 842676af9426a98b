"""On a real recording, too: a backtest is the replayed run, and a report of it adds up to its summary."""

from decimal import Decimal
from pathlib import Path

import pytest

from perpmaker.cli.main import _run
from perpmaker.journal.writer import open_journal
from perpmaker.report.run_data import read_report
from support.played import Told

pytestmark = pytest.mark.recordings


def test_a_backtest_of_hyperliquid_is_the_replayed_run_and_adds_up(recordings_dir: Path, tmp_path: Path) -> None:
    folder = str(tmp_path / "eth")
    assert _run(["data", "import", "--from", "hyperliquid", str(recordings_dir / "hyperliquid_eth_perp"), folder]) == 0
    ran = Told(tmp_path, "run", "--feed", folder, "--duration", "0")
    tested = Told(tmp_path, "backtest", "--data", folder, "--report", str(tmp_path / "report.html"))
    assert (tested.orders, tested.figures) == (ran.orders, ran.figures)
    assert tested.figures["fills"] > 50
    with open_journal(tested.database) as journal:
        report = read_report(journal, tested.run)
    assert report.attribution is not None
    gained = Decimal(tested.summary["equity_end"]) - Decimal(tested.summary["equity_start"])
    assert report.instrument.money(report.attribution.total.total) == gained
    assert len(report.fills) == tested.summary["fills"]


def test_a_window_into_the_middle_trades_on_the_book_as_it_stands(recordings_dir: Path, tmp_path: Path) -> None:
    folder = str(tmp_path / "eth")
    assert _run(["data", "import", "--from", "hyperliquid", str(recordings_dir / "hyperliquid_eth_perp"), folder]) == 0
    window = ["--from", "2025-12-10T21:20", "--to", "2025-12-10T21:25"]
    tested = Told(tmp_path, "backtest", "--data", folder, *window)
    assert tested.code == 0
    assert tested.figures["orders_placed"] > 0
    assert 295 < (tested.figures["end_ns"] - tested.figures["start_ns"]) / 10**9 <= 301
