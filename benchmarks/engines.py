"""Events per second of our backtest beside those of other engines, over the same arrays; ratios within one run.

Run: ``python benchmarks/engines.py [nautilus_trader]``. Engines whose environment is not there are left out by name.

The market is a synthetic day of 5 million rows, held in memory; making it, converting it and compiling are not timed.
Rounds are interleaved, each figure is the median of them, in seconds of processor time: the machine is not ours alone.
What is timed:

* ours, the maker: `Replay` with our market maker, one level a side, orders of one lot; after `perpmaker compile` it is
  the compiled one, and "ours in plain Python" stands beside it.
* hftbacktest, same orders: its compiled loop carries out the very orders of that run (it decides nothing) and looks at
  the position once an interval. tests/oracle shows that the positions are the same.
* hftbacktest, own ladder: its compiled loop decides once an interval, three levels a side (`oracle.ladder`).
* FastMM: its compiled strategy quotes one level a side once an interval.
* nautilus_trader: the orders of the maker's first hour at 10 s (a day would take many minutes), if asked for by name.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from oracle.hftbacktest_process import PYTHON as ORACLE
from oracle.hftbacktest_process import Hftbacktest, job
from oracle.ladder import Ladder
from oracle.markets import SECOND_NS, HeldMarket, synthetic_day
from oracle.play_ours import LADDER_LATENCY_NS, MAKER_LATENCY_NS, maker_run, run_maker
from perpmaker.simulation.market_events import MarketChunk
from plain_twin import ANSWER, answer, plain_twin
from support.order_lists import OrderList

PROJECT: Final = Path(__file__).resolve().parents[1]
CROSSCHECK: Final = PROJECT / ".venv-crosscheck" / "bin" / "python"
ROUNDS: Final = 5
INTERVALS_S: Final = (1, 10)
HALF_SPREAD: Final = Decimal("0.0005")
LADDER: Final = Ladder((15, 30, 45), lean=1, cap=20)
HOUR_NS: Final = 3_600 * SECOND_NS


class Other:
    """Another engine in a process of its own: a line in asks for a run, the line back begins with its seconds."""

    def __init__(self, script: str, folder: Path, market: HeldMarket, orders: OrderList | None) -> None:
        np.savez(folder / "rows.npz", **market.rows._asdict())
        if orders is not None:
            np.savez(folder / "orders.npz", **orders._asdict())
        terms = {
            "tick_size": str(market.instrument.tick_size), "lot_size": str(market.instrument.lot_size),
            "maker_fee": "0.0002", "taker_fee": "0.0005", "order_latency_ns": MAKER_LATENCY_NS,
        }  # fmt: skip
        (folder / "job.json").write_text(json.dumps(terms))
        path = os.pathsep.join((str(PROJECT / "tests"), str(PROJECT / "src")))
        self._process = subprocess.Popen(
            [CROSSCHECK, "-P", PROJECT / "benchmarks" / "crosscheck" / script, folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip

    def play(self, what: str) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline().split()[0])

    def close(self) -> None:
        self._process.communicate()


def seconds_of_maker(market: HeldMarket, seconds: int) -> float:
    driver = maker_run(market, HALF_SPREAD, seconds, [])
    start = time.process_time()
    driver.run()
    return time.process_time() - start


def first_hour(market: HeldMarket) -> HeldMarket:
    count = int(np.searchsorted(market.rows.ts_ns, market.start_ns + HOUR_NS))
    return HeldMarket(market.instrument, MarketChunk(*(column[:count] for column in market.rows)))


def compare(market: HeldMarket, seconds: int, engines: dict[str, Callable[[], float]]) -> None:
    """Play the rounds and print a table: events per second, and ours over theirs."""
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(ROUNDS):
        for name, play in engines.items():
            times[name].append(play())
    rows = len(market.rows.kind)
    ours = statistics.median(times["ours, the maker"])
    print(f"every {seconds} s, {rows:,} events, medians of {ROUNDS}:")
    for name, taken in times.items():
        took = statistics.median(taken)
        spread = f"{rows / max(taken) / 1e6:.2f} to {rows / min(taken) / 1e6:.2f}"
        print(f"  {name:<26}{rows / took / 1e6:6.2f} M events/s ({spread}); our maker runs at {took / ours:6.2f} of it")


def main() -> None:
    day = synthetic_day(Path(), Path())
    if ANSWER in sys.argv:
        seconds_of_maker(day, 3600)  # loads the compiled core
        answer(lambda seconds: [seconds_of_maker(day, seconds)])
        return
    with tempfile.TemporaryDirectory() as folder:
        compare_day(Path(folder), day)
        if "nautilus_trader" in sys.argv[1:]:
            compare_hour(Path(folder), first_hour(day))


def compare_day(folder: Path, day: HeldMarket) -> None:
    end_ns = int(day.rows.ts_ns[-1])
    lists = [
        (
            job(f"maker {s}", "day", day, s, MAKER_LATENCY_NS),
            run_maker(day, HALF_SPREAD, s).orders().before(end_ns).without_stillborn(),
        )
        for s in INTERVALS_S
    ]
    ladders = [(job(f"ladder {s}", "day", day, s, LADDER_LATENCY_NS), LADDER) for s in INTERVALS_S]
    hftbacktest = Hftbacktest(folder, {"day": day}, ladders, lists) if ORACLE.exists() else None
    fastmm = Other("play_fastmm.py", folder, day, None) if CROSSCHECK.exists() else None
    twin = plain_twin()
    print("hftbacktest is not here" if hftbacktest is None else "hftbacktest 2.4.4", end="; ")
    print("FastMM is not here" if fastmm is None else "FastMM 0.9.0")
    for seconds in INTERVALS_S:
        engines: dict[str, Callable[[], float]] = {"ours, the maker": lambda s=seconds: seconds_of_maker(day, s)}
        if twin is not None:
            engines["ours in plain Python"] = lambda s=seconds, twin=twin: twin.ask(s)[0]
        if hftbacktest is not None:
            engines["hftbacktest, same orders"] = lambda s=seconds: hftbacktest.play(f"maker {s}")
            engines["hftbacktest, own ladder"] = lambda s=seconds: hftbacktest.play(f"ladder {s}")
        if fastmm is not None:
            engines["FastMM"] = lambda s=seconds: fastmm.play(str(s))
        compare(day, seconds, engines)
    for other in (hftbacktest, fastmm, twin):
        if other is not None:
            other.close()


def compare_hour(folder: Path, hour: HeldMarket) -> None:
    if not CROSSCHECK.exists():
        print("nautilus_trader is not here")
        return
    orders = run_maker(hour, HALF_SPREAD, 10).orders().before(int(hour.rows.ts_ns[-1]))
    nautilus = Other("play_nautilus.py", folder, hour, orders)
    engines: dict[str, Callable[[], float]] = {
        "ours, the maker": lambda: seconds_of_maker(hour, 10),
        "nautilus_trader": lambda: nautilus.play("run"),
    }
    compare(hour, 10, engines)
    nautilus.close()


if __name__ == "__main__":
    main()
