"""What every importer is, and what they share: options, progress, the choice of source files."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from perpmaker.data.format import DepthGrade, SideGrade
from perpmaker.data.writer import RecordingWriter
from perpmaker.domain.errors import InvalidSettingError, RecordingError
from perpmaker.domain.instrument import Instrument

Progress = Callable[[int], None]
"""Called now and then with the bytes of source read so far."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the user may say about an import; None leaves it to the importer.

    Args:
        symbol: which instrument of the source.
        tick_size: price step, quote per base.
        lot_size: size step, base.
        min_quantity: smallest order, base.
        blind_after_ns: a book silent for longer is a gap (sources without sequence numbers).
        overwrite: replace a recording at the destination.
        timezone: the zone of times that name none (bars).
        funding: a file of funding rates to add (bars).
        base: base currency, where the source is known to be of that; else it is told by the symbol.
        quote: quote currency, the same.
    """

    symbol: str | None = None
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    min_quantity: Decimal | None = None
    blind_after_ns: int | None = None
    overwrite: bool = False
    base: str | None = None
    quote: str | None = None
    timezone: str | None = None
    funding: Path | None = None

    def as_strings(self) -> dict[str, str]:
        """The options that were given, for the provenance."""
        given = {
            "symbol": self.symbol,
            "tick_size": self.tick_size,
            "lot_size": self.lot_size,
            "min_quantity": self.min_quantity,
            "blind_after_ns": self.blind_after_ns,
            "timezone": self.timezone,
            "funding": None if self.funding is None else self.funding.name,
        }
        return {name: str(value) for name, value in given.items() if value is not None}


class Importer(Protocol):
    """A source that has been looked at and can be written out."""

    version: int
    """Raised whenever the same source would give other rows."""
    depth: DepthGrade
    trade_side: SideGrade
    clock: str

    @property
    def files(self) -> list[Path]:
        """Every source file, in the order in which they are read."""
        ...

    @property
    def instrument(self) -> Instrument: ...

    def write(self, writer: RecordingWriter, progress: Progress) -> None:
        """Write the whole source, reading it as a stream.

        Raises:
            RecordingError: the source is truncated, foreign or contradicts itself.
        """
        ...


@dataclass(frozen=True, slots=True)
class KnownInstrument:
    """Steps of an instrument that a source does not state."""

    base: str
    quote: str
    tick_size: str
    lot_size: str
    min_quantity: str


def make_instrument(symbol: str, known: KnownInstrument | None, options: ImportOptions) -> Instrument:
    """The instrument of an import: what is known of it, overridden by what the user said.

    Raises:
        InvalidSettingError: a step is missing or impossible.
    """
    tick_size, lot_size = options.tick_size, options.lot_size
    if known is not None:
        tick_size = Decimal(known.tick_size) if tick_size is None else tick_size
        lot_size = Decimal(known.lot_size) if lot_size is None else lot_size
    if tick_size is None or lot_size is None:
        raise InvalidSettingError(
            f"the tick size and lot size of {symbol} are not known here: give --tick-size and --lot-size"
        )
    min_quantity = options.min_quantity
    if min_quantity is None:
        min_quantity = Decimal(known.min_quantity) if known and options.lot_size is None else lot_size
    base, quote = (known.base, known.quote) if known else _split(symbol)
    try:
        return Instrument(symbol, options.base or base, options.quote or quote, tick_size, lot_size, min_quantity)
    except (ValueError, ArithmeticError) as error:
        raise InvalidSettingError(f"{error}: give another --tick-size, --lot-size or --min-quantity") from None


def _split(symbol: str) -> tuple[str, str]:
    for quote in ("USDT", "USDC", "FDUSD", "USD", "BTC", "EUR"):
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol.removesuffix(quote).rstrip("-_"), quote
    return symbol, "USD"


def source_files(sources: Iterable[Path], pattern: str, importer: str) -> list[Path]:
    """The files to import: those named, and those in a folder named that match ``pattern``.

    Raises:
        RecordingError: a source does not exist, or there is nothing to import.
    """
    files: list[Path] = []
    for source in sources:
        if source.is_dir():
            files.extend(sorted(source.glob(pattern)))
        elif source.is_file():
            files.append(source)
        else:
            raise RecordingError(f"{source} does not exist: give a folder or files of {importer} data")
    if not files:
        where = ", ".join(str(source) for source in sources)
        raise RecordingError(f"there is nothing to import in {where}: {importer} data is in files named {pattern}")
    return list(dict.fromkeys(files))


def named(files: list[Path], prefix: str, importer: str) -> list[Path]:
    """Those of the files whose name begins with ``prefix``.

    Raises:
        RecordingError: there is none.
    """
    found = [file for file in files if file.name.startswith(prefix)]
    if not found:
        raise RecordingError(
            f"there is nothing to import: among the {len(files)} files given none is named {prefix}*.parquet, "
            f"as {importer} data is"
        )
    return found
