"""Several markets on one testnet: each answers for itself, and one account stands behind all of them."""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import RATE_SCALE
from perpmaker.simulation import market_events as m
from perpmaker.testnet.account import Holder
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.faults import Fault, FaultKind
from perpmaker.testnet.notices import MarketStatus
from perpmaker.testnet.state import FILE_NAME, restore, save
from support.testnet_servers import listening, served_testnet, serving, settle
from support.testnets import BTC, BTC_BOOK, SOL, Bench, Check, HandMarket, Row, content, order_fields, refusal
from support.virtual_time import run_virtual

BTC_BID = {"symbol": BTC.symbol, "price": "59000", "quantity": "0.1"}
TAKE_BTC = {"symbol": BTC.symbol, "orderType": "Market", "price": None, "quantity": "0.1"}
TAKE_SOL = {"orderType": "Market", "price": None, "quantity": "1"}


def btc(*messages: tuple[float, Sequence[Row]]) -> HandMarket:
    return HandMarket(messages, BTC_BOOK, BTC)


def two_markets(*messages: tuple[float, Sequence[Row]], **more: Any) -> Bench:
    """SOL that stands still, and BTC with these messages."""
    return Bench(beside=[btc(*messages)], **more)


def holder(bench: Bench) -> Holder:
    return bench.account.holder


def on_btc(bench: Bench) -> Testnet:
    return bench.testnet.markets[1]


# --- what is asked ---


def test_every_answer_is_what_the_document_says(check: Check) -> None:
    bench = two_markets(check=check)
    client = bench.client
    bench.client.order(**TAKE_BTC)
    for path in (
        "markets",
        "tickers",
        "markPrices",
        "openInterest",
        "assets",
        "position",
        "orders",
        "capital/collateral",
    ):
        content(client.get(f"/api/v1/{path}"))
    for path in ("market", "depth", "ticker", "fundingRates", "trades"):
        content(client.get(f"/api/v1/{path}", symbol=BTC.symbol))


def test_a_question_with_a_symbol_is_answered_by_that_market() -> None:
    client = two_markets().client
    for instrument, bid in ((SOL, "99.90"), (BTC, "59990.0")):
        asked = {"symbol": instrument.symbol}
        assert content(client.get("/api/v1/depth", **asked))["bids"][-1][0] == bid
        assert content(client.get("/api/v1/market", **asked))["baseSymbol"] == instrument.base
        (mark,) = content(client.get("/api/v1/markPrices", **asked))
        assert mark["symbol"] == instrument.symbol


def test_lists_hold_every_market_and_every_asset_once() -> None:
    client = two_markets().client
    for path in ("markets", "tickers", "markPrices", "openInterest"):
        assert [row["symbol"] for row in content(client.get(f"/api/v1/{path}"))] == [SOL.symbol, BTC.symbol]
    assert [row["symbol"] for row in content(client.get("/api/v1/assets"))] == ["SOL", "USDC", "BTC"]
    assert len(content(client.get("/api/v1/collateral"))) == 1


def test_an_unknown_symbol_is_refused_as_with_one_market() -> None:
    one, two = Bench().client, two_markets().client
    asked = {"symbol": "DOGE_USDC_PERP"}
    for path in ("depth", "market", "markPrices", "ticker", "openInterest", "orders", "position"):
        assert two.get(f"/api/v1/{path}", **asked) == one.get(f"/api/v1/{path}", **asked)
    assert two.order(**asked) == one.order(**asked)
    for path in ("fills", "orders", "funding"):
        assert two.get(f"/wapi/v1/history/{path}", **asked) == one.get(f"/wapi/v1/history/{path}", **asked)


def test_each_order_of_a_batch_goes_to_its_own_market() -> None:
    bench = two_markets()
    batch = [order_fields(), order_fields(**BTC_BID), order_fields(symbol="DOGE_USDC_PERP")]
    placed = content(bench.client.post("/api/v1/orders", batch))
    assert [answer["operation"] for answer in placed] == ["Ok", "Ok", "Err"]
    assert len({answer["id"] for answer in placed[:2]}) == 2, "one row of ids for all markets"
    assert [order["symbol"] for order in content(bench.client.get("/api/v1/orders"))] == [SOL.symbol, BTC.symbol]
    (resting,) = content(bench.client.get("/api/v1/orders", symbol=BTC.symbol))
    assert (resting["symbol"], resting["price"], resting["quantity"]) == (BTC.symbol, "59000.0", "0.100")


def test_an_order_is_found_and_cancelled_on_its_own_market_only() -> None:
    bench = two_markets()
    for fields in ({}, BTC_BID):
        content(bench.client.order(clientId=7, **fields))
    order_id = content(bench.client.get("/api/v1/order", symbol=BTC.symbol, clientId=7))["id"]
    wrong = bench.client.delete("/api/v1/order", symbol=SOL.symbol, orderId=order_id)
    assert refusal(wrong) == (400, "INVALID_CLIENT_REQUEST")
    cancelled = content(bench.client.delete("/api/v1/orders", symbol=BTC.symbol))
    assert [order["id"] for order in cancelled] == [order_id]
    assert [order["symbol"] for order in content(bench.client.get("/api/v1/orders"))] == [SOL.symbol]


def test_histories_are_those_of_all_markets_by_time_or_of_one() -> None:
    bench = two_markets()
    for fields in (TAKE_SOL, TAKE_BTC, TAKE_SOL):
        content(bench.client.order(**fields))
        bench.pass_s(1)
    names = [fill["symbol"] for fill in content(bench.client.get("/wapi/v1/history/fills"))]
    assert names == [SOL.symbol, BTC.symbol, SOL.symbol]
    newest = content(bench.client.get("/wapi/v1/history/orders", limit=1))
    assert [order["symbol"] for order in newest] == [SOL.symbol]
    only = content(bench.client.get("/wapi/v1/history/fills", symbol=BTC.symbol))
    assert [fill["symbol"] for fill in only] == [BTC.symbol]
    bench.pass_s(3_600)
    paid = content(bench.client.get("/wapi/v1/history/funding"))
    assert {payment["symbol"] for payment in paid} == {SOL.symbol, BTC.symbol}


# --- one account ---


def test_money_is_that_of_all_markets_together() -> None:
    bench = two_markets((1.0, [(m.MARK, 601_000_000, 0)]))
    content(bench.client.order(**TAKE_SOL))
    content(bench.client.order(**TAKE_BTC))
    bench.pass_s(1)
    told = content(bench.client.get("/api/v1/capital/collateral"))
    fees = Decimal("100.10") * 5 / 10_000 + Decimal(6001) * 5 / 10_000
    gained = Decimal(100) - Decimal("100.10") + Decimal(6010) - Decimal(6001)
    assert Decimal(told["assetsValue"]) == 10_000 - fees
    assert Decimal(told["pnlUnrealized"]) == gained
    assert Decimal(told["netEquity"]) == 10_000 - fees + gained
    assert Decimal(told["netExposureFutures"]) == 100 + 6_010
    assert Decimal(told["netEquityLocked"]) == (100 + 6_010) * Decimal("0.02")
    assert Decimal(content(bench.client.get("/api/v1/capital"))["USDC"]["available"]) == 10_000 - fees
    held = content(bench.client.get("/api/v1/position"))
    assert [(position["symbol"], position["netQuantity"]) for position in held] == [
        (SOL.symbol, "1.00"),
        (BTC.symbol, "0.100"),
    ]


def test_what_is_bound_on_one_market_carries_nothing_on_another() -> None:
    bench = two_markets(balance=Decimal(200))
    free = content(bench.client.get("/api/v1/account/limits/order", symbol=SOL.symbol, side="Bid"))
    assert Decimal(free["maxOrderQuantity"]) == 100, "200 at leverage 50 and price 100"
    content(bench.client.order(**BTC_BID))
    left = content(bench.client.get("/api/v1/account/limits/order", symbol=SOL.symbol, side="Bid"))
    assert Decimal(left["maxOrderQuantity"]) == 40, "0.1 BTC at its mark binds 120 of them"
    assert refusal(bench.client.order(quantity="40.01")) == (400, "INSUFFICIENT_MARGIN")
    content(bench.client.order(quantity="40"))


def test_what_is_gained_on_one_market_carries_orders_on_another() -> None:
    bench = two_markets((1.0, [(m.MARK, 610_000_000, 0)]), balance=Decimal(200))
    content(bench.client.order(**TAKE_BTC))
    assert refusal(bench.client.order(quantity="60")) == (400, "INSUFFICIENT_MARGIN")
    bench.pass_s(1)
    content(bench.client.order(quantity="60"))


def test_liquidation_looks_at_all_markets_and_spares_what_it_need_not_close() -> None:
    fall = [(m.MARK, 580_000_000, 0), (m.BID, 599_900, 0), (m.BID, 579_900, 5_000)]
    bench = two_markets((1.0, fall), balance=Decimal(200))
    content(bench.client.order(quantity="0.5", price="100.10"))
    content(bench.client.order(**TAKE_BTC))
    assert not holder(bench).is_liquidating
    before = content(bench.client.get("/api/v1/position", symbol=BTC.symbol))[0]["estLiquidationPrice"]
    assert 58_000 < Decimal(before) < 60_000, "it counts with what SOL binds"
    bench.pass_s(1)
    held = content(bench.client.get("/api/v1/position"))
    assert [position["symbol"] for position in held] == [SOL.symbol]
    (closed,) = content(bench.client.get("/wapi/v1/history/fills", fillType="AllLiquidation"))
    assert closed["symbol"] == BTC.symbol


def test_a_position_that_would_fall_alone_is_carried_by_the_money_of_another_market() -> None:
    fall = [(m.MARK, 598_000_000, 0)]
    bench = two_markets((1.0, fall), balance=Decimal(122))
    content(bench.client.order(**TAKE_BTC))
    bench.testnet.transfer("1", SOL.money_to_quanta(Decimal(100)))
    bench.pass_s(1)
    assert not holder(bench).is_liquidating
    assert on_btc(bench).accounts["1"].books.balance_quanta < 0, "here alone there is only a fee and a loss"


def test_leverage_and_permission_are_those_of_the_account() -> None:
    bench = two_markets()
    assert bench.client.patch("/api/v1/account", leverageLimit="10").status == 200
    assert on_btc(bench).accounts["1"].initial_margin_ppb == RATE_SCALE // 10
    on_btc(bench).set_permission("1", can_trade=False)
    assert refusal(bench.client.order()) == (403, "FORBIDDEN")
    assert holder(bench).name == "1"


ORDERS = st.lists(
    st.tuples(st.sampled_from([SOL, BTC]), st.sampled_from(["Bid", "Ask"]), st.booleans(), st.integers(1, 4_000)),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(ORDERS)
def test_no_sequence_of_orders_binds_more_than_there_is_and_money_is_never_lost(
    orders: list[tuple[Instrument, str, bool, int]],
) -> None:
    bench = two_markets(balance=Decimal(3_000))
    for instrument, side, takes, lots in orders:
        fields: dict[str, Any] = {
            "symbol": instrument.symbol,
            "side": side,
            "quantity": str(lots * instrument.lot_size),
        }
        if takes:
            fields |= {"orderType": "Market", "price": None}
        else:
            mark = 100 if instrument is SOL else 60_000
            fields["price"] = str(mark * (Decimal("0.95") if side == "Bid" else Decimal("1.05")))
        answer = bench.client.order(**fields)
        if answer.status == 200 and content(answer)["status"] in ("New", "Filled"):
            # What was paid for the spread and in fees may come out of the margin: no more than that.
            assert holder(bench).free_scaled() > -holder(bench).exposure_units * RATE_SCALE // 100
        told = content(bench.client.get("/api/v1/capital/collateral"))
        parts = [account.books for account in holder(bench).accounts.values()]
        units = [account.units_per_quantum for account in holder(bench).accounts.values()]
        realized = sum(
            (books.position.realized_quanta - books.position.fees_quanta) * unit
            for books, unit in zip(parts, units, strict=True)
        )
        assert Decimal(told["assetsValue"]) == 3_000 + Decimal(realized).scaleb(-36)
        assert [account.exchange.cash_quanta for account in holder(bench).accounts.values()] == [
            account.books.balance_quanta - account.books.position.cost_quanta + account.lent_quanta
            for account in holder(bench).accounts.values()
        ]


# --- time, states, faults ---


def test_markets_live_through_their_messages_in_order_of_time() -> None:
    bench = Bench(
        (1.0, [(m.MARK, 10_010_000, 0)]), (3.0, [(m.MARK, 10_020_000, 0)]),
        beside=[btc((2.0, [(m.MARK, 601_000_000, 0)]), (4.0, [(m.MARK, 602_000_000, 0)]))],
    )  # fmt: skip
    on_btc(bench).listeners.append(bench.notices.append)
    bench.pass_s(10)
    times = [notice.at_ns for notice in bench.notices]
    assert len(times) == 4
    assert times == sorted(times)
    assert [market.time_ns for market in bench.testnet.markets] == [bench.clock.ns] * 2


def test_a_market_is_closed_alone_and_maintenance_is_of_all() -> None:
    bench = two_markets()
    on_btc(bench).set_market_status(MarketStatus.CLOSED)
    assert refusal(bench.client.order(**BTC_BID)) == (400, "TRADING_PAUSED")
    content(bench.client.order())
    on_btc(bench).set_maintenance(on=True)
    assert refusal(bench.client.get("/api/v1/depth", symbol=SOL.symbol)) == (503, "MAINTENANCE")
    bench.testnet.set_maintenance(on=False)
    assert not any(market.in_maintenance for market in bench.testnet.markets)


def test_a_market_is_refused_that_is_there_or_that_another_currency_would_have_to_carry() -> None:
    bench = two_markets()
    with pytest.raises(InvalidSettingError, match="SOL_USDC_PERP is there twice"):
        bench.testnet.open_market(HandMarket())
    elsewhere = Instrument("SOL_EUR_PERP", "SOL", "EUR", SOL.tick_size, SOL.lot_size, SOL.min_quantity)
    with pytest.raises(InvalidSettingError, match="SOL_EUR_PERP is quoted in EUR"):
        bench.testnet.open_market(HandMarket(instrument=elsewhere))
    assert [market.instrument for market in bench.testnet.markets] == [SOL, BTC]


def test_streams_of_a_symbol_hear_that_market_and_those_of_an_account_hear_all() -> None:
    async def scenario() -> dict[str, list[str]]:
        testnet = served_testnet()
        testnet.open_market(btc((1.0, [(m.BID, 599_800, 10)])))
        async with serving(testnet) as (_, client), listening(client) as ears:
            whole, own = "account.orderUpdate", f"account.orderUpdate.{BTC.symbol}"
            positions = "account.positionUpdate"
            await ears.subscribe(f"depth.{SOL.symbol}", f"depth.{BTC.symbol}")
            await ears.subscribe(whole, own, positions, account=client.account)
            await client.place("Bid", "99.50", "1")
            await client.post("/api/v1/order", order_fields(**BTC_BID))
            await client.post("/api/v1/order", order_fields(**TAKE_BTC))
            await settle()
            names = (f"depth.{SOL.symbol}", f"depth.{BTC.symbol}", whole, own, positions)
            return {name: [message["s"] for message in ears.data(name)] for name in names}

    heard = run_virtual(scenario)
    sol, bitcoin = SOL.symbol, BTC.symbol
    assert heard[f"depth.{sol}"] == []
    assert set(heard[f"depth.{bitcoin}"]) == {bitcoin}
    assert heard["account.orderUpdate"] == [sol, bitcoin, bitcoin, bitcoin], "accepted, accepted, accepted, filled"
    assert heard[f"account.orderUpdate.{bitcoin}"] == [bitcoin] * 3
    assert heard["account.positionUpdate"] == [bitcoin]


def test_a_subscription_to_positions_is_answered_with_those_of_all_markets() -> None:
    async def scenario() -> list[str]:
        testnet = served_testnet()
        testnet.open_market(btc())
        async with serving(testnet) as (_, client), listening(client) as ears:
            for market in testnet.markets:
                market.trade_elsewhere("1", 5)
            await ears.subscribe("account.positionUpdate", account=client.account)
            return [message["s"] for message in ears.data("account.positionUpdate")]

    assert run_virtual(scenario) == [SOL.symbol, BTC.symbol]


def test_the_control_endpoint_takes_a_symbol_and_faults_strike_every_market() -> None:
    async def scenario() -> None:
        testnet = served_testnet()
        testnet.open_market(btc())
        async with serving(testnet) as (server, client):
            where = {"account": "1", "symbol": BTC.symbol}
            assert (await client.control("POST", "/trade", {**where, "quantity": "0.002"}))[0] == 204
            _, placed = await client.control(
                "POST", "/order", {**where, "side": "Bid", "price": "59000", "quantity": "1"}
            )
            _, books = await client.control("GET", f"/books?account=1&symbol={BTC.symbol}")
            assert (books["symbol"], books["position"]) == (BTC.symbol, "0.002")
            assert [order["id"] for order in books["open_orders"]] == [placed["id"]]
            _, first = await client.control("GET", "/books?account=1")
            assert (first["symbol"], first["position"]) == (SOL.symbol, "0.00")
            assert first["balance"] == books["balance"], "one account"
            status, answer = await client.control("GET", "/books?account=1&symbol=DOGE")
            assert (status, answer["error"]) == (400, f"no market 'DOGE'; there are {SOL.symbol}, {BTC.symbol}")
            server.faults.begin(Fault(FaultKind.POSITION_CHANGED, 2))
            assert [market.accounts["1"].books.position.lots for market in testnet.markets] == [2, 4]
            server.faults.begin(Fault(FaultKind.DELISTED, for_ms=1))
            assert (await client.get("/api/v1/markets"))[1] == []

    run_virtual(scenario)


# --- memory ---


def traded() -> Bench:
    bench = two_markets()
    for fields in (TAKE_SOL, TAKE_BTC, BTC_BID):
        content(bench.client.order(**fields))
    return bench


def test_every_market_comes_back_and_goes_on_trading_with_exact_books(tmp_path: Path) -> None:
    before, after = traded(), two_markets()
    save(before.testnet, tmp_path)
    assert restore(after.testnet, tmp_path)
    assert holder(after).balance_units == holder(before).balance_units
    held = content(after.client.get("/api/v1/position"))
    assert [position["netQuantity"] for position in held] == ["1.00", "0.100"]
    content(after.client.order(**TAKE_BTC, side="Ask"))
    account = on_btc(after).accounts["1"]
    assert account.books.position.lots == 0
    assert account.exchange.cash_quanta == account.books.balance_quanta + account.lent_quanta
    ids = [order["id"] for order in content(after.client.get("/wapi/v1/history/orders"))]
    assert len(set(ids)) == 4


def test_the_state_of_other_markets_is_refused(tmp_path: Path) -> None:
    save(traded().testnet, tmp_path)
    bench = Bench()
    with pytest.raises(InvalidSettingError, match=r"another testnet.*BTC_USDC_PERP, SOL_USDC_PERP"):
        restore(bench.testnet, tmp_path)
    assert not bench.account.books.fills


def test_a_file_of_version_1_is_read(tmp_path: Path) -> None:
    bench = Bench()
    content(bench.client.order(**TAKE_SOL))
    save(bench.testnet, tmp_path)
    path = tmp_path / FILE_NAME
    (market,) = json.loads(path.read_text())["markets"]
    path.write_text(json.dumps({"version": 1, **market}))
    after = Bench()
    assert restore(after.testnet, tmp_path)
    assert after.account.books.position == bench.account.books.position
