"""The order book that the testnet shows, with its update ids.

Rules kept here:

1. One message is one update, however many levels it changes; the ids of updates follow each other without holes.
2. A message that changes nothing that can be seen is no update.
3. What an account takes is gone from its level until the market states that level again.
4. Resting orders of accounts are not in the book: it is the market that they trade against.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me
from perpmaker.simulation.depth_book import DepthBook, Level
from perpmaker.simulation.player import FeedRow


class Change(NamedTuple):
    """Levels that one update changed, absolute, best first; 0 lots: the level is gone."""

    bids: list[Level]
    asks: list[Level]


class PublicBook:
    """Both sides, and the number of the last update."""

    def __init__(self, first_update_id: int) -> None:
        self._levels = DepthBook()
        self.update_id = first_update_id

    def apply(self, rows: Iterable[FeedRow]) -> Change | None:
        """One message; None when it has changed nothing."""
        before: dict[tuple[Side, int], int] = {}
        levels = self._levels
        for kind, price, lots in rows:
            if kind == me.BID:
                before.setdefault((Side.BUY, price), levels.lots_at(Side.BUY, price))
            elif kind == me.ASK:
                before.setdefault((Side.SELL, price), levels.lots_at(Side.SELL, price))
            elif kind in _RANGES:
                for side, level in self._range(kind, price, lots):
                    before.setdefault((side, level.price_ticks), level.lots)
            else:
                continue
            levels.apply(kind, price, lots)
        return self._difference(before) if before else None

    def take(self, side: Side, price_ticks: int, lots: int) -> tuple[int, Change]:
        """Somebody has taken so much from a level of ``side``; returns what is left of it."""
        left = max(0, self._levels.lots_at(side, price_ticks) - lots)
        self._levels.set_level(side, price_ticks, left)
        self.update_id += 1
        level = [Level(price_ticks, left)]
        return left, Change(level, []) if side is Side.BUY else Change([], level)

    def best(self, side: Side) -> Level | None:
        return self._levels.best(side)

    def levels(self, side: Side, most: int | None = None) -> Iterator[Level]:
        """Levels from the best outwards."""
        return self._levels.levels(side, most)

    def lots_at(self, side: Side, price_ticks: int) -> int:
        return self._levels.lots_at(side, price_ticks)

    def _range(self, kind: int, price: int, lots: int) -> Iterator[tuple[Side, Level]]:
        """The levels that a row about a range may change."""
        side = Side.BUY if kind in (me.CLEAR_BIDS, me.BEST_BID) else Side.SELL
        whole_side = kind in (me.BEST_BID, me.BEST_ASK) and lots == 0
        for level in self._levels.levels(side):
            if not whole_side and (level.price_ticks - price) * side < 0:
                break
            yield side, level
        if kind in (me.BEST_BID, me.BEST_ASK) and lots > 0:
            yield side, Level(price, self._levels.lots_at(side, price))

    def _difference(self, before: dict[tuple[Side, int], int]) -> Change | None:
        bids: list[Level] = []
        asks: list[Level] = []
        for (side, price), held in before.items():
            lots = self._levels.lots_at(side, price)
            if lots != held:
                (bids if side is Side.BUY else asks).append(Level(price, lots))
        if not bids and not asks:
            return None
        if len(bids) > 1:
            bids.sort(reverse=True)
        if len(asks) > 1:
            asks.sort()
        self.update_id += 1
        return Change(bids, asks)


_RANGES = frozenset((me.CLEAR_BIDS, me.CLEAR_ASKS, me.BEST_BID, me.BEST_ASK))
