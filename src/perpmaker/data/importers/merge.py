"""Streams of one recorder, brought into the order of their receive times.

Ties are broken in one way: a trade comes before the quote, and the quote before the book, that it changed.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from perpmaker.data.importers.plan import ImportOptions
from perpmaker.data.importers.snapshot_feed import BLIND_AFTER_NS, Quote, SnapshotFeedWriter, Trade
from perpmaker.data.snapshots import Snapshot
from perpmaker.data.writer import RecordingWriter

STEPPED_BACK: Final = "receive stamps that stepped back, held at the latest before them"


class _Turn(NamedTuple):
    """An item in the queue of all streams; compared by time and rank only, as no two streams share a rank."""

    now_ns: int
    rank: int
    item: Trade | Quote | Snapshot
    next_ns: int | None


def write_merged(
    writer: RecordingWriter,
    options: ImportOptions,
    trades: Iterable[Trade],
    quotes: Iterable[Quote],
    snapshots: Iterable[Snapshot],
    book_step_ticks: int = 1,
) -> None:
    """Write the streams of a snapshot feed in the order in which they were received."""
    blind_after_ns = BLIND_AFTER_NS if options.blind_after_ns is None else options.blind_after_ns
    feed = SnapshotFeedWriter(writer, blind_after_ns, book_step_ticks=book_step_ticks)
    turns = heapq.merge(
        _turns(trades, 0, writer.notes),
        _turns(quotes, 1, writer.notes),
        _turns(snapshots, 2, writer.notes),
        key=lambda turn: turn[:2],
    )
    for now_ns, _, item, next_ns in turns:
        if isinstance(item, Snapshot):
            feed.snapshot(now_ns, item, next_ns)
        elif isinstance(item, Trade):
            feed.trade(now_ns, item)
        else:
            feed.quote(now_ns, item)


def _turns(items: Iterable[Trade | Quote | Snapshot], rank: int, notes: Counter[str]) -> Iterator[_Turn]:
    """Each item with a receive time that never decreases, and that of the item after it.

    A stamp that steps back is held at the latest before it: nothing can have been known before what was written before.
    """
    waiting: _Turn | None = None
    for item in items:
        now_ns = item.ts_ns
        if waiting is not None:
            if now_ns < waiting.now_ns:
                notes[STEPPED_BACK] += 1
                now_ns = waiting.now_ns
            yield waiting._replace(next_ns=now_ns)
        waiting = _Turn(now_ns, rank, item, None)
    if waiting is not None:
        yield waiting
