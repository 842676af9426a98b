"""Many simulated markets in one process, in real time: refreshes missed, share of a processor, delay of decisions.

    python benchmarks/fleet.py [--seconds 30] [--markets 10] [--interval 1] [--profile]

Every market is the synthetic SOL with a seed of its own (50 to 65 messages a second), its own maker, and a run in one
journal; budgets over all of them are on. Measured is, for each message of a market, the time from the moment in which
it was due until the maker has decided and what it commands is on its way: what the event loop was late by is in it. A
refresh is missed when a whole interval passed without one.
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from perpmaker.domain.events import Event, TimerFired
from perpmaker.journal.writer import open_journal
from perpmaker.maker.market_maker import Phase
from perpmaker.runtime.live.run import LiveRun
from perpmaker.venues.clock import SystemClock
from support.fleets import fleet_of, sim_market

WARM_UP_S = 3.0
"""Not measured: compiled code is loaded, streams are opened."""


class Stopwatch:
    """Put around what every run does with a message and with a refresh."""

    def __init__(self, interval_s: float) -> None:
        self.delays_ns: list[int] = []
        self.late_ns: list[int] = []
        self.missed = self.refreshes = 0
        self._interval_ns = int(interval_s * 1e9)
        self._last: dict[int, int] = defaultdict(int)
        self._from_ns = 0

    def attach(self, clock: SystemClock) -> None:
        self._from_ns = clock.now_ns() + int(WARM_UP_S * 1e9)
        on_market, step = LiveRun.on_market, LiveRun._step

        def timed_on_market(run: LiveRun, event: Any, rows: Sequence[Any], received_ns: int, venue_ns: int) -> None:
            on_market(run, event, rows, received_ns, venue_ns)
            if venue_ns >= self._from_ns:
                self.delays_ns.append(clock.now_ns() - venue_ns)

        def counted_step(run: LiveRun, event: Event, arrived_ns: int) -> None:
            due_ns = run._refresh_ns
            step(run, event, arrived_ns)
            if isinstance(event, TimerFired) and event.is_refresh and due_ns <= event.at_ns:
                self._refreshed(run, due_ns, clock.now_ns())

        LiveRun.on_market = timed_on_market  # type: ignore[method-assign]
        LiveRun._step = counted_step  # type: ignore[method-assign]

    def _refreshed(self, run: LiveRun, due_ns: int, now_ns: int) -> None:
        """A refresh that was due then is done now."""
        last_ns, self._last[id(run)] = self._last[id(run)], due_ns
        if due_ns < self._from_ns or run._maker.phase is not Phase.QUOTING:
            return
        self.refreshes += 1
        self.late_ns.append(now_ns - due_ns)
        if last_ns:
            self.missed += max(0, (due_ns - last_ns) // self._interval_ns - 1)


def share(values: list[int], part: float) -> float:
    """A quantile, ms."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] / 1e6


async def play(seconds: float, markets: int, interval_s: float, folder: Path) -> None:
    clock, watch = SystemClock(), Stopwatch(interval_s)
    watch.attach(clock)
    asked = {"interval_s": Decimal(str(interval_s)), "duration_s": Decimal(str(seconds + WARM_UP_S))}
    with open_journal(str(folder / "journal.db")) as journal:
        fleet = fleet_of(
            [sim_market(f"m{number}", clock, seed=number + 1, **asked) for number in range(markets)],
            clock,
            journal,
            max_notional=100_000,
            max_margin_share="0.5",
            max_drawdown=10_000,
            max_daily_loss=10_000,
        )
        task = asyncio.create_task(fleet.play())
        await asyncio.sleep(WARM_UP_S)
        cpu_s, began_s = time.process_time(), time.perf_counter()
        await asyncio.sleep(seconds - 1)
        cpu_s, passed_s = time.process_time() - cpu_s, time.perf_counter() - began_s
        code = await task
    fills = sum(session.summary.fills for session in fleet.sessions.values() if session.summary)
    requests = sum(session.run.requests for session in fleet.sessions.values() if session.run)
    print(
        f"{markets} markets for {passed_s:.0f} s, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}"
    )
    print(f"ended                     {code.name}, {fills} fills, {requests} requests")
    delays, late = watch.delays_ns, watch.late_ns
    print(f"messages                  {len(delays) / passed_s / markets:.1f} a second and market")
    print(f"refreshes                 {watch.refreshes}, missed {watch.missed}, p99 {share(late, 0.99):.2f} ms late")
    print(f"decision delay            p50 {share(delays, 0.5):.2f} ms, p99 {share(delays, 0.99):.2f} ms")
    print(f"processor                 {cpu_s / passed_s:.1%} of one core")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--markets", type=int, default=10)
    parser.add_argument("--interval", type=float, default=1.0)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not given.profile:
            asyncio.run(play(given.seconds, given.markets, given.interval, Path(folder)))
            return
        with cProfile.Profile() as profile:
            asyncio.run(play(given.seconds, given.markets, given.interval, Path(folder)))
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
