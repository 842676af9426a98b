"""What a venue is to this program: a source of market data, and an account on one market of it.

Rules kept here:

1. Everything crosses in the domain's integers: prices in ticks, sizes in lots, times in ns since 1970 UTC. A venue
   parses once, strictly; what it cannot read is an error, never a guess.
2. A question either answers or raises `perpmaker.venues.errors.VenueError`. A failed query is never "flat", "no
   orders" or "no fills".
3. A request (place, cancel) does not raise for what the venue may have done: it answers `Unknown`.
4. Our orders are known by ``order_id`` (the maker's). A venue writes it into its client id together with the tag of the
   run and reads it back; an order with another client id is foreign and is never touched.
5. The stream may tell late, twice and out of order; it may stop telling. It says so (`GapStarted`) as soon as it knows.

`MarketSource` has no way to send an order: paper trading is built on it, so it cannot reach an order endpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import NamedTuple, Protocol

from perpmaker.domain.commands import Place
from perpmaker.domain.events import (
    BookUpdated,
    Filled,
    FundingPaid,
    GapEnded,
    GapStarted,
    MarkUpdated,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    TradeSeen,
)
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import CancelReason, RejectReason, Side
from perpmaker.simulation.player import FeedRow
from perpmaker.venues.errors import Reaction

MarketEvent = BookUpdated | TradeSeen | MarkUpdated | GapStarted | GapEnded
OwnEvent = OrderAccepted | OrderRejected | OrderCanceled | Filled | FundingPaid


Row = FeedRow
"""One change of the market in the vocabulary of `perpmaker.simulation.market_events`, without MORE."""


class MarketListener(Protocol):
    """Hears the market, in order of arrival."""

    def on_market(self, event: MarketEvent | None, rows: Sequence[Row], received_ns: int, venue_ns: int) -> None:
        """One atomic message: what of it matters to the maker (None: only deeper levels), and all that it changed.

        ``received_ns`` is our clock and never decreases, ``venue_ns`` the venue's stamp. Every message counts as proof
        that the stream is alive.
        """
        ...


class AccountListener(Protocol):
    """Hears what becomes of the account, in order of arrival."""

    def on_own(self, event: OwnEvent) -> None:
        """News of an order of this run, or of our money."""
        ...

    def on_foreign_order(self, client_id: str | None, *, is_open: bool) -> None:
        """Somebody else's order on this account and market was opened or has ended."""
        ...

    def on_position(self, lots: int, venue_ns: int) -> None:
        """The venue has told the position without being asked."""
        ...

    def on_account_stream(self, *, is_up: bool) -> None:
        """The private stream was lost, or is back: what happened in between must be asked for."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTerms:
    """What a venue says of a market.

    ``initial_margin_ppb`` and ``maintenance_margin_ppb`` are fractions of the position's value in parts per billion;
    ``max_lots`` bounds one order, None where the venue sets no bound. ``is_tradable`` is False while it is paused, in
    maintenance or delisted; ``status`` is then the venue's own word.
    """

    instrument: Instrument
    max_lots: int | None
    initial_margin_ppb: int
    maintenance_margin_ppb: int
    is_tradable: bool
    status: str


class ClockReading(NamedTuple):
    """The venue's clock, and our own before and after asking for it."""

    venue_ns: int
    sent_ns: int
    received_ns: int

    @property
    def offset_ns(self) -> int:
        """What must be added to our clock to get the venue's, to half of the round trip."""
        return self.venue_ns - (self.sent_ns + self.received_ns) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """The account as a whole, in quote currency and plain fractions (0.0002 is 2 bp).

    ``equity`` is collateral and unrealized profit together; ``balance`` is the cash of it.
    """

    equity: Decimal
    balance: Decimal
    free_margin: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    leverage: Decimal
    can_trade: bool


class VenuePosition(NamedTuple):
    """The position by the venue's count; flat is lots 0. The entry price is the venue's average, quote per base."""

    lots: int
    entry_price: Decimal
    mark_milliticks: int | None


class OrderState(Enum):
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"


class VenueOrder(NamedTuple):
    """An order as the venue holds it. ``order_id`` is ours with this run's ``tag``; both None for a foreign order.

    ``order_id`` with another tag belongs to another run of this program on this account.
    """

    venue_id: str
    tag: int | None
    order_id: int | None
    client_id: str | None
    side: Side
    price_ticks: int
    lots: int
    filled_lots: int
    state: OrderState
    cancel_reason: CancelReason
    reduce_only: bool
    venue_ns: int


class VenueFill(NamedTuple):
    """An execution on this account and market; foreign ones have no ``order_id`` (see `VenueOrder`)."""

    tag: int | None
    venue_order_id: str
    fill: Filled
    """``fill.order_id`` is 0 for a foreign execution."""


class VenueFunding(NamedTuple):
    """One funding payment; ``payment_id`` is unique per venue and market."""

    payment_id: str
    payment: FundingPaid


class Accepted(NamedTuple):
    """The venue has the order; fills and a cancellation may be told by the stream."""

    order_id: int
    venue_ns: int


class Refused(NamedTuple):
    """Proof that the order does not exist at the venue. ``detail`` is the venue's own sentence, without secrets.

    ``reaction`` is `Reaction.STOP` where every further order would be refused until a person has mended something.
    """

    order_id: int
    reason: RejectReason
    detail: str
    reaction: Reaction = Reaction.REFUSE


class Canceled(NamedTuple):
    """Proof that the order is dead."""

    order_id: int
    venue_ns: int
    filled_lots: int


class NotOpen(NamedTuple):
    """The venue does not hold the order open: filled, gone, or not there yet."""

    order_id: int


class Unknown(NamedTuple):
    """No proof either way. ``detail`` says what happened to the request; ``reaction`` is as for `Refused`."""

    order_id: int
    detail: str
    reaction: Reaction = Reaction.UNKNOWN


PlaceResult = Accepted | Refused | Unknown
CancelResult = Canceled | NotOpen | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFacts:
    """What a driver must know of a venue to use it well.

    ``request_life_ns``: a request that has not taken effect this long after it was signed never will (its signature
    has expired), so an order unknown to the venue from then on does not exist. None: the venue gives no bound, and the
    driver waits out one of its own (`perpmaker.runtime.live.resolver.UNBOUNDED_LIFE_NS`).
    ``signs_at_once``: a request is signed the moment it is asked for, before anything is waited for, so that its life
    counts from there; otherwise from when it was given up.
    ``requests_per_minute``: the venue's limit for one account.
    ``max_tag`` and ``max_order_id``: what fits into a client id, both from 1.
    ``account``: a name of the account that is no secret (a digest of the public key), the same in every run.
    """

    name: str
    account: str
    can_place_batch: bool
    can_cancel_all: bool
    request_life_ns: int | None
    requests_per_minute: int
    max_tag: int
    max_order_id: int
    signs_at_once: bool = False


class MarketSource(Protocol):
    """Market data of one market; it has no way to send an order."""

    @property
    def name(self) -> str: ...

    async def market(self) -> MarketTerms:
        """Look the market up. Raises `VenueError`; `perpmaker.domain.errors.UnknownNameError` if there is none."""
        ...

    async def clock(self) -> ClockReading:
        """Ask for the venue's time; from then on requests are stamped with the venue's clock. Raises `VenueError`."""
        ...

    async def mark(self) -> int:
        """The mark price of now, milliticks; the streams need not be open. Raises `VenueError`."""
        ...

    async def open(self, listener: MarketListener) -> None:
        """Start the public stream, and keep it alive until `close`. Returns when the first book has been told.

        Raises:
            VenueError: it could not be opened at all. Later interruptions are told as gaps.
        """
        ...

    async def resnapshot(self) -> None:
        """Take the whole book anew (the supervisor doubts it). Raises `VenueError`.

        If it was right, `on_market` is called without rows, which counts as a sign of life; if it was wrong, a gap is
        told, and then the new book.
        """
        ...

    async def restart(self) -> None:
        """Drop every stream, private ones too, and open it again: it is silent, or contradicts what is known.

        Returns at once; what is lost and what is back is told as always.
        """
        ...

    async def close(self) -> None: ...


class Venue(MarketSource, Protocol):
    """One account on one market. All questions raise `VenueError` when they have no answer."""

    @property
    def facts(self) -> VenueFacts: ...

    async def open_account(self, listener: AccountListener) -> None:
        """Start the private stream, and keep it alive until `close`. Raises `VenueError` as `open` does."""
        ...

    def begin_run(self, tag: int) -> None:
        """Orders placed from now on carry this tag, and `order` and `cancel` mean orders that carry it."""
        ...

    async def account(self) -> AccountState: ...

    async def position(self) -> VenuePosition: ...

    async def open_orders(self) -> list[VenueOrder]:
        """Every order that rests on this market, foreign ones included. Paged to the end."""
        ...

    async def order(self, order_id: int) -> VenueOrder | None:
        """What became of an order of this run; None when the venue knows of no such order, open or ended."""
        ...

    async def fills(self, since_ns: int) -> list[VenueFill]:
        """Every execution on this market from ``since_ns`` on, oldest first, foreign ones included, all pages."""
        ...

    async def funding(self, since_ns: int) -> list[VenueFunding]:
        """Funding payments on this market from ``since_ns`` on, oldest first."""
        ...

    async def place(self, orders: Sequence[Place]) -> list[PlaceResult]:
        """Send orders in one request where the venue can; one result per order, in order. Never raises `VenueError`."""
        ...

    async def cancel(self, order_id: int) -> CancelResult:
        """Cancel one order of this run. Never raises `VenueError`."""
        ...

    async def cancel_venue_order(self, venue_id: str) -> bool:
        """Cancel an order by the venue's id (another run's, found at start). True: it is dead. Raises `VenueError`."""
        ...

    async def cancel_all(self) -> bool:
        """Cancel every order of the market, foreign ones too: only for who knows there are none. Raises `VenueError`.

        True: the venue has confirmed that none rests. What was cancelled is told by the stream.
        """
        ...
