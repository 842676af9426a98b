"""The private paths that place, cancel and look up orders.

Rules kept here:

1. Placing and cancelling needs a key that may trade.
2. An order that rests is looked up and cancelled by exactly one of order id and client id. What does not rest is not
   found (404) when it is looked up, and a bad request (400) when it is cancelled.
3. Each order of a batch is placed or refused by itself, in order; the answer has one result for each, in order (see
   `perpmaker.testnet.rest_markets`).
"""

from collections.abc import Callable

from perpmaker.testnet.account import Account
from perpmaker.testnet.api_errors import ApiError, ErrorCode
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.notices import OrderRecord
from perpmaker.testnet.order_entry import OrderRequest
from perpmaker.testnet.order_payload import CancelAll, OrderCancel, convert, read_order
from perpmaker.testnet.rest_call import Call, check_listed, check_symbol
from perpmaker.testnet.rest_content import Content, Contents
from perpmaker.testnet.rest_public import MARKET_TYPES

OrderGate = Callable[[OrderRequest], ApiError | None]

_ALL = "RestingLimitOrder"
_CONDITIONAL = "ConditionalOrder"
_MAX_CLIENT_ID = 2**32 - 1


class OrderRest:
    """Answers requests about orders on one market.

    Attributes:
        order_gate: asked before each order; what it returns is the answer to that order instead.
    """

    def __init__(self, testnet: Testnet, contents: Contents) -> None:
        self._testnet = testnet
        self._contents = contents
        self.order_gate: OrderGate | None = None

    def execute(self, call: Call) -> Content:
        return self._contents.order(self._place(call.account, call.body))

    def find(self, call: Call) -> Content:
        query = call.query
        check_symbol(self._testnet, query.required("symbol"))
        client_id = query.integer("clientId", 0, _MAX_CLIENT_ID)
        order = self._resting(call.account, query.text("orderId"), client_id)
        if order is None:
            raise ApiError(ErrorCode.RESOURCE_NOT_FOUND, "Order not found")
        return self._contents.order(order)

    def find_all(self, call: Call) -> list[Content]:
        symbol = call.query.text("symbol")
        if symbol is not None:
            check_symbol(self._testnet, symbol)
        if call.query.word("marketType", MARKET_TYPES) not in (None, "PERP"):
            return []
        return [self._contents.order(order) for order in call.account.books.open_orders()]

    def cancel(self, call: Call) -> Content:
        payload: OrderCancel = convert(call.body, OrderCancel)
        check_symbol(self._testnet, payload.symbol)
        order = self._resting(call.account, payload.order_id, payload.client_id)
        if order is None:
            raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "Order not found")
        return self._contents.order(self._testnet.cancel(call.account, order.order_id))

    def cancel_all(self, call: Call) -> list[Content]:
        payload: CancelAll = convert(call.body, CancelAll)
        check_symbol(self._testnet, payload.symbol)
        if payload.order_type not in (None, _ALL, _CONDITIONAL):
            raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "parse request payload error: unknown orderType")
        if payload.order_type == _CONDITIONAL:
            return []
        return [self._contents.order(order) for order in self._testnet.cancel_all(call.account)]

    def _place(self, account: Account, content: object) -> OrderRecord:
        symbol, request = read_order(content, self._contents.wire)
        check_listed(self._testnet, symbol)
        if account.holder.is_liquidating:
            raise ApiError(ErrorCode.ACCOUNT_LIQUIDATING, "Account is being liquidated")
        if self.order_gate is not None:
            error = self.order_gate(request)
            if error is not None:
                raise error
        return self._testnet.place(account, request)

    def _resting(self, account: Account, order_id: str | None, client_id: int | None) -> OrderRecord | None:
        """The open order that is meant. Raises `ApiError` unless exactly one id is given."""
        if (order_id is None) == (client_id is None):
            raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "Must specify either `orderId` or `clientId`")
        books = account.books
        if client_id is not None:
            return books.open_by_client(client_id)
        text = order_id or ""
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
        return books.orders[number] if number in books.open_ids else None
