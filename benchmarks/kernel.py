"""Rows per second of the compiled exchange, against a bare loop over the same arrays.

Run: ``python benchmarks/kernel.py``. The reference only keeps the best bid and ask of the same random market, so the
ratio says what orders, queues, latency and accounts cost where nothing of ours is near.
"""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perpmaker.domain.commands import ANY_PRICE, FAR_FUTURE_NS, Cancel, Place, Wake
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.domain.reference import ReferencePrice
from perpmaker.simulation import market_events as rows
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import MarketChunk
from perpmaker.simulation.terms import ExchangeTerms

ROWS = 5_000_000
DAY_NS = 86_400 * 10**9
SECOND_NS = 10**9

QUIET = Wake(
    FAR_FUTURE_NS, FAR_FUTURE_NS, 0, ReferencePrice.MID, -ANY_PRICE, ANY_PRICE, -ANY_PRICE, ANY_PRICE, -ANY_PRICE,
    ANY_PRICE, False, False,
)  # fmt: skip
TERMS = ExchangeTerms(
    maker_fee_ppb=200_000, taker_fee_ppb=500_000, balance_quanta=10**26, leverage=Decimal(10),
    feed_latency_ns=1_000_000, order_latency_ns=5_000_000,
)  # fmt: skip


class RandomDay:
    """A mid that walks, level changes around it, and trades at the touch: 70 % book, 30 % trades."""

    instrument = Instrument("BENCH", "BENCH", "USD", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(7)
        mid = 20_000 + np.cumsum(rng.choice([-1, 0, 1], count, p=[0.01, 0.98, 0.01]))
        side = rng.integers(0, 2, count)
        is_trade = rng.random(count) < 0.3
        distance = np.where(is_trade, 1, 1 + rng.geometric(0.15, count))
        kind = np.where(is_trade, rows.SELL_TRADE - side, rows.BID + side).astype(np.uint8)
        price = np.where(side == 0, mid - distance, mid + distance)
        lots = np.where(~is_trade & (rng.random(count) < 0.3), 0, rng.integers(1, 1000, count))
        trade_side = np.where(is_trade, 1 - side, side)
        price = np.where(is_trade, np.where(trade_side == 1, mid - 1, mid + 1), price)
        ts = np.sort(rng.integers(0, DAY_NS, count))
        self.chunk = MarketChunk(ts, kind, price.astype(np.int64), lots.astype(np.int64))

    def chunks(self) -> Iterator[MarketChunk]:
        size = 2**18
        for start in range(0, len(self.chunk.ts_ns), size):
            yield MarketChunk(*(column[start : start + size] for column in self.chunk))


@njit
def best_prices(kind: NDArray[np.uint8], price: NDArray[np.int64], lots: NDArray[np.int64]) -> int:
    """The reference: a level array a side, best bid and ask, nothing else."""
    bids, asks = np.zeros(2**20, np.int64), np.zeros(2**20, np.int64)
    bid, ask, checksum = 0, 2**20 - 1, 0
    for row in range(len(kind)):
        cell = price[row]
        if kind[row] == 1:
            bids[cell] = lots[row]
            if lots[row] > 0:
                bid = max(bid, cell)
            while bid > 0 and bids[bid] == 0:
                bid -= 1
        elif kind[row] == 2:
            asks[cell] = lots[row]
            if lots[row] > 0:
                ask = min(ask, cell)
            while ask < 2**20 - 1 and asks[ask] == 0:
                ask += 1
        checksum += bid ^ ask
    return checksum


def run_quietly(day: RandomDay) -> None:
    """One advance through the whole day."""
    SimulatedExchange(day, TERMS).advance(QUIET)


def run_every_second(day: RandomDay) -> None:
    """A decision each second: four quotes replaced far from the market, and their answers read."""
    exchange = SimulatedExchange(day, TERMS)
    order_id, until = 0, 0
    while until < DAY_NS:
        until += SECOND_NS
        exchange.advance(QUIET._replace(until_ns=until))
        commands: list[Place | Cancel] = [Cancel(order_id - 1), Cancel(order_id)] if order_id else []
        commands.append(Place(order_id + 1, Side.BUY, 10_000, 1, OrderKind.LIMIT, True, False))
        commands.append(Place(order_id + 2, Side.SELL, 40_000, 1, OrderKind.LIMIT, True, False))
        order_id += 2
        exchange.submit(commands)


def seconds(work: Callable[[], object]) -> float:
    """The best of three: the machine is not ours alone."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    day = RandomDay(ROWS)
    run_quietly(RandomDay(1000))
    best_prices(day.chunk.kind[:10], day.chunk.price[:10], day.chunk.lots[:10])
    reference = seconds(lambda: best_prices(day.chunk.kind, day.chunk.price, day.chunk.lots))
    quiet = seconds(lambda: run_quietly(day))
    busy = seconds(lambda: run_every_second(day))
    decisions = DAY_NS // SECOND_NS
    print(f"reference loop      {ROWS / reference / 1e6:7.1f} M rows/s")
    print(f"exchange, no stops  {ROWS / quiet / 1e6:7.1f} M rows/s, {quiet / reference:5.1f} times the reference")
    print(
        f"a decision a second {ROWS / busy / 1e6:7.1f} M rows/s, {(busy - quiet) / decisions * 1e6:5.2f} us a decision"
    )


if __name__ == "__main__":
    main()
