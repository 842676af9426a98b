"""hftbacktest's event files (version 2), as its converters write them.

Source: ``*.npz`` with an array ``data`` of `event_arrays`, in ns; consecutive days in files of their own. Rules:

1. Only what the recorder saw becomes a row: events with the flag LOCAL, in the order of the array, at their
   ``local_ts``; ``exch_ts`` is kept as the exchange's stamp. Events of the exchange's side alone are the same ones once
   more, in the order in which they happened there; they are passed over and not counted as dropped.
2. Of the flags these are honoured: LOCAL, BUY, SELL, and the kinds DEPTH (a level now holds ``qty``), SNAPSHOT (the
   same), CLEAR (levels of one side up to ``px`` are gone, all of them where ``px`` is no price; of both sides without
   a side), BBO (best bid or offer), TRADE (the side is the aggressor's). Kinds of single orders (add, cancel, modify,
   fill: data by order) are an error: a book by order is not read here.
3. Neighbouring events of the book with the same stamps are one message; a trade is a message of its own.
4. Trades before the first level of the book are dropped: without a book they could fill quotes that nobody could
   have made. Where no level comes at all, the recording is one of trades alone.
5. Prices and sizes are doubles there, and are taken for the multiples of tick and lot beside them, or are an error.
   A trade without a size is dropped.
6. Time never goes back, neither within a file nor from one to the next. A day that is missing between two files is a
   gap, from the last row before to the first after. A book of every change must be stated anew there, or it is an
   error: it could not be known.
7. The files do not say which market they are of; ``--symbol`` does. Where some are named after it, only those count.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from perpmaker.data.format import DepthGrade, SideGrade, utc
from perpmaker.data.importers.event_arrays import Events, events_of
from perpmaker.data.importers.plan import ImportOptions, Progress, make_instrument, source_files
from perpmaker.data.scaling import OffGridError, snap
from perpmaker.data.snapshots import EVERY_ASK, Row
from perpmaker.data.writer import RecordingWriter
from perpmaker.domain.errors import InvalidSettingError, RecordingError
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation import market_events as me

LOCAL: Final = 1 << 30
BUY: Final = 1 << 29
SELL: Final = 1 << 28
DEPTH, TRADE, CLEAR, SNAPSHOT, BBO = 1, 2, 3, 4, 5
_KIND_BITS: Final = 0xFF

LONGEST_HOLE_NS: Final = 3_600_000_000_000
"""Between two files: a longer silence is a day that is missing."""

_BOOK_KINDS: Final = {
    (DEPTH, True): me.BID, (DEPTH, False): me.ASK, (SNAPSHOT, True): me.BID, (SNAPSHOT, False): me.ASK,
    (BBO, True): me.BEST_BID, (BBO, False): me.BEST_ASK,
}  # fmt: skip


class HftbacktestImporter:
    """See the module."""

    version = 1
    depth: DepthGrade
    trade_side: SideGrade = "recorded"
    clock = "recorder clock, nanoseconds (local_ts)"

    def __init__(self, sources: Iterable[Path], options: ImportOptions) -> None:
        if options.symbol is None:
            raise InvalidSettingError("hftbacktest's files do not say of which market they are: give --symbol")
        files = _of_symbol(source_files(sources, "*.npz", "hftbacktest"), options.symbol)
        self._files = sorted(files, key=lambda file: (_first_local_ns(file), file.name))
        self._instrument = make_instrument(options.symbol, None, options)
        self.depth = _depth_of(self._files)

    @property
    def files(self) -> list[Path]:
        return self._files

    @property
    def instrument(self) -> Instrument:
        return self._instrument

    def write(self, writer: RecordingWriter, progress: Progress) -> None:
        stream = _Stream(writer, self._instrument, self.depth)
        before = 0
        for file in self._files:
            done = before
            stream.begin(file)
            for events in events_of(file, lambda read, done=done: progress(done + read)):  # type: ignore[misc]
                stream.take(events)
            before += file.stat().st_size
        stream.finish()


def _of_symbol(files: list[Path], symbol: str) -> list[Path]:
    """The files that are named after the symbol, or all where none is."""
    return [file for file in files if symbol.lower() in file.name.lower()] or files


def _first_local_ns(file: Path) -> int:
    for events in events_of(file):
        local = events.rows["local_ts"][_is_local(events.rows)]
        if len(local):
            return int(local[0])
    raise RecordingError(f"{file} holds no event that a recorder has seen: leave it out")


def _depth_of(files: list[Path]) -> DepthGrade:
    """How much of a book there is; the first level tells, so this is slow only where there is none."""
    best = False
    for file in files:
        for events in events_of(file):
            kinds = events.rows["ev"] & np.uint64(_KIND_BITS)
            if np.isin(kinds, (DEPTH, SNAPSHOT)).any():
                return "every-change"
            best = best or bool((kinds == BBO).any())
    return "best" if best else "none"


def _is_local(rows: NDArray[Any]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (rows["ev"] & np.uint64(LOCAL)) != 0
    return found


class _Stream:
    """Turns the events of all files into rows."""

    def __init__(self, writer: RecordingWriter, instrument: Instrument, depth: DepthGrade) -> None:
        self._writer = writer
        self._instrument = instrument
        self._depth = depth
        self._has_book = depth == "none"
        self._last_ns = 0
        self._message: list[Row] = []
        self._stamps = (0, 0)
        self._before: Path | None = None
        self._file: Path | None = None
        self._is_first = True

    def begin(self, file: Path) -> None:
        """The events that follow are of this file."""
        self._before, self._file, self._is_first = self._file, file, True

    def take(self, events: Events) -> None:
        places = np.flatnonzero(_is_local(events.rows))
        rows = events.rows[places]
        if not len(rows):
            return
        numbers = (events.first_row + places).tolist()
        kinds = (rows["ev"] & np.uint64(_KIND_BITS)).astype(np.int64)
        sides = _sides(rows["ev"])
        self._check(events.file, rows, numbers, kinds, sides)
        prices, lots = self._steps(events.file, rows, numbers, kinds)
        columns = (rows["local_ts"], rows["exch_ts"], kinds, sides, prices, lots)
        for local_ns, venue_ns, kind, side, price, size in zip(*(each.tolist() for each in columns), strict=True):
            if kind == TRADE:
                self._trade(local_ns, venue_ns, side, price, size)
            else:
                self._book(local_ns, venue_ns, kind, side, price, size)

    def finish(self) -> None:
        self._flush()

    def _check(
        self, file: Path, rows: NDArray[Any], numbers: list[int], kinds: NDArray[np.int64], sides: NDArray[np.int64]
    ) -> None:
        """Raise at the first event that cannot be."""
        local = rows["local_ts"]
        back = np.flatnonzero(np.diff(local, prepend=max(self._last_ns, 0)) < 0)
        if len(back):
            self._refuse_order(file, numbers[int(back[0])], int(local[back[0]]), int(back[0]) == 0)
        unknown = np.flatnonzero((kinds < DEPTH) | (kinds > BBO))
        if len(unknown):
            raise RecordingError(
                f"{file}, row {numbers[int(unknown[0])]}: an event of kind {int(kinds[unknown[0]])} is none of depth, "
                "trade, clear, snapshot and best bid and offer: give data by price, not by order"
            )
        sideless = np.flatnonzero((sides == 0) & (kinds != CLEAR))
        if len(sideless):
            raise RecordingError(f"{file}, row {numbers[int(sideless[0])]}: the event is of neither side, or of both")
        if self._is_first:
            self._check_hole(file, int(local[0]), int(kinds[0]))
        self._is_first = False
        self._last_ns = int(local[-1])

    def _refuse_order(self, file: Path, row: int, at_ns: int, is_first: bool) -> None:
        if is_first and self._is_first and self._before is not None:
            raise RecordingError(
                f"{file} begins at {utc(at_ns)} UTC, before {self._before} ends at {utc(self._last_ns)}: give files "
                "that do not overlap"
            )
        raise RecordingError(f"{file}, row {row}: time runs backwards, to {at_ns} ns: correct the order of the file")

    def _check_hole(self, file: Path, first_ns: int, first_kind: int) -> None:
        """Rule 6: what lies between two files."""
        writer = self._writer
        if self._before is None or not self._has_book or first_ns - self._last_ns <= LONGEST_HOLE_NS:
            return
        self._flush()
        if writer.last_ns is None:
            return
        if self._depth == "every-change" and first_kind not in (CLEAR, SNAPSHOT):
            raise RecordingError(
                f"{file} goes on at {utc(first_ns)} UTC with a book that {self._before} left at {utc(self._last_ns)}: "
                "give the files of the days between, or a file that begins with a snapshot"
            )
        writer.start_gap(writer.last_ns, self._last_ns, "no file of this time")
        writer.end_gap(first_ns, first_ns)
        if self._depth != "none":
            self._message = [(me.CLEAR_BIDS, 0, 0), (me.CLEAR_ASKS, EVERY_ASK, 0)]
            self._stamps = (first_ns, first_ns)

    def _steps(
        self, file: Path, rows: NDArray[Any], numbers: list[int], kinds: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Ticks and lots; the price of a CLEAR without one is -1."""
        no_price = (kinds == CLEAR) & ~(np.isfinite(rows["px"]) & (rows["px"] > 0))
        prices = np.where(no_price, 0.0, rows["px"])
        sizes = np.where(kinds == CLEAR, 0.0, rows["qty"])
        found: list[NDArray[np.int64]] = []
        for name, values, step in (
            ("px", prices, (self._instrument.tick_size, "tick size")),
            ("qty", sizes, (self._instrument.lot_size, "lot size")),
        ):
            try:
                found.append(snap(values, *step))
            except OffGridError as error:
                message, index = error.args
                raise RecordingError(f"{file}, row {numbers[index]}: {name} {message}") from None
        ticks, lots = found
        wrong = np.flatnonzero(((ticks < 1) & ~no_price) | (lots < 0))
        if len(wrong):
            row = rows[wrong[0]]
            raise RecordingError(
                f"{file}, row {numbers[int(wrong[0])]}: {float(row['qty'])!r} at {float(row['px'])!r} is impossible: "
                "fetch the file again"
            )
        ticks[no_price] = -1
        return ticks, lots

    def _trade(self, local_ns: int, venue_ns: int, side: int, price: int, lots: int) -> None:
        self._flush()
        if not self._has_book:
            self._writer.dropped["trades before the first level of the book"] += 1
        elif lots == 0:
            self._writer.dropped["trades without a quantity"] += 1
        else:
            self._writer.row(local_ns, venue_ns, me.BUY_TRADE if side > 0 else me.SELL_TRADE, price, lots)

    def _book(self, local_ns: int, venue_ns: int, kind: int, side: int, price: int, lots: int) -> None:
        if (local_ns, venue_ns) != self._stamps:
            self._flush()
            self._stamps = (local_ns, venue_ns)
        if kind == CLEAR:
            if side >= 0:
                self._message.append((me.CLEAR_BIDS, max(price, 0), 0))
            if side <= 0:
                self._message.append((me.CLEAR_ASKS, EVERY_ASK if price < 0 else price, 0))
        else:
            self._has_book = True
            self._message.append((_BOOK_KINDS[kind, side > 0], price, lots))

    def _flush(self) -> None:
        if self._message:
            self._writer.message(*self._stamps, self._message)
            self._message = []


def _sides(flags: NDArray[np.uint64]) -> NDArray[np.int64]:
    """1 for buy, -1 for sell, 0 for neither or both."""
    buys: NDArray[np.int64] = ((flags & np.uint64(BUY)) != 0).astype(np.int64)
    sells: NDArray[np.int64] = ((flags & np.uint64(SELL)) != 0).astype(np.int64)
    return buys - sells
