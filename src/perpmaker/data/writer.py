"""Writing a recording: all of it or nothing.

Rules kept here:

1. Everything goes into a folder beside the destination and takes its name at the very end; whatever goes wrong before
   leaves no trace of a recording. What an import that was killed has left is removed by the next one (`leftovers`).
2. An existing destination is refused. Only a recording, and only when asked to, is replaced; it stays until its
   successor is complete.
3. Memory is one row group, however long the recording (`row_table`).
4. What a grade adds to the rows is added here, whatever the importer (`graded_rows`).
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow.parquet as pq

from perpmaker.data.format import (
    CHUNK_ROWS,
    COLUMN_OPTIONS,
    EVENTS_FILE,
    SCHEMA,
    Provenance,
    is_recording,
    write_info,
)
from perpmaker.data.graded_rows import GradedRows
from perpmaker.data.leftovers import held, hidden_beside, remove_abandoned
from perpmaker.data.row_table import RowTable
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.instrument import Instrument


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
        self._partial = hidden_beside(dest)
        self._hold = ExitStack()
        self._parquet: Any = None
        self._table = RowTable()
        self._graded = GradedRows(provenance.depth)
        self.dropped: Counter[str] = self._table.dropped
        """What the source held and the recording does not: reason -> count. The importer fills it."""
        self.notes: Counter[str] = self._table.notes
        """What was decided or repaired on the way: statement -> count. The importer fills it."""

    def __enter__(self) -> Self:
        refuse_destination(self._dest, overwrite=self._overwrite)
        try:
            remove_abandoned(self._dest)
            self._partial.mkdir()
            self._hold.enter_context(held(self._partial))
            self._parquet = pq.ParquetWriter(self._partial / EVENTS_FILE, SCHEMA, **COLUMN_OPTIONS)
        except OSError as error:
            self._hold.close()
            shutil.rmtree(self._partial, ignore_errors=True)
            raise unwritable(self._dest, error) from None
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
            raise unwritable(self._dest, failure) from None
        finally:
            self._hold.close()
            shutil.rmtree(self._partial, ignore_errors=True)

    @property
    def rows(self) -> int:
        """Rows written so far."""
        return self._table.rows

    @property
    def last_ns(self) -> int | None:
        """The time of the last row, None before the first."""
        return self._table.last_ns

    @property
    def in_gap(self) -> bool:
        return self._table.in_gap

    def row(self, ts_ns: int, venue_ns: int, kind: int, price: int, lots: int) -> None:
        """Write a message of one row. Raises ValueError, see `message`."""
        self.message(ts_ns, venue_ns, ((kind, price, lots),))

    def message(self, ts_ns: int, venue_ns: int, rows: Sequence[tuple[int, int, int]]) -> None:
        """Write one atomic message: ``(kind, price, lots)`` per row, without `MORE`. No rows, no message.

        Raises:
            ValueError: the time is before that of the row before.
        """
        self._table.message(ts_ns, venue_ns, self._graded.completed(rows))
        if self._table.waiting >= CHUNK_ROWS:
            self._flush()

    def start_gap(self, ts_ns: int, venue_ns: int, reason: str) -> None:
        """The data is blind from here."""
        self._graded.forget()
        self._table.start_gap(ts_ns, venue_ns, reason)

    def end_gap(self, ts_ns: int, venue_ns: int) -> None:
        """The data is whole again: the next rows must state the book anew."""
        self._table.end_gap(ts_ns, venue_ns)

    def _flush(self) -> None:
        batch = self._table.take()
        if batch is not None:
            self._parquet.write_batch(batch)

    def _finish(self) -> None:
        self._flush()
        self._parquet.close()
        info = self._table.info(self._instrument, self._provenance)
        if info is None:
            raise RecordingError(f"there is nothing to record in {self._dest}: the source holds no usable event")
        write_info(self._partial, info)
        self._publish()

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
            raise RecordingError(f"{dest} exists: choose another destination, or replace it with --overwrite")
    elif not dest.parent.is_dir():
        raise RecordingError(f"the folder {dest.parent} does not exist: make it first")


def unwritable(dest: Path, error: OSError) -> RecordingError:
    """The sentence for a destination that cannot be written."""
    return RecordingError(f"{dest} cannot be written ({error.strerror or error}): choose another destination")
