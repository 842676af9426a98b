"""Trades alone, in csv files: what `perpmaker data fetch --kind trades` brings, and what many archives have.

Source: ``ts_ms, side, price, amount`` and, if there is one, ``id``: milliseconds since 1970 UTC, ``buy`` or ``sell`` of
the taker, quote per base, base. Rules:

1. All files make one recording, in the order of their first rows. A file that begins before the one before it ends is
   an error: trades would count twice.
2. Time never goes back within a file. A trade with the id of the trade before it is one told twice; it is dropped.
3. There is no book. What trades tell of one is added where rows are written (`perpmaker.data.graded_rows`).
4. Nobody can say whether a span without a trade was quiet or lost: none becomes a gap.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from perpmaker.data.format import DepthGrade, SideGrade
from perpmaker.data.importers.csv_lines import Line, csv_lines, header_of
from perpmaker.data.importers.plan import ImportOptions, Progress, make_instrument, source_files
from perpmaker.data.scaling import ExactScale, OffGridError
from perpmaker.data.writer import RecordingWriter
from perpmaker.domain.errors import InvalidSettingError, RecordingError
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation import market_events as me

COLUMNS: Final = ("ts_ms", "side", "price", "amount")
TOLD_TWICE: Final = "trades told twice"

_KINDS: Final = {"buy": me.BUY_TRADE, "sell": me.SELL_TRADE}
_NS_PER_MS: Final = 1_000_000
_LATEST_MS: Final = 2**63 // _NS_PER_MS


class TradesImporter:
    """See the module."""

    version = 1
    depth: DepthGrade = "none"
    trade_side: SideGrade = "recorded"
    clock = "exchange clock, milliseconds"

    def __init__(self, sources: Iterable[Path], options: ImportOptions) -> None:
        if options.symbol is None:
            raise InvalidSettingError("files of trades do not say of which market they are: give --symbol")
        files = source_files(sources, "*.csv*", "trades")
        self._files = sorted(files, key=lambda file: (_first_ms(file), file.name))
        self._instrument = make_instrument(options.symbol, None, options)

    @property
    def files(self) -> list[Path]:
        return self._files

    @property
    def instrument(self) -> Instrument:
        return self._instrument

    def write(self, writer: RecordingWriter, progress: Progress) -> None:
        trades = _Trades(writer, self._instrument)
        before = 0
        for file in self._files:
            trades.begin(file)
            has_id = "id" in header_of(file)
            for line in csv_lines(file, (*COLUMNS, "id") if has_id else COLUMNS):
                trades.take(file, line)
            before += file.stat().st_size
            progress(before)


def _first_ms(file: Path) -> int:
    for line in csv_lines(file, COLUMNS[:1]):
        return _milliseconds(file, line)
    raise RecordingError(f"{file} holds no rows: leave it out")


def _milliseconds(file: Path, line: Line) -> int:
    text = line.values[0]
    if not (text.isascii() and text.isdigit()) or int(text) >= _LATEST_MS:
        raise RecordingError(f"{file}, row {line.number}: ts_ms {text!r} is no time in milliseconds since 1970 UTC")
    return int(text)


class _Trades:
    """Turns the rows of all files into those of the recording."""

    def __init__(self, writer: RecordingWriter, instrument: Instrument) -> None:
        self._writer = writer
        self._ticks = ExactScale(instrument.tick_size, "tick size", lowest=1)
        self._lots = ExactScale(instrument.lot_size, "lot size", lowest=1)
        self._last_ms = 0
        self._last_id = ""
        self._file: Path | None = None
        self._before: Path | None = None
        self._is_first = True

    def begin(self, file: Path) -> None:
        """The rows that follow are of this file."""
        self._before, self._file = self._file, file
        self._is_first = True

    def take(self, file: Path, line: Line) -> None:
        at_ms = _milliseconds(file, line)
        if at_ms < self._last_ms:
            raise RecordingError(self._backwards(file, line.number, at_ms))
        side, price, amount, *ids = line.values[1:]
        number = ids[0] if ids else ""
        self._last_ms, self._is_first = at_ms, False
        if number and number == self._last_id:
            self._writer.dropped[TOLD_TWICE] += 1
            return
        self._last_id = number
        if side not in _KINDS:
            raise RecordingError(f"{file}, row {line.number}: a side is buy or sell, not {side!r}")
        try:
            ticks, lots = self._ticks[price], self._lots[amount]
        except OffGridError as error:
            raise RecordingError(f"{file}, row {line.number}: {error}") from None
        at_ns = at_ms * _NS_PER_MS
        self._writer.row(at_ns, at_ns, _KINDS[side], ticks, lots)

    def _backwards(self, file: Path, row: int, at_ms: int) -> str:
        if self._is_first and self._before is not None:
            return (
                f"{file} begins at {at_ms} ms, before {self._before} ends at {self._last_ms} ms: give files that "
                "do not overlap"
            )
        return f"{file}, row {row}: time runs backwards, {at_ms} ms after {self._last_ms} ms: sort the file by time"
