"""Real deaths: the testnet in one process, the bot in another, SIGKILL at random moments, then a new life or a rescue.

    python tests/chaos/kill.py [--times 5] [--watchdog] [--seed 1]

Each time the bot is started from its command line, killed, and then either started again, which ends as planned, or
left to `perpmaker watchdog`. Judged by the testnet's own books and the journal. Exit code 1 where anything differs.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chaos.processes import TestnetProcess, end, record_market, start_bot, testnet_process
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.journal.live import LIVE
from perpmaker.journal.readers import fills, list_runs
from perpmaker.journal.writer import open_journal
from perpmaker.venues.client_ids import UINT32

CAP = Decimal(1)
LIFE_S = 5
_SETTINGS = (
    "--symbol SOL_USDC_PERP --spread 3bp --quantity 0.1 --max-orders 2 --max-position 1 --position-threshold 0.1 "
    "--inventory-skew 0.5 --interval 1 --no-loss-limit"
)  # fmt: skip
SETTINGS = _SETTINGS.split()
SPEED = "2"


def play(folder: Path, seed: int, *, leaves_watchdog: bool) -> list[str]:
    """One death; returns what is wrong afterwards."""
    generator = random.Random(seed)
    feed = record_market(folder / "market", seed, 600.0)
    with testnet_process(folder, "--feed", str(feed), "--speed", SPEED, "--seed", str(seed)) as testnet:
        for side, price in (("Bid", "140"), ("Ask", "160")):
            testnet.control("order", {"account": "1", "side": side, "price": price, "quantity": "0.02"})
        first = start_bot(testnet, folder, *SETTINGS, "--duration", "600")
        guard = None
        try:
            _await_orders(testnet, first, folder)
            if leaves_watchdog:
                guard = start_bot(
                    testnet, folder, "--latest", "--timeout", "5s", "--close", log="watchdog.log", command="watchdog"
                )
                time.sleep(4.0)  # until it watches
            time.sleep(generator.uniform(0.0, 6.0))
            first.send_signal(signal.SIGKILL)
            first.wait()
            if guard is not None:
                code = guard.wait(90)
                return [*_wrong(testnet, folder), *_is_wrong_code("watchdog", code, ExitCode.RESCUED, folder)]
            second = start_bot(testnet, folder, *SETTINGS, "--duration", str(LIFE_S))
            try:
                code = second.wait(LIFE_S + 90)
            finally:
                end(second)
            return [*_wrong(testnet, folder), *_is_wrong_code("bot", code, 0, folder)]
        except subprocess.TimeoutExpired as error:
            return [f"did not end: {error}", _log(folder)]
        finally:
            for process in (first, guard):
                if process is not None:
                    end(process)


def _await_orders(testnet: TestnetProcess, bot: "subprocess.Popen[str]", folder: Path) -> None:
    deadline_s = time.monotonic() + 60
    while not _ours(testnet.books()["open_orders"]):
        if time.monotonic() > deadline_s or bot.poll() is not None:
            raise RuntimeError(f"the bot does not trade: {_log(folder)}")
        time.sleep(0.05)


def _ours(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["client_id"] is not None and UINT32.decode(str(row["client_id"])) is not None]


def _wrong(testnet: TestnetProcess, folder: Path) -> list[str]:
    """What the testnet's books and the journal do not agree on."""
    books = testnet.books()
    wrong = [f"order {row['id']} of ours rests" for row in _ours(books["open_orders"])]
    if len(books["open_orders"]) - len(wrong) != 2:
        wrong.append(f"of two foreign orders {len(books['open_orders']) - len(wrong)} rest")
    for tag, risked in books["risked"].items():
        worst = max(Decimal(risked[name]) for name in ("settled_long", "settled_short"))
        wrong += [f"run {tag} risked {worst}"] if worst > CAP else []
    with open_journal(str(folder / "journal.db")) as journal:
        runs = list_runs(journal)
        executed = {
            fill.fill_id: (fill.order_id, run.instrument.quantity(fill.lots), run.instrument.money(fill.fee_quanta))
            for run in runs
            for fill in fills(journal, run)
        }
        position = sum(run.instrument.quantity(each.lots) * each.side for run in runs for each in fills(journal, run))
        wrong += [f"run {run.run_id} has no end" for run in runs if run.mode == LIVE and run.end_reason is None]
    theirs = {
        row["id"]: (own.order_id, Decimal(row["quantity"]), Decimal(row["fee"]))
        for row in _ours(books["fills"])
        if (own := UINT32.decode(str(row["client_id"])))
    }
    if executed != theirs:
        missing, invented = theirs.keys() - executed.keys(), executed.keys() - theirs.keys()
        wrong.append(f"executions: {len(missing)} missing in the journal, {len(invented)} invented")
    if position != Decimal(books["position"]):
        wrong.append(f"position: the journal has {position}, the testnet {books['position']}")
    return wrong


def _is_wrong_code(who: str, code: int, wanted: int, folder: Path) -> list[str]:
    return [] if code == wanted else [f"the {who} ended with {code}, not {wanted}: {_log(folder)}"]


def _log(folder: Path) -> str:
    return "\n".join(path.read_text()[-1_500:] for path in sorted(folder.glob("*.log")))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--watchdog", action="store_true")
    given = parser.parse_args()
    failed = 0
    for seed in range(given.seed, given.seed + given.times):
        with tempfile.TemporaryDirectory() as name:
            began_s = time.monotonic()
            wrong = play(Path(name), seed, leaves_watchdog=given.watchdog)
        failed += bool(wrong)
        sys.stdout.write(f"--seed {seed}: {'; '.join(wrong) or 'ok'} ({time.monotonic() - began_s:.0f} s)\n")
        sys.stdout.flush()
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
