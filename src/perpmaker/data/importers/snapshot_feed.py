"""Writing a feed of book snapshots, quotes and trades: what the snapshot sources have in common.

Rules kept here:

1. The recording begins with the first snapshot. What came before it is dropped and counted.
2. Snapshots become differences, see `perpmaker.data.snapshots`.
3. Where the next snapshot is more than ``blind_after_ns`` away, the recording is blind from this snapshot to that one:
   GAP_START here, GAP_END there, and the book is stated anew. Whatever came in between is dropped and counted: a trade
   without its book would fill quotes that nobody could have managed.
4. A trade that happened (by the venue's clock) before the snapshot with which the recording began or saw again is
   dropped: venues repeat their latest trades to whoever connects, and that book has them already.
5. A quote is newer than a snapshot or older, by the venue's clock. Under a newer quote an older snapshot may not push
   the touch back: its levels count only behind the quote's. A quote older than the last snapshot is dropped.
6. A trade whose side was not recorded is given one by the quote before it (Lee and Ready, 1991): above the mid a buyer
   took, below a seller. At the mid, and in a locked book, which has no two sides to tell apart, the last price decides:
   a higher one was bought, a lower one sold, the same one as before.
7. Where a venue cuts the prices of its book to a coarser step than its trades have, the true bid and ask lie up to one
   tick short of that step above those shown, so the mid that rule 6 compares with is raised by half of that.
"""

from typing import Final, NamedTuple

from perpmaker.data.snapshots import Levels, Snapshot, SnapshotDifferences, overlay
from perpmaker.data.writer import RecordingWriter
from perpmaker.simulation import market_events as me

BLIND_AFTER_NS: Final = 3_000_000_000
"""Recorders that lose data are silent for over 6 s, a slow network for up to 3 s: measured on StandX."""


class Trade(NamedTuple):
    """A public trade; ``sign`` is that of the aggressor, 0 where it was not recorded."""

    ts_ns: int
    venue_ns: int
    price: int
    lots: int
    sign: int


class Quote(NamedTuple):
    """A best bid and offer, each price and lots."""

    ts_ns: int
    venue_ns: int
    bid: tuple[int, int]
    ask: tuple[int, int]


class SnapshotFeedWriter:
    """Takes the items of one feed by receive time and writes their rows.

    Args:
        writer: where the rows go.
        blind_after_ns: a longer silence between two snapshots is a gap.
        book_step_ticks: the book's prices are cut to multiples of this; 1 where they are exact.
    """

    def __init__(self, writer: RecordingWriter, blind_after_ns: int, *, book_step_ticks: int = 1) -> None:
        self._writer = writer
        self._blind_after_ns = blind_after_ns
        self._cut_ticks = book_step_ticks - 1
        self._differences = SnapshotDifferences()
        self._begun = False
        self._until_ns = 0  # the last moment that the last snapshot still vouches for
        self._book_venue_ns = 0
        self._restart_venue_ns = 0
        self._quote: Quote | None = None
        self._bid: tuple[int, int] = (0, 0)
        self._ask: tuple[int, int] = (0, 0)
        self._last_price = 0
        self._last_sign = 0

    def snapshot(self, now_ns: int, item: Snapshot, next_ns: int | None) -> None:
        """Write a snapshot; ``next_ns`` is when the next one was received, None after the last."""
        writer = self._writer
        if not item.bids or not item.asks:
            writer.notes["snapshots with an empty side"] += 1
        if not self._begun or writer.in_gap:
            if writer.in_gap:
                writer.end_gap(now_ns, item.venue_ns)
            self._begun = True
            self._quote = None
            self._restart_venue_ns = item.venue_ns
            rows = self._differences.restate(item.bids, item.asks)
            self._show(item.bids, item.asks)
        else:
            bids, asks = self._under_newer_quote(item)
            rows = self._differences.update(bids, asks)
            self._show(bids, asks)
        self._book_venue_ns = item.venue_ns
        writer.message(now_ns, item.venue_ns, rows)
        if not rows:
            writer.dropped["snapshots that changed nothing"] += 1
        self._until_ns = now_ns + self._blind_after_ns
        if next_ns is not None and next_ns > self._until_ns:
            writer.start_gap(now_ns, item.venue_ns, "no order book received")

    def quote(self, now_ns: int, item: Quote) -> None:
        """Write a best bid and offer."""
        if self._lost(now_ns, "quotes"):
            return
        if item.venue_ns < self._book_venue_ns:
            self._writer.dropped["quotes older than the book"] += 1
            return
        self._quote = item
        if (item.bid, item.ask) == (self._bid, self._ask):
            self._writer.dropped["quotes that changed nothing"] += 1
            return
        self._bid, self._ask = item.bid, item.ask
        self._writer.message(now_ns, item.venue_ns, self._differences.best(item.bid, item.ask))

    def trade(self, now_ns: int, item: Trade) -> None:
        """Write a trade, with its recorded side or an inferred one."""
        if self._lost(now_ns, "trades"):
            return
        if item.venue_ns < self._restart_venue_ns:
            self._writer.dropped["trades older than the book that the recording starts with"] += 1
            return
        sign = item.sign or self._infer(item.price)
        self._last_price, self._last_sign = item.price, sign
        kind = me.BUY_TRADE if sign > 0 else me.SELL_TRADE
        self._writer.row(now_ns, item.venue_ns, kind, item.price, item.lots)

    def _lost(self, now_ns: int, what: str) -> bool:
        """Whether this moment is not covered by the book; counts what is lost."""
        if not self._begun:
            self._writer.dropped[f"{what} before the first snapshot"] += 1
        elif self._writer.in_gap:
            self._writer.dropped[f"{what} inside a gap"] += 1
        elif now_ns > self._until_ns:
            self._writer.dropped[f"{what} after the last snapshot"] += 1
        else:
            return False
        return True

    def _under_newer_quote(self, item: Snapshot) -> tuple[Levels, Levels]:
        quote = self._quote
        if quote is None or item.venue_ns >= quote.venue_ns:
            return item.bids, item.asks
        self._writer.notes["snapshots older than the quote, used behind it only"] += 1
        return overlay(item.bids, quote.bid, 1), overlay(item.asks, quote.ask, -1)

    def _show(self, bids: Levels, asks: Levels) -> None:
        self._bid = bids[0] if bids else (0, 0)
        self._ask = asks[0] if asks else (0, 0)

    def _infer(self, price: int) -> int:
        notes = self._writer.notes
        if self._bid[1] and self._ask[1] and self._bid[0] != self._ask[0]:
            twice_mid = self._bid[0] + self._ask[0] + self._cut_ticks
            if 2 * price != twice_mid:
                notes["trade sides inferred from the quote"] += 1
                return 1 if 2 * price > twice_mid else -1
        notes["trade sides inferred from the last price"] += 1
        if self._last_price in (price, 0):
            return self._last_sign or 1
        return 1 if price > self._last_price else -1
