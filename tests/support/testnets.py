"""A testnet over a small hand-made market, and a client that signs its requests and checks every answer.

The market: tick 0.01, lot 0.01, minimum 0.01 of SOL_USDC_PERP; bids 99.90 (1.00), 99.80 (2.00), 99.00 (50.00); asks
100.10 (1.00), 100.20 (2.00), 101.00 (50.00); mark 100.00. It stands still but for what a test gives it to do.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import msgspec
import numpy as np

from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as m
from perpmaker.simulation.market_events import MarketChunk
from perpmaker.testnet.account import Account
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.notices import Notice, OrderType
from perpmaker.testnet.order_entry import OrderRequest
from perpmaker.testnet.rest import RestApi, RestRequest, RestResponse
from perpmaker.testnet.terms import TestnetTerms

START_NS = 1_790_000_000_000_000_000
SECOND = 10**9
SOL = Instrument("SOL_USDC_PERP", "SOL", "USDC", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))
BTC = Instrument("BTC_USDC_PERP", "BTC", "USDC", Decimal("0.1"), Decimal("0.001"), Decimal("0.001"))

Row = tuple[int, int, int]
"""kind, price, lots; rows of one message are given together."""

BTC_BOOK: list[Row] = [
    (m.BID, 599_900, 5_000),
    (m.ASK, 600_100, 5_000),
    (m.MARK, 600_000_000, 0),
]
"""A second market: bid 59990 (5.000), ask 60010 (5.000), mark 60000."""

BOOK: list[Row] = [
    (m.BID, 9_990, 100),
    (m.BID, 9_980, 200),
    (m.BID, 9_900, 5_000),
    (m.ASK, 10_010, 100),
    (m.ASK, 10_020, 200),
    (m.ASK, 10_100, 5_000),
    (m.MARK, 10_000_000, 0),
]

Check = Callable[[RestRequest, RestResponse], None]


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self, start_ns: int = START_NS) -> None:
        self.ns = start_ns
        self._step_ns = 0

    def now_ns(self) -> int:
        self.ns += self._step_ns
        return self.ns

    def tick_at_every_look(self, ns: int) -> "HandClock":
        """From now on the clock moves by itself whenever it is read, as a real one does."""
        self._step_ns = ns
        return self

    def pass_s(self, seconds: float) -> None:
        self.ns += int(seconds * SECOND)


class HandMarket:
    """A feed of messages, given as ``(seconds, rows)``; the first is `BOOK` unless told."""

    def __init__(
        self,
        messages: Sequence[tuple[float, Sequence[Row]]] = (),
        first: Sequence[Row] = BOOK,
        instrument: Instrument = SOL,
    ) -> None:
        self.instrument = instrument
        self._messages = [(0.0, first), *messages]

    def chunks(self) -> Iterator[MarketChunk]:
        for at_s, rows in self._messages:
            kinds = [kind | m.MORE for kind, _, _ in rows]
            kinds[-1] &= m.KIND_MASK
            yield MarketChunk(
                np.full(len(rows), 10**18 + int(at_s * SECOND), np.int64),
                np.array(kinds, np.uint8),
                np.array([price for _, price, _ in rows], np.int64),
                np.array([lots for _, _, lots in rows], np.int64),
            )


class Bench:
    """A testnet with its clock and everything that it has told.

    ``beside`` are feeds of further markets; what is told and placed without a client is of the first.
    """

    def __init__(
        self,
        *messages: tuple[float, Sequence[Row]],
        first: Sequence[Row] = BOOK,
        accounts: int = 2,
        check: Check | None = None,
        beside: Sequence[HandMarket] = (),
        **terms: Any,
    ) -> None:
        self.clock = HandClock()
        settings = {"leverage": Decimal(50), **terms}
        self.testnet = Testnet(HandMarket(messages, first), TestnetTerms(**settings), self.clock, accounts=accounts)
        for feed in beside:
            self.testnet.open_market(feed)
        self.notices: list[Notice] = []
        self.testnet.listeners.append(self.notices.append)
        self.api = RestApi(self.testnet)
        self.client = Client(self, "1", check)

    @property
    def account(self) -> Account:
        return self.testnet.accounts["1"]

    def client_of(self, name: str) -> "Client":
        return Client(self, name, self.client.check)

    def pass_s(self, seconds: float) -> None:
        self.clock.pass_s(seconds)
        self.testnet.advance()

    def told(self, kind: type[Notice]) -> list[Any]:
        """Notices of one kind so far."""
        return [notice for notice in self.notices if isinstance(notice, kind)]

    def limit(self, side: Side, price_ticks: int, lots: int, account: str = "1", **settings: Any) -> Any:
        """Place a limit order straight at the exchange."""
        request = OrderRequest(side, OrderType.LIMIT, price_ticks, lots, **settings)
        return self.testnet.place(self.testnet.accounts[account], request)

    def market(self, side: Side, lots: int, account: str = "1", **settings: Any) -> Any:
        request = OrderRequest(side, OrderType.MARKET, 0, lots, **settings)
        return self.testnet.place(self.testnet.accounts[account], request)


INSTRUCTIONS: Mapping[tuple[str, str], str] = {
    ("GET", "/api/v1/account"): "accountQuery",
    ("PATCH", "/api/v1/account"): "accountUpdate",
    ("GET", "/api/v1/account/limits/order"): "maxOrderQuantity",
    ("GET", "/api/v1/capital"): "balanceQuery",
    ("GET", "/api/v1/capital/collateral"): "collateralQuery",
    ("GET", "/api/v1/position"): "positionQuery",
    ("GET", "/api/v1/order"): "orderQuery",
    ("POST", "/api/v1/order"): "orderExecute",
    ("DELETE", "/api/v1/order"): "orderCancel",
    ("GET", "/api/v1/orders"): "orderQueryAll",
    ("POST", "/api/v1/orders"): "orderExecute",
    ("DELETE", "/api/v1/orders"): "orderCancelAll",
    ("GET", "/wapi/v1/history/fills"): "fillHistoryQueryAll",
    ("GET", "/wapi/v1/history/orders"): "orderHistoryQueryAll",
    ("GET", "/wapi/v1/history/funding"): "fundingHistoryQueryAll",
}
"""Instructions of the private paths, from the document."""


class Client:
    """Sends requests the way a client does: an implementation of signing of its own, apart from the testnet's."""

    def __init__(self, bench: Bench, account: str, check: Check | None) -> None:
        self._bench = bench
        self.keys = bench.testnet.accounts[account].keys
        self.check = check

    def get(self, path: str, **query: Any) -> RestResponse:
        pairs = [
            (name.rstrip("_"), str(value).lower() if isinstance(value, bool) else str(value))
            for name, value in query.items()
        ]
        return self.send("GET", path, pairs, None)

    def post(self, path: str, body: Any) -> RestResponse:
        return self.send("POST", path, (), body)

    def delete(self, path: str, **body: Any) -> RestResponse:
        return self.send("DELETE", path, (), body)

    def patch(self, path: str, **body: Any) -> RestResponse:
        return self.send("PATCH", path, (), body)

    def order(self, **fields: Any) -> RestResponse:
        """Execute a limit buy of 1.00 at 99.50, but for what is said otherwise; None leaves a field out."""
        return self.post("/api/v1/order", order_fields(**fields))

    def send(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        body: Any,
        *,
        age_ms: int = 0,
        window: str | None = "5000",
        instruction: str | None = None,
        encode: bool = False,
        headers: Mapping[str, str | None] | None = None,
    ) -> RestResponse:
        now_ns = self._bench.clock.now_ns()
        sent: dict[str, str] = {}
        instruction = instruction or INSTRUCTIONS.get((method, path))
        if instruction is not None:
            timestamp = str(now_ns // 1_000_000 - age_ms)
            groups = [query] if method == "GET" else [o.items() for o in (body if isinstance(body, list) else [body])]
            text = _signed_text(instruction, groups, timestamp, window or "5000", encode=encode)
            sent = {"x-Api-Key": self.keys.public, "X-SIGNATURE": self.keys.sign(text), "X-Timestamp": timestamp}
            if window is not None:
                sent["X-Window"] = window
        for name, value in (headers or {}).items():
            sent.pop(name, None)
            if value is not None:
                sent[name] = value
        payload = b"" if body is None else msgspec.json.encode(body)
        request = RestRequest(method, path, query, sent, payload, now_ns)
        response = self._bench.api.handle(request)
        if self.check is not None:
            self.check(request, response)
        return response


def order_fields(**fields: Any) -> dict[str, Any]:
    usual = {"symbol": SOL.symbol, "side": "Bid", "orderType": "Limit", "price": "99.50", "quantity": "1"}
    return {name: value for name, value in {**usual, **fields}.items() if value is not None}


def content(response: RestResponse, status: int = 200) -> Any:
    """The decoded body of an answer that has this status."""
    assert response.status == status, response
    return msgspec.json.decode(response.body)


def refusal(response: RestResponse) -> tuple[int, str]:
    """Status and code of an error."""
    decoded = msgspec.json.decode(response.body)
    assert decoded.keys() == {"code", "message"}, decoded
    return response.status, decoded["code"]


def _signed_text(instruction: str, groups: Sequence[Any], timestamp: str, window: str, *, encode: bool) -> bytes:
    parts = []
    for group in groups:
        words = [f"instruction={instruction}"]
        for name, value in sorted(group):
            text = str(value).lower() if isinstance(value, bool) else str(value)
            words.append(f"{name}={quote(text, safe='') if encode else text}")
        parts += words
    return "&".join([*parts, f"timestamp={timestamp}", f"window={window}"]).encode()
