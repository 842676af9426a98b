"""From snapshots of the top of a book to the differences that lead from each to the next.

Rules kept here:

1. A snapshot speaks for the range that it shows, from beyond its best price to its deepest level: a level known in
   that range and not listed is gone. It says nothing about what lies deeper: those levels stay as last seen.
2. Only what changed becomes a row.
3. The first snapshot, and the first after a gap, clears both sides and states every level.
4. At most `KEPT_LEVELS` levels of a side are remembered: when there are twice as many, the farthest are removed, by
   rows like any other.
"""

from typing import Final, NamedTuple

from perpmaker.simulation import market_events as me

KEPT_LEVELS: Final = 1_000
EVERY_ASK: Final = 2**62
"""A price above every ask: CLEAR_ASKS up to here clears the side."""

Row = tuple[int, int, int]
"""Kind, price in ticks, lots."""

Levels = list[tuple[int, int]]
"""Price in ticks and lots, best first."""


class Snapshot(NamedTuple):
    """The top of the book as a venue stated it, each side best first."""

    ts_ns: int
    venue_ns: int
    bids: Levels
    asks: Levels


class SnapshotDifferences:
    """Remembers the book that its rows have described so far."""

    def __init__(self) -> None:
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._shown: tuple[Levels, Levels] = ([], [])  # most snapshots leave a side as it was: then nothing is compared

    def restate(self, bids: Levels, asks: Levels) -> list[Row]:
        """Rows that clear the book and state it anew."""
        self._bids = dict(bids)
        self._asks = dict(asks)
        self._shown = (bids, asks)
        return [
            (me.CLEAR_BIDS, 0, 0),
            (me.CLEAR_ASKS, EVERY_ASK, 0),
            *((me.BID, price, lots) for price, lots in bids),
            *((me.ASK, price, lots) for price, lots in asks),
        ]

    def update(self, bids: Levels, asks: Levels) -> list[Row]:
        """Rows that lead from the book known so far to one that shows ``bids`` and ``asks``."""
        shown_bids, shown_asks = self._shown
        rows = [] if bids == shown_bids else _changes(self._bids, bids, me.BID)
        if asks != shown_asks:
            rows += _changes(self._asks, asks, me.ASK)
        self._shown = (bids, asks)
        return rows

    def best(self, bid: tuple[int, int], ask: tuple[int, int]) -> list[Row]:
        """Rows for a best bid and offer, price and lots: whatever is better is gone."""
        for known, (price, lots), sign in ((self._bids, bid, 1), (self._asks, ask, -1)):
            for better in [level for level in known if sign * level > sign * price]:
                del known[better]
            known[price] = lots
        self._shown = ([], [])
        return [(me.BEST_BID, *bid), (me.BEST_ASK, *ask)]


def _changes(known: dict[int, int], levels: Levels, kind: int) -> list[Row]:
    """Rows that bring one side up to date; an empty list of levels says that the side is empty."""
    listed = dict(levels)
    if not levels:
        gone = list(known)
    elif kind == me.BID:
        deepest = levels[-1][0]
        gone = [price for price in known if price >= deepest and price not in listed]
    else:
        deepest = levels[-1][0]
        gone = [price for price in known if price <= deepest and price not in listed]
    rows = [(kind, price, 0) for price in gone]
    rows += [(kind, price, lots) for price, lots in levels if known.get(price) != lots]
    for price in gone:
        del known[price]
    known.update(listed)
    if len(known) > 2 * KEPT_LEVELS:
        for price in sorted(known, reverse=kind == me.BID)[KEPT_LEVELS:]:
            rows.append((kind, price, 0))
            del known[price]
    return rows


def overlay(levels: Levels, best: tuple[int, int], sign: int) -> Levels:
    """One side of an older snapshot under a newer best price: the newer touch, then what the snapshot has behind it.

    Args:
        levels: the snapshot's side, best first.
        best: price and lots of the newer touch.
        sign: 1 for bids, -1 for asks.
    """
    return [best, *((price, lots) for price, lots in levels if sign * price < sign * best[0])]
