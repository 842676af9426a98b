"""Tardis.dev's csv files as streams of items, each with its file and row behind every complaint.

Source: https://docs.tardis.dev/downloadable-csv-files. Stamps are microseconds since 1970 UTC; amounts are in the
exchange's own unit, which is the base currency of linear contracts.

Rules kept here:

1. What a file holds is told by its columns, not by its name.
2. Rows are of one market. With ``--symbol`` the others are passed over and counted, without it they are an error.
3. ``local_timestamp`` never goes back, neither within a file nor from one file of a kind to the next.
4. Neighbouring rows of a book with one ``local_timestamp`` are one message.
5. Each message of the main stream knows whether nothing is known until the next one: that is so where the next is a
   snapshot after a silence of more than ``blind_after_ns`` (the connection was lost), and where a day is missing
   between two files. A book that goes on over a missing day without a snapshot is an error.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from perpmaker.data.format import utc
from perpmaker.data.importers.csv_lines import csv_lines, header_of
from perpmaker.domain.errors import RecordingError

BOOK: Final = "incremental_book_L2"
TRADES: Final = "trades"
QUOTES: Final = "quotes or book_ticker"
TICKER: Final = "derivative_ticker"

COLUMNS: Final = {
    BOOK: ("timestamp", "is_snapshot", "side", "price", "amount"),
    TRADES: ("timestamp", "id", "side", "price", "amount"),
    QUOTES: ("timestamp", "bid_price", "bid_amount", "ask_price", "ask_amount"),
    TICKER: ("timestamp", "funding_timestamp", "funding_rate", "mark_price"),
}
"""What is used of each kind, besides the columns that all of them begin with."""

_ALL: Final = ("exchange", "symbol", "local_timestamp")

LONGEST_HOLE_NS: Final = 3_600_000_000_000
"""Between two files: a longer silence is a day that is missing."""

OTHER_SYMBOLS: Final = "rows of other symbols"
_DIGITS: Final = 16
_FLAGS: Final = {"true": True, "false": False}


class Market(NamedTuple):
    """Whose rows a file holds."""

    exchange: str
    symbol: str


class Line(NamedTuple):
    """A row of a file: when it was received, and the values of its kind's `COLUMNS`."""

    file: Path
    number: int
    local_ns: int
    values: list[str]


@dataclass(slots=True)
class Message:
    """Lines of one moment, of a book's snapshot or not. ``is_blind``: nothing is known until the next message."""

    local_ns: int
    lines: list[Line]
    is_snapshot: bool = False
    is_blind: bool = False


def kind_of(file: Path) -> str:
    """What a file holds. Raises RecordingError where it is none of `COLUMNS`."""
    names = header_of(file)
    for kind, columns in COLUMNS.items():
        if set(names) >= {*_ALL, *columns}:
            return kind
    raise RecordingError(
        f"{file} has the columns ({', '.join(names)}), which are those of none of {', '.join(COLUMNS)}: leave it out"
    )


def market_of(file: Path) -> tuple[Market, int]:
    """The market of the first row, and when it was received."""
    for line in csv_lines(file, _ALL):
        exchange, symbol, stamp = line.values
        return Market(exchange, symbol), stamp_ns(file, line.number, stamp, "local_timestamp")
    raise RecordingError(f"{file} holds no rows: leave it out")


class Reader:
    """Reads the files of one market.

    Args:
        market: whose rows are wanted.
        is_chosen: the user has named the symbol, so that others may be there.
        dropped: where what is passed over is counted.
        on_bytes: told which file has been read how far.
    """

    def __init__(
        self, market: Market, *, is_chosen: bool, dropped: Counter[str], on_bytes: Callable[[Path, int], None]
    ) -> None:
        self._market = market
        self._is_chosen = is_chosen
        self._dropped = dropped
        self._on_bytes = on_bytes

    def lines(self, kind: str, files: Iterable[Path]) -> Iterator[Line]:
        """The rows of all files of a kind, in the order of the files."""
        last_ns, before = 0, None
        for file in files:
            is_first = True
            for row in csv_lines(file, (*_ALL, *COLUMNS[kind]), lambda read, file=file: self._on_bytes(file, read)):  # type: ignore[misc]
                exchange, symbol, stamp, *values = row.values
                if (exchange, symbol) != self._market:
                    self._pass_over(file, row.number, Market(exchange, symbol))
                    continue
                local_ns = stamp_ns(file, row.number, stamp, "local_timestamp")
                if local_ns < last_ns:
                    raise RecordingError(_backwards(file, row.number, local_ns, last_ns, before if is_first else None))
                last_ns, is_first = local_ns, False
                yield Line(file, row.number, local_ns, values)
            before = file

    def _pass_over(self, file: Path, row: int, market: Market) -> None:
        if not self._is_chosen:
            raise RecordingError(
                f"{file}, row {row} is of {market.symbol} on {market.exchange} where the rows before are of "
                f"{self._market.symbol} on {self._market.exchange}: choose one with --symbol"
            )
        self._dropped[OTHER_SYMBOLS] += 1


def messages(lines: Iterable[Line]) -> Iterator[Message]:
    """Each line as a message of its own."""
    return (Message(line.local_ns, [line]) for line in lines)


def book_messages(lines: Iterable[Line]) -> Iterator[Message]:
    """Lines of a book, put together by the moment and by whether they are of a snapshot."""
    message: Message | None = None
    for line in lines:
        is_snapshot = _is_snapshot(line)
        if message is not None:
            if message.local_ns == line.local_ns and message.is_snapshot is is_snapshot:
                message.lines.append(line)
                continue
            yield message
        message = Message(line.local_ns, [line], is_snapshot)
    if message is not None:
        yield message


def with_blindness(items: Iterable[Message], kind: str, blind_after_ns: int) -> Iterator[Message]:
    """The main stream, its messages marked by rule 5.

    Raises:
        RecordingError: a book goes on over a missing day.
    """
    before: Message | None = None
    for item in items:
        if before is not None:
            silence_ns = item.local_ns - before.local_ns
            is_restated = item.is_snapshot and not before.is_snapshot
            is_hole = silence_ns > LONGEST_HOLE_NS and before.lines[-1].file != item.lines[0].file
            if is_hole and kind == BOOK and not item.is_snapshot:
                raise RecordingError(
                    f"{item.lines[0].file} goes on at {utc(item.local_ns)} UTC with a book that "
                    f"{before.lines[-1].file} left at {utc(before.local_ns)}: give the files of the days between"
                )
            before.is_blind = is_hole or (is_restated and silence_ns > blind_after_ns)
            yield before
        before = item
    if before is not None:
        yield before


def _is_snapshot(line: Line) -> bool:
    known = _FLAGS.get(line.values[1])
    if known is None:
        raise RecordingError(f"{line.file}, row {line.number}: is_snapshot is true or false, not {line.values[1]!r}")
    return known


def stamp_ns(file: Path, row: int, text: str, name: str) -> int:
    """A stamp of a row in nanoseconds. Raises RecordingError."""
    if len(text) != _DIGITS or not text.isdecimal():
        raise RecordingError(f"{file}, row {row}: {name} {text!r} has no 16 digits (microseconds)")
    return int(text) * 1_000


def _backwards(file: Path, row: int, at_ns: int, last_ns: int, before: Path | None) -> str:
    if before is not None:
        return (
            f"{file} begins at {utc(at_ns)} UTC, before {before} ends at {utc(last_ns)}: give files that do not overlap"
        )
    return f"{file}, row {row}: time runs backwards, {at_ns} ns after {last_ns} ns: fetch the file again"
