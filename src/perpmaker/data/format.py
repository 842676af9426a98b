"""What a recording is on disk: one folder, of two things.

1. ``events.parquet`` (or several ``events-*.parquet``, read in the order of their names): one row per change, in the
   columns of `SCHEMA`. ``kind``, ``price`` and ``lots`` are those of `perpmaker.simulation.market_events`;
   ``ts_ns`` is when the recorder received the row and never decreases; ``venue_ns`` is the exchange's own stamp as it
   was recorded (another clock: it may run ahead, lag, or step back).
2. ``recording.json``, a `RecordingInfo`: the instrument, where the data came from, what was counted, what was dropped
   and why, and every gap. It is written last, so a folder without it is not a recording. Where it lists ``parts``, the
   recording consists of those files and of no others: a live recording is whole at every moment (`parts_writer`).

The same sources and options give the same bytes: nothing here depends on when or where the import ran.
"""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import pyarrow as pa

from perpmaker.domain.errors import RecordingError
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation import market_events as me

FORMAT_NAME: Final = "perpmaker-recording"
FORMAT_VERSION: Final = 1

INFO_FILE: Final = "recording.json"
EVENTS_FILE: Final = "events.parquet"
EVENTS_PATTERNS: Final = ("events.parquet", "events-*.parquet")

CHUNK_ROWS: Final = 262_144
"""Rows of one row group and of one chunk: 6.5 MB in memory."""

SCHEMA: Final = pa.schema(
    [
        pa.field("ts_ns", pa.int64(), nullable=False),
        pa.field("venue_ns", pa.int64(), nullable=False),
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("price", pa.int64(), nullable=False),
        pa.field("lots", pa.int64(), nullable=False),
    ]
)

COLUMN_OPTIONS: Final[dict[str, Any]] = {
    "compression": "zstd",
    "use_dictionary": ["price", "lots"],
    "column_encoding": {"ts_ns": "DELTA_BINARY_PACKED", "venue_ns": "DELTA_BINARY_PACKED"},
}
"""How the columns are written."""

KIND_NAMES: Final[dict[int, str]] = {
    me.BID: "bid",
    me.ASK: "ask",
    me.CLEAR_BIDS: "clear_bids",
    me.CLEAR_ASKS: "clear_asks",
    me.BEST_BID: "best_bid",
    me.BEST_ASK: "best_ask",
    me.BUY_TRADE: "buy_trade",
    me.SELL_TRADE: "sell_trade",
    me.MARK: "mark",
    me.FUNDING: "funding",
    me.GAP_START: "gap_start",
    me.GAP_END: "gap_end",
    me.BAR_OPEN: "bar_open",
    me.BAR_HIGH: "bar_high",
    me.BAR_LOW: "bar_low",
    me.BAR_CLOSE: "bar_close",
    me.BAR_STEP: "bar_step",
    me.DEPTH: "depth",
}

DepthGrade = Literal["every-change", "snapshots", "best", "none", "bars"]
"""How well the book is known: every change of every level, the top levels now and then, the best bid and offer alone,
not at all (trades alone), or not even the trades (bars)."""

SideGrade = Literal["recorded", "inferred"]
"""Whether the aggressor of a trade was recorded, or inferred from the quote before it."""


class InstrumentInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An `Instrument`, its decimals as strings so that nothing is lost."""

    symbol: str
    base: str
    quote: str
    tick_size: str
    lot_size: str
    min_quantity: str

    @classmethod
    def of(cls, instrument: Instrument) -> "InstrumentInfo":
        return cls(
            symbol=instrument.symbol,
            base=instrument.base,
            quote=instrument.quote,
            tick_size=str(instrument.tick_size),
            lot_size=str(instrument.lot_size),
            min_quantity=str(instrument.min_quantity),
        )

    def to_instrument(self) -> Instrument:
        """Raises ValueError or ArithmeticError where a step is not a positive number."""
        return Instrument(
            symbol=self.symbol,
            base=self.base,
            quote=self.quote,
            tick_size=Decimal(self.tick_size),
            lot_size=Decimal(self.lot_size),
            min_quantity=Decimal(self.min_quantity),
        )


class SourceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that the recording was made from."""

    name: str
    size: int
    sha256: str


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the data came from and how it was turned into a recording."""

    importer: str
    importer_version: int
    program: str
    options: dict[str, str]
    sources: list[SourceFile]
    depth: DepthGrade
    trade_side: SideGrade
    clock: str
    """What the receive stamps were, in words, e.g. ``recorder clock, microseconds``."""


class Gap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stretch in which the recording is blind. ``end_ns`` is None when it never sees again."""

    start_ns: int
    end_ns: int | None
    reason: str


class RecordingInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The contents of ``recording.json``."""

    format: str
    version: int
    instrument: InstrumentInfo
    provenance: Provenance
    period: str
    """When the data is from: first and last receive time, UTC, to the second."""
    first_ns: int
    last_ns: int
    rows: int
    rows_by_kind: dict[str, int]
    dropped: dict[str, int]
    """What the source held and the recording does not: reason -> count."""
    notes: dict[str, int]
    """What was decided or repaired on the way: statement -> count."""
    gaps: list[Gap]
    parts: list[str] = []
    """Names of the events files, in order; empty: whatever events files there are, in the order of their names."""


def utc(at_ns: int) -> str:
    """A time as people read it, UTC, to the second."""
    return datetime.fromtimestamp(at_ns // 1_000_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


class _Header(msgspec.Struct):
    format: str
    version: int


def write_info(folder: Path, info: RecordingInfo) -> None:
    """Write or replace the description; whoever reads it meanwhile finds the old one or the new one."""
    partial = folder / f".{INFO_FILE}.partial"
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(info), indent=2) + b"\n")
    partial.replace(folder / INFO_FILE)


def read_info(folder: Path) -> RecordingInfo:
    """The description of the recording in ``folder``.

    Raises:
        RecordingError: it is missing, is not a recording's, or is of a version that this program does not know.
    """
    if not folder.is_dir():
        what = "is a file, not the folder of a recording" if folder.exists() else "does not exist"
        raise RecordingError(f"{folder} {what}: give the folder that `perpmaker data import` wrote")
    path = folder / INFO_FILE
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise RecordingError(
            f"{folder} holds no {INFO_FILE}, so it is not a recording: make one with `perpmaker data import`"
        ) from None
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from None
    try:
        header = msgspec.json.decode(raw, type=_Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path} is not the description of a recording ({error}): import it again") from None
    if header.format != FORMAT_NAME or header.version != FORMAT_VERSION:
        raise RecordingError(
            f"{path} is of format {header.format!r} version {header.version}, this program reads {FORMAT_NAME!r} "
            f"version {FORMAT_VERSION}: import the source again"
        )
    try:
        return msgspec.json.decode(raw, type=RecordingInfo)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path} is damaged ({error}): import it again") from None


def is_recording(folder: Path) -> bool:
    """Whether ``folder`` holds a recording, of any version."""
    try:
        header = msgspec.json.decode((folder / INFO_FILE).read_bytes(), type=_Header)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    return header.format == FORMAT_NAME
