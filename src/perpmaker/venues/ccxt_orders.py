"""Placing and cancelling through ccxt.

Rules kept here:

1. Several orders go in one request where the exchange takes that, else side by side; each gets an answer of its own.
   Only the exchange's refusal, or a request that was never sent, is `Refused`.
2. ccxt sorts the answers to a batch by time, and an error has none: answers are matched by client id, and those without
   one, in order, with the orders that are left.
3. ccxt cancels by the exchange's id. It is remembered from every answer and every update; where it is not known, the
   open orders are looked through for our client id.
4. A cancellation is proved by its answer, or by a question for the order behind it; else it stays unknown.
5. A refusal for the time of a request has the clock measured before it is told.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from ccxt.base import errors as ccxt

from perpmaker.domain.commands import Place
from perpmaker.domain.orders import OrderKind, RejectReason, Side
from perpmaker.venues.ccxt_errors import is_not_found, reject_reason, venue_error, wants_clock
from perpmaker.venues.ccxt_exchange import asked
from perpmaker.venues.ccxt_history import CcxtHistory, KnownOrders
from perpmaker.venues.ccxt_quirks import Quirks
from perpmaker.venues.ccxt_terms import Contract
from perpmaker.venues.client_ids import ClientIds, OwnId
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.network_errors import NOT_SENT
from perpmaker.venues.port import Accepted, Canceled, CancelResult, NotOpen, OrderState, PlaceResult, Refused, Unknown
from perpmaker.venues.venue_clock import VenueClock

_SIDES: Final = {Side.BUY: "buy", Side.SELL: "sell"}

Order = tuple[Any, ...]
"""Symbol, type, side, amount, price and parameters: the arguments of ccxt's ``create_order``."""


class CcxtOrders:
    """Sends orders and cancellations.

    Args:
        exchange: a private object of ccxt.
        contract: the grid.
        ids: the exchange's client ids.
        quirks: where the exchange differs.
        history: answers what became of an order.
        known: which of the exchange's ids are ours.
        clock: the exchange's time.
        measure: measures it, and never raises `VenueError`.
        touch: the best price of a side in ticks, for exchanges whose market orders want one.
    """

    def __init__(
        self,
        exchange: Any,
        contract: Contract,
        ids: ClientIds,
        quirks: Quirks,
        history: CcxtHistory,
        known: KnownOrders,
        clock: VenueClock,
        measure: Callable[[], Awaitable[None]],
        touch: Callable[[Side], int | None],
    ) -> None:
        self._exchange = exchange
        self._contract = contract
        self._ids = ids
        self._quirks = quirks
        self._history = history
        self._known = known
        self._clock = clock
        self._measure = measure
        self._touch = touch

    async def place(self, tag: int, orders: Sequence[Place]) -> list[PlaceResult]:
        """See `perpmaker.venues.port.Venue.place`."""
        requests = [self._request(OwnId(tag, order.order_id), order) for order in orders]
        if len(orders) == 1 or not self._exchange.has.get("createOrders"):
            return list(
                await asyncio.gather(
                    *map(self._place_one, (order.order_id for order in orders), requests, [tag] * len(orders))
                )
            )
        names = ("symbol", "type", "side", "amount", "price", "params")
        batch = [dict(zip(names, request, strict=True)) for request in requests]
        try:
            answers = await asked(self._exchange, self._exchange.create_orders(batch), is_change=True)
        except VenueError as error:
            return [await self._unplaced(order.order_id, error) for order in orders]
        return self._matched(tag, orders, answers)

    async def cancel(self, own: OwnId) -> CancelResult:
        """See `perpmaker.venues.port.Venue.cancel`."""
        order_id = own.order_id
        try:
            venue_id = self._known.venue_id(own)
            if venue_id is None:
                await self._history.open_orders()
                venue_id = self._known.venue_id(own)
            if venue_id is None:
                return NotOpen(order_id)
            answer = await self._cancel(venue_id)
            if answer is None:
                return NotOpen(order_id)
            if answer.get("status") == "canceled" and answer.get("filled") is not None:
                filled = self._contract.lots_of(self._quirks.filled(answer))
                return Canceled(order_id, self._clock.now_ns(), filled)
            found = await self._history.order(own, 0)
        except VenueError as error:
            return Unknown(order_id, str(error), error.reaction)
        if found is None or found.state is OrderState.OPEN:
            return Unknown(order_id, f"{self._exchange.id} has not shown the cancellation yet")
        if found.state is OrderState.FILLED:
            return NotOpen(order_id)
        return Canceled(order_id, found.venue_ns, found.filled_lots)

    async def cancel_venue_order(self, venue_id: str) -> bool:
        """See `perpmaker.venues.port.Venue.cancel_venue_order`."""
        await self._cancel(venue_id)
        return all(order.venue_id != venue_id for order in await self._history.open_orders())

    async def cancel_all(self) -> bool:
        """See `perpmaker.venues.port.Venue.cancel_all`."""
        exchange = self._exchange
        if exchange.has.get("cancelAllOrders"):
            await asked(exchange, exchange.cancel_all_orders(self._contract.symbol), is_change=True)
        else:
            resting = await self._history.open_orders()
            await asyncio.gather(*(self._cancel(order.venue_id) for order in resting))
        return not await self._history.open_orders()

    # --- placing ---

    def _request(self, own: OwnId, order: Place) -> Order:
        is_market = order.kind is OrderKind.MARKET
        client_id = self._ids.encode(own)
        parameters: dict[str, Any] = {"clientOrderId": client_id}
        if order.post_only and not is_market:
            parameters["postOnly"] = True
        elif order.kind is OrderKind.IOC:
            parameters["timeInForce"] = "IOC"
        if order.reduce_only:
            parameters["reduceOnly"] = True
        ticks: int | None = None if is_market else order.price_ticks
        if is_market and self._quirks.market_slack is not None:
            ticks = self._bound(order.side, self._quirks.market_slack)
        return (
            self._contract.symbol,
            "market" if is_market else "limit",
            _SIDES[order.side],
            self._contract.contracts.text(order.lots),
            None if ticks is None else self._contract.ticks.text(ticks),
            parameters,
        )

    def _bound(self, side: Side, slack: Decimal) -> int | None:
        """The worst price of a market order; None when the market has no price, which the exchange then refuses."""
        best = self._touch(side.opposite)
        return None if best is None else int(best * (1 + side * slack))

    async def _place_one(self, order_id: int, request: Order, tag: int) -> PlaceResult:
        try:
            answer = await asked(self._exchange, self._exchange.create_order(*request), is_change=True)
        except VenueError as error:
            return await self._unplaced(order_id, error)
        return self._placed(OwnId(tag, order_id), answer)

    def _matched(self, tag: int, orders: Sequence[Place], answers: list[dict[str, Any]]) -> list[PlaceResult]:
        by_id = {str(each["clientOrderId"]): each for each in answers if each.get("clientOrderId") is not None}
        rest = [each for each in answers if each.get("clientOrderId") is None]
        owns = [OwnId(tag, order.order_id) for order in orders]
        left = [own for own in owns if self._ids.encode(own) not in by_id]
        unnamed = dict(zip(left, rest, strict=True)) if len(left) == len(rest) else {}
        results: list[PlaceResult] = []
        for own in owns:
            answer = by_id.get(self._ids.encode(own)) or unnamed.get(own)
            if answer is None:
                results.append(Unknown(own.order_id, f"{self._exchange.id} did not answer for this order"))
            else:
                results.append(self._placed(own, answer))
        return results

    def _placed(self, own: OwnId, answer: dict[str, Any]) -> PlaceResult:
        if answer.get("id") is None:
            return _refused(own.order_id, self._error_within(answer))
        self._known.note(str(answer["id"]), own)
        if answer.get("status") == "rejected":
            return Refused(own.order_id, RejectReason.OTHER, f"{self._exchange.id} rejected the order")
        timestamp = answer.get("timestamp")
        return Accepted(own.order_id, self._clock.now_ns() if timestamp is None else int(timestamp) * 1_000_000)

    def _error_within(self, answer: dict[str, Any]) -> VenueError:
        """The error that stands in an answer of a batch in place of an order."""
        info = answer.get("info")
        code = info.get("code") if isinstance(info, dict) else None
        exact = (self._exchange.exceptions or {}).get("exact") or {}
        kind = exact.get(str(code), ccxt.InvalidOrder if code is not None else ccxt.BadResponse)
        return venue_error(self._exchange.id, kind(f"{self._exchange.id} {json.dumps(info)}"), is_change=True)

    async def _unplaced(self, order_id: int, error: VenueError) -> PlaceResult:
        if wants_clock(error):
            await self._measure()
        return _refused(order_id, error)

    # --- cancelling ---

    async def _cancel(self, venue_id: str) -> dict[str, Any] | None:
        """The answer to a cancellation; None when the exchange does not hold the order open."""
        try:
            request = self._exchange.cancel_order(venue_id, self._contract.symbol)
            answer: dict[str, Any] = await asked(self._exchange, request, is_change=True)
        except VenueError as error:
            if wants_clock(error):
                await self._measure()
            if is_not_found(error):
                return None
            raise
        return answer


def _refused(order_id: int, error: VenueError) -> PlaceResult:
    """What an error leaves of an order: refused where that is proved, else unknown."""
    if error.code == NOT_SENT:
        return Refused(order_id, RejectReason.OTHER, f"not sent: {error}")
    if error.reaction is Reaction.REFUSE or error.reaction is Reaction.STOP:
        return Refused(order_id, reject_reason(error), str(error), error.reaction)
    return Unknown(order_id, str(error))
