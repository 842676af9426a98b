"""Binance, raw websocket recordings: futures (USDT-margined) and spot.

Source: gzip files, a line as in `binance_messages`. All files of one symbol make one recording, in the order of their
first stamps. Rules, besides those of the book (`binance_book`):

1. Rows are in the order of the lines, at their receive stamps; a stamp that steps back is held at the latest before.
2. The best bid and offer stream is dropped: it states the same book by the same ids, and an update id alone does
   not say whether a level that a quote removed came back, so mixing both would be guessing. The depth stream is exact.
3. A trade's ``m`` says that the buyer was the maker, so a seller took. Trades that are no market trades (insurance
   fund, ``X`` other than MARKET) or have no quantity are dropped, and so are those whose number has been there.
4. A mark price becomes MARK. When its venue time reaches the funding time announced before, FUNDING comes first: the
   last rate seen before that time, at the mark before it.
5. What comes while no book is known is dropped.
6. A message of another symbol within a file is an error.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

from perpmaker.data.format import DepthGrade, SideGrade
from perpmaker.data.importers.binance_book import BinanceBook, DepthDifference
from perpmaker.data.importers.binance_messages import Data, FileKind, Line, Snapshot, look_at, read_lines
from perpmaker.data.importers.plan import ImportOptions, KnownInstrument, Progress, make_instrument, source_files
from perpmaker.data.scaling import ExactScale, finite, funding_rate, mark_milliticks
from perpmaker.data.snapshots import Row
from perpmaker.data.writer import RecordingWriter
from perpmaker.domain.errors import RecordingError, UnknownNameError
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import rate_to_ppb
from perpmaker.simulation import market_events as me

_NS_PER_MS: Final = 1_000_000
LONGEST_STEP_BACK_NS: Final = 5_000_000_000

_KNOWN: Final = {
    (True, "BTCUSDT"): KnownInstrument("BTC", "USDT", "0.1", "0.001", "0.001"),
    (True, "ETHUSDT"): KnownInstrument("ETH", "USDT", "0.01", "0.001", "0.001"),
    (False, "NEXOUSDT"): KnownInstrument("NEXO", "USDT", "0.001", "0.01", "0.01"),
}


class BinanceImporter:
    """See the module."""

    version = 1
    depth: DepthGrade = "every-change"
    trade_side: SideGrade = "recorded"
    clock = "recorder clock, microseconds or nanoseconds by file"

    def __init__(self, sources: Iterable[Path], options: ImportOptions) -> None:
        found = [(look_at(file), file) for file in source_files(sources, "*.gz", "binance")]
        self._kind = _one_symbol([kind for kind, _ in found], options.symbol)
        chosen = [pair for pair in found if pair[0][1:] == self._kind[1:]]
        self._files = [file for _, file in sorted(chosen)]
        known = _KNOWN.get((self._kind.futures, self._kind.symbol))
        self._instrument = make_instrument(self._kind.symbol, known, options)

    @property
    def files(self) -> list[Path]:
        return self._files

    @property
    def instrument(self) -> Instrument:
        return self._instrument

    def write(self, writer: RecordingWriter, progress: Progress) -> None:
        stream = _Stream(writer, self._instrument, futures=self._kind.futures)
        before = 0
        for file in self._files:
            for line in read_lines(file, partial(_report, progress, before)):
                try:
                    stream.take(line)
                except ValueError as error:
                    raise RecordingError(f"{file}, line {line.number}: {error}") from None
                except OverflowError:
                    raise RecordingError(
                        f"{file}, line {line.number}: a stamp there is beyond any real time: correct it, or fetch the "
                        "file again"
                    ) from None
            before += file.stat().st_size
            progress(before)
        stream.finish(self._files)


def _report(progress: Progress, before: int, done: int) -> None:
    progress(before + done)


def _one_symbol(kinds: list[FileKind], wanted: str | None) -> FileKind:
    """The only symbol that there is, or the one wanted."""
    present = {(kind.symbol, kind.futures): kind for kind in kinds}
    names = ", ".join(sorted({symbol for symbol, _ in present}))
    matching = [kind for (symbol, _), kind in present.items() if wanted is None or symbol == wanted.upper()]
    if not matching:
        raise UnknownNameError(f"the source has no symbol {wanted}: it has {names}")
    if len({kind.symbol for kind in matching}) > 1:
        raise UnknownNameError(f"the source has several symbols: choose one of {names} with --symbol")
    if len(matching) > 1:
        raise UnknownNameError(f"the source has {names} of the futures and of the spot market: name the files of one")
    return matching[0]


class _Stream:
    """Turns the lines of one symbol into rows."""

    def __init__(self, writer: RecordingWriter, instrument: Instrument, *, futures: bool) -> None:
        self._writer = writer
        self._instrument = instrument
        self._book = BinanceBook(writer, futures=futures)
        self._ticks = ExactScale(instrument.tick_size, "tick size", lowest=1)
        self._lots = ExactScale(instrument.lot_size, "lot size", lowest=0)
        self._latest_ns = 0
        self._funding_ms = 0
        self._funding_ppb = 0
        self._last_trade_id = 0

    def take(self, line: Line) -> None:
        now_ns = self._held_forward(line.ts_ns)
        message = line.message
        if isinstance(message, Data) and message.symbol != self._instrument.symbol:
            raise ValueError(
                f"a message of {message.symbol} among those of {self._instrument.symbol}: give files of one symbol each"
            )
        if isinstance(message, Snapshot):
            rows = self._levels(message.bids, me.BID) + self._levels(message.asks, me.ASK)
            self._book.snapshot(now_ns, message.transaction_ms * _NS_PER_MS or now_ns, message.last_id, rows)
        elif message.event == "depthUpdate":
            self._book.difference(now_ns, self._difference(message))
        elif message.event == "trade":
            self._trade(now_ns, message)
        elif message.event == "markPriceUpdate":
            self._mark(now_ns, message)
        elif message.event == "bookTicker":
            self._writer.dropped["best bid and offer messages: the depth stream has them"] += 1
        else:
            self._writer.dropped[f"messages of type {message.event}"] += 1

    def finish(self, files: list[Path]) -> None:
        self._book.finish()
        if self._writer.last_ns is None:
            names = ", ".join(file.name for file in files)
            raise RecordingError(
                f"there is no order book snapshot in {names}: give the file that holds it too (the day before?)"
            )

    def _held_forward(self, ts_ns: int) -> int:
        if ts_ns < self._latest_ns:
            if ts_ns < self._latest_ns - LONGEST_STEP_BACK_NS:
                raise ValueError(
                    f"time runs backwards, {ts_ns} ns comes after {self._latest_ns} ns: "
                    "give files of one recorder that do not overlap"
                )
            self._writer.notes["receive stamps that stepped back, held at the latest before them"] += 1
        self._latest_ns = max(self._latest_ns, ts_ns)
        return self._latest_ns

    def _levels(self, levels: list[tuple[str, str]] | str, kind: int) -> list[Row]:
        if isinstance(levels, str):
            raise ValueError("a depth update without levels: fetch the file again")  # noqa: TRY004  # the data is wrong, not the program
        ticks, lots = self._ticks, self._lots
        return [(kind, ticks[price], lots[quantity]) for price, quantity in levels]

    def _difference(self, data: Data) -> DepthDifference:
        previous_id = data.first_id - 1 if data.previous_id is None else data.previous_id
        rows = self._levels(data.bids, me.BID) + self._levels(data.asks, me.ASK)
        return DepthDifference(_venue_ns(data), previous_id, data.last_id, rows)

    def _trade(self, now_ns: int, data: Data) -> None:
        if data.trade_type != "MARKET":
            self._writer.dropped[f"trades of type {data.trade_type}, no market trades"] += 1
        elif (lots := self._lots[data.quantity]) == 0:
            self._writer.dropped["trades without a quantity"] += 1
        elif 0 < data.trade_id <= self._last_trade_id:
            self._writer.dropped["trades told twice"] += 1
        elif self._covered("trades"):
            self._last_trade_id = data.trade_id
            kind = me.SELL_TRADE if data.buyer_is_maker else me.BUY_TRADE
            self._writer.row(now_ns, _venue_ns(data), kind, self._ticks[data.price], lots)

    def _mark(self, now_ns: int, data: Data) -> None:
        venue_ns = data.event_ms * _NS_PER_MS  # T is the time of the next funding here
        if self._funding_ms and data.event_ms >= self._funding_ms:
            if self._covered("funding"):
                self._writer.row(now_ns, venue_ns, me.FUNDING, 0, self._funding_ppb)
            self._funding_ms = 0
        if data.funding_rate and data.transaction_ms > data.event_ms:
            self._funding_ms = data.transaction_ms
            self._funding_ppb = rate_to_ppb(funding_rate(finite(data.funding_rate)))
        if self._covered("mark prices"):
            self._writer.row(now_ns, venue_ns, me.MARK, mark_milliticks(finite(data.price), self._instrument), 0)

    def _covered(self, what: str) -> bool:
        if self._book.known:
            return True
        where = "inside a gap" if self._writer.in_gap else "before the first snapshot"
        self._writer.dropped[f"{what} {where}"] += 1
        return False


def _venue_ns(data: Data) -> int:
    return (data.transaction_ms or data.event_ms) * _NS_PER_MS
