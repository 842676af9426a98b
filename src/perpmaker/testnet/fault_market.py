"""Faults of the exchange itself: maintenance, a halted market, fills before cancels, and what others do to an account.

Rules kept here:

1. All of it goes through the testnet's own interface, so that the books stay true.
2. Foreign orders and trades carry no client id, as if somebody had used the exchange's web page.
3. What would need a market that is not there, or an account that does not exist, does nothing.
"""

from collections.abc import Callable
from typing import Final

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

    orderId: str | None = None  # noqa: N815 - the wire's name
    clientId: int | None = None  # noqa: N815


class MarketFaults:
    """Does to the exchange what the faults say.

    Args:
        testnet: the exchange.
        faults: what goes wrong.
        account: name of the account that others meddle with.
    """

    def __init__(self, testnet: Testnet, faults: Faults, account: str = "1") -> None:
        self._testnet = testnet
        self._faults = faults
        self._account = account
        self._begin: Final[dict[FaultKind, Callable[[Fault], None]]] = {
            FaultKind.MAINTENANCE: lambda _: testnet.set_maintenance(True),
            FaultKind.PAUSED: lambda fault: testnet.set_market_status(_STATES[fault.amount]),
            FaultKind.DELISTED: lambda _: testnet.set_market_status(MarketStatus.DELISTED),
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
            self._testnet.fill_resting(order.account, order.order_id)

    def _on_fault(self, fault: Fault, begins: bool) -> None:
        if begins and fault.kind in self._begin:
            self._begin[fault.kind](fault)
            self._faults.struck[fault.kind] += 1
        elif not begins and fault.kind in self._end and not self._faults.is_on(fault.kind):
            self._end[fault.kind]()

    def _reopen(self) -> None:
        """Back to normal, unless another fault still keeps the market shut."""
        paused = [fault for fault in self._faults.active if fault.kind in (FaultKind.PAUSED, FaultKind.DELISTED)]
        if paused:
            self._begin[paused[-1].kind](paused[-1])
        else:
            self._testnet.set_market_status(MarketStatus.OPEN)

    def _change_position(self, fault: Fault) -> None:
        side = Side.BUY if fault.amount > 0 else Side.SELL
        best = self._testnet.book.best(side.opposite)
        lots = fault.amount * self._testnet.instrument.min_lots
        if best is not None and lots != 0:
            self._testnet.trade_elsewhere(self._account, lots, best.price_ticks)

    def _place_foreign(self, fault: Fault) -> None:
        instrument = self._testnet.instrument
        for number in range(fault.amount):
            side = Side.BUY if number % 2 == 0 else Side.SELL
            best = self._testnet.book.best(side)
            if best is None:
                continue
            away = best.price_ticks // _FAR_TICKS_SHARE + number
            try:
                self._testnet.place_foreign_order(
                    self._account, side, best.price_ticks - side * away, instrument.min_lots
                )
            except ApiError:
                continue  # no margin, or a market that takes no orders: then there is none

    def _shrink_balance(self, fault: Fault) -> None:
        balance_quanta = self._testnet.accounts[self._account].books.balance_quanta
        if balance_quanta > 0:
            self._testnet.transfer(self._account, -(balance_quanta * fault.amount // 100))


def _order_of(account: Account, body: bytes) -> OrderRecord | None:
    """The bot's order that a cancel with this body is about."""
    try:
        cancel = msgspec.json.decode(body, type=_Cancel)
    except msgspec.MsgspecError:
        return None
    for order in account.books.open_orders():
        if order.client_id is None:
            continue
        if cancel.orderId in (None, str(order.order_id)) and cancel.clientId in (None, order.client_id):
            return order
    return None
