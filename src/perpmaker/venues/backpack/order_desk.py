"""Orders out, answers in: placing and cancelling on one market of Backpack.

Rules kept here:

1. New orders go in one request, whatever their number; each gets an answer of its own. An order is `Refused` only where
   the exchange said so, or where nothing was sent at all; whatever else goes wrong leaves it `Unknown`.
2. A cancellation is by client id. Only an answer that says so proves that an order is dead, or not open.
3. A request that was too late or too early by the exchange's clock is refused; the clock is then measured before that
   is told, so that the next request is right. Nothing is sent again.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from perpmaker.domain.commands import Place
from perpmaker.domain.orders import RejectReason
from perpmaker.venues.backpack import wire
from perpmaker.venues.backpack.errors import EXPIRED, NOT_FOUND, api_error, reject_reason, told_error, unreadable
from perpmaker.venues.backpack.http import Answer
from perpmaker.venues.backpack.order_requests import batch
from perpmaker.venues.backpack.own_news import STATES, OwnNews
from perpmaker.venues.backpack.private_http import Change, PrivateHttp
from perpmaker.venues.backpack.terms import Grid
from perpmaker.venues.client_ids import UINT32, OwnId
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.network_errors import NOT_SENT
from perpmaker.venues.port import (
    Accepted,
    Canceled,
    CancelResult,
    NotOpen,
    OrderState,
    PlaceResult,
    Refused,
    Unknown,
    VenueOrder,
)
from perpmaker.venues.venue_clock import VenueClock

_NO_ORDER: Final = "0"

_BATCH: Final = wire.reader(list[wire.BatchEntry])
_ORDER: Final = wire.reader(wire.OpenOrder)
_ORDERS: Final = wire.reader(list[wire.OpenOrder])


class OrderDesk:
    """Sends orders and cancellations.

    Args:
        http: signed requests.
        grid: how prices and sizes are written.
        news: is told what was asked to be cancelled, and reads orders.
        clock: the exchange's time.
    """

    def __init__(self, http: PrivateHttp, grid: Grid, news: OwnNews, clock: VenueClock) -> None:
        self._http = http
        self._grid = grid
        self._news = news
        self._clock = clock
        self._symbol = grid.instrument.symbol

    async def place(self, tag: int, orders: Sequence[Place]) -> list[PlaceResult]:
        """See `perpmaker.venues.port.Venue.place`."""
        client_ids = [UINT32.encode(OwnId(tag, order.order_id)) for order in orders]
        signed, body = batch(orders, client_ids, self._grid)
        self._news.asked_to_cancel_all = False
        try:
            answer = await self._changed(await self._http.change(Change.PLACE, signed, body))
            entries: list[wire.BatchEntry] = _BATCH.decode(answer.body)
        except VenueError as error:
            return [_unplaced(order.order_id, error) for order in orders]
        except msgspec.DecodeError as error:
            unread = unreadable("an answer to orders", error, is_change=True)
            return [Unknown(order.order_id, str(unread)) for order in orders]
        if len(entries) != len(orders):
            return [Unknown(order.order_id, "Backpack did not answer for every order") for order in orders]
        triples = zip(orders, client_ids, entries, strict=True)
        return [self._placed(OwnId(tag, order.order_id), client_id, entry) for order, client_id, entry in triples]

    def _placed(self, own: OwnId, client_id: str, entry: wire.BatchEntry) -> PlaceResult:
        if entry.operation == "Err":
            if entry.code is None:
                return Unknown(own.order_id, "Backpack answered for this order with an error without a code")
            return _unplaced(
                own.order_id, told_error(entry.code, entry.message or "", is_change=True), entry.message or ""
            )
        if entry.id is None or entry.status is None or str(entry.client_id) != client_id:
            return Unknown(own.order_id, "Backpack's answer for this order is not about it")
        created_ms = entry.created_at
        return Accepted(own.order_id, self._clock.now_ns() if created_ms is None else created_ms * 1_000_000)

    async def cancel(self, own: OwnId) -> CancelResult:
        """See `perpmaker.venues.port.Venue.cancel`."""
        order_id, client_id = own.order_id, UINT32.encode(own)
        self._news.asks_to_cancel(order_id)
        body = f'{{"clientId":{client_id},"symbol":"{self._symbol}"}}'.encode()
        try:
            order = await self._cancel({"clientId": client_id, "symbol": self._symbol}, body)
        except VenueError as error:
            return NotOpen(order_id) if error.code == NOT_FOUND else Unknown(order_id, str(error), error.reaction)
        if order.state is OrderState.CANCELED or order.state is OrderState.REJECTED:
            return Canceled(order_id, self._clock.now_ns(), order.filled_lots)
        if order.state is OrderState.FILLED:
            return NotOpen(order_id)
        return Unknown(order_id, "Backpack has not carried out the cancellation yet")

    async def cancel_venue_order(self, venue_id: str) -> bool:
        body = msgspec.json.encode({"orderId": venue_id, "symbol": self._symbol})
        try:
            order = await self._cancel({"orderId": venue_id, "symbol": self._symbol}, body)
        except VenueError as error:
            if error.code == NOT_FOUND:
                return True
            raise
        return order.state is not OrderState.OPEN

    async def may_trade(self) -> bool:
        """Whether the key may send orders: asked by cancelling an order that cannot exist. Raises `VenueError`."""
        body = msgspec.json.encode({"orderId": _NO_ORDER, "symbol": self._symbol})
        try:
            await self._cancel({"orderId": _NO_ORDER, "symbol": self._symbol}, body)
        except VenueError as error:
            if error.code == "FORBIDDEN":
                return False
            if error.reaction is not Reaction.REFUSE:
                raise
        return True

    async def cancel_all(self) -> bool:
        self._news.asked_to_cancel_all = True
        body = f'{{"symbol":"{self._symbol}"}}'.encode()
        answer = await self._changed(await self._http.cancel(Change.CANCEL_ALL, {"symbol": self._symbol}, body))
        try:
            ended: list[wire.OpenOrder] = _ORDERS.decode(answer.body)
        except msgspec.DecodeError as error:
            raise unreadable("an answer to a cancellation", error, is_change=True) from error
        return all(STATES[order.status] is not OrderState.OPEN for order in ended)

    async def _cancel(self, parameters: dict[str, str], body: bytes) -> VenueOrder:
        answer = await self._changed(await self._http.cancel(Change.CANCEL, parameters, body))
        try:
            return self._news.open_order(_ORDER.decode(answer.body))
        except (msgspec.DecodeError, ValueError) as error:
            raise unreadable("an answer to a cancellation", error, is_change=True) from error

    async def _changed(self, answer: Answer) -> Answer:
        """The answer to a change that was carried out; raises `VenueError` for any other."""
        if answer.status == 200:
            return answer
        if answer.status == 202:
            raise VenueError("Backpack has not carried out the request yet: look it up", Reaction.UNKNOWN, "HTTP202")
        error = api_error(answer.status, answer.body, is_change=True)
        if error.code == EXPIRED:
            await self._http.measure()
        raise error


def _unplaced(order_id: int, error: VenueError, said: str | None = None) -> PlaceResult:
    """What an error leaves of an order: refused where that is proved, else unknown."""
    if error.code == NOT_SENT:
        return Refused(order_id, RejectReason.OTHER, f"not sent: {error}")
    if error.reaction is Reaction.REFUSE or error.reaction is Reaction.STOP:
        return Refused(order_id, reject_reason(error.code, said or str(error)), str(error), error.reaction)
    return Unknown(order_id, str(error))
