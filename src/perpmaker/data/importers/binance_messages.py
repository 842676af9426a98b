"""The lines of a Binance recording: a receive stamp, a space, and the JSON as the exchange sent it.

Prices and sizes stay strings here, so that they can be scaled exactly. Stamps are of 13 (ms), 16 (us) or 19 (ns)
digits, told by their size.
"""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from perpmaker.data.importers.plan import Progress
from perpmaker.domain.errors import RecordingError

_PROGRESS_LINES: Final = 2_048
_LEVELS = list[tuple[str, str]]


class Snapshot(msgspec.Struct):
    """The answer of the REST depth endpoint."""

    last_id: int = msgspec.field(name="lastUpdateId")
    bids: _LEVELS
    asks: _LEVELS
    transaction_ms: int = msgspec.field(name="T", default=0)


class Data(msgspec.Struct):
    """The payload of a stream, as far as it is used; ``b`` and ``a`` are lists of levels in a depthUpdate only."""

    symbol: str = msgspec.field(name="s")
    event: str = msgspec.field(name="e", default="bookTicker")
    event_ms: int = msgspec.field(name="E", default=0)
    transaction_ms: int = msgspec.field(name="T", default=0)
    first_id: int = msgspec.field(name="U", default=0)
    last_id: int = msgspec.field(name="u", default=0)
    previous_id: int | None = msgspec.field(name="pu", default=None)
    bids: _LEVELS | str = msgspec.field(name="b", default="")
    asks: _LEVELS | str = msgspec.field(name="a", default="")
    price: str = msgspec.field(name="p", default="")
    quantity: str = msgspec.field(name="q", default="")
    trade_id: int = msgspec.field(name="t", default=0)
    trade_type: str = msgspec.field(name="X", default="MARKET")
    buyer_is_maker: bool = msgspec.field(name="m", default=False)
    funding_rate: str = msgspec.field(name="r", default="")


class _Envelope(msgspec.Struct):
    data: Data


class Line(NamedTuple):
    """One line; ``number`` counts from 1."""

    number: int
    ts_ns: int
    message: Snapshot | Data


class FileKind(NamedTuple):
    """What the beginning of a file says of all of it."""

    first_ns: int
    symbol: str
    futures: bool


def read_lines(file: Path, progress: Progress | None = None) -> Iterator[Line]:
    """The lines of a gzip file, one at a time.

    Raises:
        RecordingError: the file is truncated, is not gzip, or a line is not what it should be.
    """
    decode_data = msgspec.json.Decoder(_Envelope).decode
    decode_snapshot = msgspec.json.Decoder(Snapshot).decode
    number = 0
    try:
        with file.open("rb") as raw, gzip.open(raw) as lines:
            for number, line in enumerate(lines, 1):
                stamp, _, text = line.partition(b" ")
                if text.startswith(b'{"lastUpdateId"'):
                    yield Line(number, _to_ns(stamp), decode_snapshot(text))
                else:
                    yield Line(number, _to_ns(stamp), decode_data(text).data)
                if progress is not None and number % _PROGRESS_LINES == 0:
                    progress(raw.tell())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RecordingError(
            f"{file} is truncated or is not gzip, after line {number} ({error}): fetch the file again"
        ) from None
    except (msgspec.DecodeError, ValueError) as error:
        raise RecordingError(f"{file}, line {number} is not a message of Binance's ({error})") from None
    except OSError as error:
        raise RecordingError(f"{file} cannot be read: {error.strerror}") from None


def _to_ns(stamp: bytes) -> int:
    scale = {13: 1_000_000, 16: 1_000, 19: 1}.get(len(stamp))
    if scale is None:
        raise ValueError(f"the receive stamp {stamp[:24].decode(errors='replace')!r} has no 13, 16 or 19 digits")
    return int(stamp) * scale


def look_at(file: Path) -> FileKind:
    """Symbol and market of a file, from its lines up to the first depth update.

    Raises:
        RecordingError: the file cannot be read, or holds no depth update.
    """
    first_ns = 0
    for line in read_lines(file):
        first_ns = first_ns or line.ts_ns
        if isinstance(line.message, Data) and line.message.event == "depthUpdate":
            return FileKind(first_ns, line.message.symbol, line.message.previous_id is not None)
    raise RecordingError(f"{file} holds no depth update of Binance's: leave it out")
