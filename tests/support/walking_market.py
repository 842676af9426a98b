"""A market of a few messages a second that wanders, trades and is quick to play: for hundreds of short runs."""

import random
from collections.abc import Iterator
from decimal import Decimal

import numpy as np

from perpmaker.domain.instrument import Instrument
from perpmaker.simulation import market_events as m
from perpmaker.simulation.market_events import MarketChunk

STEP_NS = 200_000_000


class WalkingMarket:
    """Five messages a second: a book of two levels a side, now and then a trade that takes all of one, and the mark."""

    instrument = Instrument("TEST", "T", "USD", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))

    def __init__(self, seed: int, duration_s: int = 200) -> None:
        self._seed = seed
        self._steps = duration_s * 1_000_000_000 // STEP_NS

    def chunks(self) -> Iterator[MarketChunk]:
        draw = random.Random(self._seed)
        rows: list[tuple[int, int, int, int]] = []
        bid = 15_000
        for step in range(self._steps):
            ts = step * STEP_NS
            bid += draw.choice((-3, -2, -1, -1, 0, 0, 0, 0, 1, 1, 2, 3))
            if draw.random() < 0.3:
                is_buy = draw.random() < 0.5
                price = bid + draw.randint(1, 9) if is_buy else bid - draw.randint(0, 8)
                rows.append((ts, m.BUY_TRADE if is_buy else m.SELL_TRADE, price, draw.randint(1, 40)))
            if step % 5 == 0:
                rows.append((ts, m.MARK, bid * 1_000 + 500, 0))
            levels = [(m.BID, bid), (m.BID, bid - 1), (m.ASK, bid + 1), (m.ASK, bid + 2)]
            message = [(ts, m.CLEAR_BIDS, 0, 0), (ts, m.CLEAR_ASKS, 2**40, 0)]
            message += [(ts, kind, price, draw.randint(1, 30)) for kind, price in levels]
            rows += [(at, kind | m.MORE, price, lots) for at, kind, price, lots in message[:-1]] + message[-1:]
        columns = np.array(rows, np.int64).T
        yield MarketChunk(columns[0], columns[1].astype(np.uint8), columns[2], columns[3])
