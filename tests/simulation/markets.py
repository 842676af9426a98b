"""Small hand-made markets, and the wakes to walk through them."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

import numpy as np

from perpmaker.domain.commands import ASLEEP, Place, Wake
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import QUANTA_PER_TICK_LOT
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.simulation import market_events as m
from perpmaker.simulation.market_events import MarketChunk
from perpmaker.simulation.terms import ExchangeTerms

Row = tuple[int, int, int, int]


def until(ns: int, **changes: object) -> Wake:
    return ASLEEP._replace(until_ns=ns, **changes)


def terms(balance_tick_lots: int = 10**9, leverage: str = "10", **changes: object) -> ExchangeTerms:
    settings = {
        "maker_fee_ppb": 200_000,
        "taker_fee_ppb": 500_000,
        "balance_quanta": balance_tick_lots * QUANTA_PER_TICK_LOT,
        "leverage": Decimal(leverage),
        **changes,
    }
    return ExchangeTerms(**settings)


class Market:
    """Rows, given as ``(ts, kind, price, lots)``, handed out in chunks of the given size."""

    def __init__(self, rows: Sequence[Row], chunk: int = 10**6, min_lots: int = 1) -> None:
        self.instrument = Instrument("TEST", "T", "USD", Decimal("0.01"), Decimal("0.1"), Decimal("0.1") * min_lots)
        self.rows = list(rows)
        self._chunk = chunk

    def chunks(self) -> Iterator[MarketChunk]:
        for start in range(0, len(self.rows), self._chunk):
            ts, kind, price, lots = np.array(self.rows[start : start + self._chunk], np.int64).T
            yield MarketChunk(ts, kind.astype(np.uint8), price, lots)


def book(ts: int, bids: dict[int, int], asks: dict[int, int]) -> list[Row]:
    """One atomic message that states these levels."""
    levels = [(ts, m.BID, price, lots) for price, lots in bids.items()]
    levels += [(ts, m.ASK, price, lots) for price, lots in asks.items()]
    return [(at, kind | m.MORE, price, lots) for at, kind, price, lots in levels[:-1]] + levels[-1:]


def bid(order_id: int, price: int, lots: int, *, post_only: bool = True, reduce_only: bool = False) -> Place:
    return Place(order_id, Side.BUY, price, lots, OrderKind.LIMIT, post_only, reduce_only)


def ask(order_id: int, price: int, lots: int, *, post_only: bool = True, reduce_only: bool = False) -> Place:
    return Place(order_id, Side.SELL, price, lots, OrderKind.LIMIT, post_only, reduce_only)


def market(order_id: int, side: Side, lots: int, *, reduce_only: bool = False) -> Place:
    return Place(order_id, side, 0, lots, OrderKind.MARKET, False, reduce_only)


def ioc(order_id: int, side: Side, price: int, lots: int) -> Place:
    return Place(order_id, side, price, lots, OrderKind.IOC, False, False)


def bar(ts: int, prices: tuple[int, int, int, int], volume: int, length: int = 64) -> list[Row]:
    """One bar of ``length`` ns: its statement (open, high, low, close), then the three further points of its path."""
    kinds = (m.BAR_OPEN, m.BAR_HIGH, m.BAR_LOW, m.BAR_CLOSE)
    told = [(ts, kind | m.MORE, price, 0) for kind, price in zip(kinds, prices, strict=True)]
    told[0] = (ts, m.BAR_OPEN | m.MORE, prices[0], volume)
    told[3] = (ts, m.BAR_CLOSE, prices[3], 0)
    return told + [(ts + at, m.BAR_STEP, 0, 0) for at in (length // 4, length // 2, length - length // 64)]
