"""What the REST paths answer, beyond what the document can check."""

from decimal import Decimal
from typing import Any

import pytest

from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as m
from perpmaker.testnet.api_errors import ApiError, ErrorCode
from perpmaker.testnet.notices import MarketStatus
from support.testnets import SOL, START_NS, Bench, content, order_fields, refusal

SYMBOL = SOL.symbol
ORDER = "/api/v1/order"
INVALID = (400, "INVALID_CLIENT_REQUEST")


def test_an_unknown_path_is_not_found_in_plain_text() -> None:
    answer = Bench().client.get("/api/v1/nothing")
    assert (answer.status, answer.body) == (404, b"not found")


def test_the_time_is_plain_milliseconds() -> None:
    assert Bench().client.get("/api/v1/time").body == str(START_NS // 10**6).encode()


def test_both_sides_of_the_depth_rise_in_price() -> None:
    depth = content(Bench().client.get("/api/v1/depth", symbol=SYMBOL))
    assert depth["bids"] == [["99.00", "50.00"], ["99.80", "2.00"], ["99.90", "1.00"]]
    assert depth["asks"][0] == ["100.10", "1.00"]


def test_a_depth_limit_is_one_of_a_list() -> None:
    assert refusal(Bench().client.get("/api/v1/depth", symbol=SYMBOL, limit=30)) == INVALID


def test_a_delisted_market_is_gone_from_public_answers_and_takes_no_orders() -> None:
    bench = Bench()
    bench.testnet.set_market_status(MarketStatus.DELISTED)
    assert content(bench.client.get("/api/v1/markets")) == []
    assert refusal(bench.client.get("/api/v1/depth", symbol=SYMBOL)) == INVALID
    assert refusal(bench.client.order()) == (400, "INVALID_MARKET")
    assert content(bench.client.get("/api/v1/orders", symbol=SYMBOL)) == []


def test_markets_can_be_asked_for_by_type() -> None:
    client = Bench().client
    both = [("marketType", "SPOT"), ("marketType", "PERP")]
    assert len(content(client.send("GET", "/api/v1/markets", both, None))) == 1
    assert content(client.get("/api/v1/markets", marketType="SPOT")) == []
    assert refusal(client.get("/api/v1/markets", marketType="OTHER")) == INVALID


def test_filters_say_what_is_enforced() -> None:
    bench = Bench(max_lots=1_000, min_price_ticks=9_000, max_price_ticks=11_000)
    filters = content(bench.client.get("/api/v1/market", symbol=SYMBOL))["filters"]
    assert filters["quantity"] == {"minQuantity": "0.01", "stepSize": "0.01", "maxQuantity": "10.00"}
    assert (filters["price"]["minPrice"], filters["price"]["maxPrice"]) == ("90.00", "110.00")
    assert filters["price"]["meanMarkPriceBand"] == {"maxMultiplier": "1.1", "minMultiplier": "0.9"}


def test_an_order_is_found_by_either_id_and_not_by_both() -> None:
    client = Bench().client
    order_id = content(client.order(clientId=7))["id"]
    assert content(client.get(ORDER, symbol=SYMBOL, orderId=order_id))["clientId"] == 7
    assert content(client.get(ORDER, symbol=SYMBOL, clientId=7))["id"] == order_id
    assert refusal(client.get(ORDER, symbol=SYMBOL, clientId=7, orderId=order_id)) == INVALID
    assert refusal(client.get(ORDER, symbol=SYMBOL)) == INVALID


def test_an_order_that_does_not_rest_is_not_found_and_its_cancel_is_a_bad_request() -> None:
    client = Bench().client
    content(client.order(clientId=7, price="100.10"))
    assert refusal(client.get(ORDER, symbol=SYMBOL, clientId=7)) == (404, "RESOURCE_NOT_FOUND")
    answer = client.delete(ORDER, symbol=SYMBOL, clientId=7)
    assert refusal(answer) == INVALID
    assert content(answer, 400)["message"] == "Order not found"


def test_another_account_sees_and_cancels_nothing_of_ours() -> None:
    bench = Bench()
    order_id = content(bench.client.order())["id"]
    stranger = bench.client_of("2")
    assert refusal(stranger.get(ORDER, symbol=SYMBOL, orderId=order_id)) == (404, "RESOURCE_NOT_FOUND")
    assert refusal(stranger.delete(ORDER, symbol=SYMBOL, orderId=order_id)) == INVALID
    assert content(stranger.delete("/api/v1/orders", symbol=SYMBOL)) == []


def test_cancel_all_of_conditional_orders_leaves_the_others() -> None:
    client = Bench().client
    client.order()
    assert content(client.delete("/api/v1/orders", symbol=SYMBOL, orderType="ConditionalOrder")) == []
    assert len(content(client.get("/api/v1/orders"))) == 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"price": "99.505"}, INVALID),
        ({"quantity": "0.015"}, INVALID),
        ({"quantity": "0"}, (400, "INVALID_QUANTITY")),
        ({"price": "1e2"}, INVALID),
        ({"price": "-1"}, INVALID),
        ({"price": 99.5}, INVALID),
        ({"quantity": 1}, INVALID),
        ({"side": "Buy"}, INVALID),
        ({"orderType": "Stop"}, INVALID),
        ({"clientId": 2**32}, INVALID),
        ({"clientId": "7"}, INVALID),
        ({"symbol": "BTC_USDC_PERP"}, INVALID),
        ({"price": None}, INVALID),
        ({"quantity": None}, INVALID),
        ({"quantity": None, "quoteQuantity": "10"}, INVALID),
        ({"orderType": "Market"}, INVALID),
        ({"orderType": "Market", "price": None, "quoteQuantity": "10"}, INVALID),
        ({"orderType": "Market", "price": None, "postOnly": True}, (400, "INVALID_ORDER")),
        ({"timeInForce": "IOC", "postOnly": True}, (400, "INVALID_ORDER")),
        ({"triggerPrice": "100"}, (400, "NOT_IMPLEMENTED")),
        ({"stopLossTriggerPrice": "90"}, (400, "NOT_IMPLEMENTED")),
        ({"slippageTolerance": "1"}, (400, "NOT_IMPLEMENTED")),
    ],
)
def test_a_malformed_order_is_refused(fields: dict[str, Any], expected: tuple[int, str]) -> None:
    bench = Bench()
    assert refusal(bench.client.order(**fields)) == expected
    assert not bench.account.books.orders


def test_trailing_zeros_are_not_too_many_decimals() -> None:
    assert content(Bench().client.order(price="99.5000", quantity="1.000"))["price"] == "99.50"


def test_a_body_that_is_no_json_is_refused() -> None:
    bench = Bench()
    assert refusal(bench.client.send("POST", ORDER, (), [])) == INVALID
    assert refusal(bench.client.send("POST", "/api/v1/orders", (), order_fields())) == INVALID


def test_spot_margin_flags_are_ignored() -> None:
    assert content(Bench().client.order(autoBorrow=True, autoLend=True, brokerId=1))["status"] == "New"


def test_a_gate_answers_single_orders_of_a_batch() -> None:
    bench = Bench()
    answers = iter([None, ApiError(ErrorCode.SERVER_ERROR, "Internal server error")])
    bench.api.gate_orders(lambda _: next(answers))
    results = content(bench.client.post("/api/v1/orders", [order_fields(), order_fields()]))
    assert [result["operation"] for result in results] == ["Ok", "Err"]
    assert results[1]["code"] == "SERVER_ERROR"
    assert len(bench.account.books.open_ids) == 1


def test_a_position_is_shown_with_its_money() -> None:
    bench = Bench((1.0, [(m.MARK, 10_100_000, 0)]))
    bench.market(Side.BUY, 100)
    bench.limit(Side.BUY, 9_950, 50)
    bench.pass_s(1)
    position = content(bench.client.get("/api/v1/position", symbol=SYMBOL))[0]
    expected = {
        "netQuantity": "1.00",
        "netCost": "100.1",
        "entryPrice": "100.1",
        "breakEvenPrice": "100.15005",
        "markPrice": "101",
        "pnlUnrealized": "0.9",
        "pnlRealized": "0",
        "netExposureQuantity": "1.50",
        "netExposureNotional": "151.5",
        "imf": "0.02",
        "mmf": "0.0125",
    }
    assert {name: position[name] for name in expected} == expected


def test_the_liquidation_price_is_where_the_margin_ends() -> None:
    bench = Bench(balance=Decimal(1_000), taker_fee_ppb=0)
    bench.market(Side.BUY, 300)
    price = Decimal(content(bench.client.get("/api/v1/position"))[0]["estLiquidationPrice"])
    assert price == 0
    bench.testnet.transfer("1", -SOL.money_to_quanta(Decimal(900)))
    position = content(bench.client.get("/api/v1/position"))[0]
    price = Decimal(position["estLiquidationPrice"])
    equity = 100 + price * 3 - Decimal(position["netCost"])
    assert abs(equity - price * 3 * Decimal("0.0125")) < Decimal("0.001")


def test_collateral_adds_up() -> None:
    bench = Bench((1.0, [(m.MARK, 10_100_000, 0)]))
    bench.market(Side.BUY, 100)
    bench.pass_s(1)
    summary = content(bench.client.get("/api/v1/capital/collateral"))
    balance = Decimal(10_000) - Decimal("100.1") * Decimal("0.0005")
    assert Decimal(summary["netEquity"]) == balance + Decimal("0.9")
    assert Decimal(summary["netEquityLocked"]) == Decimal(101) * Decimal("0.02")
    assert Decimal(summary["netEquityAvailable"]) == balance + Decimal("0.9") - Decimal("2.02")
    assert Decimal(summary["collateral"][0]["totalQuantity"]) == balance


def test_lent_money_is_not_available_and_still_carries_margin() -> None:
    bench = Bench(auto_lend=True)
    assert content(bench.client.get("/api/v1/capital"))["USDC"]["available"] == "0"
    summary = content(bench.client.get("/api/v1/capital/collateral"))
    assert (summary["netEquityAvailable"], summary["collateral"][0]["lendQuantity"]) == ("10000", "10000")
    assert content(bench.client.order())["status"] == "New"


def test_fees_are_in_basis_points() -> None:
    account = content(Bench(maker_fee_ppb=-15_000, taker_fee_ppb=450_000).client.get("/api/v1/account"))
    assert (account["futuresMakerFee"], account["futuresTakerFee"]) == ("-0.15", "4.5")


def test_a_lower_leverage_needs_more_margin() -> None:
    bench = Bench(balance=Decimal(100))
    assert bench.client.patch("/api/v1/account", leverageLimit="2").status == 200
    assert refusal(bench.client.order(quantity="2.01", price="99")) == (400, "INSUFFICIENT_MARGIN")
    assert content(bench.client.order(quantity="2", price="99"))["status"] == "New"


def test_leverage_cannot_be_lowered_below_what_is_used() -> None:
    bench = Bench(balance=Decimal(100))
    content(bench.client.order(quantity="20"))
    assert refusal(bench.client.patch("/api/v1/account", leverageLimit="2")) == (400, "INSUFFICIENT_MARGIN")
    assert content(bench.client.get("/api/v1/account"))["leverageLimit"] == "50"


def fills(bench: Bench, **query: Any) -> list[Any]:
    return list(content(bench.client.get("/wapi/v1/history/fills", **query)))


def test_fills_are_filtered_sorted_and_paged() -> None:
    bench = Bench()
    for lots in (10, 20, 30):
        bench.market(Side.BUY, lots)
        bench.pass_s(1)
    assert [fill["quantity"] for fill in fills(bench)] == ["0.30", "0.20", "0.10"]
    assert [fill["quantity"] for fill in fills(bench, sortDirection="Asc", limit=1, offset=1)] == ["0.20"]
    since_ms = START_NS // 10**6 + 1_000
    assert [fill["quantity"] for fill in fills(bench, from_=since_ms, to=since_ms)] == ["0.20"]
    order_id = fills(bench)[0]["orderId"]
    assert [fill["quantity"] for fill in fills(bench, orderId=order_id)] == ["0.30"]
    assert fills(bench, marketType="SPOT") == []
    assert fills(bench, fillType="Liquidation") == []


def test_headers_tell_how_many_there_are() -> None:
    bench = Bench()
    for _ in range(5):
        bench.market(Side.BUY, 10)
    headers = bench.client.get("/wapi/v1/history/fills", limit=2, offset=2).headers
    names = ("X-Total", "X-Page-Count", "X-Current-Page", "X-Page-Size")
    assert [headers[name] for name in names] == ["5", "3", "2", "2"]


def test_the_order_history_has_open_and_ended_orders_with_the_reason() -> None:
    bench = Bench()
    bench.client.order(clientId=1)
    bench.client.order(price="100.20", postOnly=True, quantity="9")
    history = content(bench.client.get("/wapi/v1/history/orders"))
    assert [(row["status"], row.get("expiryReason")) for row in history] == [
        ("Expired", "PostOnlyTaker"),
        ("New", None),
    ]
    assert history[0]["createdAt"] == "2026-09-21T14:13:20"


def test_candles_are_those_of_the_trades() -> None:
    bench = Bench(*[(float(at), [(m.BUY_TRADE, price, 100)]) for at, price in ((1, 10_000), (2, 10_300), (61, 9_900))])
    bench.pass_s(70)
    answer = bench.client.get("/api/v1/klines", symbol=SYMBOL, interval="1m", startTime=START_NS // 10**9 - 60)
    candles = content(answer)
    assert [(c["open"], c["high"], c["low"], c["close"], c["volume"], c["trades"]) for c in candles] == [
        ("100.00", "103.00", "100.00", "103.00", "2.00", "2"),
        ("99.00", "99.00", "99.00", "99.00", "1.00", "1"),
    ]
    ticker = content(bench.client.get("/api/v1/ticker", symbol=SYMBOL))
    assert (ticker["firstPrice"], ticker["lastPrice"], ticker["high"], ticker["low"]) == (
        "100.00",
        "99.00",
        "103.00",
        "99.00",
    )
    assert (ticker["priceChange"], ticker["priceChangePercent"], ticker["quoteVolume"]) == ("-1.00", "-0.010000", "302")
