"""The bodies of order requests, read strictly into what the exchange takes.

Rules kept here:

1. A body has the types of the document: numbers that are decimals are strings, client ids are whole numbers of 32 bits.
   Fields that the document does not know are ignored.
2. A market order has either a quantity or a quote quantity and no price; a limit order has a price and a quantity.
3. Post-only orders are good till cancelled limit orders.
4. Trigger orders, stop-loss and take-profit attachments and slippage tolerances are refused (NOT_IMPLEMENTED). Flags of
   spot margin mean nothing on a perpetual and are ignored.
"""

from typing import Annotated, Any, Final

import msgspec

from perpmaker.testnet.api_errors import ApiError, ErrorCode
from perpmaker.testnet.notices import OrderType, SelfTradePrevention, TimeInForce
from perpmaker.testnet.order_entry import OrderRequest
from perpmaker.testnet.rest_query import SIDES
from perpmaker.testnet.wire import Wire

ClientId = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]

_NOT_HERE: Final = frozenset(
    f"{kind}{what}" for kind in ("stopLoss", "takeProfit") for what in ("LimitPrice", "TriggerBy", "TriggerPrice")
) | {"triggerBy", "triggerPrice", "triggerQuantity", "slippageTolerance", "slippageToleranceType"}


class OrderExecute(msgspec.Struct, frozen=True, rename="camel"):
    """``OrderExecutePayload``, as far as it means something here."""

    symbol: str
    side: str
    order_type: OrderType
    client_id: ClientId | None = None
    post_only: bool = False
    price: str | None = None
    quantity: str | None = None
    quote_quantity: str | None = None
    reduce_only: bool = False
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.REJECT_TAKER
    time_in_force: TimeInForce = TimeInForce.GTC


class OrderCancel(msgspec.Struct, frozen=True, rename="camel"):
    """``OrderCancelPayload``."""

    symbol: str
    client_id: ClientId | None = None
    order_id: str | None = None


class CancelAll(msgspec.Struct, frozen=True, rename="camel"):
    """``OrderCancelAllPayload``."""

    symbol: str
    order_type: str | None = None


class AccountUpdate(msgspec.Struct, frozen=True, rename="camel"):
    """``UpdateAccountSettingsRequest``."""

    leverage_limit: str | None = None


def decode_body(body: bytes) -> Any:
    """The body as plain objects, as it was signed. Raises `ApiError`."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, f"parse request payload error: {error}") from None


def read_order(content: object, wire: Wire) -> tuple[str, OrderRequest]:
    """The symbol and the order that one ``OrderExecutePayload`` asks for. Raises `ApiError`."""
    if isinstance(content, dict):
        unsupported = sorted(name for name in _NOT_HERE & content.keys() if content[name] is not None)
        if unsupported:
            raise ApiError(
                ErrorCode.NOT_IMPLEMENTED, f"Trigger orders are not available on this testnet: {', '.join(unsupported)}"
            )
    order = convert(content, OrderExecute)
    side = SIDES.get(order.side)
    if side is None:
        raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "parse request payload error: side must be Bid or Ask")
    read = _limit if order.order_type is OrderType.LIMIT else _market
    price_ticks, lots, quote_quanta = read(order, wire)
    return order.symbol, OrderRequest(
        side,
        order.order_type,
        price_ticks,
        lots,
        quote_quanta,
        order.time_in_force,
        order.post_only,
        order.reduce_only,
        order.client_id,
        order.self_trade_prevention,
    )


_Model = Any


def convert(content: object, model: _Model) -> Any:
    """Plain objects as one of the structs above. Raises `ApiError`."""
    try:
        return msgspec.convert(content, model)
    except msgspec.ValidationError as error:
        raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, f"parse request payload error: {error}") from None


def _limit(order: OrderExecute, wire: Wire) -> tuple[int, int, int]:
    if order.price is None:
        raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "Limit orders must specify a price")
    if order.quantity is None or order.quote_quantity is not None:
        raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "Limit orders must specify a quantity")
    if order.post_only and order.time_in_force is not TimeInForce.GTC:
        raise ApiError(ErrorCode.INVALID_ORDER, "Post only orders must be good till cancelled")
    return wire.ticks(order.price), wire.lots(order.quantity), 0


def _market(order: OrderExecute, wire: Wire) -> tuple[int, int, int]:
    if order.post_only:
        raise ApiError(ErrorCode.INVALID_ORDER, "Market orders cannot be post only")
    if order.price is not None:
        raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "Market orders cannot specify a price")
    if (order.quantity is None) == (order.quote_quantity is None):
        raise ApiError(
            ErrorCode.INVALID_CLIENT_REQUEST, "Market orders must specify either a quantity or a quote quantity"
        )
    if order.quantity is not None:
        return 0, wire.lots(order.quantity), 0
    return 0, 0, wire.quanta(order.quote_quantity)
