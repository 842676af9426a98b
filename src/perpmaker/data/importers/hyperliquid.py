"""Hyperliquid: 20-level book snapshots, best bid and offer, and trades with a side, in parquet files.

Source: ``book*.parquet`` (``ts_ns, recv_ns, bid_px[], bid_qty[], ask_px[], ask_qty[]``), ``bbo*.parquet``
(``ts_ns, recv_ns, bid_px, bid_qty, ask_px, ask_qty``) and ``trades*.parquet`` (``ts_ns, recv_ns, price, qty, side``;
the side is the aggressor's: 98 % of the buys print above the mid before them, 92 % of the sells below). A trade whose
``trade_id``, if there is one, has just been there is dropped. The rules are those of `snapshot_feed`.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from perpmaker.data.format import DepthGrade, SideGrade
from perpmaker.data.importers.merge import write_merged
from perpmaker.data.importers.parquet import (
    Batch,
    ReadBytes,
    ReceiveTimes,
    batches,
    by_first_receive,
    has_column,
    integers,
    positive,
    snapshots,
    whole_steps,
)
from perpmaker.data.importers.plan import ImportOptions, KnownInstrument, Progress, make_instrument, named, source_files
from perpmaker.data.importers.snapshot_feed import Quote, Trade
from perpmaker.data.writer import RecordingWriter
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.instrument import Instrument

_SYMBOL: Final = "ETH"
_KNOWN: Final = {_SYMBOL: KnownInstrument("ETH", "USD", "0.1", "0.0001", "0.0001")}
_REMEMBERED_TRADES: Final = 10_000
_SIGNS: Final = {"buy": 1, "sell": -1}


class HyperliquidImporter:
    """See the module."""

    version = 1
    depth: DepthGrade = "snapshots"
    trade_side: SideGrade = "recorded"
    clock = "recorder clock, nanoseconds (recv_ns)"

    def __init__(self, sources: Iterable[Path], options: ImportOptions) -> None:
        files = source_files(sources, "*.parquet", "hyperliquid")
        self._books = by_first_receive(named(files, "book", "hyperliquid"))
        self._quotes = by_first_receive(named(files, "bbo", "hyperliquid"))
        self._trades = by_first_receive(named(files, "trades", "hyperliquid"))
        self._options = options
        symbol = options.symbol or _SYMBOL
        self._instrument = make_instrument(symbol, _KNOWN.get(symbol), options)

    @property
    def files(self) -> list[Path]:
        return [*self._books, *self._quotes, *self._trades]

    @property
    def instrument(self) -> Instrument:
        return self._instrument

    def write(self, writer: RecordingWriter, progress: Progress) -> None:
        read = ReadBytes(progress)
        write_merged(
            writer,
            self._options,
            trades=_trades(self._trades, self._instrument, read, writer.dropped),
            quotes=_quotes(self._quotes, self._instrument, read),
            snapshots=snapshots(self._books, self._instrument, read),
        )


def _trades(files: list[Path], instrument: Instrument, progress: ReadBytes, dropped: Counter[str]) -> Iterator[Trade]:
    times, told = ReceiveTimes(), _Recent()
    for file in files:
        names = ("ts_ns", "recv_ns", "price", "qty", "side")
        has_id = has_column(file, "trade_id")
        for batch in batches(file, (*names, "trade_id") if has_id else names, progress):
            price = positive(batch, "price", whole_steps(batch, "price", instrument.tick_size, "tick size"))
            lots = positive(batch, "qty", whole_steps(batch, "qty", instrument.lot_size, "lot size"))
            received, stamped = times.of(batch), integers(batch, "ts_ns")
            trades = map(Trade, received, stamped, price, lots, _signs(batch))
            ids = batch.columns["trade_id"].to_pylist() if has_id else [None] * batch.rows
            for trade, trade_id in zip(trades, ids, strict=True):
                if told.has(trade_id):
                    dropped["trades told twice"] += 1
                else:
                    yield trade


class _Recent:
    """The ids of the latest trades: what a venue repeats, it repeats soon."""

    def __init__(self) -> None:
        self._ids: OrderedDict[object, None] = OrderedDict()

    def has(self, trade_id: object) -> bool:
        """Whether it is among them; from now on it is."""
        if trade_id is None:
            return False
        if trade_id in self._ids:
            return True
        self._ids[trade_id] = None
        if len(self._ids) > _REMEMBERED_TRADES:
            self._ids.popitem(last=False)
        return False


def _signs(batch: Batch) -> list[int]:
    signs = []
    for row, side in enumerate(batch.columns["side"].to_pylist()):
        if side not in _SIGNS:
            raise RecordingError(f"{batch.file}, row {batch.first_row + row}: a side is buy or sell, not {side!r}")
        signs.append(_SIGNS[side])
    return signs


def _quotes(files: list[Path], instrument: Instrument, progress: ReadBytes) -> Iterator[Quote]:
    names = ("ts_ns", "recv_ns", "bid_px", "bid_qty", "ask_px", "ask_qty")
    times = ReceiveTimes()
    for file in files:
        for batch in batches(file, names, progress):
            sides = []
            for side in ("bid", "ask"):
                name = f"{side}_px"
                price = positive(batch, name, whole_steps(batch, name, instrument.tick_size, "tick size"))
                name = f"{side}_qty"
                lots = positive(batch, name, whole_steps(batch, name, instrument.lot_size, "lot size"))
                sides.append(list(zip(price, lots, strict=True)))
            received, stamped = times.of(batch), integers(batch, "ts_ns")
            yield from map(Quote, received, stamped, *sides)
