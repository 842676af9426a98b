"""Writing the rows of Tardis.dev's streams, which come in the order of their receive times. The rules: `tardis`."""

from decimal import Decimal
from typing import Final

from perpmaker.data.importers.tardis_files import BOOK, QUOTES, TICKER, TRADES, Line, Message, stamp_ns
from perpmaker.data.scaling import ExactScale, OffGridError, finite, funding_rate, mark_milliticks
from perpmaker.data.snapshots import EVERY_ASK, Row
from perpmaker.data.writer import RecordingWriter
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import rate_to_ppb
from perpmaker.simulation import market_events as me

_PPB: Final = Decimal("1e-9")
_LEVELS: Final = {"bid": me.BID, "ask": me.ASK}
_TRADES: Final = {"buy": me.BUY_TRADE, "sell": me.SELL_TRADE}


class TardisFeed:
    """Takes messages and writes what is certain.

    Args:
        writer: where the rows go.
        instrument: tick and lot.
        main: the kind of stream that tells what is known of the book.
    """

    def __init__(self, writer: RecordingWriter, instrument: Instrument, main: str) -> None:
        self._writer = writer
        self._instrument = instrument
        self._main = main
        self._ticks = ExactScale(instrument.tick_size, "tick size", lowest=1)
        self._lots = ExactScale(instrument.lot_size, "lot size", lowest=0)
        self._is_known = main == TRADES
        self._was_snapshot = False
        self._quote: list[Row] = []
        self._last_id = ""
        self._mark = 0
        self._funding_ns = 0
        self._funding_ppb = 0
        self._writers = {BOOK: self._book, QUOTES: self._quotes, TRADES: self._trade, TICKER: self._ticker}

    def take(self, kind: str, message: Message) -> None:
        """Write a message.

        Raises:
            RecordingError: a row cannot be; the sentence names it.
        """
        if kind == self._main and self._writer.in_gap and (kind != BOOK or message.is_snapshot):
            self._writer.end_gap(message.local_ns, message.local_ns)
            self._quote = []
        line = message.lines[0]
        try:
            self._writers[kind](message)
        except ValueError as error:
            raise RecordingError(f"{line.file}, row {line.number}: {error}") from None
        if message.is_blind and self._is_known:
            self._writer.start_gap(message.local_ns, message.local_ns, "nothing received")

    def _book(self, message: Message) -> None:
        is_new = message.is_snapshot and not self._was_snapshot
        self._was_snapshot = message.is_snapshot
        if not (self._is_known or is_new):
            self._writer.dropped["changes of the book before the first snapshot"] += len(message.lines)
            return
        self._is_known = True
        rows: list[Row] = [(me.CLEAR_BIDS, 0, 0), (me.CLEAR_ASKS, EVERY_ASK, 0)] if is_new else []
        for line in message.lines:
            _, _, side, price, amount = line.values
            if side not in _LEVELS:
                raise RecordingError(f"{line.file}, row {line.number}: a side is bid or ask, not {side!r}")
            rows.append((_LEVELS[side], *self._level(line, price, amount)))
        self._writer.message(message.local_ns, _venue_ns(message.lines[0]), rows)

    def _quotes(self, message: Message) -> None:
        line = message.lines[0]
        _, bid, bid_size, ask, ask_size = line.values
        rows: list[Row] = []
        for kind, price, size in ((me.BEST_BID, bid, bid_size), (me.BEST_ASK, ask, ask_size)):
            rows.append((kind, *self._level(line, price, size)) if price else (kind, 0, 0))
        if rows == self._quote and self._is_known:
            self._writer.dropped["quotes that changed nothing"] += 1
            return
        self._quote, self._is_known = rows, True
        self._writer.message(message.local_ns, _venue_ns(line), rows)

    def _level(self, line: Line, price: str, amount: str) -> tuple[int, int]:
        try:
            return self._ticks[price], self._lots[amount]
        except OffGridError as error:
            raise RecordingError(f"{line.file}, row {line.number}: {error}") from None

    def _trade(self, message: Message) -> None:
        line = message.lines[0]
        _, number, side, price, amount = line.values
        ticks, lots = self._level(line, price, amount)
        if not self._is_covered("trades"):
            return
        if number and number == self._last_id:
            self._writer.dropped["trades told twice"] += 1
        elif side == "unknown":
            self._writer.dropped["trades of unknown side"] += 1
        elif lots == 0:
            self._writer.dropped["trades without a quantity"] += 1
        elif side not in _TRADES:
            raise ValueError(f"a side is buy, sell or unknown, not {side!r}")
        else:
            self._writer.row(message.local_ns, _venue_ns(line), _TRADES[side], ticks, lots)
        self._last_id = number

    def _ticker(self, message: Message) -> None:
        line = message.lines[0]
        _, funding_time, rate, mark_price = line.values
        venue_ns = _venue_ns(line)
        if self._funding_ns and venue_ns >= self._funding_ns:
            if self._is_covered("funding"):
                self._writer.row(message.local_ns, venue_ns, me.FUNDING, 0, self._funding_ppb)
            self._funding_ns = 0
        if funding_time and rate:
            announced_ns = stamp_ns(line.file, line.number, funding_time, "funding_timestamp")
            if announced_ns > venue_ns:
                self._funding_ns, self._funding_ppb = announced_ns, self._rate(funding_rate(finite(rate)))
        if not mark_price:
            return
        mark = mark_milliticks(finite(mark_price), self._instrument)
        if mark != self._mark and self._is_covered("mark prices"):
            self._mark = mark
            self._writer.row(message.local_ns, venue_ns, me.MARK, mark, 0)

    def _rate(self, rate: Decimal) -> int:
        rounded = rate.quantize(_PPB)
        if rounded != rate:
            self._writer.notes["funding rates rounded to a part per billion"] += 1
        return rate_to_ppb(rounded)

    def _is_covered(self, what: str) -> bool:
        if self._is_known and not self._writer.in_gap:
            return True
        where = "inside a gap" if self._writer.in_gap else "before the first state of the book"
        self._writer.dropped[f"{what} {where}"] += 1
        return False


def _venue_ns(line: Line) -> int:
    return stamp_ns(line.file, line.number, line.values[0], "timestamp")
