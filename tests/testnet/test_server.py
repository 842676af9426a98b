"""The server: requests over real sockets, time by itself, one port, loopback only, a clean end."""

import asyncio
import socket

import pytest

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.simulation import market_events as me
from perpmaker.testnet.server import TestnetServer
from support.testnet_servers import (
    SYMBOL,
    buy,
    limit_order,
    listening,
    served_testnet,
    serving,
    settle,
    still_market,
    synthetic_market,
)
from support.virtual_time import run_virtual


def scenario(function, feed=None, **arguments):
    """Run a scenario with a served testnet."""

    async def body():
        testnet = served_testnet(feed, **arguments)
        async with serving(testnet) as (server, client):
            return await function(testnet, server, client)

    return run_virtual(body)


def test_it_listens_on_loopback_only():
    async def look(_testnet, server, _client):
        assert server.base_url == f"http://127.0.0.1:{server.port}"
        assert server.ws_url == f"ws://127.0.0.1:{server.port}"
        return server._runner.addresses

    ((host, _port),) = scenario(look)
    assert host == "127.0.0.1"


def test_a_port_that_is_taken_is_said_in_one_sentence():
    async def body():
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(InvalidSettingError, match=f"port {port} cannot be listened on .*--port"):
                await TestnetServer(served_testnet(), port=port).__aenter__()

    run_virtual(body)


def test_requests_are_answered_by_the_exchange():
    async def ask(testnet, _server, client):
        status, order = await client.place("Bid", "99.50", "0.30", clientId=77, postOnly=True)
        assert (status, order["status"], order["clientId"]) == (200, "New", 77)
        assert [held.client_id for held in testnet.accounts["1"].books.open_orders()] == [77]
        status, batch = await client.post(
            "/api/v1/orders", [limit_order("Bid", "99.40", "0.1"), limit_order("Ask", "99.00", "0.1", postOnly=True)]
        )
        assert status == 200
        assert len(batch) == 2
        status, depth = await client.get("/api/v1/depth", symbol=SYMBOL)
        assert (status, depth["bids"][-1]) == (200, ["99.90", "5.00"])
        assert await client.get("/nowhere") == (404, "not found")
        status, error = await client.cancel(clientId=1)
        assert status == 400
        assert error["code"] == "INVALID_CLIENT_REQUEST"

    scenario(ask)


def test_time_passes_without_anybody_asking():
    async def wait(testnet, _server, _client):
        testnet.place(testnet.accounts["1"], buy(9_950, 10))
        await asyncio.sleep(2)
        return testnet.accounts["1"].books.position.lots

    assert scenario(wait, still_market((1, [(me.SELL_TRADE, 9_940, 10)]))) == 10


def test_funding_comes_when_the_feed_is_over():
    async def wait(testnet, _server, _client):
        testnet.trade_elsewhere("1", 100, 10_000)
        await asyncio.sleep(2 * 3600)
        return len(testnet.accounts["1"].books.funding)

    assert scenario(wait) == 2


def test_ten_minutes_of_trading_over_sockets():
    async def trade(testnet, server, client):
        account = client.account
        async with listening(client) as ears:
            await ears.subscribe("account.orderUpdate", f"bookTicker.{SYMBOL}", account=account)
            for _ in range(60):
                bid, ask = (testnet.book.best(side).price_ticks for side in (1, -1))
                await client.delete("/api/v1/orders", symbol=SYMBOL)
                await client.post(
                    "/api/v1/orders",
                    [
                        limit_order("Bid", str(testnet.instrument.price(bid)), "0.1"),
                        limit_order("Ask", str(testnet.instrument.price(ask)), "0.1"),
                    ],
                )
                await asyncio.sleep(10)
            await client.delete("/api/v1/orders", symbol=SYMBOL)
            await settle()
            fills = [data for data in ears.data("account.orderUpdate") if data["e"] == "orderFill"]
        books = account.books
        assert len(fills) > 10
        assert [data["t"] for data in fills] == [fill.trade_id for fill in books.fills]
        bought = sum(fill.lots * fill.side for fill in books.fills)
        assert bought == books.position.lots
        assert asyncio.get_running_loop().time() >= 600
        return server

    scenario(trade, synthetic_market())


def test_nothing_is_left_when_it_ends():
    async def body():
        before = asyncio.all_tasks()
        async with serving(served_testnet(synthetic_market())) as (server, client):
            listener = listening(client)
            await listener.__aenter__()
            await listener.subscribe(
                f"ticker.{SYMBOL}", f"openInterest.{SYMBOL}", f"kline.1s.{SYMBOL}", f"depth.600ms.{SYMBOL}"
            )
            await listener.subscribe("account.orderUpdate", account=client.account)
            await client.control("POST", "/faults", {"kind": "updates-late", "amount": 60_000})
            await client.control("POST", "/plan", {"seed": 1, "duration_s": 100})
            server.testnet.place(client.account, buy(14_900, 10))
            await asyncio.sleep(2)
        await listener.__aexit__()
        await settle()
        loop = asyncio.get_running_loop()
        waiting = [timer for timer in loop._scheduled if not timer.cancelled()]
        return asyncio.all_tasks() - before, waiting, server.faults.active

    tasks, timers, active = run_virtual(body)
    assert tasks == set()
    assert timers == []
    assert active == []
