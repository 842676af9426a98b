"""Paper trading: real market data in, the simulated exchange for fills. Looks like any venue, and risks nothing.

Rules kept here:

1. All that reaches the outside is a `MarketSource`, and that cannot send an order.
2. Every message of the source happens at the exchange when it was received. A request reaches the exchange one order
   latency after it was sent, its answer comes one later; so does every answer to a question, and it shows the exchange
   as it was one latency before (`paper_books`).
3. At equal times the market is told before what it did to our orders.
4. A gap of the source is a gap of the exchange: our orders die, and what is on its way in is refused
   (`perpmaker.simulation.kernel_fill`). A restart makes one, too.
5. There is nobody else on the account; orders of another run of ours are told as foreign ones.
6. What we take from the book comes back with the next message that states the level: the market does not know us.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from perpmaker.domain.commands import Place
from perpmaker.domain.events import Event, Filled, FundingPaid, OrderAccepted, OrderCanceled, OrderRejected
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import rate_to_ppb
from perpmaker.simulation.terms import ExchangeTerms, QueueModel
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.paper_books import PaperBooks, PaperOrder
from perpmaker.venues.paper_exchange import PaperExchange
from perpmaker.venues.port import (
    AccountListener,
    AccountState,
    CancelResult,
    ClockReading,
    MarketEvent,
    MarketListener,
    MarketSource,
    MarketTerms,
    OrderState,
    PlaceResult,
    Row,
    Unknown,
    VenueFacts,
    VenueFill,
    VenueFunding,
    VenueOrder,
    VenuePosition,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTerms:
    """What the paper account is: money in quote currency, fees as plain fractions, latency one way."""

    balance: Decimal
    leverage: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    order_latency_ns: int
    queue_model: QueueModel = QueueModel.RISK_AVERSE
    power_exponent: float = 3.0

    def exchange_terms(self, instrument: Instrument) -> ExchangeTerms:
        """The same in the exchange's units. Raises `InvalidSettingError` where a value is out of its range."""
        return ExchangeTerms(
            maker_fee_ppb=rate_to_ppb(self.maker_fee),
            taker_fee_ppb=rate_to_ppb(self.taker_fee),
            balance_quanta=instrument.money_to_quanta(self.balance),
            leverage=self.leverage,
            order_latency_ns=self.order_latency_ns,
            queue_model=self.queue_model,
            power_exponent=self.power_exponent,
        )


class PaperVenue:
    """`perpmaker.venues.port.Venue` on a market source.

    Args:
        source: where the market data comes from.
        terms: the account.
        clock: our clock, the one that the source stamps with.
    """

    def __init__(self, source: MarketSource, terms: PaperTerms, clock: Clock) -> None:
        self._source = source
        self._paper_terms = terms
        self._clock = clock
        self._tag = 1
        self._exchange: PaperExchange | None = None
        self._market_listener: MarketListener | None = None
        self._account_listener: AccountListener | None = None

    @property
    def name(self) -> str:
        return f"{self._source.name}-paper"

    @property
    def facts(self) -> VenueFacts:
        return VenueFacts(
            name=self.name,
            account="paper",
            can_place_batch=True,
            can_cancel_all=True,
            request_life_ns=max(1, self._paper_terms.order_latency_ns),
            requests_per_minute=1_000_000,
            max_tag=2**31 - 1,
            max_order_id=2**62,
        )

    # --- the market: the source's, and the exchange listens ---

    async def market(self) -> MarketTerms:
        """The source's terms, with the margin that the paper account asks for."""
        found = await self._source.market()
        terms = self._paper_terms.exchange_terms(found.instrument)
        if self._exchange is None:
            self._exchange = PaperExchange(found.instrument, terms, self._clock, self._tell)
        return replace(found, initial_margin_ppb=terms.initial_margin_ppb)

    async def clock(self) -> ClockReading:
        return await self._source.clock()

    async def mark(self) -> int:
        return await self._source.mark()

    async def open(self, listener: MarketListener) -> None:
        await self._desk()
        self._market_listener = listener
        await self._source.open(self)

    async def resnapshot(self) -> None:
        await self._source.resnapshot()

    async def restart(self) -> None:
        if self._account_listener is not None:
            self._account_listener.on_account_stream(is_up=False)
        await self._source.restart()
        if self._account_listener is not None:
            self._account_listener.on_account_stream(is_up=True)

    async def close(self) -> None:
        """Requests that are on their way stay unanswered (`Unknown`)."""
        await self._source.close()
        self._market_listener = None
        self._account_listener = None
        if self._exchange is not None:
            self._exchange.close()

    def on_market(self, event: MarketEvent | None, rows: Sequence[Row], received_ns: int, venue_ns: int) -> None:
        """The source tells: it happens at the exchange, and is passed on."""
        exchange = self._exchange
        told = [] if exchange is None else exchange.happen(event, rows, received_ns)
        if self._market_listener is not None:
            self._market_listener.on_market(event, rows, received_ns, venue_ns)
        if exchange is not None:
            exchange.tell(told)

    # --- the account ---

    async def open_account(self, listener: AccountListener) -> None:
        self._account_listener = listener

    def begin_run(self, tag: int) -> None:
        self._tag = tag

    async def account(self) -> AccountState:
        return (await self._ask()).account()

    async def position(self) -> VenuePosition:
        return (await self._ask()).position()

    async def open_orders(self) -> list[VenueOrder]:
        return (await self._ask()).open_orders()

    async def order(self, order_id: int) -> VenueOrder | None:
        tag = self._tag
        books = await self._ask()
        order = books.find(tag, order_id)
        return None if order is None else books.order(order)

    async def fills(self, since_ns: int) -> list[VenueFill]:
        return (await self._ask()).fills(since_ns)

    async def funding(self, since_ns: int) -> list[VenueFunding]:
        return (await self._ask()).funding(since_ns)

    async def place(self, orders: Sequence[Place]) -> list[PlaceResult]:
        answers = (await self._desk()).place(orders, self._tag)
        results = await asyncio.gather(*answers)
        return [result._replace(order_id=order.order_id) for result, order in zip(results, orders, strict=True)]

    async def cancel(self, order_id: int) -> CancelResult:
        exchange = await self._desk()
        result = await exchange.cancel(exchange.books.find(self._tag, order_id))
        return result._replace(order_id=order_id)

    async def cancel_venue_order(self, venue_id: str) -> bool:
        exchange = await self._desk()
        result = await exchange.cancel(exchange.books.by_number(int(venue_id)) if venue_id.isdecimal() else None)
        if isinstance(result, Unknown):
            raise VenueError(f"{self.name}: {result.detail}", Reaction.UNKNOWN)
        return True

    async def cancel_all(self) -> bool:
        exchange = await self._desk()
        exchange.catch_up()
        working = exchange.books.in_force()
        if not working:
            return not (await self._ask()).open_orders()
        await asyncio.gather(*[exchange.cancel(order) for order in working])
        return not exchange.books.open_orders()

    def queue_ahead(self, order_id: int) -> int | None:
        """Estimated lots ahead of a resting order of this run; None when it does not rest. Answers at once."""
        exchange = self._exchange
        order = None if exchange is None else exchange.books.find(self._tag, order_id)
        return None if exchange is None or order is None else exchange.queue_ahead(order)

    # --- how it works ---

    async def _desk(self) -> PaperExchange:
        if self._exchange is None:
            await self.market()
        assert self._exchange is not None
        return self._exchange

    async def _ask(self) -> PaperBooks:
        """The books when the answer to a question arrives."""
        exchange = await self._desk()
        await asyncio.sleep(2 * self._paper_terms.order_latency_ns / 1e9)
        exchange.catch_up()
        return exchange.books

    def _tell(self, order: PaperOrder | None, event: Event) -> None:
        """What the private stream says: refusals are told by the answer alone."""
        listener = self._account_listener
        if listener is None:
            return
        if order is None:
            if isinstance(event, FundingPaid) and event.amount_quanta:
                listener.on_own(event)
            return
        if order.tag != self._tag:
            if not isinstance(event, OrderRejected):
                listener.on_foreign_order(order.client_id, is_open=order.state is OrderState.OPEN)
        elif isinstance(event, OrderAccepted | OrderCanceled | Filled):
            listener.on_own(event._replace(order_id=order.place.order_id))
        if isinstance(event, Filled) and self._exchange is not None:
            listener.on_position(self._exchange.books.position_lots, event.venue_ns)
