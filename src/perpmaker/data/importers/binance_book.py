"""Binance's depth stream: when a book can be built from it, and when no longer.

Rules kept here (Binance, "How to manage a local order book correctly"):

1. The book begins with a REST snapshot. It arrives in the middle of the stream and describes the book at its
   ``lastUpdateId``: differences that end before that id are in it already and are dropped.
2. Differences received before the snapshot may be newer than it, so the latest `HELD_DIFFERENCES` are held back.
3. The first difference after the snapshot must reach back to it, every later one to the one before: ``pu`` equals the
   previous ``u`` (futures), ``U`` the previous ``u`` + 1 (spot).
4. A break in that chain cannot be mended by the stream itself: levels that changed in the hole and not since would
   stay wrong for ever, unseen. So the book is unknown from the last row before the break until the next snapshot, to
   the end when none follows.
5. A snapshot is not needed while the chain holds, and is passed over.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

from perpmaker.data.snapshots import EVERY_ASK, Row
from perpmaker.data.writer import RecordingWriter
from perpmaker.simulation import market_events as me

HELD_DIFFERENCES: Final = 2_000


class DepthDifference(NamedTuple):
    """One depthUpdate. ``previous_id`` is what the book must have reached at least: pu (futures), U - 1 (spot)."""

    venue_ns: int
    previous_id: int
    last_id: int
    rows: list[Row]


@dataclass(slots=True)
class _Chain:
    """How far the book has come."""

    last_id: int
    from_snapshot: bool


class BinanceBook:
    """Takes snapshots and differences in the order of their arrival and writes the rows that are certain."""

    def __init__(self, writer: RecordingWriter, *, futures: bool) -> None:
        self._writer = writer
        self._futures = futures
        self._held: deque[DepthDifference] = deque(maxlen=HELD_DIFFERENCES)
        self._chain: _Chain | None = None

    @property
    def known(self) -> bool:
        """Whether there is a book now: nothing else is worth recording without one."""
        return self._chain is not None

    def snapshot(self, now_ns: int, venue_ns: int, last_id: int, rows: list[Row]) -> None:
        """A REST snapshot: the rows of all its levels."""
        if self._chain is not None:
            self._writer.dropped["snapshots while the book was known"] += 1
            return
        if self._writer.in_gap:
            self._writer.end_gap(now_ns, venue_ns)
        self._chain = _Chain(last_id, from_snapshot=True)
        self._writer.message(now_ns, venue_ns, [(me.CLEAR_BIDS, 0, 0), (me.CLEAR_ASKS, EVERY_ASK, 0), *rows])
        held = list(self._held)
        self._held.clear()
        for difference in held:
            self.difference(now_ns, difference)

    def difference(self, now_ns: int, difference: DepthDifference) -> None:
        """A depthUpdate."""
        chain = self._chain
        if chain is None:
            if len(self._held) == HELD_DIFFERENCES:
                self._writer.dropped["depth updates without a snapshot before them"] += 1
            self._held.append(difference)
            return
        if chain.from_snapshot:
            # a futures update that ends at the snapshot's own id is applied, as documented; it changes nothing
            if difference.last_id < chain.last_id or (difference.last_id == chain.last_id and not self._futures):
                self._writer.dropped["depth updates that the snapshot holds already"] += 1
                return
            unbroken = difference.previous_id <= chain.last_id
        else:
            unbroken = difference.previous_id == chain.last_id
        if not unbroken:
            self._break(difference)
            return
        self._writer.message(now_ns, difference.venue_ns, difference.rows)
        if not difference.rows:
            self._writer.dropped["depth updates without a level"] += 1
        chain.last_id, chain.from_snapshot = difference.last_id, False

    def finish(self) -> None:
        """Count what was held back for a snapshot that never came."""
        if self._held:
            self._writer.dropped["depth updates without a snapshot before them"] += len(self._held)

    def _break(self, difference: DepthDifference) -> None:
        self._chain = None
        writer = self._writer
        last_ns = writer.last_ns
        assert last_ns is not None  # a chain begins with a written snapshot
        writer.start_gap(last_ns, difference.venue_ns, "the sequence of depth updates broke")
        self._held.append(difference)
