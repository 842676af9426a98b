"""One file of bars or of funding, read whole: csv (plain or gzipped), parquet or feather.

Rules kept here:

1. The columns of a file are found by their names, whatever their case; others are left alone.
2. A time is one of `TIME_NAMES`; the first of them that the file has counts.
3. Every complaint names the file and the row. Rows count as in `csv_lines` for csv (the first row of values is 1), and
   from 0 for the others.
4. Prices are exact: decimal text is taken as it stands, a double for the multiple of the tick that it is the nearest
   to (`perpmaker.data.scaling`). A price off the grid, or not above 0, is an error: rounding it could move an extreme
   of a bar through one of our orders, or keep it from there.
5. A volume is only a bound: it is rounded down to whole lots.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.feather as pf
import pyarrow.parquet as pq
from numpy.typing import NDArray

from perpmaker.data.importers.bar_times import BadTimeError, column_ns
from perpmaker.data.importers.csv_lines import csv_lines, header_of
from perpmaker.data.scaling import MOST_STEPS, SNAP_TOLERANCE, ExactScale, OffGridError, finite, snap
from perpmaker.domain.errors import RecordingError

TIME_NAMES: Final = (
    "ts_ns", "ts_ms", "timestamp", "date", "datetime", "open_time", "opentime", "time", "ts",
)  # fmt: skip

SUFFIXES: Final = (".csv", ".csv.gz", ".parquet", ".feather")


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of one file by lower-case name: lists of texts from csv, pyarrow arrays (untyped) from others."""

    file: Path
    columns: dict[str, Any]
    rows: int
    first_row: int

    def row(self, index: int) -> str:
        """Where a value stands, in words."""
        return f"{self.file}, row {index + self.first_row}"

    def first_of(self, names: Sequence[str]) -> str:
        """The first of ``names`` that this file has.

        Raises:
            RecordingError: it has none of them.
        """
        for name in names:
            if name in self.columns:
                return name
        raise RecordingError(
            f"{self.file} has no column {' or '.join(names[:3])}: it has {', '.join(self.columns) or 'none'}"
        )

    def times_ns(self, assumed: tzinfo | None) -> NDArray[np.int64]:
        """The time column. Raises `RecordingError` at the first value that is none."""
        name = self.first_of(TIME_NAMES)
        try:
            return column_ns(self.columns[name], assumed)
        except BadTimeError as error:
            raise RecordingError(f"{self.row(error.index)}: column {name}: {error}") from None

    def prices(self, name: str, tick_size: Decimal) -> NDArray[np.int64]:
        """A column of prices in ticks, all of them above 0."""
        values = self.columns[self.first_of((name,))]
        try:
            if isinstance(values, list):
                ticks = _scaled(values, tick_size)
            else:
                ticks = snap(self._doubles(name, values), tick_size, "tick size")
        except OffGridError as error:
            message, index = error.args
            raise RecordingError(f"{self.row(index)}: {name} {message}") from None
        if len(ticks) and ticks.min() < 1:
            index = int(np.argmin(ticks >= 1))
            raise RecordingError(f"{self.row(index)}: {name} must be above 0, it is {_plain(values, index)}")
        return ticks

    def volumes(self, name: str, lot_size: Decimal) -> NDArray[np.int64]:
        """A column of sizes in whole lots, rounded down, none of them negative."""
        values = self.columns[self.first_of((name,))]
        if isinstance(values, list):
            sizes = np.zeros(len(values))
            for index, text in enumerate(values):
                try:
                    sizes[index] = float(text)
                except ValueError:
                    raise RecordingError(f"{self.row(index)}: {name} {text!r} is not a number") from None
        else:
            sizes = self._doubles(name, values)
        wrong = ~((sizes >= 0) & (sizes <= MOST_STEPS * float(lot_size)))  # NaN fails the comparison, too
        if wrong.any():
            index = int(np.argmax(wrong))
            raise RecordingError(f"{self.row(index)}: a {name} of {sizes[index]} is impossible")
        lots: NDArray[np.int64] = np.floor(sizes / float(lot_size) + SNAP_TOLERANCE).astype(np.int64)
        return lots

    def decimals(self, name: str) -> list[Decimal]:
        """A column of exact numbers; a double is the shortest decimal that gives it."""
        values = self.columns[self.first_of((name,))]
        texts = values if isinstance(values, list) else [str(value) for value in values.to_pylist()]
        found = []
        for index, text in enumerate(texts):
            try:
                found.append(finite(text))
            except OffGridError as error:
                raise RecordingError(f"{self.row(index)}: {name} {error}") from None
        return found

    def _doubles(self, name: str, values: Any) -> NDArray[np.float64]:
        if values.null_count:
            index = int(np.argmax(values.is_null().to_numpy(zero_copy_only=False)))
            raise RecordingError(f"{self.row(index)}: {name} is missing")
        if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type)):
            raise RecordingError(f"{self.file}: column {name} holds {values.type}, not numbers")
        doubles: NDArray[np.float64] = values.to_numpy(zero_copy_only=False).astype(np.float64)
        return doubles


def read_table(file: Path) -> Table:
    """A whole file.

    Raises:
        RecordingError: it is truncated or foreign, or holds no rows.
    """
    name = file.name.lower()
    table = _read_csv(file) if name.endswith((".csv", ".csv.gz")) else _read_arrow(file)
    if table.rows == 0:
        raise RecordingError(f"{file} holds no rows: leave it out")
    return table


def _read_csv(file: Path) -> Table:
    header = header_of(file)
    names = [name.strip().lower() for name in header]
    columns: list[list[str]] = [[] for _ in names]
    for line in csv_lines(file, header):
        for column, value in zip(columns, line.values, strict=True):
            column.append(value)
    return Table(file, dict(zip(names, columns, strict=True)), len(columns[0]), 1)


def _read_arrow(file: Path) -> Table:
    try:
        table = pf.read_table(file) if file.name.lower().endswith(".feather") else pq.ParquetFile(file).read()
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise RecordingError(
            f"{file} cannot be read as {file.suffix.lstrip('.') or 'parquet'}, it is truncated or foreign ({reason}): "
            "fetch it again"
        ) from None
    columns = {name.strip().lower(): table.column(name).combine_chunks() for name in table.column_names}
    return Table(file, columns, table.num_rows, 0)


def _scaled(texts: list[str], step: Decimal) -> NDArray[np.int64]:
    scale = ExactScale(step, "tick size", lowest=-MOST_STEPS)
    steps = np.zeros(len(texts), np.int64)
    for index, text in enumerate(texts):
        try:
            steps[index] = scale[text]
        except OffGridError as error:
            raise OffGridError(str(error), index) from None
    return steps


def _plain(values: Any, index: int) -> str:
    return str(values[index] if isinstance(values, list) else values[index].as_py())
