"""The names of the websocket streams, and the frames that ask for them.

Rules kept here:

1. A name is read whole or not at all: an unknown stream, period, interval or symbol is an error, never ignored.
2. Everything that begins with ``account.`` is private and needs a signature for the instruction ``subscribe``.
3. Errors have the shape that the real exchange answers with: ``{"id": ..., "error": {"code": ..., "message": ...}}``.
   Of the codes only 4006 is known from it; the others are ours, in the same range.

Source: the tag ``Streams`` of the exchange's OpenAPI document.
"""

from collections.abc import Container
from enum import Enum
from typing import Final, Literal, NamedTuple

import msgspec

DEPTH_PERIODS_MS: Final = {"200ms": 200, "600ms": 600, "1000ms": 1000}
"""The aggregated depth streams; ``depth.<symbol>`` alone is real time."""


class StreamKind(Enum):
    BOOK_TICKER = "bookTicker"
    DEPTH = "depth"
    TRADE = "trade"
    TICKER = "ticker"
    KLINE = "kline"
    MARK_PRICE = "markPrice"
    OPEN_INTEREST = "openInterest"
    LIQUIDATION = "liquidation"
    ORDER_UPDATE = "account.orderUpdate"
    POSITION_UPDATE = "account.positionUpdate"

    @property
    def is_private(self) -> bool:
        return self.value.startswith("account.")


class Stream(NamedTuple):
    """One stream: ``detail`` is the period of an aggregated depth or the interval of a k-line, else empty."""

    name: str
    kind: StreamKind
    symbol: str | None
    detail: str = ""


class StreamError(Exception):
    """What a frame is answered with instead of data."""

    def __init__(self, code: int, message: str, frame_id: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.frame_id = frame_id

    def frame(self) -> bytes:
        return msgspec.json.encode({"id": self.frame_id, "error": {"code": self.code, "message": str(self)}})


INVALID_FRAME: Final = 4001
INVALID_SIGNATURE: Final = 4002
INVALID_STREAM: Final = 4006
TOO_MANY_STREAMS: Final = 4008


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A text frame of a client."""

    method: Literal["SUBSCRIBE", "UNSUBSCRIBE"]
    params: list[str]
    signature: list[str | int] | None = None
    id: int | None = None


def read_frame(text: str | bytes) -> Request:
    """Raises `StreamError` with `INVALID_FRAME`."""
    try:
        request = _DECODER.decode(text)
    except msgspec.MsgspecError as error:
        raise StreamError(INVALID_FRAME, f"Invalid request: {error}") from None
    if not request.params:
        raise StreamError(INVALID_FRAME, "Invalid request: params is empty", request.id)
    return request


def read_stream(name: str, symbols: Container[str], intervals: frozenset[str]) -> Stream:
    """What a name stands for.

    Raises:
        StreamError: there is no such stream, or no such market (`INVALID_STREAM`).
    """
    stream = _read(name, intervals)
    if stream is None or (stream.symbol is not None and stream.symbol not in symbols):
        raise StreamError(INVALID_STREAM, "Invalid stream")
    return stream


def _read(name: str, intervals: frozenset[str]) -> Stream | None:
    parts = name.split(".")
    match parts:
        case ["liquidation"]:
            return Stream(name, StreamKind.LIQUIDATION, None)
        case ["account", "orderUpdate" | "positionUpdate" as what, *rest] if len(rest) < 2:
            return Stream(name, StreamKind(f"account.{what}"), rest[0] if rest else None)
        case ["kline", interval, symbol] if interval in intervals:
            return Stream(name, StreamKind.KLINE, symbol, interval)
        case ["depth", period, symbol] if period in DEPTH_PERIODS_MS:
            return Stream(name, StreamKind.DEPTH, symbol, period)
        case [kind, symbol] if kind in _PLAIN:
            return Stream(name, _PLAIN[kind], symbol)
    return None


_DECODER = msgspec.json.Decoder(Request)
_PLAIN: Final = {
    kind.value: kind
    for kind in (
        StreamKind.BOOK_TICKER,
        StreamKind.DEPTH,
        StreamKind.TRADE,
        StreamKind.TICKER,
        StreamKind.MARK_PRICE,
        StreamKind.OPEN_INTEREST,
    )
}
