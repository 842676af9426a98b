"""The rows of a recording that are being written, and what there is to say of all of them.

Rules kept here:

1. A row that the format forbids is never taken: times that go back and messages left open are errors of the caller.
2. Memory is what has not been taken out yet by `take`; of all rows only counts are kept, and the list of gaps.
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from perpmaker.data.format import (
    FORMAT_NAME,
    FORMAT_VERSION,
    KIND_NAMES,
    SCHEMA,
    Gap,
    InstrumentInfo,
    Provenance,
    RecordingInfo,
    utc,
)
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation import market_events as me


class RowTable:
    """Takes messages in, gives record batches and the description out.

    Args:
        before: the description of a recording that these rows go on with.
    """

    def __init__(self, before: RecordingInfo | None = None) -> None:
        self._clear()
        self._first_ns: int | None = None
        self._last_ns: int | None = None
        self._taken = 0
        self._by_kind = np.zeros(me.KIND_MASK + 1, dtype=np.int64)
        self._gaps: list[Gap] = []
        self._open_gap: tuple[int, str] | None = None
        self.dropped: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        if before is not None:
            self._go_on(before)

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self._taken + self.waiting

    @property
    def waiting(self) -> int:
        """Rows that have not been taken out yet."""
        return len(self._columns[0])

    @property
    def last_ns(self) -> int | None:
        """The time of the last row, None before the first."""
        return self._last_ns

    @property
    def in_gap(self) -> bool:
        return self._open_gap is not None

    def message(self, ts_ns: int, venue_ns: int, rows: Sequence[tuple[int, int, int]]) -> None:
        """Add one atomic message: ``(kind, price, lots)`` per row, without `MORE`. No rows, no message.

        Raises:
            ValueError: the time is before that of the row before.
        """
        if not rows:
            return
        if self._last_ns is None:
            self._first_ns = ts_ns
        elif ts_ns < self._last_ns:
            raise ValueError(f"rows go in by time: {ts_ns} ns comes after {self._last_ns} ns")
        self._last_ns = ts_ns
        append_ts, append_venue, append_kind, append_price, append_lots = self._append
        goes_on = len(rows)
        for kind, price, lots in rows:
            goes_on -= 1
            append_ts(ts_ns)
            append_venue(venue_ns)
            append_kind(kind | me.MORE if goes_on else kind)
            append_price(price)
            append_lots(lots)

    def start_gap(self, ts_ns: int, venue_ns: int, reason: str) -> None:
        """The data is blind from here."""
        if self._open_gap is not None:
            raise ValueError("a gap is already open")
        self.message(ts_ns, venue_ns, ((me.GAP_START, 0, 0),))
        self._open_gap = (ts_ns, reason)

    def end_gap(self, ts_ns: int, venue_ns: int) -> None:
        """The data is whole again: the next rows must state the book anew."""
        if self._open_gap is None:
            raise ValueError("no gap is open")
        self.message(ts_ns, venue_ns, ((me.GAP_END, 0, 0),))
        start_ns, reason = self._open_gap
        self._gaps.append(Gap(start_ns, ts_ns, reason))
        self._open_gap = None

    def take(self) -> Any:
        """The waiting rows as a pyarrow record batch (untyped), None when there are none; they are forgotten here."""
        if not self.waiting:
            return None
        arrays = [np.frombuffer(column, dtype=np.int64) for column in self._columns]
        kind = arrays[2].astype(np.uint8)
        self._by_kind += np.bincount(kind & me.KIND_MASK, minlength=len(self._by_kind))
        self._taken += len(kind)
        columns = [kind if index == 2 else values for index, values in enumerate(arrays)]
        self._clear()
        if kind[-1] & me.MORE:
            raise ValueError("the last message was left open")
        return pa.RecordBatch.from_arrays([pa.array(values) for values in columns], schema=SCHEMA)

    def info(self, instrument: Instrument, provenance: Provenance, parts: Sequence[str] = ()) -> RecordingInfo | None:
        """The description of what has been taken, None when that is nothing."""
        if self._first_ns is None or self._last_ns is None or self._taken == 0:
            return None
        gaps = list(self._gaps)
        if self._open_gap is not None:
            gaps.append(Gap(self._open_gap[0], None, self._open_gap[1]))
        return RecordingInfo(
            format=FORMAT_NAME,
            version=FORMAT_VERSION,
            instrument=InstrumentInfo.of(instrument),
            provenance=provenance,
            period=f"{utc(self._first_ns)} to {utc(self._last_ns)} UTC",
            first_ns=self._first_ns,
            last_ns=self._last_ns,
            rows=self._taken,
            rows_by_kind={name: int(self._by_kind[kind]) for kind, name in KIND_NAMES.items() if self._by_kind[kind]},
            dropped=dict(sorted(self.dropped.items())),
            notes=dict(sorted(self.notes.items())),
            gaps=gaps,
            parts=list(parts),
        )

    def _clear(self) -> None:
        self._columns = [array("q") for _ in SCHEMA]
        self._append = [column.append for column in self._columns]

    def _go_on(self, before: RecordingInfo) -> None:
        self._first_ns, self._last_ns = before.first_ns, before.last_ns
        self._taken = before.rows
        for kind, name in KIND_NAMES.items():
            self._by_kind[kind] = before.rows_by_kind.get(name, 0)
        self._gaps = [gap for gap in before.gaps if gap.end_ns is not None]
        self.dropped.update(before.dropped)
        self.notes.update(before.notes)
        for gap in before.gaps:
            if gap.end_ns is None:
                self._open_gap = (gap.start_ns, gap.reason)
