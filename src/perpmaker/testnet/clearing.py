"""What happens to orders and accounts, booked and told: the one place where records of orders change.

Rules kept here:

1. Every change of an order is told (`OrderChanged`) with the order as it is after it; a fill is told before the public
   trade, and the position after both.
2. What an account takes from the book is taken from everybody's book.
3. A resting reduce-only order is never larger than the position that it reduces: it shrinks (``orderModified``) and
   expires when there is nothing left to reduce.
4. An order that the exchange ends is Expired with a reason; one that the account ended is Cancelled.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from perpmaker.domain.commands import Cancel, Place
from perpmaker.domain.events import Filled, FundingPaid, OrderAccepted, OrderCanceled, OrderRejected
from perpmaker.domain.money import notional_quanta
from perpmaker.domain.orders import CancelReason, RejectReason, Side
from perpmaker.simulation import market_events as me
from perpmaker.simulation.player import FeedRow
from perpmaker.testnet.account import Account, OwnEvent
from perpmaker.testnet.market import PublicMarket
from perpmaker.testnet.notices import (
    ExpiryReason,
    FillRecord,
    FundingRecord,
    Liquidated,
    Notice,
    OrderChanged,
    OrderEvent,
    OrderRecord,
    OrderStatus,
    OrderType,
    Origin,
    PositionChanged,
    SystemOrder,
    Traded,
)

_REFUSED: Final = {
    RejectReason.POST_ONLY_WOULD_CROSS: ExpiryReason.POST_ONLY_TAKER,
    RejectReason.REDUCE_ONLY_WOULD_INCREASE: ExpiryReason.REDUCE_ONLY_NOT_REDUCED,
    RejectReason.INSUFFICIENT_MARGIN: ExpiryReason.INSUFFICIENT_MARGIN,
    RejectReason.NO_MARKET: ExpiryReason.INSUFFICIENT_LIQUIDITY,
}


class Ending(NamedTuple):
    """How an order is to end that is being cancelled; None: as the order has it."""

    status: OrderStatus
    reason: ExpiryReason | None = None
    origin: Origin | None = None
    system_order: SystemOrder | None = None


CANCELLED: Final = Ending(OrderStatus.CANCELLED)


class Clearing:
    """Books events of the simulated exchanges.

    Args:
        market: where executions are printed.
        accounts: all accounts by name.
        tell: hears every notice.
    """

    def __init__(self, market: PublicMarket, accounts: Mapping[str, Account], tell: Callable[[Notice], None]) -> None:
        self._market = market
        self._accounts = accounts
        self._tell = tell
        self._endings: dict[int, Ending] = {}

    def play(self, at_ns: int, rows: Sequence[FeedRow]) -> None:
        """One message of the market, for everybody."""
        self._market.apply(at_ns, rows)
        for account in self._accounts.values():
            events = account.push(at_ns, rows)
            if events:
                self._book_all(account, events)

    def play_for(self, account: Account, at_ns: int, rows: Sequence[FeedRow]) -> None:
        """Something that happens to one account alone."""
        self._book_all(account, account.push(at_ns, rows))

    def bring_up_to(self, account: Account, at_ns: int) -> None:
        """Let the account's own time pass, so that commands arrive now."""
        self._book_all(account, account.run(at_ns))

    def place(self, account: Account, order: OrderRecord, place: Place, remainder: ExpiryReason | None = None) -> None:
        """Send an order. ``remainder`` is why what it cannot take expires, if not for the usual reason."""
        account.books.write(order)
        if remainder is not None:
            self._endings[order.order_id] = Ending(OrderStatus.EXPIRED, remainder)
        self._book_all(account, account.submit(order.created_ns, [place]))
        self._endings.pop(order.order_id, None)
        if order.reduce_only:
            self._keep_reduce_only(account, order.created_ns)

    def cancel(self, account: Account, at_ns: int, order_ids: Sequence[int], ending: Ending = CANCELLED) -> None:
        """End open orders."""
        for order_id in order_ids:
            self._endings[order_id] = ending
        self._book_all(account, account.submit(at_ns, [Cancel(order_id) for order_id in order_ids]))
        for order_id in order_ids:
            self._endings.pop(order_id, None)

    def expire_unplaced(self, account: Account, order: OrderRecord, reason: ExpiryReason) -> OrderRecord:
        """An order that ends on arrival."""
        expired = order._replace(status=OrderStatus.EXPIRED, expiry_reason=reason)
        self._change(account, expired, OrderEvent.EXPIRED, order.created_ns)
        return expired

    def settle_funding(self, account: Account, at_ns: int, rate_ppb: int) -> None:
        """Longs pay, shorts receive; the other way round for a negative rate."""
        if account.books.position.lots == 0:
            return
        row = FeedRow(me.FUNDING, self._market.mark_milliticks, rate_ppb)
        self.play_for(account, at_ns, [row])
        self.bring_up_to(account, at_ns)

    def trade_elsewhere(self, account: Account, order: OrderRecord, price_ticks: int, fee_quanta: int) -> None:
        """An execution that did not come through this exchange's book, but counts as the account's own."""
        account.books.write(order)
        self._tell(OrderChanged(order.created_ns, OrderEvent.ACCEPTED, order, None))
        account.exchange.take_over(order.lots * order.side, price_ticks * 1_000)
        account.exchange.transfer(-fee_quanta)
        self._execute(
            account, Filled(order.created_ns, order.created_ns, 0, order.order_id, order.side, price_ticks,
            order.lots, False, fee_quanta), is_from_book=False,
        )  # fmt: skip
        self._keep_reduce_only(account, order.created_ns)

    def _book_all(self, account: Account, events: Sequence[OwnEvent]) -> None:
        has_filled = False
        for event in events:
            if isinstance(event, Filled):
                has_filled = True
                self._execute(account, event, is_from_book=not event.is_maker)
            elif isinstance(event, OrderAccepted):
                order = account.books.orders[event.order_id]
                self._tell(OrderChanged(event.venue_ns, OrderEvent.ACCEPTED, order, None))
            elif isinstance(event, OrderCanceled):
                self._end(account, event)
            elif isinstance(event, OrderRejected):
                order = account.books.orders[event.order_id]
                self.expire_unplaced(account, order, _REFUSED.get(event.reason, ExpiryReason.UNKNOWN))
            elif isinstance(event, FundingPaid):
                account.books.book_funding(
                    FundingRecord(event.venue_ns, event.amount_quanta, self._market.funding_rate_ppb)
                )
        if has_filled:
            self._keep_reduce_only(account, events[-1].venue_ns)

    def _execute(self, account: Account, event: Filled, *, is_from_book: bool) -> None:
        market, books = self._market, account.books
        order = books.orders[event.order_id]
        at_ns, trade_id, other_id = event.venue_ns, market.new_trade_id(), market.new_order_id()
        fill = FillRecord(
            trade_id, order.order_id, order.client_id, event.side, event.price_ticks, event.lots, event.is_maker,
            event.fee_quanta, at_ns, order.system_order,
        )  # fmt: skip
        filled = order.filled_lots + event.lots
        change = books.book_fill(fill, trade_id)
        order = order._replace(
            filled_lots=filled,
            filled_quanta=order.filled_quanta + notional_quanta(event.price_ticks, event.lots),
            status=OrderStatus.FILLED if filled == order.lots else OrderStatus.PARTIALLY_FILLED,
        )
        self._change(account, order, OrderEvent.FILL, at_ns, fill)
        buys = event.side is Side.BUY
        ids = (order.order_id, other_id) if buys else (other_id, order.order_id)
        market.print_trade(Traded(at_ns, trade_id, event.price_ticks, event.lots, *ids, buys == event.is_maker))
        if is_from_book:
            row = market.take(at_ns, event.side.opposite, event.price_ticks, event.lots)
            for other in self._accounts.values():
                if other is not account:
                    other.push_later(at_ns, row)
        if order.origin is Origin.LIQUIDATION:
            self._tell(Liquidated(at_ns, event.side, event.price_ticks, event.lots))
        self._tell(PositionChanged(at_ns, change, account.name, account.view(market.mark_milliticks)))

    def _end(self, account: Account, event: OrderCanceled) -> None:
        order = account.books.orders[event.order_id]
        ending = self._endings.get(event.order_id)
        if event.reason is CancelReason.REDUCE_ONLY:
            ending = Ending(OrderStatus.EXPIRED, ExpiryReason.REDUCE_ONLY_NOT_REDUCED)
        elif ending is None:
            ending = Ending(OrderStatus.EXPIRED, self._why_nothing_is_left(order))
        order = order._replace(
            status=ending.status,
            expiry_reason=ending.reason,
            origin=ending.origin or order.origin,
            system_order=ending.system_order or order.system_order,
        )
        what = OrderEvent.CANCELLED if ending.status is OrderStatus.CANCELLED else OrderEvent.EXPIRED
        self._change(account, order, what, event.venue_ns)

    def _why_nothing_is_left(self, order: OrderRecord) -> ExpiryReason:
        if order.order_type is OrderType.LIMIT:
            return ExpiryReason.IMMEDIATE_OR_CANCEL
        if self._market.book.best(order.side.opposite) is None:
            return ExpiryReason.INSUFFICIENT_LIQUIDITY
        return ExpiryReason.PRICE_IMPACT

    def _keep_reduce_only(self, account: Account, at_ns: int) -> None:
        """Rule 3, after the position has changed."""
        lots = account.books.position.lots
        useless = []
        for order in account.books.open_orders():
            if not order.reduce_only:
                continue
            if lots * order.side >= 0:
                useless.append(order.order_id)
            elif order.left_lots > abs(lots):
                account.exchange.shrink(order.order_id, abs(lots))
                smaller = order._replace(lots=order.filled_lots + abs(lots))
                self._change(account, smaller, OrderEvent.MODIFIED, at_ns)
        if useless:
            self.cancel(account, at_ns, useless, Ending(OrderStatus.EXPIRED, ExpiryReason.REDUCE_ONLY_NOT_REDUCED))

    def _change(
        self, account: Account, order: OrderRecord, what: OrderEvent, at_ns: int, fill: FillRecord | None = None
    ) -> None:
        order = order._replace(updated_ns=at_ns)
        account.books.write(order)
        self._tell(OrderChanged(at_ns, what, order, fill))
