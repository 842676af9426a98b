"""A long run against the testnet at 100 book updates a second: what grows, and what drifts apart.

    python benchmarks/soak.py [--minutes 60]        real time, testnet in another process
    python benchmarks/soak.py --virtual [--minutes 60]

Prints memory, tasks, descriptors and the drift between our books and the venue's, averaged over the first and over the
last quarter. Figures of the virtual run include the testnet, which lives in the same process.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from chaos.processes import record_market, testnet_process
from chaos.sessions import Bot
from perpmaker.journal.writer import open_journal
from perpmaker.maker.settings import StrategySettings
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.server import TestnetServer
from perpmaker.testnet.terms import TestnetTerms
from perpmaker.venues.clock import Clock, SystemClock
from support.virtual_time import run_virtual, virtual_clock

SYMBOL = "SOL_USDC_PERP"
PROFILE = replace(PROFILES[SYMBOL], visits_per_s=94.0, trades_per_s=4.0)
"""About 100 book updates a second."""

STRATEGY = {
    "spread": Decimal("0.0003"),
    "quantity": Decimal("0.1"),
    "max_orders": 2,
    "max_position": Decimal(1),
    "position_threshold": Decimal("0.1"),
    "inventory_skew": Decimal("0.5"),
    "interval_s": Decimal(1),
}


@dataclass
class Sample:
    """One look. ``drift`` says what differs, empty when nothing does."""

    at_s: float
    memory_kib: int
    tasks: int
    descriptors: int
    messages: int
    drift: str


@dataclass
class Soak:
    """Looks at the bot in the running loop until it ends.

    Args:
        books: the venue's own position (lots), fees (quote) and number of executions.
        every_s: between two looks.
    """

    bot: Bot
    books: Callable[[], "asyncio.Future[tuple[Decimal, Decimal, int]]"]
    every_s: float
    samples: list[Sample] = field(default_factory=list)

    async def watch(self) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while True:
            await asyncio.sleep(self.every_s)
            if self.bot.run is None or self.bot.maker is None:
                continue
            gc.collect()
            self.samples.append(
                Sample(
                    loop.time() - began_s,
                    _memory_kib(),
                    len(asyncio.all_tasks()),
                    len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - the kernel's list, not a folder of ours
                    self.bot.run.market_messages,
                    await self._drift(),
                )
            )
            tell(self.samples[-1])

    async def _drift(self) -> str:
        """What differs in three looks a second apart: news that is on its way is no drift."""
        for _ in range(3):
            maker, run = self.bot.maker, self.bot.run
            assert maker is not None
            assert run is not None
            instrument = run.desk.instrument
            position, fees, _count = await self.books()
            ours = instrument.quantity(maker.position.lots), instrument.money(maker.position.fees_quanta)
            if ours == (position, fees):
                return ""
            await asyncio.sleep(1.0)
        return f"ours {ours}, the venue's {(position, fees)}"


def tell(sample: Sample) -> None:
    sys.stdout.write(
        f"{sample.at_s:8.0f} s  {sample.memory_kib / 1024:8.1f} MiB  {sample.tasks:3} tasks  {sample.descriptors:3} "
        f"descriptors  {sample.messages:9} messages  drift: {sample.drift or 'none'}\n"
    )
    sys.stdout.flush()


def conclude(samples: list[Sample]) -> None:
    quarter = max(1, len(samples) // 4)
    sys.stdout.write("\n                    memory MiB   tasks   descriptors   drifting\n")
    for name, some in (("first quarter", samples[:quarter]), ("last quarter", samples[-quarter:])):
        memory = sum(each.memory_kib for each in some) / len(some) / 1024
        tasks = sum(each.tasks for each in some) / len(some)
        descriptors = sum(each.descriptors for each in some) / len(some)
        drifting = sum(bool(each.drift) for each in some)
        sys.stdout.write(f"{name:18} {memory:11.1f} {tasks:7.1f} {descriptors:13.1f} {drifting:10}\n")


def _memory_kib() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


@contextlib.asynccontextmanager
async def _watched(bot: Bot, books: Any, every_s: float) -> AsyncIterator[list[Sample]]:
    soak = Soak(bot, books, every_s)
    task = asyncio.create_task(soak.watch())
    try:
        yield soak.samples
    finally:
        task.cancel()


async def _virtual(minutes: float, folder: Path) -> list[Sample]:
    clock: Clock = virtual_clock()
    testnet = Testnet(SyntheticMarket(PROFILE, 1), TestnetTerms(), clock, seed=1)
    with open_journal(str(folder / "journal.db")) as journal:
        async with TestnetServer(testnet) as server:
            keys = testnet.accounts["1"].keys

            async def books() -> tuple[Decimal, Decimal, int]:
                held = testnet.accounts["1"].books
                instrument = testnet.instrument
                fees = instrument.money(held.position.fees_quanta)
                return instrument.quantity(held.position.lots), fees, len(held.fills)

            strategy = StrategySettings(**STRATEGY, duration_s=Decimal(int(minutes * 60)))
            bot = Bot((server.base_url, server.ws_url), (keys.public, keys.secret), strategy, journal, clock)
            async with _watched(bot, books, max(5.0, minutes * 60 / 60)) as samples:
                await bot.live()
            return samples


async def _real(minutes: float, folder: Path) -> list[Sample]:
    feed = record_market(folder / "market", 1, minutes * 60 + 300, PROFILE)
    with testnet_process(folder, "--feed", str(feed)) as testnet, open_journal(str(folder / "journal.db")) as journal:

        async def books() -> tuple[Decimal, Decimal, int]:
            told = await asyncio.to_thread(testnet.books)
            return Decimal(told["position"]), Decimal(told["fees"]), len(told["fills"])

        strategy = StrategySettings(**STRATEGY, duration_s=Decimal(int(minutes * 60)))
        bot = Bot((testnet.base_url, testnet.ws_url), (testnet.key, testnet.secret), strategy, journal, SystemClock())
        async with _watched(bot, books, max(5.0, minutes * 60 / 120)) as samples:
            await bot.live()
        return samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--virtual", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if given.virtual:
            samples = run_virtual(lambda: _virtual(given.minutes, Path(name)), wall_s=given.minutes * 120 + 120)
        else:
            samples = asyncio.run(_real(given.minutes, Path(name)))
    conclude(samples)


if __name__ == "__main__":
    main()
