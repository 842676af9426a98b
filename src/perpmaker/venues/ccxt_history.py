"""What an account did on an exchange of ccxt: executions, funding, and what became of an order.

Rules kept here:

1. Executions are paged by time until a page brings nothing new. Exchanges cap a page and a span of time in silence, so
   a short page is only believed to be the last when it is far below every cap.
2. Whose an execution is follows from its own client id, from the orders that are known, or from a question for the
   order that it belongs to; an order that the exchange does not know is foreign.
3. An order is looked for among the open ones, then by the exchange's id, then in the lists of ended orders since the
   run began, as far as the exchange has them.
"""

from collections import OrderedDict
from typing import Any, Final

from perpmaker.venues.ccxt_errors import is_not_found
from perpmaker.venues.ccxt_exchange import asked, errors_of
from perpmaker.venues.ccxt_parse import Parser
from perpmaker.venues.ccxt_quirks import Quirks
from perpmaker.venues.client_ids import OwnId
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import VenueFill, VenueFunding, VenueOrder
from perpmaker.venues.venue_clock import VenueClock

PAGE: Final = 1_000

SHORT_PAGE: Final = 40
"""A page with fewer entries is the last one: no exchange caps a page below this."""

SPAN_MS: Final = 6 * 24 * 3_600 * 1_000
"""Exchanges answer for seven days from a time on, or for less: an empty page is passed over in steps of this."""

MOST_PAGES: Final = 500
MOST_KEPT: Final = 20_000

_MS: Final = 1_000_000
_ENDED_LISTS: Final = (
    ("fetchOrders", "fetch_orders"),
    ("fetchCanceledAndClosedOrders", "fetch_canceled_and_closed_orders"),
    ("fetchClosedOrders", "fetch_closed_orders"),
    ("fetchCanceledOrders", "fetch_canceled_orders"),
)
_CLIENT_KEYS: Final = frozenset(("clientId", "clOrdId", "orderLinkId", "cloid", "clientOrderId", "client_id"))


class KnownOrders:
    """Which of the exchange's ids are which of ours; the oldest are forgotten."""

    def __init__(self) -> None:
        self._own: OrderedDict[str, OwnId | None] = OrderedDict()
        self._venue_ids: OrderedDict[OwnId, str] = OrderedDict()

    def note(self, venue_id: str, own: OwnId | None) -> None:
        self._own[venue_id] = own
        if own is not None:
            self._venue_ids[own] = venue_id
        for kept in (self._own, self._venue_ids):
            if len(kept) > MOST_KEPT:
                kept.popitem(last=False)

    def note_order(self, order: VenueOrder) -> None:
        is_own = order.tag is not None and order.order_id is not None
        self.note(order.venue_id, OwnId(order.tag or 0, order.order_id or 0) if is_own else None)

    def knows(self, venue_id: str) -> bool:
        return venue_id in self._own

    def own(self, venue_id: str) -> OwnId | None:
        return self._own.get(venue_id)

    def venue_id(self, own: OwnId) -> str | None:
        return self._venue_ids.get(own)


class CcxtHistory:
    """Questions about the past of one account on one market.

    Args:
        exchange: a private object of ccxt.
        symbol: ccxt's symbol.
        parser: reads orders and trades.
        quirks: where the exchange differs.
        known: is told of every order that is seen.
        clock: the exchange's time and ours.
    """

    def __init__(
        self, exchange: Any, symbol: str, parser: Parser, quirks: Quirks, known: KnownOrders, clock: VenueClock
    ) -> None:
        self._exchange = exchange
        self._symbol = symbol
        self._parser = parser
        self._quirks = quirks
        self._known = known
        self._clock = clock

    async def open_orders(self) -> list[VenueOrder]:
        """Every open order of the market."""
        return self._orders(await asked(self._exchange, self._exchange.fetch_open_orders(self._symbol)))

    async def order(self, own: OwnId, since_ns: int) -> VenueOrder | None:
        """What became of an order; None when the exchange knows of none."""
        for order in await self.open_orders():
            if (order.tag, order.order_id) == own:
                return order
        venue_id = self._known.venue_id(own)
        if venue_id is not None and self._exchange.has.get("fetchOrder"):
            try:
                found = await asked(self._exchange, self._exchange.fetch_order(venue_id, self._symbol))
            except VenueError as error:
                if not is_not_found(error):
                    raise
            else:
                return self._orders([found])[0]
        return await self._ended(own, since_ns)

    async def fills(self, since_ns: int) -> list[VenueFill]:
        """Executions from ``since_ns`` (to the millisecond) on, oldest first."""
        exchange, since_ms = self._exchange, max(0, since_ns // _MS)
        found: dict[str, dict[str, Any]] = {}
        for _ in range(MOST_PAGES):
            parameters = dict(self._quirks.trades_parameters)
            page = await asked(exchange, exchange.fetch_my_trades(self._symbol, since_ms, PAGE, parameters))
            with errors_of(exchange):
                new = {str(trade["id"]): trade for trade in page if str(trade["id"]) not in found}
                newest_ms = max((int(trade["timestamp"]) for trade in page), default=since_ms)
            found |= new
            if not page and since_ms + SPAN_MS < self._clock.now_ns() // _MS:
                since_ms += SPAN_MS
            elif len(page) < SHORT_PAGE or not new:
                break
            elif newest_ms <= since_ms:
                raise VenueError(
                    f"{exchange.id} does not page its executions: ask for a shorter time", Reaction.REFUSE, "NoPages"
                )
            else:
                since_ms = newest_ms
        return await self._read_fills([trade for trade in found.values() if trade["timestamp"] >= since_ns // _MS])

    async def funding(self, since_ns: int) -> list[VenueFunding]:
        """Funding payments, oldest first; none are known where ccxt cannot ask for them."""
        exchange = self._exchange
        if not exchange.has.get("fetchFundingHistory"):
            raise VenueError(
                f"{exchange.id} has no history of funding in ccxt: it shows in the balance only",
                Reaction.REFUSE,
                "NotSupported",
            )
        page = await asked(exchange, exchange.fetch_funding_history(self._symbol, since_ns // _MS, PAGE))
        with errors_of(exchange):
            now_ns = self._clock.local_ns()
            read = [self._parser.funding(entry, now_ns) for entry in page]
        recent = [each for each in read if each.payment.venue_ns >= since_ns]
        return sorted(recent, key=lambda each: each.payment.venue_ns)

    async def _ended(self, own: OwnId, since_ns: int) -> VenueOrder | None:
        exchange = self._exchange
        for name, method in _ENDED_LISTS:
            if not exchange.has.get(name):
                continue
            page = await asked(exchange, getattr(exchange, method)(self._symbol, since_ns // _MS, PAGE))
            for order in self._orders(page):
                if (order.tag, order.order_id) == own:
                    return order
            if name != "fetchClosedOrders":
                return None  # that list was of all ended orders
        return None

    def _orders(self, orders: list[dict[str, Any]]) -> list[VenueOrder]:
        with errors_of(self._exchange):
            now_ns = self._clock.now_ns()
            read = [self._parser.order(order, now_ns) for order in orders]
        for order in read:
            self._known.note_order(order)
        return read

    async def _read_fills(self, trades: list[dict[str, Any]]) -> list[VenueFill]:
        read = []
        now_ns = self._clock.local_ns()
        for trade in trades:
            own = await self._own_of(trade)
            with errors_of(self._exchange):
                fill = self._parser.fill(trade, 0 if own is None else own.order_id, now_ns)
            read.append(VenueFill(None if own is None else own.tag, str(trade.get("order")), fill))
        return sorted(read, key=lambda each: (each.fill.venue_ns, each.fill.fill_id))

    async def _own_of(self, trade: dict[str, Any]) -> OwnId | None:
        own = self._parser.own_of_trade(trade)
        venue_id = trade.get("order")
        info = trade.get("info")
        says_itself = isinstance(info, dict) and not _CLIENT_KEYS.isdisjoint(info)
        if own is not None or says_itself or venue_id is None:
            return own
        if not self._known.knows(str(venue_id)) and self._exchange.has.get("fetchOrder"):
            try:
                self._orders([await asked(self._exchange, self._exchange.fetch_order(str(venue_id), self._symbol))])
            except VenueError as error:
                if not is_not_found(error):
                    raise
                self._known.note(str(venue_id), None)
        return self._known.own(str(venue_id))
