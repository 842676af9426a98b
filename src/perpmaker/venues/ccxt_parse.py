"""Orders, executions, positions and funding of ccxt as the domain's.

Rules kept here:

1. Sizes are contracts on the grid, prices ticks on the grid; what is not on it is an error.
2. A fee is exact and in the currency that the contract is settled in; any other is an error that says so.
3. An execution needs an id of its own. Digits are taken as they are; other ids (UUIDs) become a number of 63 bits by
   hashing, the same every time.
"""

import hashlib
from decimal import Decimal
from typing import Any, Final

from perpmaker.domain.events import Filled, FundingPaid
from perpmaker.domain.orders import CancelReason, Side
from perpmaker.venues.ccxt_quirks import Quirks
from perpmaker.venues.ccxt_terms import Contract, plain
from perpmaker.venues.client_ids import ClientIds, OwnId
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import OrderState, VenueFunding, VenueOrder

SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}

STATES: Final = {
    "open": OrderState.OPEN,
    "closed": OrderState.FILLED,
    "canceled": OrderState.CANCELED,
    "canceling": OrderState.OPEN,
    "expired": OrderState.CANCELED,
    "rejected": OrderState.REJECTED,
}

_MS: Final = 1_000_000
_CLIENT_NAMES: Final = ("clientOrderId", "clientId", "client_id", "clOrdId", "orderLinkId", "cloid", "client_order_id")


class Parser:
    """Reads what ccxt hands over for one market.

    Args:
        contract: the grid.
        ids: the exchange's client ids.
        quirks: where the exchange differs.
    """

    def __init__(self, contract: Contract, ids: ClientIds, quirks: Quirks) -> None:
        self._contract = contract
        self._ids = ids
        self._quirks = quirks

    def state(self, order: dict[str, Any]) -> OrderState:
        """Raises `ValueError` for a status that ccxt does not have."""
        status = order.get("status")
        if status not in STATES:
            raise ValueError(f"an order of status {status!r}")
        return STATES[status]

    def filled_lots(self, order: dict[str, Any]) -> int:
        return self._contract.lots_of(self._quirks.filled(order))

    def order(self, order: dict[str, Any], now_ns: int) -> VenueOrder:
        """Raises `ValueError` or `LookupError` for what cannot be read."""
        client_id = order.get("clientOrderId")
        text = None if client_id is None else str(client_id)
        own = self._ids.decode(text)
        timestamp = order.get("timestamp")
        is_expired = order.get("status") == "expired"
        return VenueOrder(
            venue_id=str(order["id"]),
            tag=None if own is None else own.tag,
            order_id=None if own is None else own.order_id,
            client_id=text,
            side=SIDES[order["side"]],
            price_ticks=self._contract.ticks_of(order.get("price") or 0),
            lots=self._contract.lots_of(order.get("amount") or 0),
            filled_lots=self.filled_lots(order),
            state=self.state(order),
            cancel_reason=CancelReason.VENUE if is_expired else CancelReason.REQUESTED,
            reduce_only=bool(order.get("reduceOnly")),
            venue_ns=now_ns if timestamp is None else int(timestamp) * _MS,
        )

    def own_of_trade(self, trade: dict[str, Any]) -> OwnId | None:
        """Whose execution it is, where it says so itself."""
        info = trade.get("info")
        for held in (trade, info if isinstance(info, dict) else {}):
            for name in _CLIENT_NAMES:
                own = self._ids.decode(None if held.get(name) is None else str(held[name]))
                if own is not None:
                    return own
        return None

    def fill(self, trade: dict[str, Any], order_id: int, now_ns: int) -> Filled:
        """An execution; ``order_id`` is 0 for somebody else's.

        Raises:
            VenueError: the fee is in another currency.
            ValueError, LookupError: it cannot be read.
        """
        return Filled(
            now_ns,
            int(trade["timestamp"]) * _MS,
            fill_id(trade["id"]),
            order_id,
            SIDES[trade["side"]],
            self._contract.ticks_of(trade["price"]),
            self._contract.lots_of(trade["amount"]),
            trade.get("takerOrMaker") == "maker",
            self._fee_quanta(trade),
        )

    def position_lots(self, position: dict[str, Any]) -> int:
        """Signed lots of a position, told by REST or by the stream."""
        if self._quirks.position is not None:
            return self._contract.contracts.signed(plain(self._quirks.position(position)))
        lots = abs(self._contract.contracts.signed(plain(position.get("contracts") or 0)))
        return lots * {"long": 1, "short": -1}[position["side"]] if lots else 0

    def funding(self, entry: dict[str, Any], now_ns: int) -> VenueFunding:
        """Raises `LookupError`, `ValueError` or `ArithmeticError` for what cannot be read."""
        amount = self._contract.instrument.money_to_quanta(Decimal(plain(entry["amount"])))
        timestamp = int(entry["timestamp"])
        return VenueFunding(f"{entry.get('id')}/{timestamp}", FundingPaid(now_ns, timestamp * _MS, amount))

    def _fee_quanta(self, trade: dict[str, Any]) -> int:
        known = [fee for fee in self._quirks.fees(trade) if fee.get("cost") is not None]
        if not known:
            raise ValueError(f"execution {trade['id']} without its fee")
        coin = self._contract.instrument.quote
        total = Decimal(0)
        for fee in known:
            cost = Decimal(plain(fee["cost"]))
            if fee.get("currency") not in (coin, None) and cost:
                raise VenueError(
                    f"a fee was charged in {fee['currency']} instead of {coin}, which this program cannot book: "
                    f"let fees be paid in {coin}",
                    Reaction.STOP,
                    "FeeAsset",
                )
            total += cost
        return self._contract.instrument.money_to_quanta(total)


def fill_id(text: Any) -> int:
    """The number of an execution."""
    name = str(text)
    if name.isascii() and name.isdigit():
        return int(name)
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 1
