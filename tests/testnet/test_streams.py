"""The websocket: what can be subscribed to, what it says, how it stays alive and how it ends."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me
from perpmaker.testnet.notices import MarketStatus
from support.testnet_servers import (
    SYMBOL,
    buy,
    listening,
    sell,
    served_testnet,
    serving,
    settle,
    still_market,
    synthetic_market,
)
from support.virtual_time import START_NS, run_virtual

START_US = START_NS // 1000


def scenario(function, feed=None, **arguments):
    """Run a scenario with a served testnet and one websocket."""

    async def body():
        testnet = served_testnet(feed() if callable(feed) else feed, **arguments)
        async with serving(testnet) as (_, client), listening(client) as ears:
            return await function(testnet, client, ears)

    return run_virtual(body)


# Subscribing


def test_one_frame_subscribes_to_several_streams_and_another_gives_them_back():
    async def listen(_testnet, _client, ears):
        await ears.subscribe(f"depth.{SYMBOL}", f"trade.{SYMBOL}")
        await asyncio.sleep(1)
        heard = {message["stream"] for message in ears.heard}
        await ears.subscribe(f"depth.{SYMBOL}", f"trade.{SYMBOL}", method="UNSUBSCRIBE")
        count = len(ears.heard)
        await asyncio.sleep(1)
        return heard, len(ears.heard) - count

    feed = still_market(
        *((0.1 * step, [(me.BUY_TRADE, 10_010, 1), (me.ASK, 10_010, 500 - step)]) for step in range(1, 20))
    )
    assert scenario(listen, feed) == ({f"depth.{SYMBOL}", f"trade.{SYMBOL}"}, 0)


def test_both_paths_are_served():
    async def body():
        async with serving(served_testnet()) as (_, client), listening(client, "/ws") as ears:
            await ears.subscribe("nothing")
            return ears.heard

    assert run_virtual(body) == [{"id": None, "error": {"code": 4006, "message": "Invalid stream"}}]


@pytest.mark.parametrize(
    "name",
    ["nonsense", "depth", "depth.BTC_USDC_PERP", f"depth.100ms.{SYMBOL}", f"kline.7m.{SYMBOL}", f"trade.{SYMBOL}.x",
     f"account.orderUpdate.{SYMBOL}.x", "account.rfqUpdate", f"liquidation.{SYMBOL}", ""],
)  # fmt: skip
def test_an_unknown_stream_is_refused_with_everything_else_in_its_frame(name):
    async def listen(_testnet, _client, ears):
        await ears.subscribe(f"bookTicker.{SYMBOL}", name, id=7)
        await asyncio.sleep(1)
        return ears.heard

    feed = still_market((0.5, [(me.BEST_BID, 9_995, 5)]))
    assert scenario(listen, feed) == [{"id": 7, "error": {"code": 4006, "message": "Invalid stream"}}]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"method": "SHOUT", "params": ["liquidation"]}', '{"method": "SUBSCRIBE", "params": []}']
)
def test_a_frame_that_cannot_be_read_is_answered_with_an_error(text):
    async def listen(_testnet, _client, ears):
        await ears.socket.send_str(text)
        await settle()
        return ears.heard

    (answer,) = scenario(listen)
    assert answer["id"] is None
    assert answer["error"]["code"] == 4001
    assert "Invalid request" in answer["error"]["message"]


def test_private_streams_need_a_signature_of_the_instruction_subscribe():
    async def listen(testnet, _client, ears):
        account = testnet.accounts["1"]
        key, signed, time_ms, window = ears.signature(account)
        wrong = [
            None,
            [key, signed, time_ms],
            [key, signed, str(int(time_ms) + 1), window],
            [key, account.keys.sign(b"instruction=orderExecute"), time_ms, window],
            [testnet.accounts["2"].keys.public, signed, time_ms, window],
            ears.signature(account, age_ms=5_001),
        ]
        for signature in wrong:
            await ears.subscribe("account.orderUpdate", signature=signature)
        testnet.place(account, buy(9_000 + 500, 10))
        await settle()
        return [message.get("error", {}).get("code") for message in ears.heard]

    assert scenario(listen, accounts=2) == [4002] * 6


def test_a_private_stream_shows_the_account_that_signed_and_no_other():
    async def listen(testnet, _client, ears):
        await ears.subscribe("account.orderUpdate", account=testnet.accounts["2"])
        testnet.place(testnet.accounts["1"], buy(9_900, 10))
        testnet.place(testnet.accounts["2"], buy(9_900, 20))
        await settle()
        return [data["q"] for data in ears.data("account.orderUpdate")]

    assert scenario(listen, accounts=2) == ["0.20"]


# Public payloads, field by field as documented


def test_book_ticker():
    async def listen(_testnet, _client, ears):
        await ears.subscribe(f"bookTicker.{SYMBOL}")
        await asyncio.sleep(1)
        return ears.data(f"bookTicker.{SYMBOL}")

    (ticker,) = scenario(listen, still_market((0.5, [(me.BID, 9_995, 7)]), (0.6, [(me.BID, 9_900, 7)])))
    update_id = ticker.pop("u")
    assert isinstance(update_id, str)
    assert ticker == {
        "e": "bookTicker", "E": START_US + 500_000, "s": SYMBOL,
        "a": "100.10", "A": "5.00", "b": "99.95", "B": "0.07", "T": START_US + 500_000,
    }  # fmt: skip


def test_a_side_without_levels_is_absent_from_the_book_ticker():
    async def listen(_testnet, _client, ears):
        await ears.subscribe(f"bookTicker.{SYMBOL}")
        await asyncio.sleep(1)
        return ears.data(f"bookTicker.{SYMBOL}")

    (ticker,) = scenario(listen, still_market((0.5, [(me.CLEAR_BIDS, 0, 0)])))
    assert ticker["a"] == "100.10"
    assert "b" not in ticker
    assert "B" not in ticker


def test_depth_has_absolute_levels_and_goes_on_from_the_snapshot_without_a_hole():
    async def listen(testnet, _client, ears):
        await ears.subscribe(f"depth.{SYMBOL}")
        snapshot_id = testnet.book.update_id
        await asyncio.sleep(1)
        return snapshot_id, ears.data(f"depth.{SYMBOL}")

    feed = still_market(
        (0.2, [(me.BID, 9_990, 0), (me.ASK, 10_005, 3), (me.ASK, 10_010, 4)]), (0.3, [(me.BID, 9_991, 1)])
    )
    snapshot_id, (first, second) = scenario(listen, feed)
    assert first == {
        "e": "depth", "E": START_US + 200_000, "s": SYMBOL,
        "a": [["100.05", "0.03"], ["100.10", "0.04"]], "b": [["99.90", "0.00"]],
        "U": snapshot_id + 1, "u": snapshot_id + 1, "T": START_US + 200_000,
    }  # fmt: skip
    assert second["U"] == first["u"] + 1


@pytest.mark.parametrize(("period", "period_s"), [("200ms", 0.2), ("600ms", 0.6), ("1000ms", 1.0)])
def test_aggregated_depth_says_the_last_size_of_each_level_once_a_period(period, period_s):
    async def listen(testnet, _client, ears):
        await ears.subscribe(f"depth.{period}.{SYMBOL}", f"depth.{SYMBOL}")
        await asyncio.sleep(20)
        return ears.data(f"depth.{period}.{SYMBOL}"), ears.data(f"depth.{SYMBOL}"), book_of(testnet)

    coarse, fine, true_book = scenario(listen, synthetic_market)
    gaps_us = [later["E"] - earlier["E"] for earlier, later in pairwise(coarse)]
    assert min(gaps_us) >= period_s * 1e6 - 1
    assert len(coarse) > 0.7 * 20 / period_s
    assert len(fine) > 3 * len(coarse)
    for messages in (coarse, fine):
        for earlier, later in pairwise(messages):
            assert later["U"] == earlier["u"] + 1
    levels = {}
    for message in coarse:
        levels |= {("a", price): size for price, size in message["a"]}
        levels |= {("b", price): size for price, size in message["b"]}
    told = {key: size for key, size in levels.items() if float(size) > 0}
    assert told.items() <= true_book.items() or coarse[-1]["u"] < fine[-1]["u"]
    assert any(message["u"] > message["U"] for message in coarse)


def book_of(testnet):
    wire = {}
    for side, name in ((Side.BUY, "b"), (Side.SELL, "a")):
        for level in testnet.book.levels(side):
            price, size = testnet.instrument.price(level.price_ticks), testnet.instrument.quantity(level.lots)
            wire[name, str(price)] = str(size)
    return wire


def test_trade():
    async def listen(_testnet, _client, ears):
        await ears.subscribe(f"trade.{SYMBOL}")
        await asyncio.sleep(1)
        return ears.data(f"trade.{SYMBOL}")

    first, second = scenario(listen, still_market((0.5, [(me.BUY_TRADE, 10_010, 3), (me.SELL_TRADE, 9_990, 4)])))
    assert second["t"] == first.pop("t") + 1
    assert first.pop("b") != first.pop("a")
    assert first == {
        "e": "trade", "E": START_US + 500_000, "s": SYMBOL, "p": "100.10", "q": "0.03",
        "T": START_US + 500_000, "m": False,
    }  # fmt: skip
    assert second["m"] is True


def test_mark_price():
    async def listen(testnet, _client, ears):
        await ears.subscribe(f"markPrice.{SYMBOL}")
        await asyncio.sleep(1)
        return ears.data(f"markPrice.{SYMBOL}"), testnet.next_funding_ns

    (mark,), next_funding_ns = scenario(listen, still_market((0.5, [(me.MARK, 10_001_500, 0)])))
    assert mark == {
        "e": "markPrice", "E": START_US + 500_000, "s": SYMBOL, "p": "100.015", "f": "0.0000125", "i": "100.015",
        "n": next_funding_ns // 1_000_000, "T": START_US + 500_000,
    }  # fmt: skip


def test_the_ticker_comes_every_second():
    async def listen(_testnet, _client, ears):
        await ears.subscribe(f"ticker.{SYMBOL}")
        await asyncio.sleep(5.5)
        return ears.data(f"ticker.{SYMBOL}")

    tickers = scenario(listen, still_market((0.2, [(me.BUY_TRADE, 10_010, 3)]), (0.4, [(me.SELL_TRADE, 9_990, 4)])))
    assert [ticker.pop("E") - START_US for ticker in tickers] == pytest.approx(
        [1_000_000 * second for second in (1, 2, 3, 4, 5)], abs=2
    )
    assert tickers[0] == {
        "e": "ticker", "s": SYMBOL, "o": "100.10", "c": "99.90", "h": "100.10", "l": "99.90",
        "v": "0.07", "V": "6.999", "n": 2,
    }  # fmt: skip


def test_a_kline_is_told_when_it_changes_once_a_second_at_most_and_once_closed():
    async def listen(_testnet, _client, ears):
        await ears.subscribe(f"kline.1m.{SYMBOL}")
        await asyncio.sleep(130)
        return ears.data(f"kline.1m.{SYMBOL}")

    trades = [(0.3 * step, [(me.BUY_TRADE, 10_010 + step, 1)]) for step in range(1, 9)]
    lines = scenario(listen, still_market(*trades))
    assert [line["X"] for line in lines] == [False, False, False, False, True]
    assert [line["n"] for line in lines] == [1, 4, 7, 8, 8]
    last = lines[-1]
    assert last["t"] < last["T"]
    assert last["T"].endswith(":00")
    assert last["E"] % 60_000_000 <= 2
    assert {key: last[key] for key in "eschlovn"} == {
        "e": "kline", "s": SYMBOL, "o": "100.11", "c": "100.18", "h": "100.18", "l": "100.11", "v": "0.08", "n": 8,
    }  # fmt: skip


def test_open_interest_comes_every_minute():
    async def listen(testnet, _client, ears):
        await ears.subscribe(f"openInterest.{SYMBOL}")
        testnet.trade_elsewhere("1", -25)
        await asyncio.sleep(125)
        return ears.data(f"openInterest.{SYMBOL}")

    first, second = scenario(listen)
    assert second["E"] - first.pop("E") == pytest.approx(60_000_000, abs=2)
    assert first == {"e": "openInterest", "s": SYMBOL, "o": "0.25"}


def test_liquidation():
    async def listen(testnet, _client, ears):
        await ears.subscribe("liquidation")
        testnet.trade_elsewhere("1", 400, 10_000)
        testnet.transfer("1", -testnet.instrument.money_to_quanta(testnet.instrument.price(999_600)))
        await settle()
        return ears.data("liquidation")

    liquidations = scenario(listen)
    assert {(told["S"], told["s"], told["e"]) for told in liquidations} == {("Ask", SYMBOL, "liquidation")}
    assert sum(float(told["q"]) for told in liquidations) == 4


# Against the exchange's own description

DESCRIPTION = Path(__file__).resolve().parents[3] / "shared" / "reference" / "backpack" / "asyncapi.yml"


@pytest.fixture(scope="module")
def described():
    """The schema of every event, by the first word of its stream."""
    if not DESCRIPTION.is_file():
        pytest.skip(f"the description of the streams is not here: {DESCRIPTION}")
    yaml = pytest.importorskip("yaml")
    schemas = yaml.safe_load(DESCRIPTION.read_text())["components"]["schemas"]
    return {
        "depth": schemas["DepthEvent"],
        "bookTicker": schemas["BookTickerEvent"],
        "trade": schemas["TradeEvent"],
        "ticker": schemas["TickerEvent"],
        "kline": schemas["KlineEvent"],
        "markPrice": schemas["MarkPriceEvent"],
        "openInterest": schemas["OpenInterestEvent"],
        "liquidation": schemas["LiquidationEvent"],
        "account.orderUpdate": schemas["OrderUpdateEvent"],
        "account.positionUpdate": schemas["PositionUpdateEvent"],
    }


KINDS = {"string": str, "integer": int, "number": str, "boolean": bool, "array": list}
"""Numbers of positions are strings, see `perpmaker.testnet.stream_payloads`."""


def test_every_message_of_every_stream_is_as_described(described):
    async def listen(testnet, _client, ears):
        account = testnet.accounts["1"]
        public = [f"{name}.{SYMBOL}" for name in described if "." not in name and name not in ("kline", "liquidation")]
        await ears.subscribe(*public, f"kline.1m.{SYMBOL}", f"depth.200ms.{SYMBOL}", "liquidation")
        await ears.subscribe("account.orderUpdate", "account.positionUpdate", account=account)
        for turn in range(8):
            best_ticks = testnet.book.best(Side.SELL).price_ticks
            testnet.place(account, buy(best_ticks, 20, client_id=turn + 1))
            testnet.place(account, sell(best_ticks + best_ticks // 20 + turn, 5, post_only=True))
            await asyncio.sleep(10)
        testnet.transfer("1", -account.books.balance_quanta)
        await settle()
        return ears.heard

    kinds = set()
    for message in scenario(listen, synthetic_market):
        stream = message["stream"]
        kind = stream if stream in described else stream.split(".")[0]
        kinds.add(kind)
        properties = described[kind]["properties"]
        for name, value in message["data"].items():
            assert name in properties, (stream, name)
            assert type(value) is KINDS[properties[name]["type"]], (stream, name, value)
            assert value in properties[name].get("enum", [value]), (stream, name, value)
    assert kinds == set(described)


# Private payloads


def test_the_life_of_an_order_as_it_is_told():
    async def listen(testnet, _client, ears):
        account = testnet.accounts["1"]
        await ears.subscribe("account.orderUpdate", f"account.orderUpdate.{SYMBOL}", account=account)
        testnet.place(account, buy(9_995, 10, client_id=123, post_only=True))
        await asyncio.sleep(1)
        return ears.data("account.orderUpdate"), ears.data(f"account.orderUpdate.{SYMBOL}")

    everything, of_symbol = scenario(listen, still_market((0.5, [(me.SELL_TRADE, 9_994, 4)])))
    assert everything == of_symbol
    accepted, filled = everything
    order_id = accepted["i"]
    assert accepted == {
        "e": "orderAccepted", "E": accepted["E"], "s": SYMBOL, "c": 123, "S": "Bid", "o": "LIMIT", "f": "GTC",
        "q": "0.10", "p": "99.95", "X": "New", "i": order_id, "z": "0.00", "Z": "0", "V": "RejectTaker",
        "T": accepted["T"], "O": "USER", "y": True,
    }  # fmt: skip
    trade_id = filled["t"]
    assert filled == {
        **accepted, "e": "orderFill", "E": START_US + 500_000, "T": START_US + 500_000, "X": "Filled",
        "t": trade_id, "l": "0.10", "L": "99.95", "m": True, "n": "0.001999", "N": "USDC", "z": "0.10", "Z": "9.995",
    }  # fmt: skip


def test_conditional_fields_are_there_under_their_condition_only():
    async def listen(testnet, client, ears):
        account = testnet.accounts["1"]
        await ears.subscribe("account.orderUpdate", account=account)
        resting = testnet.place(account, sell(10_030, 10))
        testnet.cancel(account, resting.order_id)
        await client.post(
            "/api/v1/order", {"symbol": SYMBOL, "side": "Bid", "orderType": "Market", "quoteQuantity": "50"}
        )
        await client.place("Bid", "99.90", "1", timeInForce="IOC")
        await settle()
        return ears.data("account.orderUpdate")

    told = scenario(listen)
    by_event = {data["e"]: data for data in told}
    assert set(by_event) == {"orderAccepted", "orderCancelled", "orderFill", "orderExpired"}
    assert by_event["orderExpired"]["R"] == "IMMEDIATE_OR_CANCEL"
    for data in told:
        is_fill, is_market = data["e"] == "orderFill", data["o"] == "MARKET"
        assert all((name in data) == is_fill for name in "tlLmnN")
        assert ("R" in data) == (data["e"] == "orderExpired")
        assert ("p" in data) == (not is_market)
        assert "c" not in data
        assert None not in data.values()
    assert by_event["orderFill"]["Q"] == "50"


def test_a_position_is_told_on_subscription_and_whenever_it_changes():
    async def listen(testnet, _client, ears):
        account = testnet.accounts["1"]
        await ears.subscribe(f"account.positionUpdate.{SYMBOL}", account=account)
        testnet.trade_elsewhere("1", 200, 10_000)
        await ears.subscribe("account.positionUpdate", account=account)
        testnet.trade_elsewhere("1", -50, 10_100)
        testnet.trade_elsewhere("1", -150, 10_000)
        await settle()
        return ears.data(f"account.positionUpdate.{SYMBOL}"), ears.data("account.positionUpdate")

    of_symbol, everything = scenario(listen)
    assert [data.get("e") for data in of_symbol] == ["positionOpened", "positionAdjusted", "positionClosed"]
    assert [data.get("e") for data in everything] == [None, "positionAdjusted", "positionClosed"]
    snapshot = everything[0]
    assert "e" not in snapshot
    assert {key: snapshot[key] for key in "sBMqQnpPfm"} == {
        "s": SYMBOL, "B": "100", "M": "100", "q": "2.00", "Q": "2.00", "n": "200", "p": "0", "P": "0",
        "f": "0.05", "m": "0.0125",
    }  # fmt: skip
    assert everything[1]["p"] == "0.5"
    assert everything[2]["q"] == "0.00"


def test_a_flat_account_gets_no_snapshot():
    async def listen(testnet, _client, ears):
        await ears.subscribe("account.positionUpdate", account=testnet.accounts["1"])
        return ears.heard

    assert scenario(listen) == []


def test_a_delisting_expires_orders():
    async def listen(testnet, _client, ears):
        account = testnet.accounts["1"]
        await ears.subscribe("account.orderUpdate", account=account)
        testnet.place(account, buy(9_900, 10))
        testnet.set_market_status(MarketStatus.DELISTED)
        await settle()
        return [data["e"] for data in ears.data("account.orderUpdate")]

    assert scenario(listen) == ["orderAccepted", "orderExpired"]


# Keeping alive


def test_a_ping_comes_every_minute_and_a_client_that_answers_stays():
    async def body():
        async with serving(served_testnet()) as (_, client):
            socket = await client.session.ws_connect(client.server.ws_url, autoping=False)
            loop, pinged_s = asyncio.get_running_loop(), []
            while len(pinged_s) < 10:
                message = await socket.receive()
                pinged_s.append(loop.time())
                await socket.pong(message.data)
            await socket.close()
            return pinged_s

    assert run_virtual(body) == pytest.approx([60 * (turn + 1) for turn in range(10)], abs=0.01)


def test_a_client_that_does_not_answer_gets_a_close_frame_120_seconds_after_the_ping():
    async def body():
        async with serving(served_testnet()) as (_, client):
            socket = await client.session.ws_connect(client.server.ws_url, autoping=False)
            heard = []
            while not socket.closed:
                heard.append((await socket.receive()).type.name)
            return heard, asyncio.get_running_loop().time(), socket.close_code

    heard, ended_s, code = run_virtual(body)
    assert heard in (["PING", "PING", "CLOSE"], ["PING", "PING", "PING", "CLOSE"])  # the third is due at the same time
    assert ended_s == pytest.approx(180, abs=0.1)
    assert code == 1008


def test_a_client_that_closes_leaves_nothing_behind():
    async def body():
        async with serving(served_testnet(synthetic_market())) as (server, client):
            before = len(asyncio.all_tasks())
            for _ in range(20):
                async with listening(client) as ears:
                    await ears.subscribe(f"depth.{SYMBOL}", f"depth.200ms.{SYMBOL}", f"kline.1m.{SYMBOL}")
                    await asyncio.sleep(1)
            await settle()
            return len(list(server.streams.subscribers)), len(asyncio.all_tasks()) - before

    assert run_virtual(body) == (0, 0)


def test_a_client_that_does_not_read_is_cut_off():
    async def body():
        testnet = served_testnet()
        async with serving(testnet) as (server, client):
            socket = await client.session.ws_connect(client.server.ws_url)
            (subscriber,) = server.streams.subscribers
            for _ in range(300):
                for _ in range(100):
                    subscriber.send(b"x" * 2000)
            await asyncio.sleep(1)
            socket._response.close()
            return len(list(server.streams.subscribers))

    assert run_virtual(body) == 0


def test_shutting_down_sends_a_close_frame_and_gives_grace():
    async def body():
        loop = asyncio.get_running_loop()
        async with serving(served_testnet()) as (server, client):
            polite = await client.session.ws_connect(server.ws_url)
            rude = await client.session.ws_connect(server.ws_url)  # never reads, and so never answers

            async def read():
                message = await polite.receive()
                return message.type.name, message.data, loop.time()

            reading = asyncio.create_task(read())
            await asyncio.sleep(5)
        return await reading, rude.closed, loop.time()

    (kind, code, heard_s), _, ended_s = run_virtual(body)
    assert (kind, code) == ("CLOSE", 1001)
    assert heard_s == pytest.approx(5, abs=0.01)
    assert ended_s == pytest.approx(35, abs=0.1)
