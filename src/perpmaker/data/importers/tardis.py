"""Tardis.dev: incremental books, trades, quotes and derivative tickers, in csv files a day, plain or gzipped.

Source: as in `tardis_files`. All files of one market make one recording. Rules, besides those of the files:

1. Everything is put in the order of ``local_timestamp``, the time line; ``timestamp`` is kept as the exchange's stamp.
   At one moment a trade comes before the mark, the mark before the quote, and the quote before the book.
2. A book of incremental updates makes the grade ``every-change``; then quotes are left out, since they state the same
   book. Quotes alone make ``best``, trades alone ``none``. What is missing is noted.
3. A row that is a snapshot after one that is none means that the book is stated anew: both sides are cleared first. A
   silence of more than ``--blind-after`` before it is a gap.
4. What comes before the first snapshot of a book (before the first quote where there is no book), or in a gap, is
   dropped and counted.
5. A quote is both sides at once; a side without a price is empty. A quote that says nothing new is dropped.
6. Trades of unknown side are dropped and counted; so is a trade with the id of the one before it.
7. A derivative ticker gives MARK where the mark price has changed. Where ``timestamp`` reaches the funding time
   announced before, FUNDING comes first: the last rate seen before that time, to a part per billion.
"""

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path

from perpmaker.data.format import DepthGrade, SideGrade
from perpmaker.data.importers.plan import ImportOptions, Progress, make_instrument, source_files
from perpmaker.data.importers.tardis_feed import TardisFeed
from perpmaker.data.importers.tardis_files import (
    BOOK,
    QUOTES,
    TICKER,
    TRADES,
    Market,
    Message,
    Reader,
    book_messages,
    kind_of,
    market_of,
    messages,
    with_blindness,
)
from perpmaker.data.writer import RecordingWriter
from perpmaker.domain.errors import RecordingError, UnknownNameError
from perpmaker.domain.instrument import Instrument

BLIND_AFTER_NS = 3_000_000_000

_RANKS = (TRADES, TICKER, QUOTES, BOOK)
_GRADES: dict[str, DepthGrade] = {BOOK: "every-change", QUOTES: "best", TRADES: "none"}


class TardisImporter:
    """See the module."""

    version = 1
    depth: DepthGrade
    trade_side: SideGrade = "recorded"
    clock = "recorder clock, microseconds (local_timestamp)"

    def __init__(self, sources: Iterable[Path], options: ImportOptions) -> None:
        found = [(kind_of(file), *market_of(file), file) for file in source_files(sources, "*.csv*", "tardis")]
        self._market = _one_market({market for _, market, _, _ in found}, options.symbol)
        self._options = options
        chosen = sorted((first_ns, file.name, file, kind) for kind, _, first_ns, file in found)
        self._by_kind = {name: [file for _, _, file, kind in chosen if kind == name] for name in _RANKS}
        self._main = next((kind for kind in (BOOK, QUOTES, TRADES) if self._by_kind[kind]), "")
        if not self._main:
            raise RecordingError(
                f"there is nothing to import: the files given are all of {TICKER}, and a market needs {BOOK}, {QUOTES} "
                f"or {TRADES}"
            )
        self._left_out = self._by_kind.pop(QUOTES) if self._main == BOOK else []
        self.depth = _GRADES[self._main]
        self._instrument = make_instrument(self._market.symbol, None, options)

    @property
    def files(self) -> list[Path]:
        return [file for files in self._by_kind.values() for file in files]

    @property
    def instrument(self) -> Instrument:
        return self._instrument

    def write(self, writer: RecordingWriter, progress: Progress) -> None:
        self._note(writer)
        read: dict[Path, int] = {}

        def on_bytes(file: Path, done: int) -> None:
            read[file] = done
            progress(sum(read.values()))

        is_chosen = self._options.symbol is not None
        reader = Reader(self._market, is_chosen=is_chosen, dropped=writer.dropped, on_bytes=on_bytes)
        feed = TardisFeed(writer, self._instrument, self._main)
        streams = [self._turns(reader, kind, files, rank) for rank, (kind, files) in enumerate(self._by_kind.items())]
        for _, _, kind, message in heapq.merge(*streams, key=lambda turn: turn[:2]):
            feed.take(kind, message)
        if is_chosen and not writer.rows:
            raise UnknownNameError(
                f"the source has no symbol {self._market.symbol} on {self._market.exchange}: see the symbol column of "
                "its files"
            )

    def _turns(
        self, reader: Reader, kind: str, files: list[Path], rank: int
    ) -> Iterator[tuple[int, int, str, Message]]:
        lines = reader.lines(kind, files)
        items = book_messages(lines) if kind == BOOK else messages(lines)
        if kind == self._main:
            blind_after_ns = self._options.blind_after_ns
            items = with_blindness(items, kind, BLIND_AFTER_NS if blind_after_ns is None else blind_after_ns)
        return ((item.local_ns, rank, kind, item) for item in items)

    def _note(self, writer: RecordingWriter) -> None:
        """Which kinds there are none of, and which are left out."""
        for kind, files in self._by_kind.items():
            if not files:
                writer.notes[f"no files of {kind}"] = 1
        if self._left_out:
            writer.notes[f"files of {QUOTES} left out: the book has them"] = len(self._left_out)


def _one_market(found: set[Market], wanted: str | None) -> Market:
    """The only market that there is, or that of the symbol wanted."""
    names = ", ".join(sorted(f"{market.symbol} on {market.exchange}" for market in found))
    if wanted is None:
        if len(found) > 1:
            raise UnknownNameError(f"the source has several markets: choose one of {names} with --symbol")
        return next(iter(found))
    exchanges = {market.exchange for market in found}
    if len(exchanges) > 1:
        raise UnknownNameError(f"the source has several exchanges ({names}): give files of one")
    exact = {market.symbol.upper(): market for market in found}
    return exact.get(wanted.upper(), Market(next(iter(exchanges)), wanted))
