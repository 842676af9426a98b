"""StandX: 10-level book snapshots and trades without a side, in parquet files a day.

Source: ``book_*.parquet`` (``ts_ns, recv_ns, bid_px[], bid_qty[], ask_px[], ask_qty[]``) and ``trades_*.parquet``
(``ts_ns, recv_ns, price, qty``). The rules are those of `snapshot_feed`; trade sides are inferred. Trades have prices
of 0.01; the book's are cut down to 0.1 on both sides (trades print 0 to 9 hundredths above the shown bid and above the
shown ask), so the tick is 0.01 and best bid and ask are often equal. The book is kept as it was shown; inferring the
side of a trade allows for the cut.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

from perpmaker.data.format import DepthGrade, SideGrade
from perpmaker.data.importers.merge import write_merged
from perpmaker.data.importers.parquet import (
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
from perpmaker.data.importers.snapshot_feed import Trade
from perpmaker.data.writer import RecordingWriter
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.instrument import Instrument

_SYMBOL: Final = "BTC-USD"
_BOOK_STEP: Final = Decimal("0.1")
_KNOWN: Final = {_SYMBOL: KnownInstrument("BTC", "USD", "0.01", "0.0001", "0.0001")}


class StandxImporter:
    """See the module."""

    version = 1
    depth: DepthGrade = "snapshots"
    trade_side: SideGrade = "inferred"
    clock = "recorder clock, nanoseconds (recv_ns)"

    def __init__(self, sources: Iterable[Path], options: ImportOptions) -> None:
        files = source_files(sources, "*.parquet", "standx")
        self._books = by_first_receive(named(files, "book", "standx"))
        self._trades = by_first_receive(named(files, "trades", "standx"))
        _check_source(self._trades)
        self._options = options
        symbol = options.symbol or _SYMBOL
        self._instrument = make_instrument(symbol, _KNOWN.get(symbol), options)

    @property
    def files(self) -> list[Path]:
        return [*self._books, *self._trades]

    @property
    def instrument(self) -> Instrument:
        return self._instrument

    def write(self, writer: RecordingWriter, progress: Progress) -> None:
        read = ReadBytes(progress)
        write_merged(
            writer,
            self._options,
            trades=_trades(self._trades, self._instrument, read),
            quotes=(),
            snapshots=snapshots(self._books, self._instrument, read),
            book_step_ticks=max(1, int(_BOOK_STEP / self._instrument.tick_size)),
        )


def _check_source(trades: list[Path]) -> None:
    """Files of Hyperliquid have the same names and columns, and one more."""
    for file in trades:
        if has_column(file, "side"):
            raise RecordingError(
                f"{file} has a column side, which trades of StandX do not have: import it --from hyperliquid"
            )


def _trades(files: list[Path], instrument: Instrument, progress: ReadBytes) -> Iterator[Trade]:
    times = ReceiveTimes()
    for file in files:
        for batch in batches(file, ("ts_ns", "recv_ns", "price", "qty"), progress):
            price = positive(batch, "price", whole_steps(batch, "price", instrument.tick_size, "tick size"))
            lots = positive(batch, "qty", whole_steps(batch, "qty", instrument.lot_size, "lot size"))
            received, stamped = times.of(batch), integers(batch, "ts_ns")
            yield from map(Trade, received, stamped, price, lots, [0] * batch.rows)
