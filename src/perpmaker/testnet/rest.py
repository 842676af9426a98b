"""Backpack's REST interface as a function of a request: no socket, no waiting.

    api = RestApi(testnet)
    response = api.handle(RestRequest("GET", "/api/v1/time", (), {}, b"", clock.now_ns()))

Rules kept here:

1. Everything that is due happens before a request is looked at.
2. A private request passes in this order: maintenance, signature, rate limit, permission, and then its path.
3. Errors have the document's body (``ApiErrorResponse``). A path that does not exist is ``404 not found`` in plain
   text.
4. What was asked for is signed as it was sent: query parameters, or the fields of the body that are not null.
5. ``received_ns`` is the exchange's clock as clients see it: it dates signatures, rate limits and ``/api/v1/time``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from perpmaker.testnet.account import Account
from perpmaker.testnet.api_errors import ApiError, ErrorCode
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.order_payload import decode_body
from perpmaker.testnet.rate_limit import MinuteLimit
from perpmaker.testnet.rest_call import Call, Page
from perpmaker.testnet.rest_content import Contents
from perpmaker.testnet.rest_history import HistoryRest
from perpmaker.testnet.rest_markets import PrivateMarkets, PublicMarkets
from perpmaker.testnet.rest_orders import OrderGate
from perpmaker.testnet.rest_query import Query
from perpmaker.testnet.signing import Parameters, from_headers, verify

_JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
_CACHED: Final = {**_JSON, "Cache-Control": "no-store"}
_TEXT: Final = {"Content-Type": "text/plain; charset=utf-8"}
_PAGE_HEADERS: Final = "X-Page-Count,X-Current-Page,X-Page-Size,X-Total"


class RestRequest(NamedTuple):
    """A request as it came in. ``query`` holds decoded pairs in their order; header names compare without case."""

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    received_ns: int


class RestResponse(NamedTuple):
    status: int
    body: bytes
    headers: Mapping[str, str]


class _Route(NamedTuple):
    """A private path: what its requests are signed for, and what they need."""

    handle: Callable[[Call], Any]
    instruction: str
    trades: bool = False
    is_history: bool = False


class RestApi:
    """Answers requests to a testnet, about any of its markets."""

    def __init__(self, testnet: Testnet) -> None:
        self._testnet = testnet
        contents = {market.instrument.symbol: Contents(market.instrument) for market in testnet.markets}
        self._public = PublicMarkets(testnet)
        self._public_routes = self._public.routes()
        self._private = PrivateMarkets(testnet, contents)
        self._private_routes = _private_routes(self._private, HistoryRest(contents))
        terms = testnet.terms
        self._limits = {name: MinuteLimit(terms.rest_per_minute) for name in testnet.accounts}
        self._history_limits = {name: MinuteLimit(terms.history_per_minute) for name in testnet.accounts}

    def gate_orders(self, gate: OrderGate) -> None:
        """Ask this before each order, also of a batch; an `ApiError` that it returns is the answer to that order."""
        self._private.gate_orders(gate)

    def handle(self, request: RestRequest) -> RestResponse:
        """The answer to one request; never raises for what a client can send."""
        self._testnet.advance()
        try:
            return self._answer(request)
        except ApiError as error:
            return RestResponse(error.status, error.body, _JSON)

    def _answer(self, request: RestRequest) -> RestResponse:
        method, path = request.method, request.path
        if method == "GET" and path in _ALWAYS:
            return self._always(path, request.received_ns)
        if self._testnet.in_maintenance:
            raise ApiError(ErrorCode.MAINTENANCE, "System is under maintenance")
        public = self._public_routes.get(path) if method == "GET" else None
        if public is not None:
            return _answer_with(public(Query(request.query)), _CACHED)
        route = self._private_routes.get((method, path))
        if route is None:
            return RestResponse(404, b"not found", _TEXT)
        return _answer_with(route.handle(self._verified(route, request)), _JSON)

    def _verified(self, route: _Route, request: RestRequest) -> Call:
        """Rule 2."""
        body = decode_body(request.body) if request.method != "GET" else None
        groups = _signed_groups(request, body)
        account = verify(self._testnet, from_headers(request.headers), route.instruction, groups, request.received_ns)
        self._check_rate(account, route, request.received_ns)
        if route.trades and not account.holder.can_trade:
            raise ApiError(ErrorCode.FORBIDDEN, "API key is not permitted to trade")
        return Call(account, Query(request.query), body)

    def _check_rate(self, account: Account, route: _Route, now_ns: int) -> None:
        limits = self._history_limits if route.is_history else self._limits
        if not limits[account.name].admits(now_ns):
            raise ApiError(ErrorCode.TOO_MANY_REQUESTS, "Too many requests")

    def _always(self, path: str, received_ns: int) -> RestResponse:
        if path == _PING:
            return RestResponse(200, b"pong", _TEXT)
        if path == _TIME:
            return RestResponse(200, str(received_ns // 1_000_000).encode(), _TEXT)
        return RestResponse(200, msgspec.json.encode(self._public.status()), _JSON)


_PING: Final = "/api/v1/ping"
_TIME: Final = "/api/v1/time"
_ALWAYS: Final = frozenset((_PING, _TIME, "/api/v1/status"))


def _private_routes(markets: PrivateMarkets, history: HistoryRest) -> dict[tuple[str, str], _Route]:
    return {
        ("GET", "/api/v1/account"): _Route(markets.account, "accountQuery"),
        ("PATCH", "/api/v1/account"): _Route(markets.update, "accountUpdate", trades=True),
        ("GET", "/api/v1/account/limits/order"): _Route(markets.max_order, "maxOrderQuantity"),
        ("GET", "/api/v1/capital"): _Route(markets.capital, "balanceQuery"),
        ("GET", "/api/v1/capital/collateral"): _Route(markets.collateral, "collateralQuery"),
        ("GET", "/api/v1/position"): _Route(markets.positions, "positionQuery"),
        ("GET", "/api/v1/order"): _Route(markets.find, "orderQuery"),
        ("POST", "/api/v1/order"): _Route(markets.execute, "orderExecute", trades=True),
        ("DELETE", "/api/v1/order"): _Route(markets.cancel, "orderCancel", trades=True),
        ("GET", "/api/v1/orders"): _Route(markets.find_all, "orderQueryAll"),
        ("POST", "/api/v1/orders"): _Route(markets.execute_batch, "orderExecute", trades=True),
        ("DELETE", "/api/v1/orders"): _Route(markets.cancel_all, "orderCancelAll", trades=True),
        ("GET", "/wapi/v1/history/fills"): _Route(history.fills, "fillHistoryQueryAll", is_history=True),
        ("GET", "/wapi/v1/history/orders"): _Route(history.orders, "orderHistoryQueryAll", is_history=True),
        ("GET", "/wapi/v1/history/funding"): _Route(history.funding, "fundingHistoryQueryAll", is_history=True),
    }


def _signed_groups(request: RestRequest, body: Any) -> list[Parameters]:
    """Rule 4. Raises `ApiError` where the body is neither an object nor, for a batch, a list of objects."""
    if request.method == "GET":
        return [request.query]
    is_batch = request.method == "POST" and request.path == "/api/v1/orders"
    objects = body if is_batch and isinstance(body, list) else [body]
    if not objects or not all(isinstance(item, dict) for item in objects) or is_batch != isinstance(body, list):
        expected = "a list of orders" if is_batch else "an object"
        raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, f"parse request payload error: expected {expected}")
    return [[(name, value) for name, value in item.items() if value is not None] for item in objects]


def _answer_with(content: Any, headers: Mapping[str, str]) -> RestResponse:
    if isinstance(content, Page):
        return RestResponse(
            200, msgspec.json.encode(content.rows), _page_headers(content.total, content.limit, content.offset)
        )
    return RestResponse(200, b"" if content is None else msgspec.json.encode(content), headers)


def _page_headers(total: int, limit: int, offset: int) -> dict[str, str]:
    return {
        **_CACHED,
        "Access-Control-Expose-Headers": _PAGE_HEADERS,
        "X-Page-Count": str(-(-total // limit)),
        "X-Current-Page": str(offset // limit + 1),
        "X-Page-Size": str(limit),
        "X-Total": str(total),
    }
