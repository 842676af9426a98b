"""Maintenance margin, and what happens to an account that does not have it.

Rules kept here:

1. An account is liquidated when its equity is less than the maintenance margin of all its positions at their marks. It
   begins on the market that is looked at first; the others follow while it is still due.
2. Then every order expires (reason Liquidation), the position is closed at market, whatever the price, and a fee on the
   value of what was closed is taken. All of it has the origin LIQUIDATION_AUTOCLOSE.
3. What the book cannot take is closed as soon as it can. A balance below zero stays: a testnet has no insurance fund.
"""

from perpmaker.domain.commands import Place
from perpmaker.domain.money import RATE_SCALE
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.testnet.account import Account
from perpmaker.testnet.clearing import Clearing, Ending
from perpmaker.testnet.market import PublicMarket
from perpmaker.testnet.notices import (
    ExpiryReason,
    OrderRecord,
    OrderStatus,
    OrderType,
    Origin,
    SelfTradePrevention,
    SystemOrder,
    TimeInForce,
)
from perpmaker.testnet.terms import TestnetTerms

_ENDING = Ending(OrderStatus.EXPIRED, ExpiryReason.LIQUIDATION, Origin.LIQUIDATION)


class Liquidator:
    """Looks at the margin of accounts."""

    def __init__(self, terms: TestnetTerms, market: PublicMarket, clearing: Clearing) -> None:
        self._terms = terms
        self._market = market
        self._clearing = clearing

    def is_due(self, account: Account) -> bool:
        """Rule 1."""
        return account.books.position.lots != 0 and account.holder.spare_scaled() < 0

    def look(self, account: Account, at_ns: int) -> None:
        """Liquidate the account if it is due; its own time must have come to ``at_ns``."""
        if not self.is_due(account):
            account.is_liquidating = False
            return
        account.is_liquidating = True
        books = account.books
        if books.open_ids:
            self._clearing.cancel(account, at_ns, list(books.open_ids), _ENDING)
        side = Side.SELL if books.position.lots > 0 else Side.BUY
        if self._market.book.best(side.opposite) is None:
            return
        order = _closing_order(account, self._market.new_order_id(), side, at_ns)
        place = Place(order.order_id, side, 0, order.lots, OrderKind.MARKET, post_only=False, reduce_only=True)
        self._clearing.place(account, order, place, ExpiryReason.INSUFFICIENT_LIQUIDITY)
        closed_quanta = books.orders[order.order_id].filled_quanta
        fee = closed_quanta * self._terms.liquidation_fee_ppb // RATE_SCALE
        account.exchange.transfer(-fee)
        books.book_fee(fee)
        account.is_liquidating = books.position.lots != 0


def _closing_order(account: Account, order_id: int, side: Side, at_ns: int) -> OrderRecord:
    return OrderRecord(
        order_id=order_id,
        account=account.name,
        client_id=None,
        side=side,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.IOC,
        self_trade_prevention=SelfTradePrevention.REJECT_TAKER,
        price_ticks=0,
        lots=abs(account.books.position.lots),
        quote_quanta=0,
        post_only=False,
        reduce_only=True,
        status=OrderStatus.NEW,
        filled_lots=0,
        filled_quanta=0,
        created_ns=at_ns,
        updated_ns=at_ns,
        expiry_reason=None,
        origin=Origin.LIQUIDATION,
        system_order=SystemOrder.LIQUIDATION,
    )
