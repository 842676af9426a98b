"""The control endpoint: faults and interventions by request, the exchange's own books, and nobody else let in."""

import asyncio
from decimal import Decimal

import pytest

from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me
from perpmaker.testnet.exposure import ALL_RUNS
from perpmaker.testnet.fault_kinds import FaultKind
from perpmaker.testnet.notices import MarketStatus
from perpmaker.venues.client_ids import OwnId, client_ids
from support.testnet_servers import SYMBOL, buy, limit_order, sell, served_testnet, serving, settle, still_market
from support.virtual_time import run_virtual


def scenario(function, feed=None, *, server_arguments=None, **arguments):
    """Run a scenario with a served testnet."""

    async def body():
        testnet = served_testnet(feed, **arguments)
        async with serving(testnet, **(server_arguments or {})) as (_, client):
            return await function(testnet, client)

    return run_virtual(body)


def client_id(order_id, tag=3):
    return int(client_ids("backpack").encode(OwnId(tag, order_id)))


# Who may ask


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://127.0.0.1"}, {"Host": "evil.example"}, {"Host": "evil.example:8787"}]
)
def test_web_pages_and_other_hosts_are_refused(headers):
    async def ask(_testnet, client):
        return await client.control("POST", "/transfer", {"account": "1", "amount": "-1"}, headers=headers)

    status, answer = scenario(ask)
    assert status == 403
    assert "this machine only" in answer["error"]


def test_it_can_be_left_out():
    async def ask(_testnet, client):
        return await client.get("/control/accounts")

    assert scenario(ask, server_arguments={"control": False}) == (404, "not found")


def test_no_answer_holds_a_secret():
    async def ask(testnet, client):
        _, accounts = await client.control("GET", "/accounts")
        _, books = await client.control("GET", "/books", params={"account": "1"})
        secrets = [account.keys.secret for account in testnet.accounts.values()]
        assert [account["account"] for account in accounts] == ["1", "2"]
        assert [account["api_key"] for account in accounts] == [
            account.keys.public for account in testnet.accounts.values()
        ]
        return [secret for secret in secrets if secret in str(accounts) + str(books)]

    assert scenario(ask, accounts=2) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("GET", "/nothing", None, 404, "no such command"),
        ("GET", "/books?account=9", None, 400, "no account '9'"),
        ("GET", "/books", None, 400, "no account ''"),
        ("GET", "/plan", None, 400, "no plan"),
        ("POST", "/faults", {"kind": "flood"}, 400, "flood"),
        ("POST", "/faults", {"kind": "latency", "amounts": 1}, 400, "amounts"),
        ("POST", "/plan", {"seed": 1, "faults": [{}]}, 400, "plan of faults"),
        ("POST", "/trade", {"account": "1", "quantity": "0.001"}, 400, "less than a lot"),
        ("POST", "/order", {"account": "1", "side": "up", "price": "1", "quantity": "1"}, 400, "Bid or Ask"),
        ("POST", "/order", {"account": "1", "side": "Bid", "price": "99.001", "quantity": "1"}, 400, "decimal"),
        ("POST", "/market", {"status": "Sleeping"}, 400, "Sleeping"),
    ],
)
def test_nonsense_is_answered_with_a_reason(method, path, body, status, says):
    async def ask(_testnet, client):
        return await client.control(method, path, body)

    answered, answer = scenario(ask)
    assert answered == status
    assert says in answer["error"]


# Faults


def test_a_fault_by_request_lasts_as_long_as_it_says():
    async def ask(_testnet, client):
        status, _ = await client.control("POST", "/faults", {"kind": "rate-limited", "for_ms": 3000})
        during, _ = await client.place("Bid", "99", "1")
        _, listed = await client.control("GET", "/faults")
        await asyncio.sleep(3.1)
        after, _ = await client.place("Bid", "99", "1")
        return status, during, listed, after

    status, during, listed, after = scenario(ask)
    assert (status, during, after) == (204, 429, 200)
    assert [fault["kind"] for fault in listed["active"]] == ["rate-limited"]
    assert listed["struck"] == {"rate-limited": 1}
    assert set(listed["kinds"]) == {kind.value for kind in FaultKind}


def test_faults_can_all_be_ended():
    async def ask(_testnet, client):
        await client.control("POST", "/faults", {"kind": "maintenance"})
        during, _ = await client.place("Bid", "99", "1")
        await client.control("DELETE", "/faults")
        after, _ = await client.place("Bid", "99", "1")
        return during, after

    assert scenario(ask) == (503, 200)


def test_a_plan_is_drawn_runs_and_can_be_sent_again():
    async def ask(_testnet, client):
        _, plan = await client.control("POST", "/plan", {"seed": 7, "duration_s": 60})
        _, running = await client.control("GET", "/plan")
        await asyncio.sleep(30)
        struck = (await client.control("GET", "/faults"))[1]["struck"]
        _, again = await client.control("POST", "/plan", plan)
        await asyncio.sleep(60)
        _, listed = await client.control("GET", "/faults")
        return plan == running == again, struck, listed["active"]

    same, struck, active = scenario(ask)
    assert same
    assert struck
    assert active == []


# Interventions


def test_interventions_reach_the_exchange():
    async def ask(testnet, client):
        books = testnet.accounts["1"].books
        assert (await client.control("POST", "/trade", {"account": "1", "quantity": "-0.5"}))[0] == 204
        assert books.position.lots == -50
        before = books.balance_quanta
        assert (await client.control("POST", "/transfer", {"account": "1", "amount": "-100"}))[0] == 204
        assert testnet.instrument.money(before - books.balance_quanta) == 100
        status, order = await client.control(
            "POST", "/order", {"account": "1", "side": "Bid", "price": "95", "quantity": "1"}
        )
        assert status == 200
        assert [str(order_id) for order_id in books.open_ids] == [order["id"]]
        assert (await client.control("POST", "/permission", {"account": "1", "can_trade": False}))[0] == 204
        assert (await client.place("Bid", "99", "1"))[0] == 403
        assert (await client.control("POST", "/market", {"status": "Closed"}))[0] == 204
        assert testnet.market_status is MarketStatus.CLOSED

    scenario(ask)


# The books


def test_the_books_are_those_of_the_exchange():
    async def ask(testnet, client):
        await client.place("Bid", "99.50", "0.20", clientId=client_id(1), postOnly=True)
        await client.place("Ask", "101", "0.30", clientId=client_id(2), postOnly=True)
        await asyncio.sleep(2)
        _, books = await client.control("GET", "/books", params={"account": "1"})
        return books, testnet.accounts["1"].books.fills[-1].trade_id

    books, trade_id = scenario(ask, still_market((1, [(me.SELL_TRADE, 9_949, 20)])))
    assert {name: books[name] for name in ("position", "entry_price", "fees", "deposited", "transferred")} == {
        "position": "0.20", "entry_price": "99.5", "fees": "0.00398", "deposited": "10000", "transferred": "0",
    }  # fmt: skip
    assert Decimal(books["balance"]) == 10_000 - Decimal("0.00398")
    assert [(order["client_id"], order["side"], order["quantity"]) for order in books["open_orders"]] == [
        (client_id(2), "Ask", "0.30")
    ]
    assert [(fill["id"], fill["client_id"], fill["price"], fill["is_maker"]) for fill in books["fills"]] == [
        (trade_id, client_id(1), "99.50", True)
    ]
    assert books["risked"]["3"] == books["risked"][str(ALL_RUNS)]
    assert books["risked"]["3"] == {
        "position_long": "0.20", "position_short": "0.00", "possible_long": "0.20", "possible_short": "0.30",
        "settled_long": "0.20", "settled_short": "0.30",
    }  # fmt: skip


def watched(function, feed=None):
    """Run a scenario; returns what each tag has risked."""

    async def ask(testnet, client):
        account = client.account
        await function(testnet, account, client.server.exposure)
        await settle()
        return client.server.exposure.runs("1")

    return scenario(ask, feed)


def test_what_a_run_could_come_to_is_its_position_and_all_its_orders_of_a_side():
    async def trade(testnet, account, _exposure):
        testnet.place(account, buy(9_980, 100, client_id=client_id(1)))
        testnet.place(account, buy(9_970, 150, client_id=client_id(2)))
        testnet.fill_resting("1", next(iter(account.books.open_ids)))
        testnet.place(account, buy(9_960, 70, client_id=client_id(3)))
        testnet.place(account, sell(10_100, 30, client_id=client_id(4)))

    run = watched(trade)[3]
    assert (run.possible_long, run.position_long) == (320, 100)
    assert (run.possible_short, run.position_short) == (0, 0)


def test_reduce_only_orders_count_up_to_the_position():
    async def trade(testnet, account, _exposure):
        testnet.place(account, buy(10_010, 100, client_id=client_id(1)))
        testnet.place(account, sell(10_100, 100, client_id=client_id(2), reduce_only=True))
        testnet.place(account, sell(10_200, 40, client_id=client_id(3)))

    run = watched(trade)[3]
    assert run.position_long == 100
    assert run.possible_short == 40


def test_orders_of_others_do_not_count_and_their_trades_are_told_apart():
    async def trade(testnet, account, _exposure):
        testnet.place(account, buy(9_980, 100, client_id=client_id(1)))
        testnet.place_foreign_order("1", Side.BUY, 9_970, 500)
        await asyncio.sleep(1)
        testnet.trade_elsewhere("1", 400, 10_000)
        await asyncio.sleep(1)
        testnet.cancel(account, next(iter(account.books.open_ids)))

    run = watched(trade)[3]
    assert run.possible_long == 500
    assert run.settled_long == 100


def test_what_stands_long_enough_after_somebody_has_meddled_counts():
    async def trade(testnet, account, _exposure):
        testnet.place(account, buy(9_980, 100, client_id=client_id(1)))
        testnet.trade_elsewhere("1", 400, 10_000)
        await asyncio.sleep(11)

    assert watched(trade)[3].settled_long == 500


def test_runs_are_told_apart_by_their_tag_and_counted_together():
    async def trade(testnet, account, _exposure):
        testnet.place(account, buy(9_980, 100, client_id=client_id(1, tag=3)))
        testnet.place(account, buy(9_970, 50, client_id=client_id(1, tag=4)))

    runs = watched(trade)
    assert (runs[3].possible_long, runs[4].possible_long, runs[ALL_RUNS].possible_long) == (100, 50, 150)


def test_a_run_that_is_over_is_not_charged_with_the_next_one():
    async def trade(testnet, account, _exposure):
        first = testnet.place(account, buy(9_980, 100, client_id=client_id(1, tag=3)))
        testnet.cancel(account, first.order_id)
        testnet.place(account, buy(9_980, 300, client_id=client_id(1, tag=4)))
        testnet.fill_resting("1", next(iter(account.books.open_ids)))

    runs = watched(trade)
    assert runs[3].position_long == 0
    assert runs[4].position_long == 300


def test_batches_are_counted_as_they_come():
    async def ask(_testnet, client):
        orders = [limit_order("Bid", "99", "1", clientId=client_id(number)) for number in range(1, 6)]
        await client.post("/api/v1/orders", orders)
        await client.delete("/api/v1/orders", symbol=SYMBOL)
        return client.server.exposure.runs("1")[3].possible_long

    assert scenario(ask) == 500
