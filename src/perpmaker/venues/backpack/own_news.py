"""Private stream messages and histories as the domain's events and records.

Rules kept here:

1. Of a fill the raw fields count: price ``L``, size ``l``, cumulative size ``z``, trade ``t``, fee ``n``.
2. A fee is exact, and in the quote currency; in another asset it is an error that says so, since our books could not
   hold it.
3. An order is ours when its client id carries this run's tag; any other is foreign, and only told as such.
4. An order that the venue dropped without filling any of it, for a reason that it would also refuse a request for, is
   a rejection; any other end is a cancellation.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from perpmaker.domain.events import Filled, OrderAccepted, OrderCanceled, OrderRejected
from perpmaker.domain.orders import CancelReason, RejectReason, Side
from perpmaker.venues.backpack import wire
from perpmaker.venues.backpack.terms import Grid
from perpmaker.venues.client_ids import UINT32
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import AccountListener, OrderState, OwnEvent, VenueFill, VenueOrder

SIDES: Final = {"Bid": Side.BUY, "Ask": Side.SELL}

STATES: Final = {
    "New": OrderState.OPEN,
    "PartiallyFilled": OrderState.OPEN,
    "TriggerPending": OrderState.OPEN,
    "Filled": OrderState.FILLED,
    "Cancelled": OrderState.CANCELED,
    "Expired": OrderState.CANCELED,
    "TriggerFailed": OrderState.REJECTED,
}

_REFUSALS: Final = {
    "POSTONLYTAKER": RejectReason.POST_ONLY_WOULD_CROSS,
    "POSTONLYMODE": RejectReason.OTHER,
    "REDUCEONLYNOTREDUCED": RejectReason.REDUCE_ONLY_WOULD_INCREASE,
    "INSUFFICIENTFUNDS": RejectReason.INSUFFICIENT_MARGIN,
    "INSUFFICIENTMARGIN": RejectReason.INSUFFICIENT_MARGIN,
    "INVALIDPRICE": RejectReason.OTHER,
    "INVALIDQUANTITY": RejectReason.OTHER,
    "PRICEOUTOFBOUNDS": RejectReason.OTHER,
    "POSITIONLIMIT": RejectReason.OTHER,
    "USERPERMISSIONS": RejectReason.OTHER,
    "ACCOUNTTRADINGSUSPENDED": RejectReason.OTHER,
}
"""Reasons of an expiry that refuse an order; without underscores, in capitals: the documents spell them in two ways."""

_CANCELS: Final = {
    "IMMEDIATEORCANCEL": CancelReason.IMMEDIATE_REMAINDER,
    "FILLORKILL": CancelReason.IMMEDIATE_REMAINDER,
    "INSUFFICIENTLIQUIDITY": CancelReason.IMMEDIATE_REMAINDER,
    "PRICEIMPACT": CancelReason.IMMEDIATE_REMAINDER,
    "REDUCEONLYNOTREDUCED": CancelReason.REDUCE_ONLY,
}

_MOST_KEPT: Final = 10_000
_ENDS: Final = ("orderCancelled", "orderExpired")


class OwnNews:
    """Reads what concerns one account on one market.

    Args:
        grid: how prices and sizes are read.
        now_ns: our clock.
    """

    def __init__(self, grid: Grid, now_ns: Callable[[], int]) -> None:
        self._grid = grid
        self._now_ns = now_ns
        self.tag: int | None = None
        self.asked_to_cancel_all = False
        self._asked_to_cancel: set[int] = set()

    def asks_to_cancel(self, order_id: int) -> None:
        """The cancellation of this order is being asked for: its end will be ours."""
        if len(self._asked_to_cancel) > _MOST_KEPT:
            self._asked_to_cancel.clear()  # of ends that were never told; what is lost is a reason
        self._asked_to_cancel.add(order_id)

    # --- the stream ---

    def tell_order(self, message: wire.OrderUpdate, listener: AccountListener) -> None:
        """Tell what an order update says.

        Raises:
            VenueError: the fee is not in the quote currency.
            ValueError: a number cannot be read.
        """
        client_id = None if message.client_id is None else str(message.client_id)
        own = UINT32.decode(client_id)
        if own is None or own.tag != self.tag:
            listener.on_foreign_order(client_id, is_open=STATES[message.status] is OrderState.OPEN)
            return
        event = self._event(message, own.order_id)
        if event is not None:
            listener.on_own(event)

    def _event(self, message: wire.OrderUpdate, order_id: int) -> OwnEvent | None:
        now, venue_ns = self._now_ns(), message.engine_us * 1_000
        if message.event == "orderFill":
            return self._fill(message, order_id, now, venue_ns)
        if message.event == "orderAccepted":
            return OrderAccepted(now, venue_ns, order_id)
        if message.event not in _ENDS:
            return None  # orderModified: only a resting reduce-only order is, and none of ours rests
        filled = self._grid.lots.whole(message.filled)
        reason = _plain(message.expiry_reason)
        if not filled and reason in _REFUSALS:
            return OrderRejected(now, venue_ns, order_id, _REFUSALS[reason])
        return OrderCanceled(now, venue_ns, order_id, filled, self._cancel_reason(order_id, reason))

    def _cancel_reason(self, order_id: int, reason: str) -> CancelReason:
        asked = self.asked_to_cancel_all or order_id in self._asked_to_cancel
        self._asked_to_cancel.discard(order_id)
        return CancelReason.REQUESTED if asked and not reason else _CANCELS.get(reason, CancelReason.VENUE)

    def _fill(self, message: wire.OrderUpdate, order_id: int, now: int, venue_ns: int) -> Filled:
        price, quantity, fee = message.fill_price, message.fill_quantity, message.fee
        if price is None or quantity is None or fee is None or message.trade_id is None or message.is_maker is None:
            raise ValueError("a fill without its price, size, fee, trade or role")
        return Filled(
            now,
            venue_ns,
            message.trade_id,
            order_id,
            SIDES[message.side],
            self._grid.ticks.whole(price),
            self._grid.lots.whole(quantity),
            message.is_maker,
            self._fee_quanta(fee, message.fee_symbol or ""),
        )

    def tell_position(self, message: wire.PositionUpdate, listener: AccountListener) -> None:
        """Tell the position. Raises `ValueError` for what is not on the grid."""
        lots = self._grid.lots.signed(format(message.net_quantity, "f"))
        listener.on_position(lots, message.engine_us * 1_000)

    # --- histories ---

    def open_order(self, order: wire.OpenOrder) -> VenueOrder:
        """An order that rests, or the answer to a cancellation. Raises `ValueError` for what cannot be read."""
        return self._order(order, order.created_at * 1_000_000, bool(order.reduce_only), "")

    def past_order(self, order: wire.PastOrder) -> VenueOrder:
        """An order of the history. Raises `ValueError` for what cannot be read."""
        return self._order(order, wire.utc_ns(order.created_at), False, _plain(order.expiry_reason))

    def past_fill(self, fill: wire.PastFill) -> VenueFill:
        """An execution of the history.

        Raises:
            VenueError: the fee is not in the quote currency.
            ValueError: it has no trade id, or a number cannot be read.
        """
        if fill.trade_id is None:
            raise ValueError(f"an execution of order {fill.order_id} without a trade id")
        own = UINT32.decode(None if fill.client_id is None else str(fill.client_id))
        filled = Filled(
            self._now_ns(),
            wire.utc_ns(fill.timestamp),
            fill.trade_id,
            0 if own is None else own.order_id,
            SIDES[fill.side],
            self._grid.ticks.whole(fill.price),
            self._grid.lots.whole(fill.quantity),
            fill.is_maker,
            self._fee_quanta(fill.fee, fill.fee_symbol),
        )
        return VenueFill(None if own is None else own.tag, fill.order_id, filled)

    def _order(
        self, order: wire.OpenOrder | wire.PastOrder, venue_ns: int, reduce_only: bool, reason: str
    ) -> VenueOrder:
        client_id = None if order.client_id is None else str(order.client_id)
        own = UINT32.decode(client_id)
        filled = self._grid.lots.whole(order.executed_quantity or "0")
        state = STATES[order.status]
        if state is OrderState.CANCELED and not filled and reason in _REFUSALS:
            state = OrderState.REJECTED
        asked = reason == "" and own is not None
        return VenueOrder(
            venue_id=order.id,
            tag=None if own is None else own.tag,
            order_id=None if own is None else own.order_id,
            client_id=client_id,
            side=SIDES[order.side],
            price_ticks=self._grid.ticks.whole(order.price or "0"),
            lots=self._grid.lots.whole(order.quantity or "0"),
            filled_lots=filled,
            state=state,
            cancel_reason=CancelReason.REQUESTED if asked else _CANCELS.get(reason, CancelReason.VENUE),
            reduce_only=reduce_only,
            venue_ns=venue_ns,
        )

    def _fee_quanta(self, fee: str, asset: str) -> int:
        quote = self._grid.instrument.quote
        amount = Decimal(fee)
        if asset != quote and amount:
            raise VenueError(
                f"Backpack charged a fee in {asset} instead of {quote}, which this program cannot book: "
                f"let fees be paid in {quote}",
                Reaction.STOP,
                "FeeAsset",
            )
        return self._grid.instrument.money_to_quanta(amount)


def _plain(reason: str | None) -> str:
    return "" if reason is None else reason.replace("_", "").upper()
