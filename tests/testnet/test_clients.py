"""Clients made for the real exchange, unchanged but for the address: ccxt (requests and streams) and bpx-py.

They read the machine's clock, so these tests run in real time; they wait for events, never for time to pass.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import ccxt.pro
import pytest

from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.server import TestnetServer
from perpmaker.testnet.terms import TestnetTerms
from perpmaker.venues.clock import SystemClock
from support.testnet_servers import SYMBOL, synthetic_market

UNIFIED = "SOL/USDC:USDC"
PATIENCE_S = 60
BPX_PYTHON = Path(__file__).resolve().parents[2] / ".venv-bpx" / "bin" / "python"
BPX_SCRIPT = Path(__file__).with_name("bpx_client.py")


@asynccontextmanager
async def in_real_time() -> AsyncIterator[TestnetServer]:
    testnet = Testnet(synthetic_market(), TestnetTerms(), SystemClock(), seed=3, accounts=1)
    async with TestnetServer(testnet) as server:
        yield server


@asynccontextmanager
async def ccxt_client(server: TestnetServer) -> AsyncIterator[Any]:
    keys = server.testnet.accounts["1"].keys
    exchange = ccxt.pro.backpack({"apiKey": keys.public, "secret": keys.secret})
    exchange.urls["api"] = {
        "public": server.base_url,
        "private": server.base_url,
        "ws": {"public": server.ws_url, "private": server.ws_url},
    }
    try:
        yield exchange
    finally:
        await exchange.close()


def with_ccxt(scenario):
    """Run a scenario with a client of a new testnet."""

    async def body():
        async with asyncio.timeout(PATIENCE_S), in_real_time() as server, ccxt_client(server) as exchange:
            return await scenario(server.testnet, exchange)

    return asyncio.run(body())


def far_price(testnet: Testnet, side: int) -> float:
    """A price 2 % away from the market, on the tick."""
    ticks = testnet.mark_milliticks // 1000
    return float(testnet.instrument.price(ticks - side * (ticks // 50)))


def test_ccxt_reads_the_market():
    async def read(testnet, exchange):
        markets = await exchange.fetch_markets()
        market = next(market for market in markets if market["symbol"] == UNIFIED)
        assert (market["id"], market["swap"], market["linear"]) == (SYMBOL, True, True)
        assert (market["precision"]["amount"], market["precision"]["price"]) == (0.01, 0.01)
        trades = await exchange.watch_trades(UNIFIED)
        assert {trade["symbol"] for trade in trades} == {UNIFIED}
        book = await exchange.fetch_order_book(UNIFIED)
        assert book["bids"][0][0] < book["asks"][0][0]
        assert book["bids"] == sorted(book["bids"], reverse=True)
        ticker = await exchange.fetch_ticker(UNIFIED)
        assert ticker["last"] == pytest.approx(book["bids"][0][0], rel=0.01)
        assert len(await exchange.fetch_trades(UNIFIED)) > 0
        candles = await exchange.fetch_ohlcv(UNIFIED, "1m")
        assert candles[-1][4] == pytest.approx(ticker["last"], rel=0.01)
        told_ms = int(await exchange.publicGetApiV1Time())  # its own fetch_time reads the first digit only
        assert abs(told_ms - testnet.clock.now_ns() // 1_000_000) < 60_000
        return await exchange.fetch_status()

    assert with_ccxt(read)["status"] == "ok"


def test_ccxt_watches_the_book():
    async def watch(_testnet, exchange):
        for _ in range(5):
            book = await exchange.watch_order_book(UNIFIED)
        return book["bids"][0][0], book["asks"][0][0], book["nonce"]

    bid, ask, nonce = with_ccxt(watch)
    assert bid < ask
    assert nonce > 0


def test_ccxt_trades():
    async def trade(testnet, exchange):
        balance = await exchange.fetch_balance()
        assert balance["USDC"]["total"] == 10_000
        assert await exchange.fetch_positions() == []

        order = await exchange.create_order(
            UNIFIED, "limit", "buy", 0.5, far_price(testnet, 1), {"clientOrderId": 4242, "postOnly": True}
        )
        assert (order["status"], order["clientOrderId"]) == ("open", "4242")
        placed = await exchange.create_orders(
            [
                {"symbol": UNIFIED, "type": "limit", "side": side, "amount": 0.3, "price": far_price(testnet, sign)}
                for side, sign in (("buy", 1), ("sell", -1))
            ]
        )
        assert [order["side"] for order in placed] == ["buy", "sell"]
        resting = await exchange.fetch_open_orders(UNIFIED)
        assert len(resting) == 3
        assert (await exchange.fetch_open_order(order["id"], UNIFIED))["id"] == order["id"]
        cancelled = await exchange.cancel_order(order["id"], UNIFIED)
        assert cancelled["status"] == "canceled"
        await exchange.cancel_all_orders(UNIFIED)
        assert await exchange.fetch_open_orders(UNIFIED) == []

        bought = await exchange.create_order(UNIFIED, "market", "buy", 0.7)
        assert bought["filled"] == 0.7
        (position,) = await exchange.fetch_positions()
        assert (position["side"], float(position["contracts"])) == ("long", 0.7)
        fills = await exchange.fetch_my_trades(UNIFIED)
        assert sum(fill["amount"] for fill in fills) == pytest.approx(0.7)
        assert {fill["takerOrMaker"] for fill in fills} == {"taker"}
        history = await exchange.fetch_orders(UNIFIED)
        assert len(history) == 4
        return testnet.accounts["1"].books.position.lots

    assert with_ccxt(trade) == 70


def test_ccxt_watches_orders_and_positions():
    async def watch(testnet, exchange):
        await exchange.load_markets()
        orders = asyncio.create_task(exchange.watch_orders(UNIFIED))
        positions = asyncio.create_task(exchange.watch_positions([UNIFIED]))
        listeners = 0
        while listeners < 2:  # until the exchange has both subscriptions: an order in between would go unheard
            await asyncio.sleep(0)
            client = exchange.clients.get(exchange.urls["api"]["ws"]["private"])
            listeners = 0 if client is None else await subscriptions(exchange)
        await exchange.create_order(UNIFIED, "limit", "buy", 0.2, far_price(testnet, 1), {"clientOrderId": 99})
        (accepted,) = await orders
        assert (accepted["status"], accepted["clientOrderId"], accepted["amount"]) == ("open", "99", 0.2)
        await exchange.create_order(UNIFIED, "market", "sell", 0.4)
        (position,) = await positions
        assert (position["symbol"], position["side"]) == (UNIFIED, "short")

    async def subscriptions(exchange):
        """Streams that the testnet has for the client."""
        server = exchange.options["testnet"]
        await asyncio.sleep(0.001)
        return sum(len(subscriber.streams) for subscriber in server.streams.subscribers)

    async def body():
        async with asyncio.timeout(PATIENCE_S), in_real_time() as server, ccxt_client(server) as exchange:
            exchange.options["testnet"] = server
            await watch(server.testnet, exchange)

    asyncio.run(body())


def test_ccxt_understands_what_it_is_refused():
    async def ask(testnet, exchange):
        errors = []
        for side, amount, price in (("buy", 1, 1.0), ("buy", 1e6, far_price(testnet, 1))):
            with pytest.raises(ccxt.ExchangeError) as refusal:
                await exchange.create_order(UNIFIED, "limit", side, amount, price)
            errors.append(type(refusal.value).__name__)
        exchange.secret = "A" * 43 + "="
        with pytest.raises(ccxt.BaseError) as refusal:
            await exchange.fetch_balance()
        return [*errors, type(refusal.value).__name__]

    assert with_ccxt(ask) == ["InvalidOrder", "InsufficientFunds", "BadRequest"]


@pytest.mark.skipif(
    not BPX_PYTHON.exists(), reason="bpx-py has an environment of its own, .venv-bpx, which is not here"
)
def test_bpx_py_trades():
    async def body():
        async with in_real_time() as server:
            keys = server.testnet.accounts["1"].keys
            process = await asyncio.create_subprocess_exec(
                BPX_PYTHON,
                BPX_SCRIPT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            told = {
                "base_url": server.base_url + "/",
                "key": keys.public,
                "secret": keys.secret,
                "symbol": SYMBOL,
                "far_bid": f"{far_price(server.testnet, 1):.2f}",
            }
            async with asyncio.timeout(PATIENCE_S):
                output, errors = await process.communicate(json.dumps(told).encode())
            assert process.returncode == 0, errors.decode()
            return json.loads(output), server.testnet.accounts["1"].books

    heard, books = asyncio.run(body())
    assert heard["ping"] == "pong"
    assert heard["status"]["status"] == "Ok"
    assert [market["symbol"] for market in heard["markets"]] == [SYMBOL]
    assert set(heard["depth"]) >= {"asks", "bids", "lastUpdateId"}
    assert heard["balances"]["USDC"]["available"] == "10000"
    assert (heard["placed"]["status"], heard["placed"]["clientId"]) == ("New", 7)
    assert heard["open_order"]["id"] == heard["placed"]["id"]
    assert [order["id"] for order in heard["open_orders"]] == [heard["placed"]["id"]]
    assert heard["cancelled"]["status"] == "Cancelled"
    assert len(heard["cancelled_all"]) == 1
    assert heard["bought"]["executedQuantity"] == "0.25"
    assert [position["netQuantity"] for position in heard["positions"]] == ["0.25"]
    assert sum(float(fill["quantity"]) for fill in heard["fills"]) == pytest.approx(0.25)
    assert len(heard["orders"]) == 3
    assert heard["refused"]["code"] == "INVALID_PRICE"
    assert books.position.lots == 25
