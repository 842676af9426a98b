"""The book from a REST snapshot and sequenced updates: a state machine without a socket.

Rules kept here:

1. An update is applied only where it joins: its first id is at most the next one, its last id beyond what the book has.
2. An update that the book has already (repeated, or overtaken) changes nothing.
3. An update that leaves a hole makes the book blind. Updates are then kept, and put in order: the book sees again when
   the missing ones come in after all, or when a snapshot is new enough to join what was kept.
4. A snapshot older than what is kept, so that a hole remains, does not end the blindness: another one is needed.
5. A book whose best bid reaches its best ask is not a book: it is blind, too.
6. Nothing is kept without bound: beyond `MOST_KEPT` updates the oldest go, and a newer snapshot is needed.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me
from perpmaker.simulation.depth_book import DepthBook
from perpmaker.simulation.player import FeedRow

MOST_KEPT: Final = 5_000

COMPARED_LEVELS: Final = 200
"""Levels of a side that are compared when a book is doubted; snapshots hold 1,000."""


class Update(NamedTuple):
    """Sizes of levels after the updates ``first_id`` to ``last_id``; a snapshot states all levels and has one id."""

    first_id: int
    last_id: int
    rows: Sequence[FeedRow]
    venue_ns: int


class Heard(Enum):
    """What became of an update."""

    APPLIED = "applied"  # the rows are those of the update
    KNOWN = "known already"
    LOST = "there is a hole: blind from here"
    KEPT = "blind: kept for later"
    JOINED = "sees again: the book is whole"


class Doubt(Enum):
    """What a snapshot says of a book that was doubted."""

    RIGHT = "right"
    BEHIND = "the stream has not come as far as the snapshot"
    WRONG = "wrong"


class DepthSync:
    """A book that knows whether it can be trusted."""

    def __init__(self) -> None:
        self.book = DepthBook()
        self.last_id = 0
        self.venue_ns = 0
        self.is_blind = True
        self._has_base = False  # the book was right at `last_id`
        self._kept: list[Update] = []
        self._remembered: list[Update] | None = None

    def lose(self) -> None:
        """The stream is gone: nothing that was seen can be trusted, nor joined to."""
        self.is_blind = True
        self._has_base = False
        self._kept.clear()
        self._remembered = None

    def update(self, update: Update) -> Heard:
        """The next message of the stream."""
        if self.is_blind:
            self._keep(update)
            return Heard.JOINED if self._has_base and self._join() else Heard.KEPT
        if update.last_id <= self.last_id:
            return Heard.KNOWN
        if update.first_id > self.last_id + 1:
            self.is_blind = True
            self._keep(update)
            return Heard.LOST
        self._apply(update)
        if self._is_crossed():
            self.lose()
            return Heard.LOST
        if self._remembered is not None:
            self._remembered.append(update)
        return Heard.APPLIED

    def snapshot(self, snapshot: Update) -> bool:
        """Start anew from a snapshot. True: the book is whole; False: a newer snapshot is needed."""
        self.book.clear()
        for row in snapshot.rows:
            self.book.apply(*row)
        self.last_id = snapshot.last_id
        self.venue_ns = snapshot.venue_ns
        self.is_blind = True
        self._has_base = not self._is_crossed()
        return self._has_base and self._join()

    def remember(self) -> None:
        """Keep the updates from here on, so that `doubt` can compare a snapshot that is older than the book by then."""
        self._remembered = []

    def doubt(self, snapshot: Update) -> Doubt:
        """Whether the book, which `remember` was called for, agrees with a snapshot taken since."""
        if self.is_blind or self._remembered is None:
            return Doubt.WRONG
        if snapshot.last_id > self.last_id:
            return Doubt.BEHIND
        then = DepthBook()
        later = [update for update in self._remembered if update.last_id > snapshot.last_id]
        for row in (*snapshot.rows, *(row for update in later for row in update.rows)):
            then.apply(*row)
        return Doubt.RIGHT if _top(then) == _top(self.book) else Doubt.WRONG

    def forget(self) -> None:
        """The end of `remember`."""
        self._remembered = None

    def whole(self) -> list[FeedRow]:
        """Every level, as rows that state the book anew."""
        return [
            *(FeedRow(me.BID, price, lots) for price, lots in self.book.levels(Side.BUY)),
            *(FeedRow(me.ASK, price, lots) for price, lots in self.book.levels(Side.SELL)),
        ]

    def _keep(self, update: Update) -> None:
        self._kept.append(update)
        if len(self._kept) > MOST_KEPT:
            self._kept.sort(key=_by_id)
            del self._kept[: MOST_KEPT // 2]

    def _join(self) -> bool:
        """Apply what was kept, in order, as far as it joins; True when nothing is left over."""
        self._kept.sort(key=_by_id)
        done = 0
        for update in self._kept:
            if update.first_id > self.last_id + 1:
                break
            done += 1
            if update.last_id > self.last_id:
                self._apply(update)
        del self._kept[:done]
        if self._kept:
            return False
        if self._is_crossed():
            self._has_base = False
            return False
        self.is_blind = False
        return True

    def _apply(self, update: Update) -> None:
        for row in update.rows:
            self.book.apply(*row)
        self.last_id = update.last_id
        self.venue_ns = update.venue_ns

    def _is_crossed(self) -> bool:
        bid, ask = self.book.best(Side.BUY), self.book.best(Side.SELL)
        return bid is not None and ask is not None and bid.price_ticks >= ask.price_ticks


def _top(book: DepthBook) -> tuple[list[tuple[int, int]], ...]:
    return tuple([*book.levels(side, COMPARED_LEVELS)] for side in Side)


def _by_id(update: Update) -> tuple[int, int]:
    return update.first_id, update.last_id
