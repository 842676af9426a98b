"""Seconds that a year of 1-minute bars takes: the exchange alone, and with the market maker.

Run: ``python benchmarks/bars.py``. The bars are a random walk, seeded; 525,600 of them, seven rows each. Times are of
this process (not of the wall), and leave out compiling and making the bars. After `perpmaker compile` the maker is the
compiled one, and plain Python follows it.
"""

import sys
import time
from collections.abc import Iterator
from decimal import Decimal

import numpy as np

from perpmaker.domain.commands import ASLEEP
from perpmaker.domain.instrument import Instrument
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.runtime.replay import Replay
from perpmaker.runtime.statistics import RunStatistics
from perpmaker.simulation import market_events as rows
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import MarketChunk
from perpmaker.simulation.terms import ExchangeTerms
from plain_twin import ANSWER, answer, plain_twin

BARS = 525_600
MINUTE_NS = 60 * 10**9
CHUNK_ROWS = 2**18
START_NS = 1_735_689_600 * 10**9  # 2025-01-01

TERMS = ExchangeTerms(
    maker_fee_ppb=200_000, taker_fee_ppb=500_000, balance_quanta=10**22, leverage=Decimal(10),
    feed_latency_ns=10_000_000, order_latency_ns=10_000_000,
)  # fmt: skip


class YearOfBars:
    """A walk of 4 ticks of 0.01 a minute around 150: what a volatile coin does."""

    instrument = Instrument("BENCH", "BENCH", "USD", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))

    def __init__(self, count: int = BARS) -> None:
        rng = np.random.default_rng(7)
        steps = rng.integers(-8, 9, count)
        close = 15_000 + np.cumsum(steps)
        close += np.maximum(0, 5_000 - close.min())
        opening = close - steps
        high = np.maximum(opening, close) + rng.geometric(0.2, count)
        low = np.minimum(opening, close) - rng.geometric(0.2, count)
        nothing = np.zeros(count, np.int64)
        start = START_NS + np.arange(count) * MINUTE_NS
        points = [0, 0, 0, 0, MINUTE_NS // 4, MINUTE_NS // 2, MINUTE_NS - MINUTE_NS // 64]
        kinds = [
            rows.BAR_OPEN | rows.MORE, rows.BAR_HIGH | rows.MORE, rows.BAR_LOW | rows.MORE, rows.BAR_CLOSE,
            rows.BAR_STEP, rows.BAR_STEP, rows.BAR_STEP,
        ]  # fmt: skip
        price = np.stack([opening, high, low, close, nothing, nothing, nothing], axis=1)
        lots = np.zeros_like(price)
        lots[:, 0] = rng.integers(0, 2_000_000, count)
        ts = start[:, None] + np.array(points)[None, :]
        kind = np.tile(np.array(kinds, np.uint8), count)
        self.chunk = MarketChunk(ts.reshape(-1), kind, price.reshape(-1), lots.reshape(-1))

    def chunks(self) -> Iterator[MarketChunk]:
        for first in range(0, len(self.chunk.ts_ns), CHUNK_ROWS):
            yield MarketChunk(*(column[first : first + CHUNK_ROWS] for column in self.chunk))


def exchange_alone(feed: YearOfBars) -> float:
    """Seconds of a run in which nobody trades."""
    exchange = SimulatedExchange(feed, TERMS)
    began = time.process_time()
    while not exchange.exhausted:
        exchange.advance(ASLEEP)
    return time.process_time() - began


def with_maker(feed: YearOfBars) -> tuple[float, RunStatistics, Replay]:
    """Seconds of a run of the market maker: 1 % away, one decision per 10 s at most."""
    settings = StrategySettings(
        spread=Decimal("0.01"), quantity=Decimal("0.1"), max_orders=2, max_position=Decimal(5),
        position_threshold=Decimal(2), inventory_skew=Decimal("0.5"), duration_s=Decimal(0), interval_s=Decimal(10),
    )  # fmt: skip
    exchange = SimulatedExchange(feed, TERMS)
    terms = StrategyTerms.of(settings, feed.instrument, Decimal(10_000), Decimal(10))
    maker = MarketMaker(terms, exchange.now_ns)
    statistics = RunStatistics(feed.instrument, terms.max_position_lots, exchange.now_ns)
    replay = Replay(maker, exchange, [statistics])
    began = time.process_time()
    replay.run()
    return time.process_time() - began, statistics, replay


def main() -> None:
    exchange_alone(YearOfBars(1_000))
    with_maker(YearOfBars(1_000))
    feed = YearOfBars()
    if ANSWER in sys.argv:
        answer(lambda: [with_maker(feed)[0]])
        return
    alone = exchange_alone(feed)
    print(
        f"a year of 1-minute bars, the exchange alone:    {alone:6.2f} s ({len(feed.chunk.ts_ns) / alone:,.0f} rows/s)"
    )
    seconds, _, replay = with_maker(feed)
    print(f"the same with a maker (--spread 0.01 --interval 10): {seconds:6.2f} s, {replay.requests:,} requests")
    if (twin := plain_twin()) is not None:
        print(f"the same in plain Python:                           {twin.ask()[0]:6.2f} s")
        twin.close()


if __name__ == "__main__":
    main()
