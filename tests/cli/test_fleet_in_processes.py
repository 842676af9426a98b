"""A fleet as a trader runs it, in a process of its own against a testnet in another: killed, and started again."""

import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from chaos import processes
from perpmaker.domain.events import Filled
from perpmaker.journal.readers import bookings, list_runs, replay_position
from perpmaker.journal.writer import open_journal

SYMBOLS = {"sol": "SOL_USDC_PERP", "nexo": "NEXO_USDC_PERP"}

FILE = """
[defaults]
exchange = "backpack"
base_url = "{base_url}"
ws_url = "{ws_url}"
interval = 1
max_orders = 2
max_loss = 50

[markets.sol]
symbol = "SOL_USDC_PERP"
spread = "2bp"
quantity = 0.1
max_position = 1

[markets.nexo]
symbol = "NEXO_USDC_PERP"
spread = "1%"
quantity = 10
max_position = 100

[budgets]
max_notional = 1000
max_daily_loss = 80
"""

FINE_S = 90.0
"""Longer than anything here takes: a bound for what hangs, not a wait."""


def start(testnet: processes.TestnetProcess, folder: Path, *flags: str) -> "subprocess.Popen[str]":
    words = ["run", "--config", "fleet.toml", "--live", "--view", "none", "--journal", "journal.db", *flags]
    with (folder / "bot.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "perpmaker", *words], stdout=log, stderr=log, text=True, env=testnet.environment,
            cwd=folder,
        )  # fmt: skip


def books(testnet: processes.TestnetProcess) -> dict[str, dict[str, Any]]:
    """The exchange's own, by market."""
    return {name: testnet.control(f"books?account=1&symbol={symbol}") for name, symbol in SYMBOLS.items()}


def until(found: Callable[[], bool], bot: "subprocess.Popen[str]", folder: Path) -> None:
    deadline_s = time.monotonic() + FINE_S
    while not found():
        assert bot.poll() is None, (folder / "bot.log").read_text()
        assert time.monotonic() < deadline_s, (folder / "bot.log").read_text()
        time.sleep(0.1)


def test_after_a_kill_both_markets_are_recovered_and_their_journals_are_the_exchanges(tmp_path: Path) -> None:
    flags = [flag for symbol in SYMBOLS.values() for flag in ("--symbol", symbol)]
    with processes.testnet_process(tmp_path, "--speed", "4", *flags) as testnet:
        (tmp_path / "fleet.toml").write_text(FILE.format(base_url=testnet.base_url, ws_url=testnet.ws_url))
        bot = start(testnet, tmp_path, "--duration", "0")
        try:
            until(lambda: all(each["open_orders"] for each in books(testnet).values()), bot, tmp_path)
            until(lambda: len(books(testnet)["sol"]["fills"]) >= 3, bot, tmp_path)
            bot.kill()
            bot.wait(FINE_S)
            left = books(testnet)
            assert all(each["open_orders"] for each in left.values()), "a dead program cancels nothing"

            bot = start(testnet, tmp_path, "--duration", "5")
            assert bot.wait(FINE_S) == 0, (tmp_path / "bot.log").read_text()
        finally:
            processes.end(bot)
        told = books(testnet)

    assert [each["open_orders"] for each in told.values()] == [[], []]
    with open_journal(str(tmp_path / "journal.db")) as journal:
        runs = list_runs(journal)
        assert sorted(run.symbol for run in runs) == sorted([*SYMBOLS.values()] * 2)
        assert all(run.end_reason for run in runs), "the dead ones, too, have come to their end"
        assert len({run.tag for run in runs}) == 4
        for name, symbol in SYMBOLS.items():
            booked = [list(bookings(journal, run)) for run in runs if run.symbol == symbol]
            fills = {booking.fill_id: booking for each in booked for booking in each if isinstance(booking, Filled)}
            assert fills.keys() == {fill["id"] for fill in told[name]["fills"]}, name
            last = max((run for run in runs if run.symbol == symbol), key=lambda run: run.started_at_ns)
            lots = replay_position(bookings(journal, last)).lots
            assert lots * last.instrument.lot_size == Decimal(told[name]["position"])
