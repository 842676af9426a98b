"""Files that describe an exchange: latencies as they were recorded, and fees by volume.

Rules kept here:

1. A series of latencies is csv or parquet (by its name) with the columns ``ts_ns`` and ``latency_ns``, whole
   nanoseconds, ordered by time.
2. Fee tiers are csv with the columns ``from_notional`` (quote currency), ``maker_fee`` and ``taker_fee`` (plain
   fractions with at most 9 decimals), ascending.
3. A file that is not that is refused in one sentence that names file and row.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import rate_to_ppb
from perpmaker.simulation.fee_tiers import FeeTier
from perpmaker.simulation.latency import Recorded

_SERIES = ("ts_ns", "latency_ns")
_TIERS = ("from_notional", "maker_fee", "taker_fee")


@dataclass(frozen=True, slots=True)
class LatencyFile:
    """A series of latencies that is still to be read."""

    path: Path

    def __str__(self) -> str:
        """As the command line takes it."""
        return f"recorded:{self.path}"

    def read(self) -> Recorded:
        """The series.

        Raises:
            InvalidSettingError: the file cannot be read, or is no such series.
        """
        if self.path.suffix == ".parquet":
            rows = _parquet_rows(self.path)
        else:
            rows = [
                (_whole(self.path, row, at), _whole(self.path, row, took))
                for row, (at, took) in _csv_rows(self.path, _SERIES)
            ]
        return Recorded(tuple(at for at, _ in rows), tuple(took for _, took in rows), str(self.path))


def read_fee_tiers(path: Path, instrument: Instrument) -> tuple[FeeTier, ...]:
    """The tiers of a file, in the instrument's quanta.

    Raises:
        InvalidSettingError: the file cannot be read, or is no such table.
    """
    tiers = []
    for row, cells in _csv_rows(path, _TIERS):
        try:
            notional, maker, taker = (Decimal(cell.strip()) for cell in cells)
            tiers.append(FeeTier(instrument.money_to_quanta(notional), rate_to_ppb(maker), rate_to_ppb(taker)))
        except (InvalidOperation, ValueError, ArithmeticError, InvalidSettingError) as error:
            reason = "not all are numbers" if isinstance(error, InvalidOperation) else error
            raise InvalidSettingError(
                f"{path}, row {row}: {', '.join(cells)} is no fee tier ({reason}); give an amount of quote currency "
                "and two fractions with at most 9 decimals"
            ) from None
    return tuple(tiers)


def _csv_rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    """The cells of these columns, row by row, with the row's number in the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidSettingError(f"{path} cannot be read: {error.strerror}; give a csv file") from None
    except UnicodeDecodeError:
        raise InvalidSettingError(f"{path} is not text: give a csv file") from None
    lines = csv.reader(text.splitlines())
    header = [name.strip() for name in next(lines, [])]
    if missing := [name for name in columns if name not in header]:
        raise InvalidSettingError(f"{path} has no column {', '.join(missing)}; its first row must name {columns}")
    places = [header.index(name) for name in columns]
    for row, cells in enumerate(lines, start=2):
        if not cells:
            continue
        if len(cells) != len(header):
            raise InvalidSettingError(f"{path}, row {row} has {len(cells)} cells, the header {len(header)}; mend it")
        yield row, [cells[place] for place in places]


def _parquet_rows(path: Path) -> list[tuple[int, int]]:
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and only this needs it
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    try:
        table = pq.read_table(path, columns=list(_SERIES))
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise InvalidSettingError(f"{path} cannot be read: {error}; it must have the columns {_SERIES}") from None
    rows = list(zip(*(table[name].to_pylist() for name in _SERIES), strict=True))
    for row, cells in enumerate(rows, start=1):
        if not all(isinstance(cell, int) for cell in cells):
            raise InvalidSettingError(f"{path}, row {row}: {cells} are no whole nanoseconds; write both as int64")
    return rows


def _whole(path: Path, row: int, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidSettingError(f"{path}, row {row}: '{text}' is no whole number of nanoseconds; mend it") from None
