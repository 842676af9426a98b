"""The whole machine: a day of 5 million events, with the maker deciding every second and every ten.

Run: ``python benchmarks/replay.py [--profile]``. The reference is the minimal compiled loop of benchmarks/kernel.py
over the same arrays, so the ratios compare within one run. Time is the processor's, not the clock's: what else runs on
the machine takes caches away, but no seconds are counted for it. After `perpmaker compile` every case is played both
ways, in turns.
"""

import cProfile
import pstats
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal

import numpy as np

from kernel import best_prices
from perpmaker.domain.commands import Command
from perpmaker.domain.events import Event
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.runtime.replay import Replay
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import BUY_TRADE, KIND_MASK, SELL_TRADE, MarketChunk
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import BENCHMARK_DAY
from perpmaker.simulation.terms import ExchangeTerms
from plain_twin import ANSWER, answer, plain_twin

ROUNDS = 3
CASES = ((1, 1, 5), (10, 1, 5), (1, 2, 5), (10, 2, 5), (1, 1, 20), (10, 1, 20))
"""Interval in seconds, levels a side, half-spread in bp: at 5 bp fills ask for more decisions than time does."""

DAY_NS = 86_400 * 10**9


class Day:
    """A synthetic day, held in memory: generating it is not what is measured."""

    def __init__(self) -> None:
        market = SyntheticMarket(BENCHMARK_DAY, seed=1, duration_ns=DAY_NS)
        self.instrument = market.instrument
        self.held = [MarketChunk(*(column.copy() for column in chunk)) for chunk in market.chunks()]
        self.rows = sum(len(chunk.kind) for chunk in self.held)

    def chunks(self) -> Iterator[MarketChunk]:
        return iter(self.held)


class Count:
    """Observes how often the maker was asked, and how often it answered."""

    def __init__(self) -> None:
        self.steps = self.decisions = 0

    def on_step(self, _now_ns: int, _events: Sequence[Event], commands: Sequence[Command]) -> None:
        self.steps += 1
        self.decisions += bool(commands)


def replay(day: Day, interval_s: int, levels: int, half_spread_bp: int) -> tuple[float, Count]:
    """Seconds for the whole day, and what happened in it."""
    strategy = StrategySettings(
        spread=Decimal(half_spread_bp) / 10_000,
        quantity=Decimal("0.1"),
        max_orders=levels,
        max_position=Decimal(5),
        position_threshold=Decimal(0),
        inventory_skew=Decimal("0.5"),
        interval_s=Decimal(interval_s),
        duration_s=Decimal(0),
    )
    terms = StrategyTerms.of(strategy, day.instrument, Decimal(10_000), Decimal(10))
    exchange = SimulatedExchange(
        day,
        ExchangeTerms(
            maker_fee_ppb=200_000,
            taker_fee_ppb=500_000,
            balance_quanta=terms.balance_quanta,
            leverage=Decimal(10),
            feed_latency_ns=10_000_000,
            order_latency_ns=10_000_000,
        ),
    )
    count = Count()
    driver = Replay(MarketMaker(terms, exchange.now_ns), exchange, [count])
    start = time.process_time()
    driver.run()
    return time.process_time() - start, count


def reference(day: Day) -> float:
    """Seconds of the minimal loop over the same rows."""
    columns = [np.concatenate([chunk[i] for chunk in day.held]) for i in (1, 2, 3)]
    start = time.process_time()
    best_prices(*columns)
    return time.process_time() - start


def main() -> None:
    day = Day()
    if ANSWER in sys.argv:
        replay(day, 3600, 1, 5)  # loads the compiled core
        answer(lambda *case: [replay(day, *case)[0]])
        return
    trades = sum(int(np.isin(chunk.kind & KIND_MASK, (BUY_TRADE, SELL_TRADE)).sum()) for chunk in day.held)
    print(f"{day.rows:,} events in 24 h, {trades / day.rows:.0%} trades")
    if "--profile" in sys.argv:
        profiler = cProfile.Profile()
        profiler.runcall(replay, day, 1, 1, 5)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
        return
    replay(day, 3600, 1, 5)  # loads the compiled core
    reference(day)
    twin = plain_twin()
    for case in CASES:
        floors: list[float] = []
        times: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            floors.append(reference(day))
            took, count = replay(day, *case)
            times.setdefault("plain" if twin is None else "compiled", []).append(took)
            if twin is not None:
                times.setdefault("plain", []).append(*twin.ask(*case))
        print("every {:2d} s, {} level(s), {:2d} bp".format(*case), end=": ")
        print(f"asked {count.steps:,} times, acted {count.decisions:,}")
        for way, taken in times.items():
            took, floor = statistics.median(taken), statistics.median(floors)
            print(
                f"  {way:<9}{day.rows / took / 1e6:5.2f} M events/s, {took / floor:5.1f} times the reference, "
                f"{took / count.steps * 1e6:.0f} us each with all that lies between"
            )
    if twin is not None:
        twin.close()


if __name__ == "__main__":
    main()
