"""Faults on demand: each kind does what its row says, plans are data, and the books stay true whatever happens."""

import asyncio
import json
from itertools import pairwise

import pytest
from aiohttp import ClientError, WSServerHandshakeError

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.simulation import market_events as me
from perpmaker.testnet.fault_kinds import FAULTS, FaultKind
from perpmaker.testnet.fault_plan import FaultPlan, FaultRunner, random_plan, read_plan
from perpmaker.testnet.faults import Fault, Faults
from perpmaker.testnet.notices import MarketStatus
from support.testnet_servers import (
    SYMBOL,
    buy,
    limit_order,
    listening,
    sell,
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


def now_s():
    return asyncio.get_running_loop().time()


async def lost(request):
    """The time at which a request failed without an answer."""
    with pytest.raises(ClientError):
        await request
    return now_s()


def open_ids(testnet):
    return [order.client_id for order in testnet.accounts["1"].books.open_orders()]


# Requests


def test_without_a_fault_nothing_goes_wrong():
    async def ask(_testnet, server, client):
        status, _ = await client.place("Bid", "99", "1")
        return status, now_s(), server.faults.struck

    status, took_s, struck = scenario(ask)
    assert (status, took_s) == (200, 0)
    assert not struck


def test_latency_delays_the_execution():
    async def ask(testnet, server, client):
        with server.faults.during(FaultKind.LATENCY, 700):
            asking = asyncio.create_task(client.place("Bid", "99", "1", clientId=5))
            await asyncio.sleep(0.69)
            before = open_ids(testnet)
            await asking
        return before, open_ids(testnet), now_s()

    assert scenario(ask) == ([], [5], pytest.approx(0.7))


def test_a_request_that_is_held_longer_than_its_window_has_expired():
    async def ask(testnet, server, client):
        with server.faults.during(FaultKind.LATENCY, 6_000):
            answer = await client.place("Bid", "99", "1")
        return answer, open_ids(testnet)

    (status, error), orders = scenario(ask)
    assert (status, error["code"]) == (400, "INVALID_CLIENT_REQUEST")
    assert orders == []


def test_jitter_is_different_for_each_request_and_the_same_for_each_seed():
    async def ask(_testnet, server, client):
        took_s = []
        with server.faults.during(FaultKind.JITTER, 500):
            for _ in range(5):
                before_s = now_s()
                await client.get("/api/v1/time")
                took_s.append(now_s() - before_s)
        return took_s

    took_s = scenario(ask)
    assert took_s == scenario(ask)
    assert len(set(took_s)) == 5
    assert max(took_s) <= 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(("kind", "executed"), [(FaultKind.SERVER_ERROR, []), (FaultKind.SERVER_ERROR_AFTER, [5])])
def test_server_errors_before_and_after_the_order_was_executed(kind, executed, status):
    async def ask(testnet, server, client):
        with server.faults.during(kind, status):
            answer = await client.place("Bid", "99", "1", clientId=5)
        return answer, open_ids(testnet)

    (answered, _), orders = scenario(ask)
    assert answered == status
    assert orders == executed


def test_rate_limited():
    async def ask(testnet, server, client):
        with server.faults.during(FaultKind.RATE_LIMITED):
            answer = await client.place("Bid", "99", "1")
        return answer, open_ids(testnet)

    (status, error), orders = scenario(ask)
    assert (status, error["code"]) == (429, "TOO_MANY_REQUESTS")
    assert orders == []


@pytest.mark.parametrize("held_ms", [0, 9_000])
@pytest.mark.parametrize(("kind", "executed"), [(FaultKind.TIMEOUT_BEFORE, []), (FaultKind.TIMEOUT_AFTER, [5])])
def test_time_outs_before_and_after_the_order_was_executed(kind, executed, held_ms):
    async def ask(testnet, server, client):
        with server.faults.during(kind, held_ms):
            ended_s = await lost(client.place("Bid", "99", "1", clientId=5))
        return ended_s, open_ids(testnet)

    assert scenario(ask) == (pytest.approx(held_ms / 1000), executed)


def test_an_order_is_executed_although_its_sender_has_hung_up():
    async def ask(testnet, server, client):
        with server.faults.during(FaultKind.LATENCY, 3_000), pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await client.place("Bid", "99", "1", clientId=5)
        await asyncio.sleep(2.1)
        return open_ids(testnet)

    assert scenario(ask) == [5]


def test_an_answer_that_is_cut_in_the_middle():
    async def ask(testnet, server, client):
        with server.faults.during(FaultKind.CUT_ANSWER):
            await lost(client.place("Bid", "99", "1", clientId=5))
        return open_ids(testnet), (await client.get("/api/v1/ping"))[0]

    assert scenario(ask) == ([5], 200)


def test_updates_come_before_a_late_answer():
    async def ask(_testnet, server, client):
        async with listening(client) as ears:
            await ears.subscribe("account.orderUpdate", account=client.account)
            with server.faults.during(FaultKind.LATE_ANSWER, 2_000):
                asking = asyncio.create_task(client.place("Bid", "99", "1"))
                await asyncio.sleep(1)
                told = [data["e"] for data in ears.data("account.orderUpdate")]
                assert not asking.done()
                status, _ = await asking
        return told, status, now_s()

    assert scenario(ask) == (["orderAccepted"], 200, pytest.approx(2, abs=0.01))


def test_a_batch_is_done_in_part():
    async def ask(testnet, server, client):
        orders = [limit_order("Bid", "99", "0.01", clientId=number) for number in range(1, 41)]
        with server.faults.during(FaultKind.PARTIAL_BATCH, chance=0.5):
            status, answers = await client.post("/api/v1/orders", orders)
        return status, answers, open_ids(testnet)

    status, answers, resting = scenario(ask)
    assert status == 200
    assert len(answers) == 40
    assert [answer["clientId"] for answer in answers if "clientId" in answer] == resting
    assert 5 < len(resting) < 35


@pytest.mark.parametrize("skew_ms", [-20_000, 20_000])
def test_clock_skew_shifts_the_time_and_what_is_accepted(skew_ms):
    async def ask(testnet, server, client):
        true_ms = testnet.clock.now_ns() // 1_000_000
        with server.faults.during(FaultKind.CLOCK_SKEW, skew_ms):
            _, told_ms = await client.get("/api/v1/time")
            refused, _ = await client.place("Bid", "99", "1")
            async with listening(client) as ears:
                await ears.subscribe("account.orderUpdate", account=client.account)
                answer = ears.heard
        accepted, _ = await client.place("Bid", "99", "1")
        return int(told_ms) - true_ms, refused, answer[0]["error"]["code"], accepted

    assert scenario(ask) == (skew_ms, 400, 4002, 200)


# Websocket


def ticking():
    """A depth message every tenth of a second: the best bid's size counts them."""
    return still_market(*((0.1 * step, [(me.BID, 9_990, 500 + step)]) for step in range(1, 400)))


DEPTH = f"depth.{SYMBOL}"


async def ids_of_ten_seconds(server, client, kind, chance=1.0):
    """Update ids of the depth stream: under the fault for 10 s, then without for 2."""
    async with listening(client) as ears:
        await ears.subscribe(DEPTH)
        with server.faults.during(kind, chance=chance):
            await asyncio.sleep(10.05)
        await asyncio.sleep(2)
        ids = [data["u"] for data in ears.data(DEPTH)]
    return [update_id - ids[0] for update_id in ids], server.faults.struck[kind]


def test_depth_with_gaps():
    ids, struck = scenario(lambda _, *both: ids_of_ten_seconds(*both, FaultKind.DEPTH_GAP, 0.3), ticking())
    assert ids == sorted(set(ids))
    holes = sum(later - earlier - 1 for earlier, later in pairwise(ids))
    assert 10 < holes <= struck


def test_depth_that_comes_twice():
    ids, struck = scenario(lambda _, *both: ids_of_ten_seconds(*both, FaultKind.DEPTH_TWICE, 0.3), ticking())
    assert ids == sorted(ids)
    assert len(ids) - len(set(ids)) == struck > 10


def test_depth_that_comes_after_its_successor():
    ids, struck = scenario(lambda _, *both: ids_of_ten_seconds(*both, FaultKind.DEPTH_SWAPPED, 0.3), ticking())
    assert sorted(ids) == list(range(min(ids), max(ids) + 1))
    assert sum(later < earlier for earlier, later in pairwise(ids)) == struck > 10


def test_a_stale_websocket_stays_open_and_says_nothing_while_a_new_one_works():
    async def listen(_testnet, server, client):
        async with listening(client) as old:
            await old.subscribe(DEPTH)
            with server.faults.during(FaultKind.STREAM_STALE):
                await asyncio.sleep(3)
                quiet = len(old.heard)
                async with listening(client) as new:
                    await new.subscribe(DEPTH)
                    await asyncio.sleep(3)
                    heard = len(new.heard)
                assert old.is_open
            await asyncio.sleep(1)
            return quiet, heard, len(old.heard)

    quiet, heard, afterwards = scenario(listen, ticking())
    assert quiet == 0
    assert heard >= 29
    assert afterwards >= 9


def test_dropped_closed_and_refused_websockets():
    async def listen(_testnet, server, client):
        async with listening(client) as dropped:
            server.faults.begin(Fault(FaultKind.STREAM_DROPPED))
            await settle()
            assert not dropped.is_open
            assert dropped.socket.close_code == 1006
        async with listening(client) as closed:
            server.faults.begin(Fault(FaultKind.STREAM_CLOSED))
            await settle()
            assert not closed.is_open
            assert closed.socket.close_code == 1001
        async with listening(client) as cut:
            with server.faults.during(FaultKind.STREAM_REFUSED):
                await settle()
                assert not cut.is_open
                with pytest.raises(WSServerHandshakeError) as refusal:
                    await listening(client).__aenter__()
                assert refusal.value.status == 503
        async with listening(client) as working:
            await working.subscribe(DEPTH)
            await asyncio.sleep(1)
            assert working.heard

    scenario(listen, ticking())


def test_old_messages_are_sent_again():
    async def listen(_testnet, server, client):
        async with listening(client) as ears:
            await ears.subscribe(DEPTH)
            await asyncio.sleep(3.05)
            before = list(ears.heard)
            server.faults.begin(Fault(FaultKind.STREAM_REPLAYED, 20))
            await settle()
            return before, ears.heard[len(before) :]

    before, again = scenario(listen, ticking())
    assert again == before[-20:]


async def updates_of_fills(server, client, testnet, kind, amount=0, chance=1.0):
    """Ten orders are placed and cancelled under the fault; returns their updates and when each was heard."""
    async with listening(client) as ears:
        await ears.subscribe("account.orderUpdate", account=client.account)
        with server.faults.during(kind, amount, chance):
            for number in range(1, 11):
                order = testnet.place(client.account, buy(9_900, 1, client_id=number))
                await asyncio.sleep(0.05)
                testnet.cancel(client.account, order.order_id)
            await settle()
            at_once = len(ears.heard)
            await asyncio.sleep(5)
        return at_once, [(data["c"], data["e"]) for data in ears.data("account.orderUpdate")]


IN_ORDER = [(number, event) for number in range(1, 11) for event in ("orderAccepted", "orderCancelled")]


def test_late_updates_keep_their_order():
    def run(testnet, server, client):
        return updates_of_fills(server, client, testnet, FaultKind.UPDATES_LATE, 2_000)

    assert scenario(run) == (0, IN_ORDER)


def test_late_updates_are_not_overtaken_when_the_fault_ends():
    async def listen(testnet, server, client):
        async with listening(client) as ears:
            await ears.subscribe("account.orderUpdate", account=client.account)
            with server.faults.during(FaultKind.UPDATES_LATE, 2_000):
                testnet.place(client.account, buy(9_900, 1, client_id=1))
            with server.faults.during(FaultKind.LATENCY, 1):
                testnet.place(client.account, buy(9_900, 1, client_id=2))
            await asyncio.sleep(3)
            return [data["c"] for data in ears.data("account.orderUpdate")]

    assert scenario(listen) == [1, 2]


def test_shuffled_updates_come_out_of_order_and_all_of_them():
    def run(testnet, server, client):
        return updates_of_fills(server, client, testnet, FaultKind.UPDATES_SHUFFLED, 1_000)

    _, updates = scenario(run)
    assert sorted(updates) == sorted(IN_ORDER)
    assert updates != IN_ORDER


def test_updates_that_come_twice():
    def run(testnet, server, client):
        return updates_of_fills(server, client, testnet, FaultKind.UPDATES_TWICE, 700)

    _, updates = scenario(run)
    assert sorted(updates) == sorted(IN_ORDER * 2)


# The exchange itself


def test_maintenance_refuses_everything_and_ends():
    async def ask(_testnet, server, client):
        async with listening(client) as ears:
            await ears.subscribe(DEPTH)
            with server.faults.during(FaultKind.MAINTENANCE):
                during, error = await client.place("Bid", "99", "1")
                _, status = await client.get("/api/v1/status")
                await asyncio.sleep(2)
                quiet = len(ears.heard)
            after, _ = await client.place("Bid", "99", "1")
            return during, error["code"], status["status"], quiet, after

    assert scenario(ask, ticking()) == (503, "MAINTENANCE", "Maintenance", 0, 200)


def test_a_paused_market_takes_no_orders_but_cancels():
    async def ask(testnet, server, client):
        await client.place("Bid", "99", "1", clientId=5)
        with server.faults.during(FaultKind.PAUSED, 0):
            refused, _ = await client.place("Bid", "99", "1")
            cancelled, _ = await client.cancel(clientId=5)
        return refused, cancelled, testnet.market_status

    assert scenario(ask) == (400, 200, MarketStatus.OPEN)


def test_a_delisted_market_is_gone_and_comes_back():
    async def ask(testnet, server, client):
        await client.place("Bid", "99", "1", clientId=5)
        with server.faults.during(FaultKind.DELISTED):
            _, markets = await client.get("/api/v1/markets")
        _, markets_after = await client.get("/api/v1/markets")
        return markets, len(markets_after), open_ids(testnet)

    assert scenario(ask) == ([], 1, [])


def test_overlapping_faults_reopen_the_market_only_when_all_are_over():
    async def ask(testnet, server, _client):
        with server.faults.during(FaultKind.DELISTED):
            with server.faults.during(FaultKind.PAUSED, 1):
                pass
            between = testnet.market_status
        return between, testnet.market_status

    assert scenario(ask) == (MarketStatus.DELISTED, MarketStatus.OPEN)


@pytest.mark.parametrize("which", [{"clientId": 5}, {}])
def test_an_order_fills_just_before_its_cancel(which):
    async def ask(testnet, server, client):
        await client.place("Bid", "99", "1", clientId=5)
        with server.faults.during(FaultKind.FILL_BEFORE_CANCEL):
            if which:
                status, _ = await client.cancel(**which)
            else:
                status, _ = await client.delete("/api/v1/orders", symbol=SYMBOL)
        books = testnet.accounts["1"].books
        return status, open_ids(testnet), books.position.lots, books.fills[-1].is_maker

    status, orders, lots, is_maker = scenario(ask)
    assert status == (400 if which else 200)
    assert (orders, lots, is_maker) == ([], 100, True)


def test_others_meddle_with_the_account():
    async def meddle(testnet, server, _client):
        books = testnet.accounts["1"].books
        server.faults.begin(Fault(FaultKind.POSITION_CHANGED, -3))
        server.faults.begin(Fault(FaultKind.FOREIGN_ORDER, 2))
        before = books.balance_quanta
        server.faults.begin(Fault(FaultKind.BALANCE_SHRUNK, 40))
        return books.position.lots, open_ids(testnet), books.balance_quanta / before

    lots, orders, share = scenario(meddle)
    assert lots == -3
    assert orders == [None, None]
    assert share == pytest.approx(0.6)


# Plans


def test_the_same_seed_draws_the_same_plan_and_another_one_does_not():
    assert random_plan(5, 300) == random_plan(5, 300)
    assert random_plan(5, 300) != random_plan(6, 300)


def test_a_plan_survives_its_json():
    plan = random_plan(3, 600)
    assert read_plan(plan.to_json()) == plan


def test_what_is_no_plan_is_said_so():
    with pytest.raises(InvalidSettingError, match="plan of faults"):
        read_plan(b'{"seed": 1, "faults": [{"kind": "flood"}]}')


@pytest.mark.parametrize("seed", range(20))
def test_a_random_plan_keeps_within_its_rows_and_leaves_quiet_at_the_end(seed):
    plan = random_plan(seed, 120, per_minute=30, quiet_s=20)
    assert len(plan.faults) == 50
    assert plan.end_ms <= 100_000
    assert [fault.at_ms for fault in plan.faults] == sorted(fault.at_ms for fault in plan.faults)
    for fault in plan.faults:
        row = FAULTS[fault.kind]
        assert row.amounts[0] <= fault.amount <= row.amounts[1]
        assert row.chances[0] <= fault.chance <= row.chances[1]
        assert (fault.for_ms > 0) == row.lasts


def test_every_kind_has_a_row_and_is_drawn():
    assert set(FAULTS) == set(FaultKind)
    drawn = {fault.kind for seed in range(30) for fault in random_plan(seed, 120).faults}
    assert drawn == set(FaultKind)


def test_a_plan_of_chosen_kinds_has_no_others():
    plan = random_plan(1, 300, kinds=[FaultKind.LATENCY, FaultKind.DEPTH_GAP])
    assert {fault.kind for fault in plan.faults} == {FaultKind.LATENCY, FaultKind.DEPTH_GAP}


def test_a_plan_prints_one_line_for_each_fault():
    plan = FaultPlan(
        4, (Fault(FaultKind.LATENCY, 200, 0.5, 1_500, 3_000), Fault(FaultKind.STREAM_DROPPED, at_ms=9_000))
    )
    assert str(plan).splitlines() == [
        "faults of seed 4:",
        "    1.500 s for  3.000 s  latency 200 ms chance 0.50",
        "    9.000 s               stream-dropped",
    ]


def test_a_runner_begins_and_ends_everything_at_its_time():
    async def play():
        faults, told = Faults(), []
        faults.listeners.append(lambda fault, begins: told.append((round(now_s(), 3), fault.kind.value, begins)))
        plan = FaultPlan(
            1, (Fault(FaultKind.LATENCY, 1, 1, 1_000, 2_000), Fault(FaultKind.STREAM_DROPPED, 0, 1, 2_000, 0))
        )
        runner = FaultRunner(faults, plan)
        runner.start()
        await runner.wait()
        return told

    assert run_virtual(play) == [(1.0, "latency", True), (2.0, "stream-dropped", True), (3.0, "latency", False)]


def test_a_runner_that_is_stopped_ends_what_is_on_and_begins_nothing_more():
    async def play():
        faults = Faults()
        runner = FaultRunner(faults, random_plan(2, 100, per_minute=200))
        runner.start()
        await asyncio.sleep(30)
        assert faults.active
        runner.stop()
        assert faults.active == []
        await asyncio.sleep(100)
        await runner.wait()
        return faults.active

    assert run_virtual(play) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_same_plan_over_the_same_market_does_the_same_and_leaves_true_books(seed):
    async def trade(testnet, server, client):
        runner = FaultRunner(server.faults, random_plan(seed, 60, per_minute=40, quiet_s=10))
        runner.start()
        answers = []
        for turn in range(60):
            side, price = ("Bid", "bids") if turn % 2 else ("Ask", "asks")
            try:
                async with asyncio.timeout(2):
                    _, depth = await client.get("/api/v1/depth", symbol=SYMBOL)
                    best = depth[price][-1 if price == "bids" else 0][0]
                    answers.append((await client.place(side, best, "0.5", clientId=turn + 1))[0])
            except (ClientError, TimeoutError, TypeError, KeyError, IndexError, json.JSONDecodeError) as error:
                answers.append(type(error).__name__)
            await asyncio.sleep(1)
        await runner.wait()
        books = client.account.books
        testnet.cancel_all(client.account)
        assert books.balance_quanta == testnet.accounts["1"].exchange.cash_quanta + books.position.cost_quanta
        assert books.position.lots == sum(fill.lots * fill.side for fill in books.fills)
        return answers, dict(server.faults.struck), books.balance_quanta, len(books.fills)

    first = scenario(trade, synthetic_market(seed))
    assert first == scenario(trade, synthetic_market(seed))
    assert len(first[1]) >= 5


def test_an_account_without_money_gets_no_foreign_orders_and_no_error():
    async def meddle(testnet, server, client):
        testnet.transfer("1", -client.account.books.balance_quanta)
        server.faults.begin(Fault(FaultKind.FOREIGN_ORDER, 3))
        server.faults.begin(Fault(FaultKind.BALANCE_SHRUNK, 50))
        return open_ids(testnet)

    assert scenario(meddle) == []


def test_selling_orders_are_met_too():
    async def ask(testnet, server, client):
        testnet.place(client.account, sell(10_100, 5, client_id=9))
        with server.faults.during(FaultKind.FILL_BEFORE_CANCEL):
            await client.cancel(clientId=9)
        return client.account.books.position.lots

    assert scenario(ask) == -5
