"""Reading a recording, chunk by chunk: a `MarketFeed` whose memory does not grow with the recording.

Rules kept here:

1. What can be known without reading the rows is checked by `Recording.open`: the description, its version, and that
   every events file is whole and has exactly the columns of the format.
2. What only the rows can tell is checked while they stream: times never decrease, kinds are known, a message has one
   time, sizes, prices and rates are possible. The error names the file and the row (counted from 0).
3. The arrays of a chunk are the decoder's own memory: nothing is copied. They belong to whoever asked for the chunk.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from perpmaker.data.format import (
    CHUNK_ROWS,
    EVENTS_FILE,
    EVENTS_PATTERNS,
    INFO_FILE,
    KIND_NAMES,
    SCHEMA,
    Gap,
    RecordingInfo,
    read_info,
)
from perpmaker.data.scaling import MOST_STEPS
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import RATE_SCALE
from perpmaker.simulation import market_events as me
from perpmaker.simulation.market_events import MarketChunk

_COLUMNS = ("ts_ns", "kind", "price", "lots")
_PRICED = (
    me.BID, me.ASK, me.BUY_TRADE, me.SELL_TRADE, me.MARK, me.BAR_OPEN, me.BAR_HIGH, me.BAR_LOW, me.BAR_CLOSE,
)  # fmt: skip
"""Kinds of rows whose price must be above 0."""


class Recording:
    """A recording on disk, opened for reading; see `open`."""

    def __init__(self, path: Path, info: RecordingInfo, instrument: Instrument, files: list[Path]) -> None:
        self._path = path
        self._info = info
        self._instrument = instrument
        self._files = files

    @classmethod
    def open(cls, path: Path) -> "Recording":
        """Open the recording in the folder ``path``.

        Raises:
            RecordingError: the folder is not a recording, is of an unknown version, or one of its files is missing,
                truncated or foreign.
        """
        info = read_info(path)
        try:
            instrument = info.instrument.to_instrument()
        except (ValueError, ArithmeticError) as error:
            raise RecordingError(f"{path} describes an impossible instrument ({error}): import it again") from None
        files = _events_files(path, info)
        if not files:
            raise RecordingError(f"{path} has no {EVENTS_FILE}: import it again")
        rows = sum(_checked_rows(file) for file in files)
        if rows == 0:
            raise RecordingError(f"{path} holds no events: import it again from a source that has some")
        if rows != info.rows:
            raise RecordingError(
                f"{path} holds {rows} rows where its description says {info.rows}: a file is missing or was replaced, "
                "import it again"
            )
        return cls(path, info, instrument, files)

    @property
    def path(self) -> Path:
        return self._path

    @property
    def info(self) -> RecordingInfo:
        """What ``recording.json`` says."""
        return self._info

    @property
    def instrument(self) -> Instrument:
        return self._instrument

    @property
    def gaps(self) -> list[Gap]:
        return self._info.gaps

    def chunks(self) -> Iterator[MarketChunk]:
        """The rows from the beginning, at most `CHUNK_ROWS` at a time.

        Raises:
            RecordingError: while iterating, at the first row that breaks the format's rules.
        """
        previous: _LastRow | None = None
        for file in self._files:
            first_row = 0
            for chunk in _read(file):
                _check(chunk, previous, file, first_row)
                previous = _LastRow(int(chunk.ts_ns[-1]), bool(chunk.kind[-1] & me.MORE))
                first_row += len(chunk.ts_ns)
                yield chunk
        if previous is not None and previous.more:
            raise RecordingError(f"{self._path}: the last message never ends: the recording is cut, import it again")

    def stamps(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Receive time and the venue's own time of every row, ns, from the beginning.

        Raises:
            RecordingError: while iterating, a file cannot be read.
        """
        for file in self._files:
            try:
                with pq.ParquetFile(file, pre_buffer=False) as parquet:
                    for batch in parquet.iter_batches(batch_size=CHUNK_ROWS, columns=["ts_ns", "venue_ns"]):
                        yield _array(batch.column(0), np.int64), _array(batch.column(1), np.int64)
            except (pa.ArrowException, OSError) as error:
                raise _unreadable(file, error) from None


def _events_files(path: Path, info: RecordingInfo) -> list[Path]:
    if not info.parts:
        return sorted({file for pattern in EVENTS_PATTERNS for file in path.glob(pattern)})
    for name in info.parts:
        if Path(name).name != name or not any(Path(name).match(pattern) for pattern in EVENTS_PATTERNS):
            raise RecordingError(f"{path} lists a part {name!r}, which is no events file: its {INFO_FILE} is damaged")
    return [path / name for name in info.parts]


class _LastRow:
    __slots__ = ("more", "ts_ns")

    def __init__(self, ts_ns: int, more: bool) -> None:
        self.ts_ns = ts_ns
        self.more = more


def _unreadable(file: Path, error: Exception) -> RecordingError:
    reason = str(error).splitlines()[0]
    return RecordingError(f"{file} cannot be read as parquet, it is truncated or foreign ({reason}): import it again")


def _checked_rows(file: Path) -> int:
    """Rows of an events file, once its schema is known to be exactly right."""
    try:
        with pq.ParquetFile(file) as parquet:
            found: Any = parquet.schema_arrow
            rows = int(parquet.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error) from None
    if not found.equals(SCHEMA):
        columns = ", ".join(f"{field.name} {field.type}" for field in found)
        wanted = ", ".join(f"{field.name} {field.type}" for field in SCHEMA)
        raise RecordingError(f"{file} has the columns ({columns}) where a recording has ({wanted}): import it again")
    return rows


def _read(file: Path) -> Iterator[MarketChunk]:
    try:
        # pre_buffer would hold what it has read of all row groups: memory would grow with the recording.
        with pq.ParquetFile(file, pre_buffer=False) as parquet:
            for batch in parquet.iter_batches(batch_size=CHUNK_ROWS, columns=list(_COLUMNS)):
                if batch.num_rows:
                    yield MarketChunk(
                        _array(batch.column(0), np.int64),
                        _array(batch.column(1), np.uint8),
                        _array(batch.column(2), np.int64),
                        _array(batch.column(3), np.int64),
                    )
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error) from None


def _array(column: Any, dtype: type[np.int64 | np.uint8]) -> NDArray[Any]:
    # pyarrow's own to_numpy gives read-only arrays, which compiled code takes for another type; the decoder has just
    # filled this buffer for us alone, so it may be handed out writable.
    data = np.frombuffer(column.buffers()[1], dtype=dtype, count=len(column), offset=column.offset * dtype().itemsize)
    return data if data.flags.writeable else data.copy()


def _check(chunk: MarketChunk, previous: "_LastRow | None", file: Path, first_row: int) -> None:
    """Raise at the first row that breaks a rule, looking also at the row before the chunk."""
    ts_ns, kind, price, lots = chunk
    if previous is not None and ts_ns[0] < previous.ts_ns:
        raise _backwards(file, first_row, int(ts_ns[0]), previous.ts_ns)
    later = np.diff(ts_ns)
    if len(later) and later.min() < 0:
        row = int(np.argmax(later < 0)) + 1
        raise _backwards(file, first_row + row, int(ts_ns[row]), int(ts_ns[row - 1]))
    plain: NDArray[np.uint8] = np.bitwise_and(kind, np.uint8(me.KIND_MASK))
    if plain.min() < me.BID or plain.max() > me.LAST_KIND:
        row = int(np.argmax((plain < me.BID) | (plain > me.LAST_KIND)))
        raise RecordingError(f"{file}, row {first_row + row}: unknown kind of row {int(kind[row])}: import it again")
    more = kind >= me.MORE
    split = more[:-1] & (later != 0)
    first_split = previous is not None and previous.more and ts_ns[0] != previous.ts_ns
    if first_split or split.any():
        row = 0 if first_split else int(np.argmax(split)) + 1
        raise RecordingError(f"{file}, row {first_row + row}: a message goes on at another time: import it again")
    _check_values(plain, price, lots, file, first_row)


def _check_values(
    plain: NDArray[np.uint8], price: NDArray[np.int64], lots: NDArray[np.int64], file: Path, first_row: int
) -> None:
    if lots.min() >= 0 and lots.max() < RATE_SCALE and price.min() > 0 and price.max() <= MOST_STEPS:
        return
    is_rate = plain == me.FUNDING
    wrong = is_rate & (np.abs(lots) >= RATE_SCALE)
    wrong |= ~is_rate & ((lots < 0) | (lots > MOST_STEPS))
    wrong |= (price < 0) | ((price == 0) & np.isin(plain, _PRICED))
    wrong |= (price > MOST_STEPS) & (plain != me.CLEAR_ASKS)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise RecordingError(
            f"{file}, row {first_row + row}: a row of kind {KIND_NAMES[int(plain[row])]} with price "
            f"{int(price[row])} and {int(lots[row])} lots is impossible: import it again"
        )


def _backwards(file: Path, row: int, now_ns: int, before_ns: int) -> RecordingError:
    return RecordingError(
        f"{file}, row {row}: time runs backwards, {now_ns} ns after {before_ns} ns: import the source again"
    )
