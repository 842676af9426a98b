"""Faults of the exchange itself: maintenance, a halted market, fills before cancels, and what others do to an account.

Rules kept here:

1. All of it goes through the testnet's own interface, so that the books stay true.
2. Foreign orders and trades carry no client id, as if somebody had used the exchange's web page.
3. What would need a market that is not there, or an account that does not exist, does nothing.
4. What happens to a market happens to every market of the exchange.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from perpmaker.domain.orders import Side
from perpmaker.testnet.account import Account
from perpmaker.testnet.api_errors import ApiError
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.fault_kinds import FaultKind
from perpmaker.testnet.faults import Fault, Faults
from perpmaker.testnet.notices import MarketStatus, OrderRecord

_STATES: Final = (MarketStatus.CANCEL_ONLY, MarketStatus.CLOSED, MarketStatus.POST_ONLY)
_FAR_TICKS_SHARE: Final = 20  # a foreign order rests a twentieth of the price away from the best


class _Cancel(msgspec.Struct):
    """The body of a cancel, as far as it matters here."""

    symbol: str | None = None
    orderId: str | None = None  # noqa: N815 - the wire's name
    clientId: int | None = None  # noqa: N815


class _Resting(NamedTuple):
    """An order, and where it rests."""

    symbol: str
    record: OrderRecord


class MarketFaults:
    """Does to the exchange what the faults say.

    Args:
        testnet: the exchange.
        faults: what goes wrong.
        account: name of the account that others meddle with.
    """

    def __init__(self, testnet: Testnet, faults: Faults, account: str = "1") -> None:
        self._testnet = testnet
        self._markets = {market.instrument.symbol: market for market in testnet.markets}
        self._faults = faults
        self._account = account
        self._begin: Final[dict[FaultKind, Callable[[Fault], None]]] = {
            FaultKind.MAINTENANCE: lambda _: testnet.set_maintenance(True),
            FaultKind.PAUSED: lambda fault: self._set_status(_STATES[fault.amount]),
            FaultKind.DELISTED: lambda _: self._set_status(MarketStatus.DELISTED),
            FaultKind.POSITION_CHANGED: self._change_position,
            FaultKind.FOREIGN_ORDER: self._place_foreign,
            FaultKind.BALANCE_SHRUNK: self._shrink_balance,
        }
        self._end: Final[dict[FaultKind, Callable[[], None]]] = {
            FaultKind.MAINTENANCE: lambda: testnet.set_maintenance(False),
            FaultKind.PAUSED: self._reopen,
            FaultKind.DELISTED: self._reopen,
        }
        faults.listeners.append(self._on_fault)

    def fill_before_cancel(self, key: str, body: bytes) -> None:
        """The order that a cancel is about fills completely, an instant before; with a cancel of all, the oldest."""
        account = self._testnet.account_by_key(key)
        order = None if account is None else _order_of(account, body)
        if order is not None:
            self._markets[order.symbol].fill_resting(order.record.account, order.record.order_id)

    def _on_fault(self, fault: Fault, begins: bool) -> None:
        if begins and fault.kind in self._begin:
            self._begin[fault.kind](fault)
            self._faults.struck[fault.kind] += 1
        elif not begins and fault.kind in self._end and not self._faults.is_on(fault.kind):
            self._end[fault.kind]()

    def _set_status(self, status: MarketStatus) -> None:
        for market in self._markets.values():
            market.set_market_status(status)

    def _reopen(self) -> None:
        """Back to normal, unless another fault still keeps the markets shut."""
        paused = [fault for fault in self._faults.active if fault.kind in (FaultKind.PAUSED, FaultKind.DELISTED)]
        if paused:
            self._begin[paused[-1].kind](paused[-1])
        else:
            self._set_status(MarketStatus.OPEN)

    def _change_position(self, fault: Fault) -> None:
        side = Side.BUY if fault.amount > 0 else Side.SELL
        for market in self._markets.values():
            best = market.book.best(side.opposite)
            lots = fault.amount * market.instrument.min_lots
            if best is not None and lots != 0:
                market.trade_elsewhere(self._account, lots, best.price_ticks)

    def _place_foreign(self, fault: Fault) -> None:
        for market in self._markets.values():
            for number in range(fault.amount):
                side = Side.BUY if number % 2 == 0 else Side.SELL
                best = market.book.best(side)
                if best is None:
                    continue
                price_ticks = best.price_ticks - side * (best.price_ticks // _FAR_TICKS_SHARE + number)
                try:
                    market.place_foreign_order(self._account, side, price_ticks, market.instrument.min_lots)
                except ApiError:
                    continue  # no margin, or a market that takes no orders: then there is none

    def _shrink_balance(self, fault: Fault) -> None:
        account = self._testnet.accounts[self._account]
        balance_quanta = account.holder.balance_units // account.units_per_quantum
        if balance_quanta > 0:
            self._testnet.transfer(self._account, -(balance_quanta * fault.amount // 100))


def _order_of(account: Account, body: bytes) -> _Resting | None:
    """The bot's order that a cancel with this body is about."""
    try:
        cancel = msgspec.json.decode(body, type=_Cancel)
    except msgspec.MsgspecError:
        return None
    for symbol, held in account.holder.accounts.items():
        for order in held.books.open_orders():
            if order.client_id is None or cancel.symbol not in (None, symbol):
                continue
            if cancel.orderId in (None, str(order.order_id)) and cancel.clientId in (None, order.client_id):
                return _Resting(symbol, order)
    return None
