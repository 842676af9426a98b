"""A served testnet in virtual time, and small clients of it: requests and a websocket, over real loopback sockets.

    async def scenario():
        async with serving(served_testnet()) as (server, client), listening(client) as ears:
            await ears.subscribe("account.orderUpdate", account=client.account)
            await client.place("Bid", "99.50", "1")

The market is that of `FIRST_BOOK` and stands still, unless a test gives another.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from aiohttp import ClientSession, ClientTimeout, WSMsgType

from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
from perpmaker.testnet.account import Account
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.notices import OrderType
from perpmaker.testnet.order_entry import OrderRequest
from perpmaker.testnet.server import TestnetServer
from perpmaker.testnet.terms import TestnetTerms
from support.testnets import INSTRUCTIONS, SOL, HandMarket, Row
from support.virtual_time import virtual_clock

SYMBOL = SOL.symbol

FIRST_BOOK: list[Row] = [
    (me.BID, 9_990, 500),
    (me.BID, 9_980, 800),
    (me.ASK, 10_010, 500),
    (me.ASK, 10_020, 800),
    (me.MARK, 10_000_000, 0),
]
"""Bids 99.90 and 99.80, asks 100.10 and 100.20, mark 100."""


def still_market(*messages: tuple[float, Sequence[Row]]) -> MarketFeed:
    """A book that stands still but for these messages, given as ``(seconds, rows)``."""
    return HandMarket(messages, FIRST_BOOK)


def synthetic_market(seed: int = 1) -> MarketFeed:
    return SyntheticMarket(PROFILES[SYMBOL], seed)


def served_testnet(feed: MarketFeed | None = None, *, accounts: int = 1, seed: int = 7, **terms: Any) -> Testnet:
    """A testnet on the clock of the running (virtual) loop."""
    return Testnet(feed or still_market(), TestnetTerms(**terms), virtual_clock(), seed=seed, accounts=accounts)


def buy(price_ticks: int, lots: int, **more: Any) -> OrderRequest:
    return OrderRequest(Side.BUY, OrderType.LIMIT, price_ticks, lots, **more)


def sell(price_ticks: int, lots: int, **more: Any) -> OrderRequest:
    return OrderRequest(Side.SELL, OrderType.LIMIT, price_ticks, lots, **more)


class RestClient:
    """Sends signed requests of one account; an answer is ``(status, content)``."""

    def __init__(self, server: TestnetServer, account: Account, session: ClientSession) -> None:
        self.server = server
        self.account = account
        self.session = session

    async def get(self, path: str, **query: str) -> tuple[int, Any]:
        return await self._send("GET", path, query)

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        return await self._send("POST", path, body)

    async def delete(self, path: str, **body: Any) -> tuple[int, Any]:
        return await self._send("DELETE", path, body)

    async def place(self, side: str, price: str, quantity: str, **more: Any) -> tuple[int, Any]:
        """A limit order."""
        return await self.post("/api/v1/order", limit_order(side, price, quantity, **more))

    async def cancel(self, **which: Any) -> tuple[int, Any]:
        """``orderId`` or ``clientId``."""
        return await self.delete("/api/v1/order", symbol=SYMBOL, **which)

    async def control(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        url = f"{self.server.base_url}/control{path}"
        async with self.session.request(method, url, json=body, **more) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    async def _send(self, method: str, path: str, sent: Any) -> tuple[int, Any]:
        headers = self._headers(method, path, sent if isinstance(sent, list) else [sent])
        carried: dict[str, Any] = {"params": sent} if method == "GET" else {"json": sent}
        async with self.session.request(method, self.server.base_url + path, headers=headers, **carried) as response:
            body = await response.text()
            is_json = response.content_type == "application/json"
            return response.status, json.loads(body) if is_json and body else body

    def _headers(self, method: str, path: str, groups: Sequence[dict[str, Any]]) -> dict[str, str]:
        instruction = INSTRUCTIONS.get((method, path))
        if instruction is None:
            return {}
        now_ms = self.server.testnet.clock.now_ns() // 1_000_000
        parts: list[str] = []
        for group in groups:
            parts.append(f"instruction={instruction}")
            parts += [f"{name}={_text(value)}" for name, value in sorted(group.items())]
        message = "&".join([*parts, f"timestamp={now_ms}", "window=5000"])
        keys = self.account.keys
        return {
            "X-API-KEY": keys.public,
            "X-SIGNATURE": keys.sign(message.encode()),
            "X-TIMESTAMP": str(now_ms),
            "X-WINDOW": "5000",
        }


class StreamClient:
    """A websocket and everything that it has heard."""

    def __init__(self, client: RestClient, path: str) -> None:
        self.heard: list[dict[str, Any]] = []
        self.is_open = True
        self._client = client
        self._url = client.server.ws_url + path

    async def __aenter__(self) -> Self:
        self.socket = await self._client.session.ws_connect(self._url, max_msg_size=0)
        self._task = asyncio.create_task(self._listen(), name="stream client")
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.socket.close()
        await self._task

    async def subscribe(
        self, *streams: str, account: Account | None = None, method: str = "SUBSCRIBE", **more: Any
    ) -> None:
        """Send a frame, signed by the account if there is one, and wait for what it brings at once."""
        frame: dict[str, Any] = {"method": method, "params": list(streams)}
        if account is not None:
            frame["signature"] = self.signature(account)
        await self.socket.send_str(json.dumps({**frame, **more}))
        await settle()

    def signature(self, account: Account, *, window: int = 5000, age_ms: int = 0) -> list[str]:
        now_ms = self._client.server.testnet.clock.now_ns() // 1_000_000 - age_ms
        signed = account.keys.sign(f"instruction=subscribe&timestamp={now_ms}&window={window}".encode())
        return [account.keys.public, signed, str(now_ms), str(window)]

    def data(self, stream: str) -> list[dict[str, Any]]:
        """Payloads of a stream so far."""
        return [message["data"] for message in self.heard if message.get("stream") == stream]

    async def _listen(self) -> None:
        async for message in self.socket:
            if message.type is WSMsgType.TEXT:
                self.heard.append(json.loads(message.data))
        self.is_open = False


@asynccontextmanager
async def serving(testnet: Testnet, **arguments: Any) -> AsyncIterator[tuple[TestnetServer, RestClient]]:
    """The server of a testnet, and a client of its first account."""
    async with (
        ClientSession(timeout=ClientTimeout(total=60)) as session,
        TestnetServer(testnet, **arguments) as server,
    ):
        yield server, RestClient(server, testnet.accounts["1"], session)


def listening(client: RestClient, path: str = "/") -> StreamClient:
    return StreamClient(client, path)


def limit_order(side: str, price: str, quantity: str, **more: Any) -> dict[str, Any]:
    return {"symbol": SYMBOL, "side": side, "orderType": "Limit", "price": price, "quantity": quantity, **more}


async def settle() -> None:
    """Until everything that is on its way has arrived: virtual time passes only when nothing is."""
    await asyncio.sleep(1e-6)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
