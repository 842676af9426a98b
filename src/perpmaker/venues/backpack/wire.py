"""What Backpack sends, field by field: REST answers and stream messages, read once and strictly.

Rules kept here:

1. A field that is missing, of another type or of an unknown shape is an error (`msgspec.ValidationError`). Fields that
   nobody here uses are not looked at, so that the exchange may add some.
2. Decimals stay the text that they were; `perpmaker.venues.steps` makes whole ticks and lots of it. The few that the
   documents also show as bare numbers (those of a position update) are exact decimals.
3. Times are what the exchange sends: microseconds in streams, milliseconds or a date without zone (UTC) over REST.

Names on the wire are in the exchange's documents, tags Markets, Order, History and Streams.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct, field

Level = tuple[str, str]
"""Price and size."""


SideName = Literal["Bid", "Ask"]

StatusName = Literal["New", "PartiallyFilled", "Filled", "Cancelled", "Expired", "TriggerPending", "TriggerFailed"]


class StreamError(Struct, frozen=True):
    code: int = 0
    message: str = ""


class Envelope(Struct, frozen=True):
    """Every text frame: the name of a stream and its payload, or an error."""

    stream: str = ""
    data: Raw = Raw()
    error: StreamError | None = None


class DepthUpdate(Struct, frozen=True, gc=False):
    """Absolute sizes of the levels that changed; ``first_id`` to ``last_id`` are the updates that are in it."""

    symbol: str = field(name="s")
    asks: list[Level] = field(name="a")
    bids: list[Level] = field(name="b")
    first_id: int = field(name="U")
    last_id: int = field(name="u")
    engine_us: int = field(name="T")


class PublicTrade(Struct, frozen=True, gc=False):
    symbol: str = field(name="s")
    price: str = field(name="p")
    quantity: str = field(name="q")
    trade_id: int = field(name="t")
    engine_us: int = field(name="T")
    is_buyer_maker: bool = field(name="m")


class MarkPrice(Struct, frozen=True, gc=False):
    symbol: str = field(name="s")
    price: str = field(name="p")
    engine_us: int = field(name="T")
    funding_rate: str | None = field(name="f", default=None)
    next_funding_ms: int | None = field(name="n", default=None)


class MarkOfMarket(Struct, frozen=True, gc=False, rename="camel"):
    """What REST says of the mark."""

    symbol: str
    mark_price: str


class OrderUpdate(Struct, frozen=True, gc=False):
    """``fill_*`` are there in fills only; ``filled`` is cumulative."""

    event: str = field(name="e")
    symbol: str = field(name="s")
    side: SideName = field(name="S")
    status: StatusName = field(name="X")
    order_id: str | int = field(name="i")
    engine_us: int = field(name="T")
    client_id: int | None = field(name="c", default=None)
    filled: str = field(name="z", default="0")
    expiry_reason: str | None = field(name="R", default=None)
    trade_id: int | None = field(name="t", default=None)
    fill_quantity: str | None = field(name="l", default=None)
    fill_price: str | None = field(name="L", default=None)
    is_maker: bool | None = field(name="m", default=None)
    fee: str | None = field(name="n", default=None)
    fee_symbol: str | None = field(name="N", default=None)


class PositionUpdate(Struct, frozen=True, gc=False):
    symbol: str = field(name="s")
    net_quantity: Decimal = field(name="q")
    engine_us: int = field(name="T")


class ApiErrorBody(Struct, frozen=True):
    code: str
    message: str


class Filter(Struct, frozen=True, rename="camel"):
    tick_size: str


class QuantityFilter(Struct, frozen=True, rename="camel"):
    min_quantity: str
    step_size: str
    max_quantity: str | None = None


class Filters(Struct, frozen=True):
    price: Filter
    quantity: QuantityFilter


class MarginFunction(Struct, frozen=True):
    base: str


class Market(Struct, frozen=True, rename="camel"):
    symbol: str
    base_symbol: str
    quote_symbol: str
    market_type: str
    filters: Filters
    order_book_state: str
    imf_function: MarginFunction | None = None
    mmf_function: MarginFunction | None = None


class MarketName(Struct, frozen=True, rename="camel"):
    symbol: str
    market_type: str


class Depth(Struct, frozen=True, rename="camel"):
    asks: list[Level]
    bids: list[Level]
    last_update_id: str
    timestamp: int  # microseconds


class OpenOrder(Struct, frozen=True, rename="camel"):
    """An order as the REST interface shows it while it rests, and in the answer to its cancellation."""

    id: str
    created_at: int  # milliseconds
    executed_quantity: str
    side: SideName
    status: StatusName
    symbol: str
    client_id: int | None = None
    quantity: str | None = None
    price: str | None = None
    reduce_only: bool | None = None


class BatchEntry(Struct, frozen=True, rename="camel"):
    """The answer for one order of a batch: ``Ok`` and an order, or ``Err`` and then ``code`` and ``message`` alone."""

    operation: Literal["Ok", "Err"]
    id: str | None = None
    client_id: int | None = None
    created_at: int | None = None
    status: StatusName | None = None
    code: str | None = None
    message: str | None = None


class PastOrder(Struct, frozen=True, rename="camel"):
    """An order in the history; ``created_at`` is a date without zone."""

    id: str
    created_at: str
    side: SideName
    status: StatusName
    symbol: str
    client_id: int | None = None
    executed_quantity: str | None = None
    expiry_reason: str | None = None
    quantity: str | None = None
    price: str | None = None


class PastFill(Struct, frozen=True, rename="camel"):
    fee: str
    fee_symbol: str
    is_maker: bool
    order_id: str
    price: str
    quantity: str
    side: SideName
    symbol: str
    timestamp: str
    trade_id: int | None = None
    client_id: str | int | None = None


class FundingPayment(Struct, frozen=True, rename="camel"):
    symbol: str
    quantity: str  # positive was received
    interval_end_timestamp: str
    subaccount_id: int | None = None


class Position(Struct, frozen=True, rename="camel"):
    symbol: str
    net_quantity: str
    entry_price: str
    mark_price: str


class Collateral(Struct, frozen=True, rename="camel"):
    net_equity: str
    net_equity_available: str
    pnl_unrealized: str


class Account(Struct, frozen=True, rename="camel"):
    futures_maker_fee: str  # basis points
    futures_taker_fee: str
    leverage_limit: str
    liquidating: bool


def reader(kind: Any) -> "msgspec.json.Decoder[Any]":
    """A decoder of one of the above; its ``decode`` raises `msgspec.DecodeError` for what is not one."""
    return msgspec.json.Decoder(kind)


def utc_ns(text: str) -> int:
    """A date without zone, which is UTC, as ns since 1970. Raises `ValueError` for what is none."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.fromisoformat(whole)
    if moment.tzinfo is not None or (fraction and not fraction.isdigit()) or len(fraction) > 9:
        raise ValueError(f"{text!r} is not a time without zone")
    return int(moment.replace(tzinfo=UTC).timestamp()) * 1_000_000_000 + int(fraction.ljust(9, "0"))


def decimal(text: str) -> Decimal:
    """An exact, finite number. Raises `ValueError` for anything else."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise ValueError(f"{text!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{text!r} is not a finite number")
    return number
