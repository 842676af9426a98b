"""A whole order book in plain Python, fed with rows of `market_events`: for venues that stream depth, and the testnet.

The kernel has a book of its own, compiled and bounded; this one is for a few hundred rows a second, and can be read.

Rules kept here:

1. A level holds a positive size. A row with size 0 removes the level; removing what is not there changes nothing.
2. Rows that are not about the book (trades, marks, funding) change nothing; a gap's start empties the book.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from sortedcontainers import SortedDict

from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me


class Level(NamedTuple):
    price_ticks: int
    lots: int


class DepthBook:
    """Both sides of one market, prices in ticks and sizes in lots."""

    __slots__ = ("_asks", "_bids")

    def __init__(self) -> None:
        self._bids: SortedDict[int, int] = SortedDict()  # by minus the price: the best is first on both sides
        self._asks: SortedDict[int, int] = SortedDict()

    def clear(self) -> None:
        self._bids.clear()
        self._asks.clear()

    def apply(self, kind: int, price: int, lots: int) -> None:
        """One row, with or without `MORE`."""
        kind &= me.KIND_MASK
        if kind == me.BID:
            self.set_level(Side.BUY, price, lots)
        elif kind == me.ASK:
            self.set_level(Side.SELL, price, lots)
        elif kind == me.CLEAR_BIDS:
            self._clear_best(self._bids, -price)
        elif kind == me.CLEAR_ASKS:
            self._clear_best(self._asks, price)
        elif kind in (me.BEST_BID, me.BEST_ASK):
            self._set_best(Side.BUY if kind == me.BEST_BID else Side.SELL, price, lots)
        elif kind == me.GAP_START:
            self.clear()

    def set_level(self, side: Side, price_ticks: int, lots: int) -> None:
        """The level now holds ``lots``; 0 removes it."""
        levels, key = (self._bids, -price_ticks) if side is Side.BUY else (self._asks, price_ticks)
        if lots > 0:
            levels[key] = lots
        else:
            levels.pop(key, None)

    def best(self, side: Side) -> Level | None:
        """The best level of a side, None when it is empty."""
        return next(self.levels(side), None)

    def lots_at(self, side: Side, price_ticks: int) -> int:
        """What the level holds; 0 when there is none."""
        levels, key = (self._bids, -price_ticks) if side is Side.BUY else (self._asks, price_ticks)
        return int(levels.get(key, 0))

    def levels(self, side: Side, most: int | None = None) -> Iterator[Level]:
        """Levels of a side from the best outwards."""
        if side is Side.BUY:
            return (Level(-key, lots) for key, lots in islice(self._bids.items(), most))
        return (Level(key, lots) for key, lots in islice(self._asks.items(), most))

    def _set_best(self, side: Side, price: int, lots: int) -> None:
        """The best of a side is stated: what was better is gone; no size, no level at all."""
        levels, key = (self._bids, -price) if side is Side.BUY else (self._asks, price)
        if lots == 0:
            levels.clear()
            return
        self._clear_best(levels, key - 1)
        levels[key] = lots

    @staticmethod
    def _clear_best(levels: "SortedDict[int, int]", last_key: int) -> None:
        """Remove every level from the best up to and including ``last_key``."""
        for key in list(levels.irange(maximum=last_key)):
            del levels[key]
