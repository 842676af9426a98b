"""Market data that is pushed while it happens: a chunk that grows in place.

Rules kept here:

1. The kernel sees one chunk of fixed length: what has been pushed, then rows that lie so far ahead that they never
   happen. So pushing moves no memory, and the chunk never counts as used up.
2. At least one such row is always left.
3. When there is no room, the rows that have happened are dropped; if more than half are still to happen, the chunk
   doubles.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from perpmaker.simulation.market_events import GAP_END, MORE, MarketChunk

_NEVER_NS: Final = 2**63 - 1
_FIRST_CAPACITY: Final = 4096


class PushedRows:
    """Rows in order of time. ``chunk`` is what the kernel reads; it is another one after a call that returns True."""

    def __init__(self, chunk: MarketChunk) -> None:
        self._fill = 0
        self._allocate(_FIRST_CAPACITY)
        self._make_room(len(chunk.ts_ns), 0)
        self._put(chunk)

    def append(self, at_ns: int, rows: Sequence[tuple[int, int, int]], happened: int) -> bool:
        """Add one atomic message, ``(kind, price, lots)`` per row without `MORE`; ``happened`` rows are over."""
        moved = self._make_room(len(rows), happened)
        place = self._fill
        ts_ns, kinds, prices, sizes = self._ts_cells, self._kind_cells, self._price_cells, self._lots_cells
        last = place + len(rows) - 1
        for kind, price, lots in rows:
            ts_ns[place] = at_ns
            kinds[place] = kind if place == last else kind | MORE
            prices[place] = price
            sizes[place] = lots
            place += 1
        self._fill = place
        return moved

    def extend(self, chunk: MarketChunk, happened: int) -> bool:
        """Add many rows; ``happened`` rows are over."""
        moved = self._make_room(len(chunk.ts_ns), happened)
        self._put(chunk)
        return moved

    def _put(self, chunk: MarketChunk) -> None:
        place = slice(self._fill, self._fill + len(chunk.ts_ns))
        columns = self._columns
        columns.ts_ns[place] = chunk.ts_ns
        columns.kind[place] = chunk.kind
        columns.price[place] = chunk.price
        columns.lots[place] = chunk.lots
        self._fill = place.stop

    def _make_room(self, rows: int, happened: int) -> bool:
        """Whether rows that are over had to be dropped: then the first row of the chunk is the next to happen."""
        if self._fill + rows < len(self._columns.ts_ns):
            return False
        left = slice(happened, self._fill)
        columns = self._columns
        waiting = MarketChunk(columns.ts_ns[left], columns.kind[left], columns.price[left], columns.lots[left])
        needed = len(waiting.ts_ns) + rows
        self._allocate(max(len(self._columns.ts_ns), 2 ** (2 * needed).bit_length()))
        self._fill = 0
        self._put(waiting)
        return True

    def _allocate(self, capacity: int) -> None:
        columns = MarketChunk(
            np.full(capacity, _NEVER_NS, np.int64),
            np.full(capacity, GAP_END, np.uint8),
            np.zeros(capacity, np.int64),
            np.zeros(capacity, np.int64),
        )
        self._columns = columns
        self._ts_cells, self._kind_cells = columns.ts_ns.data, columns.kind.data
        self._price_cells, self._lots_cells = columns.price.data, columns.lots.data
        self.chunk = contiguous(columns)


def contiguous(chunk: MarketChunk) -> MarketChunk:
    """A chunk as the kernel wants it: contiguous, and not to be written to."""
    kind = np.ascontiguousarray(chunk.kind, np.uint8).view()
    numbers = [np.ascontiguousarray(column, np.int64).view() for column in (chunk.ts_ns, chunk.price, chunk.lots)]
    # One array type for the compiler, whether or not the source can be written to.
    kind.flags.writeable = False
    for column in numbers:
        column.flags.writeable = False
    return MarketChunk(numbers[0], kind, numbers[1], numbers[2])
