"""Writing a recording: all of it or nothing.

Rules kept here:

1. Everything goes into a folder beside the destination and takes its name at the very end; whatever goes wrong before
   leaves no trace of a recording.
2. An existing destination is refused. Only a recording, and only when asked to, is replaced; it stays until its
   successor is complete.
3. A row that the format forbids is never written: times that go back and messages left open are errors of the caller.
4. Memory is one row group, however long the recording; only the list of gaps grows.
"""

import secrets
import shutil
from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from perpmaker.data.format import (
    CHUNK_ROWS,
    EVENTS_FILE,
    FORMAT_NAME,
    FORMAT_VERSION,
    KIND_NAMES,
    SCHEMA,
    Gap,
    InstrumentInfo,
    Provenance,
    RecordingInfo,
    is_recording,
    utc,
    write_info,
)
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation import market_events as me


class RecordingWriter:
    """A context manager: rows go in through its methods, and the recording appears when the block ends well.

    Args:
        dest: the folder to make; its parent must exist.
        instrument: what the prices and sizes are whole numbers of.
        provenance: where the rows come from.
        overwrite: replace ``dest`` if it is a recording.

    Raises:
        RecordingError: the destination exists and may not be replaced, or cannot be written; or, at the end of the
            block, no row was written.
    """

    def __init__(self, dest: Path, instrument: Instrument, provenance: Provenance, *, overwrite: bool = False) -> None:
        self._dest = dest
        self._instrument = instrument
        self._provenance = provenance
        self._overwrite = overwrite
        self._partial = dest.parent / f".{dest.name}.partial-{secrets.token_hex(4)}"
        self._parquet: Any = None
        self._columns = [array("q") for _ in SCHEMA]
        self._append = [column.append for column in self._columns]
        self._last_ns: int | None = None
        self._first_ns: int | None = None
        self._rows = 0
        self._message_open = False
        self._by_kind = np.zeros(me.KIND_MASK + 1, dtype=np.int64)
        self._gaps: list[Gap] = []
        self._open_gap: tuple[int, str] | None = None
        self.dropped: Counter[str] = Counter()
        """What the source held and the recording does not: reason -> count. The importer fills it."""
        self.notes: Counter[str] = Counter()
        """What was decided or repaired on the way: statement -> count. The importer fills it."""

    def __enter__(self) -> Self:
        refuse_destination(self._dest, overwrite=self._overwrite)
        try:
            self._partial.mkdir()
            self._parquet = pq.ParquetWriter(
                self._partial / EVENTS_FILE,
                SCHEMA,
                compression="zstd",
                use_dictionary=["price", "lots"],
                column_encoding={"ts_ns": "DELTA_BINARY_PACKED", "venue_ns": "DELTA_BINARY_PACKED"},
            )
        except OSError as error:
            shutil.rmtree(self._partial, ignore_errors=True)
            raise _unwritable(self._dest, error) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
            else:
                self._parquet.close()
        except OSError as failure:
            raise _unwritable(self._dest, failure) from None
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)

    @property
    def rows(self) -> int:
        """Rows written so far."""
        return self._rows + len(self._columns[0])

    @property
    def last_ns(self) -> int | None:
        """The time of the last row, None before the first."""
        return self._last_ns

    @property
    def in_gap(self) -> bool:
        return self._open_gap is not None

    def row(self, ts_ns: int, venue_ns: int, kind: int, price: int, lots: int) -> None:
        """Write a message of one row.

        Raises:
            ValueError: the time is before that of the row before.
        """
        self.message(ts_ns, venue_ns, ((kind, price, lots),))

    def message(self, ts_ns: int, venue_ns: int, rows: Sequence[tuple[int, int, int]]) -> None:
        """Write one atomic message: ``(kind, price, lots)`` per row, without `MORE`. No rows, no message.

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
        if len(self._columns[0]) >= CHUNK_ROWS:
            self._flush()

    def start_gap(self, ts_ns: int, venue_ns: int, reason: str) -> None:
        """The data is blind from here."""
        if self._open_gap is not None:
            raise ValueError("a gap is already open")
        self.row(ts_ns, venue_ns, me.GAP_START, 0, 0)
        self._open_gap = (ts_ns, reason)

    def end_gap(self, ts_ns: int, venue_ns: int) -> None:
        """The data is whole again: the next rows must state the book anew."""
        if self._open_gap is None:
            raise ValueError("no gap is open")
        self.row(ts_ns, venue_ns, me.GAP_END, 0, 0)
        start_ns, reason = self._open_gap
        self._gaps.append(Gap(start_ns, ts_ns, reason))
        self._open_gap = None

    def _flush(self) -> None:
        if not self._columns[0]:
            return
        arrays = [np.frombuffer(column, dtype=np.int64) for column in self._columns]
        kind = arrays[2].astype(np.uint8)
        self._by_kind += np.bincount(kind & me.KIND_MASK, minlength=len(self._by_kind))
        self._rows += len(kind)
        columns = [kind if index == 2 else values for index, values in enumerate(arrays)]
        batch = pa.RecordBatch.from_arrays([pa.array(values) for values in columns], schema=SCHEMA)
        self._parquet.write_batch(batch)
        self._columns = [array("q") for _ in SCHEMA]
        self._append = [column.append for column in self._columns]
        self._message_open = bool(kind[-1] & me.MORE)

    def _finish(self) -> None:
        self._flush()
        self._parquet.close()
        if self._first_ns is None or self._last_ns is None:
            raise RecordingError(f"there is nothing to record in {self._dest}: the source holds no usable event")
        if self._message_open:
            raise ValueError("the last message was left open")
        if self._open_gap is not None:
            self._gaps.append(Gap(self._open_gap[0], None, self._open_gap[1]))
        write_info(self._partial, self._info(self._first_ns, self._last_ns))
        self._publish()

    def _info(self, first_ns: int, last_ns: int) -> RecordingInfo:
        return RecordingInfo(
            format=FORMAT_NAME,
            version=FORMAT_VERSION,
            instrument=InstrumentInfo.of(self._instrument),
            provenance=self._provenance,
            period=f"{utc(first_ns)} to {utc(last_ns)} UTC",
            first_ns=first_ns,
            last_ns=last_ns,
            rows=self._rows,
            rows_by_kind={name: int(self._by_kind[kind]) for kind, name in KIND_NAMES.items() if self._by_kind[kind]},
            dropped=dict(sorted(self.dropped.items())),
            notes=dict(sorted(self.notes.items())),
            gaps=self._gaps,
        )

    def _publish(self) -> None:
        """Give the finished folder its name; an old recording steps aside first and goes only afterwards."""
        # looked at again: the destination may have appeared while the import ran
        refuse_destination(self._dest, overwrite=self._overwrite)
        if not self._dest.exists():
            self._partial.rename(self._dest)
            return
        aside = self._partial.with_name(self._partial.name + "-old")
        self._dest.rename(aside)
        try:
            self._partial.rename(self._dest)
        except OSError:
            aside.rename(self._dest)
            raise
        shutil.rmtree(aside, ignore_errors=True)


def refuse_destination(dest: Path, *, overwrite: bool) -> None:
    """Raise RecordingError where ``dest`` exists and is not a recording that may be replaced, or has no parent."""
    if dest.exists() or dest.is_symlink():
        if not is_recording(dest):
            raise RecordingError(f"{dest} exists and is not a recording: choose another destination")
        if not overwrite:
            raise RecordingError(f"{dest} exists: choose another destination, or ask to overwrite it")
    elif not dest.parent.is_dir():
        raise RecordingError(f"the folder {dest.parent} does not exist: make it first")


def _unwritable(dest: Path, error: OSError) -> RecordingError:
    return RecordingError(f"{dest} cannot be written ({error.strerror or error}): choose another destination")
