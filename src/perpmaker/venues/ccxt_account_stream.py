"""Private streams of an exchange of ccxt: orders, executions, position.

Rules kept here:

1. ccxt keeps the last state of an order, not its history: several updates that come together are one. So what is told
   is the difference to what was told before: accepted once, the end once.
2. Executions come from the stream of own trades where there is one, or from what an order tells raw. Where an order has
   more filled than was told, what is missing is asked for over REST. Each is told once, by its id.
3. An error ends all private streams, is told as a loss, and they are opened again. ccxt does not say when a
   subscription stands: it counts as up when nothing has failed for `SETTLE_S`.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Final

from perpmaker.domain.events import Filled, OrderAccepted, OrderCanceled, OrderRejected
from perpmaker.domain.orders import RejectReason
from perpmaker.venues.backoff import Backoff
from perpmaker.venues.ccxt_exchange import drop_streams, errors_of
from perpmaker.venues.ccxt_parse import Parser
from perpmaker.venues.ccxt_quirks import Quirks
from perpmaker.venues.errors import VenueError
from perpmaker.venues.opening import Opening
from perpmaker.venues.port import AccountListener, OrderState, VenueFill, VenueOrder
from perpmaker.venues.venue_clock import VenueClock

SETTLE_S: Final = 2.0

MISSING_S: Final = 0.5
"""How long the stream of own trades may be behind that of orders before REST is asked."""

_MOST_KEPT: Final = 20_000


class CcxtAccountStream:
    """Tells a listener what ccxt tells of one market.

    Args:
        exchange: a private object of ccxt.
        symbol: ccxt's symbol.
        parser: reads orders, trades and positions.
        quirks: where the exchange differs.
        fills: asks for executions since a time (ns).
        listener: who is told.
        clock: the exchange's time and ours.
        random: for the waits between attempts.
    """

    def __init__(
        self,
        exchange: Any,
        symbol: str,
        parser: Parser,
        quirks: Quirks,
        fills: Callable[[int], Awaitable[list[VenueFill]]],
        listener: AccountListener,
        clock: VenueClock,
        random: Random,
    ) -> None:
        self._exchange = exchange
        self._symbol = symbol
        self._parser = parser
        self._quirks = quirks
        self._fills = fills
        self._listener = listener
        self._clock = clock
        self._random = random
        self._task: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._opening = Opening(f"private streams of {exchange.id}")
        self._is_up = False
        self._since_ns = clock.now_ns()
        self._accepted: OrderedDict[str, bool] = OrderedDict()  # venue id -> its end was told, too
        self._told_lots: OrderedDict[int, int] = OrderedDict()  # order id -> lots of its executions told
        self._told_fills: OrderedDict[int, None] = OrderedDict()
        self.tag: int | None = None
        self.on_order: Callable[[VenueOrder], None] = lambda _order: None

    async def open(self) -> None:
        """Returns when nothing has failed for `SETTLE_S`. Raises `VenueError`."""
        self._task = asyncio.create_task(self._run(), name=f"private streams of {self._exchange.id}")
        await self._opening.wait()

    async def restart(self) -> None:
        if self._task is not None:
            await self._stop()
            self._set_down()
            self._task = asyncio.create_task(self._run(), name=f"private streams of {self._exchange.id}")

    async def close(self) -> None:
        self._is_up = False
        await self._stop()

    async def _stop(self) -> None:
        tasks = [task for task in (self._task, self._asking) if task is not None]
        self._task = self._asking = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await drop_streams(self._exchange)

    async def _run(self) -> None:
        backoff = Backoff(self._random)
        steps: list[Callable[[], Awaitable[None]]] = [self._next_orders]
        if self._exchange.has.get("watchMyTrades"):
            steps.append(self._next_trades)
        if self._exchange.has.get("watchPositions"):
            steps.append(self._next_positions)
        while True:
            loops = [asyncio.create_task(_forever(step)) for step in steps]
            try:
                done, _ = await asyncio.wait(loops, timeout=SETTLE_S, return_when=asyncio.FIRST_EXCEPTION)
                if not done:
                    backoff.reset()
                    self._set_up()
                    done, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_EXCEPTION)
                for loop in done:
                    loop.result()
            except VenueError as error:
                self._opening.failed(error)
            except Exception:
                self._set_down()
                raise
            finally:
                for loop in loops:
                    loop.cancel()
                await asyncio.gather(*loops, return_exceptions=True)
            self._set_down()
            await drop_streams(self._exchange)
            await asyncio.sleep(backoff.next_s())

    def _set_up(self) -> None:
        self._is_up = True
        if self._opening.is_done:
            self._listener.on_account_stream(is_up=True)
        self._opening.succeeded()

    def _set_down(self) -> None:
        if self._is_up:
            self._is_up = False
            self._listener.on_account_stream(is_up=False)

    # --- what is heard ---

    async def _next_orders(self) -> None:
        with errors_of(self._exchange):
            heard = await self._exchange.watch_orders(self._symbol)
            now_ns = self._clock.local_ns()
            read = [(self._parser.order(order, now_ns), self._quirks.trade(order)) for order in heard]
            fills = [None if trade is None else self._parser.fill(trade, 0, now_ns) for _, trade in read]
        for (order, _), fill in zip(read, fills, strict=True):
            self._on_order(order, fill)

    async def _next_trades(self) -> None:
        with errors_of(self._exchange):
            heard = await self._exchange.watch_my_trades(self._symbol)
            now_ns = self._clock.local_ns()
            read = [(self._parser.own_of_trade(trade), self._parser.fill(trade, 0, now_ns)) for trade in heard]
        for own, fill in read:
            if own is not None and own.tag == self.tag:
                self._tell_fill(fill._replace(order_id=own.order_id))

    async def _next_positions(self) -> None:
        with errors_of(self._exchange):
            heard = await self._exchange.watch_positions([self._symbol])
            now_ns = self._clock.now_ns()
            read = [
                (self._parser.position_lots(position), int(position.get("timestamp") or 0) * 1_000_000)
                for position in heard
                if position["symbol"] == self._symbol
            ]
        for lots, venue_ns in read:
            self._listener.on_position(lots, venue_ns or now_ns)

    def _on_order(self, order: VenueOrder, fill: Filled | None) -> None:
        self.on_order(order)
        if order.tag is None or order.tag != self.tag or order.order_id is None:
            self._listener.on_foreign_order(order.client_id, is_open=order.state is OrderState.OPEN)
            return
        now_ns, order_id = self._clock.local_ns(), order.order_id
        if order.venue_id not in self._accepted:
            _keep(self._accepted, order.venue_id, False)
            if order.state is not OrderState.REJECTED:
                self._listener.on_own(OrderAccepted(now_ns, order.venue_ns, order_id))
        told_lots = self._told_lots.get(order_id, 0)
        if fill is not None and told_lots + fill.lots == order.filled_lots:
            self._tell_fill(fill._replace(order_id=order_id))
        elif order.filled_lots > told_lots:
            self._ask_for_missing()
        if order.state in (OrderState.OPEN, OrderState.FILLED) or self._accepted[order.venue_id]:
            return
        self._accepted[order.venue_id] = True
        if order.state is OrderState.REJECTED:
            self._listener.on_own(OrderRejected(now_ns, order.venue_ns, order_id, RejectReason.OTHER))
        else:
            event = OrderCanceled(now_ns, order.venue_ns, order_id, order.filled_lots, order.cancel_reason)
            self._listener.on_own(event)

    def _tell_fill(self, fill: Filled) -> None:
        if fill.fill_id in self._told_fills:
            return
        _keep(self._told_fills, fill.fill_id, None)
        _keep(self._told_lots, fill.order_id, self._told_lots.get(fill.order_id, 0) + fill.lots)
        self._listener.on_own(fill)

    # --- what was not heard ---

    def _ask_for_missing(self) -> None:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name=f"missing executions of {self._exchange.id}")

    async def _ask(self) -> None:
        await asyncio.sleep(MISSING_S)
        asked_ns = self._clock.now_ns()
        try:
            found = await self._fills(self._since_ns)
        except VenueError:
            return  # the next update, or the driver's own look at the venue, asks again
        for each in found:
            if each.tag is not None and each.tag == self.tag:
                self._tell_fill(each.fill)
        self._since_ns = max(self._since_ns, asked_ns - 60_000_000_000)


async def _forever(step: Callable[[], Awaitable[None]]) -> None:
    while True:
        await step()


def _keep(kept: "OrderedDict[Any, Any]", key: Any, value: Any) -> None:
    kept[key] = value
    if len(kept) > _MOST_KEPT:
        kept.popitem(last=False)
