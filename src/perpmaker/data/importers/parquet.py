"""Reading the parquet sources as streams, with every complaint naming the file and the row (counted from 0)."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from perpmaker.data.format import utc
from perpmaker.data.importers.plan import Progress
from perpmaker.data.scaling import OffGridError, snap
from perpmaker.data.snapshots import Levels, Snapshot
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.instrument import Instrument

BATCH_ROWS: Final = 8_192
LONGEST_STEP_BACK_NS: Final = 5_000_000_000
"""A receive stamp that steps back by no more is a recorder's whim, and is held (`merge`)."""


class Batch(NamedTuple):
    """Some rows of one file; ``first_row`` is the number of the first."""

    file: Path
    first_row: int
    columns: dict[str, Any]
    rows: int


class ReadBytes:
    """Adds up what several files have given, for the progress."""

    def __init__(self, report: Progress) -> None:
        self._report = report
        self._done: dict[Path, int] = {}

    def reached(self, file: Path, share: float) -> None:
        self._done[file] = int(file.stat().st_size * share)
        self._report(sum(self._done.values()))


class ReceiveTimes:
    """The receive times of one kind of files, which go back neither within a file nor from one to the next."""

    def __init__(self) -> None:
        self._latest_ns = 0
        self._file: Path | None = None

    def of(self, batch: Batch) -> list[int]:
        """The column ``recv_ns``.

        Raises:
            RecordingError: time goes back by more than `LONGEST_STEP_BACK_NS`; names file and row.
        """
        times = integers(batch, "recv_ns")
        before, self._file = self._file, batch.file
        if before is not None and before != batch.file and times[0] < self._latest_ns - LONGEST_STEP_BACK_NS:
            raise RecordingError(
                f"{batch.file} begins at {utc(times[0])} UTC, before {before} ends at {utc(self._latest_ns)}: give "
                "files that do not overlap"
            )
        for row, at_ns in enumerate(times):
            if at_ns < self._latest_ns - LONGEST_STEP_BACK_NS:
                raise RecordingError(
                    f"{batch.file}, row {batch.first_row + row}: time runs backwards, {at_ns} ns after "
                    f"{self._latest_ns} ns: give files of one session"
                )
            self._latest_ns = max(self._latest_ns, at_ns)
        return times


def has_column(file: Path, name: str) -> bool:
    """Whether a file has a column. Raises RecordingError where it cannot be read."""
    try:
        return name in pq.read_schema(file).names
    except (pa.ArrowException, OSError) as error:
        raise unreadable(file, error) from None


def unreadable(file: Path, error: Exception) -> RecordingError:
    """The sentence for a file that is no parquet."""
    reason = str(error).splitlines()[0]
    return RecordingError(f"{file} cannot be read as parquet, it is truncated or foreign ({reason}): fetch it again")


def first_receive_ns(file: Path) -> int:
    """The receive time of the first row, by which files are put in order.

    Raises:
        RecordingError: the file is not parquet, has no such column, or is empty.
    """
    for batch in batches(file, ("recv_ns",), None):
        return integers(batch, "recv_ns")[0]
    raise RecordingError(f"{file} holds no rows: leave it out")


def by_first_receive(files: list[Path]) -> list[Path]:
    """The files in the order of their first rows."""
    return sorted(files, key=first_receive_ns)


def batches(file: Path, names: tuple[str, ...], progress: ReadBytes | None) -> Iterator[Batch]:
    """The rows of a file, some thousands at a time.

    Raises:
        RecordingError: the file is truncated or foreign, or lacks a column.
    """
    try:
        with pq.ParquetFile(file) as parquet:
            missing = [name for name in names if name not in parquet.schema_arrow.names]
            if missing:
                raise RecordingError(f"{file} has no column {missing[0]}: it is not a file of this kind of source")
            total = max(parquet.metadata.num_rows, 1)
            row = 0
            for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=list(names)):
                for name in names:
                    if batch.column(name).null_count:
                        raise RecordingError(f"{file}, rows {row} to {row + batch.num_rows - 1}: {name} is missing")
                if batch.num_rows:
                    yield Batch(file, row, {name: batch.column(name) for name in names}, batch.num_rows)
                row += batch.num_rows
                if progress is not None:
                    progress.reached(file, row / total)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(file, error) from None


def integers(batch: Batch, name: str) -> list[int]:
    """A column of whole numbers."""
    column = batch.columns[name]
    if not pa.types.is_int64(column.type):
        raise RecordingError(f"{batch.file}: column {name} holds {column.type}, not int64")
    values: list[int] = column.to_pylist()
    return values


def whole_steps(batch: Batch, name: str, step: Decimal, what: str) -> NDArray[np.int64]:
    """A column of floats as whole ticks or lots."""
    return _snapped(batch, name, batch.columns[name], (step, what))


def positive(batch: Batch, name: str, steps: NDArray[np.int64]) -> list[int]:
    """The same as Python integers, once each is known to be above 0."""
    if steps.min() < 1:
        row = int(np.argmax(steps < 1))
        raise RecordingError(f"{batch.file}, row {batch.first_row + row}: {name} must be above 0: fetch the file again")
    values: list[int] = steps.tolist()
    return values


def _snapped(
    batch: Batch, name: str, floats: Any, grid: tuple[Decimal, str], offsets: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    if not pa.types.is_float64(floats.type):
        raise RecordingError(f"{batch.file}: column {name} holds {floats.type}, not doubles")
    try:
        return snap(floats.to_numpy(zero_copy_only=False), *grid)
    except OffGridError as error:
        message, index = error.args
        row = index if offsets is None else int(np.searchsorted(offsets, index, side="right")) - 1
        raise RecordingError(f"{batch.file}, row {batch.first_row + row}: {name} {message}") from None


def _levels(batch: Batch, side: str, instrument: Instrument) -> list[Levels]:
    """The levels of one side, per row, checked to be in order and not empty of size."""
    steps = (("px", instrument.tick_size, "tick size"), ("qty", instrument.lot_size, "lot size"))
    values: list[NDArray[np.int64]] = []
    bounds: list[NDArray[np.int64]] = []
    for suffix, step, what in steps:
        name = f"{side}_{suffix}"
        column = batch.columns[name]
        if not (pa.types.is_large_list(column.type) or pa.types.is_list(column.type)):
            raise RecordingError(f"{batch.file}: column {name} holds {column.type}, not lists of doubles")
        offsets = column.offsets.to_numpy().astype(np.int64)
        offsets -= offsets[0]
        bounds.append(offsets)
        values.append(_snapped(batch, name, column.flatten(), (step, what), offsets))
    if not np.array_equal(bounds[0], bounds[1]):
        row = int(np.argmax(bounds[0] != bounds[1])) - 1
        raise RecordingError(f"{batch.file}, row {batch.first_row + row}: as many {side} prices as sizes are needed")
    prices, lots = values
    # worse than the level before it, unless it is the first of its row
    in_order = np.diff(prices, prepend=0) * (-1 if side == "bid" else 1) > 0
    edges = bounds[0]
    in_order[edges[:-1][edges[:-1] < edges[1:]]] = True
    wrong = ~in_order | (lots < 1) | (prices < 1)
    if wrong.any():
        row = int(np.searchsorted(edges, int(np.argmax(wrong)), side="right")) - 1
        raise RecordingError(
            f"{batch.file}, row {batch.first_row + row}: the {side} levels are not in order, or one is empty"
        )
    pairs = list(zip(prices.tolist(), lots.tolist(), strict=True))
    return [pairs[start:end] for start, end in pairwise(edges.tolist())]


def snapshots(files: list[Path], instrument: Instrument, progress: ReadBytes) -> Iterator[Snapshot]:
    """The book snapshots of several files, in the order of the files."""
    names = ("ts_ns", "recv_ns", "bid_px", "bid_qty", "ask_px", "ask_qty")
    times = ReceiveTimes()
    for file in files:
        for batch in batches(file, names, progress):
            received, stamped = times.of(batch), integers(batch, "ts_ns")
            bids, asks = _levels(batch, "bid", instrument), _levels(batch, "ask", instrument)
            yield from map(Snapshot, received, stamped, bids, asks)
