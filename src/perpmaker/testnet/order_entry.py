"""What becomes of an order on arrival. It is checked in this order, and the first objection is the answer:

1.  market status: Closed, CancelOnly and Delisted take no order, LimitOnly no market order, PostOnly only post-only
    ones (TRADING_PAUSED);
2.  client id: not that of an open order (INVALID_CLIENT_REQUEST);
3.  size: minimum and maximum (INVALID_QUANTITY);
4.  price: minimum, maximum, and the band about the mark (INVALID_PRICE);
5.  room: open orders of the account on this market (ORDER_LIMIT);
6.  reduce-only: there must be a position on the other side (INVALID_ORDER, and the order expires);
7.  post-only: it must not meet the book or an own order (INVALID_ORDER, and the order expires);
8.  margin: with it, the largest exposure that the account can reach must be covered, next to those on other markets
    (INSUFFICIENT_MARGIN). An order that can only reduce always passes;
9.  own orders that it would meet (`SelfTradePrevention`). RejectTaker: it takes what stands before them and the rest
    expires (INVALID_ORDER if there is nothing). RejectMaker: they expire, it goes on. RejectBoth: the first of them
    and the rest of it expire;
10. fill or kill: the book must hold all of it within its limit, or it expires unfilled.

A market order takes up to the impact bound from the best price, the rest expires. By quote quantity it buys the whole
lots that the amount pays for. Orders that expire on arrival are in the history; orders that are refused are not.
"""

from typing import Final, NamedTuple

from perpmaker.domain.commands import Place
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import MILLITICKS_PER_TICK, QUANTA_PER_TICK_LOT, RATE_SCALE
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.testnet.account import Account
from perpmaker.testnet.api_errors import ApiError, ErrorCode
from perpmaker.testnet.clearing import Clearing, Ending
from perpmaker.testnet.market import PublicMarket
from perpmaker.testnet.notices import (
    ExpiryReason,
    MarketStatus,
    OrderRecord,
    OrderStatus,
    OrderType,
    Origin,
    SelfTradePrevention,
    TimeInForce,
)
from perpmaker.testnet.terms import TestnetTerms

_NO_LIMIT_TICKS: Final = 10**9


class OrderRequest(NamedTuple):
    """An order as asked for. ``lots`` is 0 where ``quote_quanta`` is given (market orders only)."""

    side: Side
    order_type: OrderType
    price_ticks: int
    lots: int
    quote_quanta: int = 0
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    client_id: int | None = None
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.REJECT_TAKER


class _Plan(NamedTuple):
    """How an order goes to the book: up to which price it takes, and why what is left expires (None: as usual)."""

    limit_ticks: int
    takes_only: bool
    remainder: ExpiryReason | None


class OrderEntry:
    """Takes orders for one market."""

    def __init__(self, instrument: Instrument, terms: TestnetTerms, market: PublicMarket, clearing: Clearing) -> None:
        self._instrument = instrument
        self._terms = terms
        self._market = market
        self._clearing = clearing

    def place(self, account: Account, request: OrderRequest, at_ns: int, status: MarketStatus) -> OrderRecord:
        """Take an order; the account's time must have come to ``at_ns``. Returns it as it is afterwards.

        Raises:
            ApiError: it was refused, or it expired without being able to do what it was for.
        """
        check_status(status, request)
        lots = request.lots or self._affordable_lots(request)
        self._check_form(account, request, lots)
        order = self.record(account, request, lots, at_ns)
        self._check_reduce_only(account, order)
        self._check_post_only(account, order)
        self._check_margin(account, order)
        plan = self._plan(account, order)
        if order.time_in_force is TimeInForce.FOK and self._within(order.side, plan.limit_ticks, lots) < lots:
            return self._clearing.expire_unplaced(account, order, ExpiryReason.FILL_OR_KILL)
        kind = OrderKind.IOC if plan.takes_only else OrderKind.LIMIT
        place = Place(order.order_id, order.side, plan.limit_ticks, lots, kind, order.post_only, order.reduce_only)
        self._clearing.place(account, order, place, plan.remainder)
        return account.books.orders[order.order_id]

    def max_lots(self, account: Account, side: Side, *, reduce_only: bool) -> int:
        """The largest order of a side that margin (or, for reduce-only, the position) carries now."""
        books = account.books
        reducible = max(0, -books.position.lots * side)
        if reduce_only:
            return reducible
        lot_units = books.value_quanta(1, self._market.mark_milliticks) * account.units_per_quantum
        carried = max(0, account.holder.free_scaled(account)) // (lot_units * account.initial_margin_ppb)
        return max(reducible, carried - books.position.lots * side - books.open_lots(side), 0)

    def record(self, account: Account, request: OrderRequest, lots: int, at_ns: int) -> OrderRecord:
        return OrderRecord(
            order_id=self._market.new_order_id(),
            account=account.name,
            client_id=request.client_id,
            side=request.side,
            order_type=request.order_type,
            time_in_force=request.time_in_force,
            self_trade_prevention=request.self_trade_prevention,
            price_ticks=request.price_ticks,
            lots=lots,
            quote_quanta=request.quote_quanta,
            post_only=request.post_only,
            reduce_only=request.reduce_only,
            status=OrderStatus.NEW,
            filled_lots=0,
            filled_quanta=0,
            created_ns=at_ns,
            updated_ns=at_ns,
            expiry_reason=None,
            origin=Origin.USER,
            system_order=None,
        )

    def _check_form(self, account: Account, request: OrderRequest, lots: int) -> None:
        terms, books = self._terms, account.books
        if request.client_id is not None and books.open_by_client(request.client_id) is not None:
            raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "Client order id is already in use by an open order")
        if lots < self._instrument.min_lots:
            raise ApiError(ErrorCode.INVALID_QUANTITY, "Quantity is below the minimum quantity")
        if terms.max_lots is not None and lots > terms.max_lots:
            raise ApiError(ErrorCode.INVALID_QUANTITY, "Quantity is above the maximum quantity")
        if request.order_type is OrderType.LIMIT:
            self._check_price(request.price_ticks)
        if len(books.open_ids) >= terms.max_open_orders:
            raise ApiError(ErrorCode.ORDER_LIMIT, f"Open order limit reached: {terms.max_open_orders}")

    def _check_price(self, price_ticks: int) -> None:
        terms = self._terms
        if price_ticks < terms.min_price_ticks:
            raise ApiError(ErrorCode.INVALID_PRICE, "Price is below the minimum price")
        if price_ticks > (terms.max_price_ticks or _NO_LIMIT_TICKS):
            raise ApiError(ErrorCode.INVALID_PRICE, "Price is above the maximum price")
        mark = self._market.mark_milliticks
        away = abs(price_ticks * MILLITICKS_PER_TICK - mark)
        if away * RATE_SCALE > mark * terms.mark_band_ppb:
            raise ApiError(ErrorCode.INVALID_PRICE, "Price is too far from the mean mark price")

    def _check_reduce_only(self, account: Account, order: OrderRecord) -> None:
        if order.reduce_only and account.books.position.lots * order.side >= 0:
            self._clearing.expire_unplaced(account, order, ExpiryReason.REDUCE_ONLY_NOT_REDUCED)
            raise ApiError(ErrorCode.INVALID_ORDER, "Reduce only order not reduced")

    def _check_post_only(self, account: Account, order: OrderRecord) -> None:
        if not order.post_only:
            return
        best = self._market.book.best(order.side.opposite)
        meets_book = best is not None and (order.price_ticks - best.price_ticks) * order.side >= 0
        if meets_book or any(True for _ in _own_in_the_way(account, order, order.price_ticks)):
            self._clearing.expire_unplaced(account, order, ExpiryReason.POST_ONLY_TAKER)
            raise ApiError(ErrorCode.INVALID_ORDER, "Order would immediately match and take")

    def _check_margin(self, account: Account, order: OrderRecord) -> None:
        if order.reduce_only:
            return
        books, mark = account.books, self._market.mark_milliticks
        after = books.position.lots * order.side + books.open_lots(order.side) + order.lots
        if after <= 0:
            return
        opposite = books.open_lots(order.side.opposite) - books.position.lots * order.side
        exposure_units = books.value_quanta(max(after, opposite), mark) * account.units_per_quantum
        if exposure_units * account.initial_margin_ppb > account.holder.free_scaled(account):
            raise ApiError(ErrorCode.INSUFFICIENT_MARGIN, "Insufficient margin")

    def _plan(self, account: Account, order: OrderRecord) -> _Plan:
        limit = self._impact_ticks(order.side) if order.order_type is OrderType.MARKET else order.price_ticks
        takes_only = order.order_type is OrderType.MARKET or order.time_in_force is not TimeInForce.GTC
        in_the_way = [] if order.post_only else self._met(account, order, limit)
        if not in_the_way:
            return _Plan(limit, takes_only, None)
        rule = order.self_trade_prevention
        if rule is not SelfTradePrevention.REJECT_TAKER:
            makers = in_the_way if rule is SelfTradePrevention.REJECT_MAKER else in_the_way[:1]
            ending = Ending(OrderStatus.EXPIRED, ExpiryReason.SELF_TRADE_PREVENTION)
            self._clearing.cancel(account, order.created_ns, [maker.order_id for maker in makers], ending)
        if rule is SelfTradePrevention.REJECT_MAKER:
            return _Plan(limit, takes_only, None)
        bound = in_the_way[0].price_ticks - order.side
        if self._within(order.side, bound, 1) == 0:
            self._clearing.expire_unplaced(account, order, ExpiryReason.SELF_TRADE_PREVENTION)
            raise ApiError(ErrorCode.INVALID_ORDER, "Order would trade with an order of the same account")
        return _Plan(bound, takes_only=True, remainder=ExpiryReason.SELF_TRADE_PREVENTION)

    def _met(self, account: Account, order: OrderRecord, limit_ticks: int) -> list[OrderRecord]:
        """Own orders that this one would come to: what stands before them is not enough. Nearest first."""
        own = sorted(_own_in_the_way(account, order, limit_ticks), key=lambda maker: maker.price_ticks * order.side)
        return [
            maker for maker in own if self._within(order.side, maker.price_ticks - order.side, order.lots) < order.lots
        ]

    def _within(self, side: Side, limit_ticks: int, enough: int) -> int:
        """Lots that the book holds for a taker of ``side`` within a limit; no more than ``enough`` are counted."""
        found = 0
        for level in self._market.book.levels(side.opposite):
            if found >= enough or (limit_ticks - level.price_ticks) * side < 0:
                break
            found += level.lots
        return min(found, enough)

    def _impact_ticks(self, side: Side) -> int:
        """How far a market order may go; with nothing on the other side, from the mark."""
        best = self._market.book.best(side.opposite)
        from_ticks = self._market.mark_milliticks // MILLITICKS_PER_TICK if best is None else best.price_ticks
        return max(1, from_ticks + side * (from_ticks * self._terms.impact_ppb // RATE_SCALE))

    def _affordable_lots(self, request: OrderRequest) -> int:
        """Whole lots that the quote quantity pays for (or brings in), walking the book."""
        left, lots, limit = request.quote_quanta, 0, self._impact_ticks(request.side)
        for level in self._market.book.levels(request.side.opposite):
            if (limit - level.price_ticks) * request.side < 0:
                break
            part = min(level.lots, left // (level.price_ticks * QUANTA_PER_TICK_LOT))
            lots += part
            left -= part * level.price_ticks * QUANTA_PER_TICK_LOT
            if part < level.lots:
                break
        return lots


def check_status(status: MarketStatus, request: OrderRequest) -> None:
    """Rule 1."""
    if not status.is_matching:
        raise ApiError(ErrorCode.TRADING_PAUSED, f"Trading is paused: the order book is {status.value}")
    if status is MarketStatus.LIMIT_ONLY and request.order_type is not OrderType.LIMIT:
        raise ApiError(ErrorCode.TRADING_PAUSED, "Only limit orders are taken at the moment")
    if status is MarketStatus.POST_ONLY and not request.post_only:
        raise ApiError(ErrorCode.TRADING_PAUSED, "Only post-only orders are taken at the moment")


def _own_in_the_way(account: Account, order: OrderRecord, limit_ticks: int) -> "list[OrderRecord]":
    """Open orders of the other side that the limit reaches."""
    return [
        own
        for own in account.books.open_orders()
        if own.side is not order.side and (limit_ticks - own.price_ticks) * order.side >= 0
    ]
