"""Bars: open, high, low, close and volume per minute or any other constant length, in csv, parquet or feather.

Source: columns ``open, high, low, close, volume`` and a time (`bar_tables`), the start of the bar; freqtrade's files
(``SOL_USDT_USDT-1m-futures.feather``, ``date`` in UTC), klines (``SOLUSDT_1m.parquet``, ``ts_ms``) and plain tables.
Volumes are in the base currency. Rules, besides those of `bar_series`:

1. The symbol is the one given, or that of a column ``symbol`` or ``pair``, or the beginning of the file's name. All
   files must be of one. In a folder, files of funding and of marks are left out, and of several symbols the one given
   is taken.
2. A bar becomes the seven rows of `market_events`: its statement at its start, and the points of its path at a quarter,
   at half, and shortly before its end (a 64th of its length, at most a second).
3. Missing bars are a gap, from the end of the last one to the start of the next, and counted. Bars without volume are
   bars.
4. Funding from a second file becomes FUNDING rows, by the rules of `perpmaker.data.funding`.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from perpmaker.data.format import DepthGrade, SideGrade
from perpmaker.data.funding import FundingPayment
from perpmaker.data.funding_file import read_funding
from perpmaker.data.importers.bar_series import FileBars, check_file, in_words, join
from perpmaker.data.importers.bar_tables import SUFFIXES, Table, read_table
from perpmaker.data.importers.bar_times import zone
from perpmaker.data.importers.plan import ImportOptions, KnownInstrument, Progress, make_instrument, source_files
from perpmaker.data.writer import RecordingWriter
from perpmaker.domain.errors import RecordingError, UnknownNameError
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation import market_events as me

_PRICES: Final = ("open", "high", "low", "close")
_NAMED: Final = re.compile(r"^([A-Za-z0-9]{2,}(?:_[A-Za-z0-9]+)*?)[-_](\d+[smhdw])(?=[-_.])")
_OTHERS: Final = re.compile(r"funding|[-_]mark\b|[-_]premium", re.IGNORECASE)
_QUOTES: Final = ("USDT", "USDC", "USD")

_KNOWN: Final = {
    "BTCUSDT": KnownInstrument("BTC", "USDT", "0.1", "0.001", "0.001"),
    "ETHUSDT": KnownInstrument("ETH", "USDT", "0.01", "0.001", "0.001"),
    "SOLUSDT": KnownInstrument("SOL", "USDT", "0.01", "0.01", "0.01"),
}
"""Steps of Binance's perpetuals in 2025."""

DUPLICATES: Final = "bars told twice"
MISSING: Final = "bars that are missing"
_LATEST_CLOSE_NS: Final = 10**9


class OhlcvImporter:
    """See the module."""

    version = 1
    depth: DepthGrade = "bars"
    trade_side: SideGrade = "inferred"

    def __init__(self, sources: Iterable[Path], options: ImportOptions) -> None:
        self._options = options
        self._assumed = None if options.timezone is None else zone(options.timezone)
        self._symbol, tables = _one_symbol(_files(list(sources), options), options.symbol)
        self._instrument = make_instrument(self._symbol, _KNOWN.get(self._symbol), options)
        self._tables = tables
        self._series = join([self._bars(table) for table in tables])
        self._payments = self._read_payments()
        self.clock = f"start of each bar, bars of {in_words(self._series.length_ns)}"

    @property
    def files(self) -> list[Path]:
        funding = [self._options.funding] if self._options.funding is not None else []
        return [*(table.file for table in self._tables), *funding]

    @property
    def instrument(self) -> Instrument:
        return self._instrument

    def write(self, writer: RecordingWriter, progress: Progress) -> None:
        series, length = self._series, self._series.length_ns
        if series.duplicates:
            writer.dropped[DUPLICATES] += series.duplicates
        total = sum(file.stat().st_size for file in self.files)
        funding = _Funding(writer, self._payments)
        end = int(series.times_ns[0])
        for number, (at_ns, values) in enumerate(zip(series.times_ns.tolist(), series.values.tolist(), strict=True)):
            missing = (at_ns - end) // length
            if missing:
                funding.pay(end)
                writer.start_gap(end, end, "no bars")
                writer.end_gap(at_ns, at_ns)
                writer.notes[MISSING] += missing
                funding.pay(at_ns - 1, late_ns=at_ns)
            end = at_ns + length
            for row_ns, rows in _rows(at_ns, length, values):
                funding.pay(row_ns)
                writer.message(row_ns, row_ns, rows)
            if number % 10_000 == 0:
                progress(total * number // len(series.times_ns))
        progress(total)

    def _read_payments(self) -> list[FundingPayment]:
        if self._options.funding is None:
            return []
        series = self._series
        last_ns = int(series.times_ns[-1]) + series.length_ns - 1
        payments = read_funding(self._options.funding, self._instrument, self._assumed)
        found = list(payments.after(int(series.times_ns[0]), last_ns))
        if not found:
            raise RecordingError(
                f"{self._options.funding} has no funding for the time of the bars: give one of the same time"
            )
        return found

    def _bars(self, table: Table) -> FileBars:
        instrument = self._instrument
        times = table.times_ns(self._assumed)
        columns = [table.prices(name, instrument.tick_size) for name in _PRICES]
        columns.append(table.volumes("volume", instrument.lot_size))
        bars = FileBars(table, times, np.column_stack(columns))
        check_file(bars)
        return bars


class _Funding:
    """Writes the payments of a schedule when their time has come."""

    def __init__(self, writer: RecordingWriter, payments: list[FundingPayment]) -> None:
        self._writer = writer
        self._payments = payments
        self._next = 0

    def pay(self, until_ns: int, late_ns: int = 0) -> None:
        """Everything due up to a moment and at it, at its time or, where that is later, at ``late_ns``."""
        while self._next < len(self._payments) and self._payments[self._next].at_ns <= until_ns:
            owed = self._payments[self._next]
            self._writer.row(max(owed.at_ns, late_ns), owed.at_ns, me.FUNDING, owed.mark_milliticks, owed.rate_ppb)
            self._next += 1


def _rows(at_ns: int, length_ns: int, values: list[int]) -> Iterator[tuple[int, tuple[tuple[int, int, int], ...]]]:
    """The messages of one bar, each with its time."""
    opening, high, low, close, volume = values
    yield (
        at_ns,
        (
            (me.BAR_OPEN, opening, volume),
            (me.BAR_HIGH, high, 0),
            (me.BAR_LOW, low, 0),
            (me.BAR_CLOSE, close, 0),
        ),
    )
    for after_ns in (length_ns // 4, length_ns // 2, length_ns - min(length_ns // 64, _LATEST_CLOSE_NS)):
        yield at_ns + after_ns, ((me.BAR_STEP, 0, 0),)


def _files(sources: list[Path], options: ImportOptions) -> list[Path]:
    """Files that were named, and in a folder those that could hold the bars wanted."""
    files = source_files(sources, "*", "ohlcv")
    named = {source for source in sources if source.is_file()}
    chosen = [
        file for file in files if file in named or (file.name.lower().endswith(SUFFIXES) and _is_wanted(file, options))
    ]
    if not chosen:
        raise RecordingError(
            f"there is nothing to import in {', '.join(str(source) for source in sources)}: no file of bars"
            + (f" of {options.symbol}" if options.symbol else "")
        )
    return chosen


def _is_wanted(file: Path, options: ImportOptions) -> bool:
    found = _symbol_of_name(file)
    return not _OTHERS.search(file.name) and (
        options.symbol is None or found is None or _alike(found) == _alike(options.symbol)
    )


def _symbol_of_name(file: Path) -> str | None:
    """What the name of a file says: ``SOL_USDT_USDT-1m-futures.feather`` and ``SOLUSDT_1m.parquet`` are SOLUSDT."""
    match = _NAMED.match(file.name)
    if match is None:
        return None
    parts = match[1].split("_")
    if len(parts) == 3 and parts[1] == parts[2] and parts[1] in _QUOTES:
        parts = parts[:2]
    return "".join(parts) if len(parts) > 1 and parts[-1] in _QUOTES else match[1]


def _alike(symbol: str) -> str:
    """A symbol without what writers differ in: ``SOL/USDT:USDT`` and ``SOL_USDT`` are ``SOLUSDT``."""
    return re.sub(r"[-_/]", "", symbol.split(":", maxsplit=1)[0]).upper()


def _one_symbol(files: list[Path], wanted: str | None) -> tuple[str, list[Table]]:
    """The symbol that every file is of."""
    tables = [read_table(file) for file in files]
    found: str | None = None
    for table in tables:
        name = _symbol_in(table) or _symbol_of_name(table.file)
        if name is not None and found is not None and _alike(name) != _alike(found):
            raise RecordingError(
                f"{table.row(0)}: bars of {name} among bars of {found}: import one instrument at a time"
            )
        found = found or name
    if wanted is not None and found is not None and _alike(wanted) != _alike(found):
        raise UnknownNameError(f"--symbol {wanted}: the files are of {found}")
    symbol = wanted or found
    if symbol is None:
        raise UnknownNameError(f"{files[0]} does not say of which market its bars are: give --symbol")
    return symbol, tables


def _symbol_in(table: Table) -> str | None:
    """What a column of the file says, which must be the same in every row."""
    name = next((name for name in ("symbol", "pair") if name in table.columns), None)
    if name is None:
        return None
    column: Any = table.columns[name]
    values = column if isinstance(column, list) else column.to_pylist()
    for index, value in enumerate(values):
        if value != values[0]:
            raise RecordingError(
                f"{table.row(index)}: {name} {value} among bars of {values[0]}: import one instrument at a time"
            )
    return _alike(str(values[0]))
