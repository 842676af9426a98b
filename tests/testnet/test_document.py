"""Every answer of the REST interface is what the exchange's own OpenAPI document says."""

from decimal import Decimal
from typing import Any

import pytest

from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as m
from support.testnets import SOL, Bench, Check, content, order_fields, refusal

SYMBOL = SOL.symbol


@pytest.fixture
def bench(check: Check) -> Bench:
    bench = Bench((1.0, [(m.SELL_TRADE, 9_990, 10)]), (2.0, [(m.BUY_TRADE, 10_010, 20)]), check=check)
    bench.pass_s(3)
    return bench


PUBLIC: list[tuple[str, dict[str, Any]]] = [
    ("/api/v1/assets", {}),
    ("/api/v1/collateral", {}),
    ("/api/v1/depth", {"symbol": SYMBOL}),
    ("/api/v1/depth", {"symbol": SYMBOL, "limit": 5}),
    ("/api/v1/fundingRates", {"symbol": SYMBOL}),
    ("/api/v1/klines", {"symbol": SYMBOL, "interval": "1m", "startTime": 1_789_999_000}),
    ("/api/v1/market", {"symbol": SYMBOL}),
    ("/api/v1/markets", {}),
    ("/api/v1/markPrices", {}),
    ("/api/v1/markPrices", {"symbol": SYMBOL}),
    ("/api/v1/openInterest", {}),
    ("/api/v1/openInterest", {"symbol": SYMBOL}),
    ("/api/v1/ping", {}),
    ("/api/v1/securities", {}),
    ("/api/v1/status", {}),
    ("/api/v1/ticker", {"symbol": SYMBOL}),
    ("/api/v1/ticker", {"symbol": SYMBOL, "interval": "1w"}),
    ("/api/v1/tickers", {}),
    ("/api/v1/time", {}),
    ("/api/v1/trades", {"symbol": SYMBOL}),
    ("/api/v1/trades/history", {"symbol": SYMBOL, "limit": 1, "offset": 1}),
]


@pytest.mark.parametrize(("path", "query"), PUBLIC)
def test_public_answers_are_as_documented(bench: Bench, path: str, query: dict[str, Any]) -> None:
    assert bench.client.get(path, **query).status == 200


@pytest.mark.parametrize("path", ["/api/v1/depth", "/api/v1/market", "/api/v1/ticker", "/api/v1/trades"])
def test_an_unknown_symbol_is_a_documented_error(bench: Bench, path: str) -> None:
    assert refusal(bench.client.get(path, symbol="BTC_USDC_PERP")) == (400, "INVALID_CLIENT_REQUEST")


def test_private_answers_are_as_documented_without_a_position(bench: Bench) -> None:
    client = bench.client
    assert content(client.get("/api/v1/account"))["limitOrders"] == 0
    assert client.get("/api/v1/capital").status == 200
    assert client.get("/api/v1/capital/collateral").status == 200
    assert content(client.get("/api/v1/position")) == []
    assert refusal(client.get("/api/v1/position", symbol=SYMBOL)) == (404, "RESOURCE_NOT_FOUND")
    assert client.get("/api/v1/account/limits/order", symbol=SYMBOL, side="Bid", reduceOnly=False).status == 200
    for history in ("fills", "orders", "funding"):
        assert content(client.get(f"/wapi/v1/history/{history}")) == []


def test_private_answers_are_as_documented_with_orders_fills_and_funding(bench: Bench) -> None:
    client = bench.client
    assert content(client.order(clientId=4_000_000_000, postOnly=True))["status"] == "New"
    assert content(client.order(price="100.10", quantity="1.5"))["status"] == "PartiallyFilled"
    market = {"orderType": "Market", "price": None, "side": "Ask", "selfTradePrevention": "RejectMaker"}
    assert content(client.order(**market, quantity="0.5"))["status"] == "Filled"
    assert content(client.order(**market, quantity=None, quoteQuantity="30"))["status"] == "Filled"
    assert refusal(client.order(price="100.20", postOnly=True)) == (400, "INVALID_ORDER")
    bench.pass_s(3_600)
    assert len(content(client.get("/api/v1/orders", symbol=SYMBOL))) == 1
    assert len(content(client.get("/api/v1/position"))) == 1
    assert content(client.get("/api/v1/order", symbol=SYMBOL, clientId=4_000_000_000))["price"] == "99.50"
    assert len(content(client.get("/wapi/v1/history/fills", limit=100, sortDirection="Asc"))) == 3
    assert len(content(client.get("/wapi/v1/history/orders", symbol=SYMBOL))) == 5
    assert len(content(client.get("/wapi/v1/history/funding"))) == 1
    assert client.get("/api/v1/capital/collateral").status == 200
    assert client.get("/api/v1/fundingRates", symbol=SYMBOL).status == 200
    assert content(client.delete("/api/v1/order", symbol=SYMBOL, clientId=4_000_000_000))["status"] == "Cancelled"
    client.order()
    assert len(content(client.delete("/api/v1/orders", symbol=SYMBOL, orderType="RestingLimitOrder"))) == 1


def test_a_batch_is_answered_order_by_order(bench: Bench) -> None:
    batch = [order_fields(), order_fields(price="1"), order_fields(side="Ask", price="101")]
    answers = content(bench.client.post("/api/v1/orders", batch))
    assert [answer["operation"] for answer in answers] == ["Ok", "Err", "Ok"]


def test_liquidation_is_shown_as_documented(check: Check) -> None:
    bench = Bench((1.0, [(m.MARK, 5_000_000, 0)]), check=check, balance=Decimal(1_000))
    bench.market(Side.BUY, 3_000)
    bench.pass_s(1)
    fills = content(bench.client.get("/wapi/v1/history/fills", fillType="Liquidation"))
    assert fills[0]["systemOrderType"] == "LiquidatePositionOnBook"


def test_leverage_is_changed_as_documented(bench: Bench) -> None:
    assert bench.client.patch("/api/v1/account", leverageLimit="10").status == 200
    assert content(bench.client.get("/api/v1/account"))["leverageLimit"] == "10"
    assert refusal(bench.client.patch("/api/v1/account", leverageLimit="51")) == (400, "MAX_LEVERAGE_REACHED")


def test_refusals_have_the_documented_body(bench: Bench) -> None:
    client = bench.client
    assert refusal(client.order(quantity="0.001")) == (400, "INVALID_CLIENT_REQUEST")
    assert refusal(client.send("GET", "/api/v1/capital", (), None, age_ms=6_000)) == (400, "INVALID_CLIENT_REQUEST")
    bench.testnet.set_permission("1", can_trade=False)
    assert refusal(client.order()) == (403, "FORBIDDEN")
    bench.testnet.set_maintenance(on=True)
    assert refusal(client.get("/api/v1/capital")) == (503, "MAINTENANCE")
    assert content(client.get("/api/v1/status"))["status"] == "Maintenance"
