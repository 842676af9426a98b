"""Writing a recording while the market goes on: whole and readable after every flush, also after a kill.

Rules kept here:

1. The rows of a flush become a file of their own, a part. Then the description is replaced, in one step, by one that
   lists it. A part that the description does not list yet does not belong to the recording, and is overwritten.
2. A recording that was made here is gone on with; what was missed in between is a gap. Any other destination that
   exists is refused.
3. The folder appears with the first flush that has rows.
4. Memory is what has not been flushed, and grows only with the lists of gaps and parts.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from perpmaker.data.format import (
    CHUNK_ROWS,
    COLUMN_OPTIONS,
    InstrumentInfo,
    Provenance,
    RecordingInfo,
    is_recording,
    read_info,
    write_info,
)
from perpmaker.data.row_table import RowTable
from perpmaker.data.writer import refuse_destination, unwritable
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.instrument import Instrument

STOPPED: Final = "the recording was stopped"


class PartsWriter:
    """Rows go in by `message`; `flush` writes what is waiting, and happens by itself when much is.

    Args:
        dest: the folder of the recording; its parent must exist.
        instrument: what the prices and sizes are whole numbers of.
        provenance: where the rows come from.

    Raises:
        RecordingError: the destination exists and cannot be gone on with, or its parent does not exist.
    """

    def __init__(self, dest: Path, instrument: Instrument, provenance: Provenance) -> None:
        before = _recording_to_go_on_with(dest, instrument, provenance)
        self._dest = dest
        self._instrument = instrument
        self._provenance = provenance
        self._table = RowTable(before)
        self._parts = [] if before is None else list(before.parts)
        self.dropped: Counter[str] = self._table.dropped
        """What was heard and is not in the recording: reason -> count."""
        self.notes: Counter[str] = self._table.notes
        """What was decided on the way: statement -> count."""
        if before is not None and not self._table.in_gap:
            self._table.start_gap(before.last_ns, before.last_ns, STOPPED)

    @property
    def rows(self) -> int:
        """Rows so far, those of earlier sessions included."""
        return self._table.rows

    @property
    def waiting(self) -> int:
        """Rows that are not on disk yet."""
        return self._table.waiting

    @property
    def last_ns(self) -> int | None:
        """The time of the last row, None before the first."""
        return self._table.last_ns

    @property
    def in_gap(self) -> bool:
        return self._table.in_gap

    @property
    def info(self) -> RecordingInfo | None:
        """The description of what is on disk; None before the first flush."""
        return self._table.info(self._instrument, self._provenance, self._parts)

    def message(self, ts_ns: int, venue_ns: int, rows: Sequence[tuple[int, int, int]]) -> None:
        """Take one atomic message, see `RowTable.message`. Raises ValueError, and RecordingError as `flush` does."""
        self._table.message(ts_ns, venue_ns, rows)
        if self._table.waiting >= CHUNK_ROWS:
            self.flush()

    def start_gap(self, ts_ns: int, venue_ns: int, reason: str) -> None:
        """The data is blind from here."""
        self._table.start_gap(ts_ns, venue_ns, reason)

    def end_gap(self, ts_ns: int, venue_ns: int) -> None:
        """The data is whole again: the next rows must state the book anew."""
        self._table.end_gap(ts_ns, venue_ns)

    def flush(self) -> None:
        """Write what is waiting. It takes about a millisecond for each thousand rows, and two for the rest.

        Raises:
            RecordingError: the destination cannot be written.
        """
        batch = self._table.take()
        if batch is None:
            return
        part = f"events-{len(self._parts) + 1:08}.parquet"
        try:
            self._dest.mkdir(exist_ok=True)
            pq.write_table(pa.Table.from_batches([batch]), self._dest / part, **COLUMN_OPTIONS)
            self._parts.append(part)
            info = self.info
            assert info is not None
            write_info(self._dest, info)
        except OSError as error:
            raise unwritable(self._dest, error) from None


def _recording_to_go_on_with(dest: Path, instrument: Instrument, provenance: Provenance) -> RecordingInfo | None:
    """The description of the recording at ``dest``; None when there is nothing."""
    if not is_recording(dest):
        if dest.is_dir() and all(_is_left_over(file) for file in dest.iterdir()):
            return None  # cut off before its first description
        refuse_destination(dest, overwrite=False)
        return None
    before = read_info(dest)
    if before.provenance.importer != provenance.importer or not before.parts:
        raise RecordingError(f"{dest} exists and was not made by `perpmaker record`: choose another destination")
    if before.instrument != InstrumentInfo.of(instrument) or before.provenance.options != provenance.options:
        raise RecordingError(
            f"{dest} is a recording of {before.instrument.symbol} with other terms or from another place: choose "
            "another destination"
        )
    return before


def _is_left_over(file: Path) -> bool:
    return file.name.startswith("events-") or file.name.endswith(".partial")
