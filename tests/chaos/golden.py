"""The golden run: the issue's own command, live, against the testnet in another process; both sides' books at the end.

    python tests/chaos/golden.py [--minutes 10]

The market is a recording of a synthetic SOL that moves by 1 % often enough (a standard deviation of 0.95 % in ten
seconds of the run): eight times the usual movement of the price, played ten times as fast. Exit code 1 where the two
sides differ in anything.
"""

import argparse
import dataclasses
import shlex
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chaos.processes import end, record_market, start_bot, testnet_process
from chaos.schedule import PROFILE
from perpmaker.journal.live import books_of
from perpmaker.journal.readers import fills, list_runs
from perpmaker.journal.writer import open_journal

LIVELY = dataclasses.replace(PROFILE, volatility_bp=30.0)
SPEED = 10

COMMAND = shlex.split(
    "--market-type perp --symbol SOL_USDC_PERP --spread 0.01 --quantity 0.1 --max-orders 2 --target-position 0 "
    "--max-position 5 --position-threshold 2 --inventory-skew 0 --stop-loss -1 --take-profit 5 --interval 10"
)
"""The specification's command; its duration is given apart."""


def bot_side(folder: Path) -> dict[str, Any]:
    """What the bot's journal says."""
    with open_journal(str(folder / "journal.db")) as journal:
        (run,) = list_runs(journal)
        books = books_of(journal, run)
        money, quantity = run.instrument.money, run.instrument.quantity
        executed = {
            fill.fill_id: (
                fill.side.name, run.instrument.price(fill.price_ticks), quantity(fill.lots), money(fill.fee_quanta)
            )
            for fill in fills(journal, run)
        }  # fmt: skip
        balance = books.realized_quanta - books.fees_quanta + books.funding_quanta
        return {
            "end": run.end_reason,
            "position": quantity(books.lots),
            "realized": money(books.realized_quanta),
            "fees": money(books.fees_quanta),
            "funding": money(books.funding_quanta),
            "balance": Decimal(10_000) + money(balance),
            "open orders": 0,
            "fills": executed,
        }


def venue_side(books: dict[str, Any]) -> dict[str, Any]:
    """The same by the testnet's own books."""
    names = ("position", "realized", "fees", "funding", "balance")
    executed = {
        fill["id"]: (
            {"Bid": "BUY", "Ask": "SELL"}[fill["side"]], Decimal(fill["price"]), Decimal(fill["quantity"]),
            Decimal(fill["fee"]),
        )
        for fill in books["fills"]
    }  # fmt: skip
    return {
        "end": "duration reached",
        **{name: Decimal(books[name]) for name in names},
        "open orders": len(books["open_orders"]),
        "fills": executed,
    }


def show(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Print both sides; True where they agree in everything."""
    sys.stdout.write(f"{'':12} {'journal':>26} {'testnet':>26}\n")
    for name, mine in ours.items():
        its = theirs[name]
        left, right = (len(mine), len(its)) if name == "fills" else (mine, its)
        sys.stdout.write(f"{name:12} {left!s:>26} {right!s:>26}  {'same' if mine == its else 'DIFFERENT'}\n")
    return ours == theirs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    seconds = given.minutes * 60
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        feed = record_market(folder / "market", given.seed, (seconds + 300) * SPEED, LIVELY)
        with testnet_process(folder, "--feed", str(feed), "--speed", str(SPEED)) as testnet:
            began_s = time.monotonic()
            bot = start_bot(testnet, folder, *COMMAND, "--duration", f"{seconds:g}")
            try:
                code = bot.wait(seconds + 300)
            except subprocess.TimeoutExpired:
                code = -1
            finally:
                end(bot)
            took_s = time.monotonic() - began_s
            agree = show(bot_side(folder), venue_side(testnet.books()))
        sys.stdout.write(f"exit code {code} after {took_s:.0f} s of real time\n")
        sys.stdout.write((folder / "bot.log").read_text()[-1_000:])
    return 0 if agree and code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
