"""Orders and histories through ccxt, for exchanges that answer in less friendly ways than the testnet does."""

import asyncio
from decimal import Decimal
from types import SimpleNamespace

import pytest
from ccxt.base import errors as ccxt

from perpmaker.domain.commands import Place
from perpmaker.domain.orders import OrderKind, RejectReason, Side
from perpmaker.venues.ccxt_history import SHORT_PAGE, SPAN_MS, CcxtHistory, KnownOrders
from perpmaker.venues.ccxt_orders import CcxtOrders
from perpmaker.venues.ccxt_parse import Parser, fill_id
from perpmaker.venues.ccxt_quirks import Quirks
from perpmaker.venues.ccxt_terms import contract_of
from perpmaker.venues.client_ids import TEXT, OwnId
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import Accepted, Canceled, NotOpen, OrderState, Refused, Unknown
from perpmaker.venues.venue_clock import VenueClock
from venues.test_ccxt_terms import exchange, market

NOW_MS = 1_790_000_000_000
SYMBOL = "SOL/USDT:USDT"


class Clock:
    def now_ns(self) -> int:
        return NOW_MS * 1_000_000


class Fake:
    """An exchange whose answers are written by the test; ``asked`` is what it was asked."""

    def __init__(self, **answers):
        self.id = "someexchange"
        self.exceptions = {"exact": {"-2019": ccxt.InsufficientFunds}}
        self.has = {"createOrders": True, "cancelAllOrders": False, "fetchOrder": True, "fetchFundingHistory": True}
        self.answers = answers
        self.asked = []

    def __getattr__(self, name):
        async def method(*arguments):
            self.asked.append((name, *arguments))
            answer = self.answers.get(name, [])
            if callable(answer):
                answer = answer(*arguments)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return method


def desks(fake, quirks=None):
    quirks = quirks or Quirks()
    clock = VenueClock(Clock())
    contract = contract_of(exchange(), market(), None)
    parser, known = Parser(contract, TEXT, quirks), KnownOrders()
    history = CcxtHistory(fake, SYMBOL, parser, quirks, known, clock)
    measured = []

    async def measure():
        measured.append(True)

    orders = CcxtOrders(fake, contract, TEXT, quirks, history, known, clock, measure, lambda _side: 10_000)
    return SimpleNamespace(history=history, orders=orders, known=known, measured=measured)


def quote(order_id, lots=10):
    return Place(order_id, Side.BUY, 9_900, lots, OrderKind.LIMIT, True, False)


def answer(order_id=None, **changes):
    client_id = None if order_id is None else TEXT.encode(OwnId(7, order_id))
    return {
        "id": f"v{order_id}", "clientOrderId": client_id, "status": "open", "side": "buy", "price": "99", "amount": "1",
        "filled": "0", "timestamp": NOW_MS, "info": {}, **changes,
    }  # fmt: skip


def trade(number, **changes):
    return {
        "id": str(number), "order": "v1", "timestamp": NOW_MS + number, "side": "buy", "price": "99", "amount": "1",
        "takerOrMaker": "maker", "fee": {"cost": "0.02", "currency": "USDT"}, "info": {}, **changes,
    }  # fmt: skip


# --- placing ---


def test_a_request_is_written_in_contracts_and_text():
    fake = Fake(create_order=answer(1))
    asyncio.run(desks(fake).orders.place(7, [Place(1, Side.SELL, 0, 3, OrderKind.MARKET, False, True)]))
    parameters = {"clientOrderId": TEXT.encode(OwnId(7, 1)), "reduceOnly": True}
    assert fake.asked == [("create_order", SYMBOL, "market", "sell", "0.3", None, parameters)]


@pytest.mark.parametrize(
    ("side", "slack", "price"), [(Side.SELL, "0", "100.00"), (Side.SELL, "0.05", "95.00"), (Side.BUY, "0.05", "105.00")]
)
def test_a_market_order_gets_a_price_where_the_exchange_wants_one(side, slack, price):
    fake = Fake(create_order=answer(1))
    order = Place(1, side, 0, 3, OrderKind.MARKET, False, True)
    asyncio.run(desks(fake, Quirks(market_slack=Decimal(slack))).orders.place(7, [order]))
    assert fake.asked[0][5] == price


def test_answers_to_a_batch_are_matched_by_client_id_whatever_their_order():
    fake = Fake(create_orders=[answer(3), answer(1), answer(2, status="rejected")])
    results = asyncio.run(desks(fake).orders.place(7, [quote(1), quote(2), quote(3)]))
    assert [(type(result), result.order_id) for result in results] == [(Accepted, 1), (Refused, 2), (Accepted, 3)]


def test_errors_within_a_batch_belong_to_the_orders_that_are_left():
    failed = {"id": None, "clientOrderId": None, "info": {"code": "-2019", "msg": "Margin is insufficient."}}
    fake = Fake(create_orders=[failed, answer(3), answer(1)])
    one, two, three = asyncio.run(desks(fake).orders.place(7, [quote(1), quote(2), quote(3)]))
    assert [type(one), type(three)] == [Accepted, Accepted]
    assert (two.reason, type(two)) == (RejectReason.INSUFFICIENT_MARGIN, Refused)


def test_an_order_without_an_answer_is_unknown():
    fake = Fake(create_orders=[answer(1)])
    results = asyncio.run(desks(fake).orders.place(7, [quote(1), quote(2), quote(3)]))
    assert [type(result) for result in results] == [Accepted, Unknown, Unknown]


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (ccxt.RequestTimeout("x"), Unknown),
        (ccxt.ExchangeError("x"), Unknown),
        (KeyError("x"), Unknown),
        (ccxt.InsufficientFunds("x"), Refused),
        (ccxt.InvalidNonce("x"), Refused),
        (ccxt.AuthenticationError("x"), Refused),
    ],
)
def test_what_an_error_leaves_of_an_order(raised, kind):
    at = desks(Fake(create_orders=raised, create_order=raised))
    results = asyncio.run(at.orders.place(7, [quote(1), quote(2)]))
    assert [type(result) for result in results] == [kind, kind]
    assert type(asyncio.run(at.orders.place(7, [quote(3)]))[0]) is kind
    assert bool(at.measured) == isinstance(raised, ccxt.InvalidNonce)


def test_without_batches_each_order_goes_by_itself():
    fake = Fake(create_order=lambda *arguments: answer(int(arguments[5]["clientOrderId"][8:], 16)))
    fake.has["createOrders"] = False
    results = asyncio.run(desks(fake).orders.place(7, [quote(1), quote(2)]))
    assert results == [Accepted(1, NOW_MS * 1_000_000), Accepted(2, NOW_MS * 1_000_000)]


# --- cancelling ---


def test_an_answer_without_a_state_is_looked_up():
    found = answer(1, status="canceled", filled="0.4")
    fake = Fake(fetch_open_orders=lambda *_: [] if len(fake.asked) > 2 else [answer(1)], fetch_order=found)
    fake.answers["cancel_order"] = {"id": "v1"}
    result = asyncio.run(desks(fake).orders.cancel(OwnId(7, 1)))
    assert result == Canceled(1, NOW_MS * 1_000_000, 4)


@pytest.mark.parametrize(
    ("cancelled", "expected"),
    [
        (answer(1, status="canceled", filled="0.4"), Canceled(1, NOW_MS * 1_000_000, 4)),
        (ccxt.OrderNotFound("x"), NotOpen(1)),
    ],
)
def test_a_cancellation_with_proof(cancelled, expected):
    at = desks(Fake(cancel_order=cancelled))
    at.known.note("v1", OwnId(7, 1))
    assert asyncio.run(at.orders.cancel(OwnId(7, 1))) == expected


@pytest.mark.parametrize("raised", [ccxt.RequestTimeout("x"), ccxt.RateLimitExceeded("x"), ccxt.InvalidNonce("x")])
def test_a_cancellation_without_proof_is_unknown(raised):
    at = desks(Fake(cancel_order=raised))
    at.known.note("v1", OwnId(7, 1))
    assert type(asyncio.run(at.orders.cancel(OwnId(7, 1)))) is Unknown


def test_an_order_that_is_still_open_after_its_cancellation_is_unknown():
    at = desks(Fake(cancel_order={"id": "v1"}, fetch_open_orders=[answer(1)]))
    assert type(asyncio.run(at.orders.cancel(OwnId(7, 1)))) is Unknown


def test_without_cancel_all_every_order_is_cancelled_and_that_is_verified():
    fake = Fake(fetch_open_orders=lambda *_: [] if len(fake.asked) > 1 else [answer(1), answer(2)], cancel_order={})
    assert asyncio.run(desks(fake).orders.cancel_all())
    assert sorted(asked[:2] for asked in fake.asked if asked[0] == "cancel_order") == [
        ("cancel_order", "v1"),
        ("cancel_order", "v2"),
    ]


# --- histories ---


def test_executions_are_paged_until_a_page_brings_nothing_new():
    trades = [trade(number) for number in range(3 * SHORT_PAGE)]

    def page(_symbol, since_ms, _limit, _parameters):
        return [each for each in trades if each["timestamp"] >= since_ms][:SHORT_PAGE]

    fake = Fake(fetch_my_trades=page, fetch_order=answer(1))
    fills = asyncio.run(desks(fake).history.fills(NOW_MS * 1_000_000))
    assert [each.fill.fill_id for each in fills] == list(range(3 * SHORT_PAGE))
    assert {(each.tag, each.fill.order_id) for each in fills} == {(7, 1)}
    assert len([asked for asked in fake.asked if asked[0] == "fetch_order"]) == 1


def test_an_empty_span_is_passed_over():
    since_ms = NOW_MS - 3 * SPAN_MS

    def page(_symbol, asked_ms, _limit, _parameters):
        return [trade(0)] if asked_ms + SPAN_MS >= NOW_MS else []

    fills = asyncio.run(desks(Fake(fetch_my_trades=page, fetch_order=answer(1))).history.fills(since_ms * 1_000_000))
    assert len(fills) == 1


def test_a_page_that_cannot_be_got_past_is_an_error():
    def page(_symbol, since_ms, _limit, _parameters):
        page.number += SHORT_PAGE
        return [trade(page.number + place, timestamp=since_ms) for place in range(SHORT_PAGE)]

    page.number = 0
    with pytest.raises(VenueError, match="does not page its executions"):
        asyncio.run(desks(Fake(fetch_my_trades=page)).history.fills(NOW_MS * 1_000_000))


def test_an_execution_of_an_order_that_nobody_knows_is_foreign():
    fake = Fake(fetch_my_trades=[trade(1)], fetch_order=ccxt.OrderNotFound("x"))
    (fill,) = asyncio.run(desks(fake).history.fills(NOW_MS * 1_000_000))
    assert (fill.tag, fill.fill.order_id) == (None, 0)


def test_a_fee_in_another_coin_is_an_error_that_says_so():
    foreign = trade(1, fee={"cost": "0.001", "currency": "BNB"})
    with pytest.raises(VenueError, match="a fee was charged in BNB instead of USDT") as refused:
        asyncio.run(desks(Fake(fetch_my_trades=[foreign], fetch_order=answer(1))).history.fills(NOW_MS * 1_000_000))
    assert refused.value.reaction is Reaction.STOP


def test_an_execution_without_a_fee_is_unreadable_and_not_free():
    bare = trade(1, fee=None)
    with pytest.raises(VenueError, match="without its fee"):
        asyncio.run(desks(Fake(fetch_my_trades=[bare], fetch_order=answer(1))).history.fills(NOW_MS * 1_000_000))


def test_ids_of_executions_are_numbers_and_stay_the_same():
    assert fill_id("12345") == 12_345
    assert fill_id("e1a2-uuid") == fill_id("e1a2-uuid") != fill_id("e1a2-uuie")
    assert 0 <= fill_id("e1a2-uuid") < 2**63


def test_an_ended_order_whose_id_is_not_known_is_looked_for_in_the_lists():
    fake = Fake(
        fetch_closed_orders=[answer(1, status="closed", filled="1")],
        fetch_canceled_orders=[answer(2, status="canceled")],
    )
    fake.has |= {"fetchClosedOrders": True, "fetchCanceledOrders": True}
    at = desks(fake)
    assert asyncio.run(at.history.order(OwnId(7, 1), 0)).state is OrderState.FILLED
    assert asyncio.run(at.history.order(OwnId(7, 2), 0)).state is OrderState.CANCELED
    assert asyncio.run(at.history.order(OwnId(7, 3), 0)) is None


def test_funding_has_a_name_of_its_own():
    entry = {"id": "77", "timestamp": NOW_MS, "amount": "-0.125"}
    (payment,) = asyncio.run(desks(Fake(fetch_funding_history=[entry])).history.funding(0))
    assert payment.payment_id == f"77/{NOW_MS}"
    assert payment.payment.amount_quanta == market_quanta("-0.125")


def market_quanta(amount: str) -> int:
    return contract_of(exchange(), market(), None).instrument.money_to_quanta(Decimal(amount))
