"""Private messages and histories, read as the documents write them."""

import json
from decimal import Decimal

import msgspec
import pytest

from perpmaker.domain.events import Filled, OrderAccepted, OrderCanceled, OrderRejected
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import CancelReason, RejectReason, Side
from perpmaker.venues.backpack import wire
from perpmaker.venues.backpack.own_news import OwnNews
from perpmaker.venues.backpack.terms import grid_of
from perpmaker.venues.client_ids import UINT32, OwnId
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import OrderState
from support.listeners import HeardAccount

CENT = Decimal("0.01")
SOL = Instrument("SOL_USDC_PERP", "SOL", "USDC", CENT, CENT, CENT)
OURS = int(UINT32.encode(OwnId(7, 42)))
NOW = 5

# A fill as the exchange's document shows it; what else stands there is not looked at.
FILL = {
    "e": "orderFill", "E": 1694687692980000, "s": "SOL_USDC_PERP", "c": OURS, "S": "Bid", "o": "LIMIT", "f": "GTC",
    "q": "3.21", "p": "20.00", "X": "PartiallyFilled", "i": "1111343026172067", "t": 567, "l": "1.23", "z": "2.46",
    "Z": "49.2", "L": "20", "m": True, "n": "0.00492", "N": "USDC", "V": "RejectTaker", "T": 1694687692989999,
    "O": "USER", "y": True,
}  # fmt: skip


@pytest.fixture
def told() -> HeardAccount:
    return HeardAccount()


@pytest.fixture
def news() -> OwnNews:
    news = OwnNews(grid_of(SOL), lambda: NOW)
    news.tag = 7
    return news


def tell(news, told, **changes):
    fields = {name: value for name, value in {**FILL, **changes}.items() if value is not ...}
    news.tell_order(wire.reader(wire.OrderUpdate).decode(json.dumps(fields)), told)


def plain(event, **changes):
    """An update without what only fills have."""
    return {"e": event, "t": None, "l": ..., "L": ..., "m": ..., "n": ..., "N": ..., **changes}


def test_a_fill_is_the_last_fill_with_its_exact_fee(news, told):
    tell(news, told)
    (fill,) = told.own
    quanta = SOL.money_to_quanta(Decimal("0.00492"))
    assert fill == Filled(NOW, 1694687692989999000, 567, 42, Side.BUY, 2000, 123, True, quanta)


def test_a_rebate_is_negative(news, told):
    tell(news, told, n="-0.001")
    assert told.own[0].fee_quanta == -SOL.money_to_quanta(Decimal("0.001"))


def test_a_fee_in_another_asset_is_an_error_that_says_so(news, told):
    with pytest.raises(VenueError, match="a fee in SOL instead of USDC") as refused:
        tell(news, told, N="SOL")
    assert refused.value.reaction is Reaction.STOP
    tell(news, told, N="SOL", n="0")  # nothing was charged
    assert len(told.own) == 1


def test_an_order_is_accepted(news, told):
    tell(news, told, **plain("orderAccepted", X="New", z="0"))
    assert told.own == [OrderAccepted(NOW, 1694687692989999000, 42)]


@pytest.mark.parametrize(("asked", "reason"), [(True, CancelReason.REQUESTED), (False, CancelReason.VENUE)])
def test_a_cancelled_order_dies_with_its_cumulative_fill(news, told, asked, reason):
    if asked:
        news.asks_to_cancel(42)
    tell(news, told, **plain("orderCancelled", X="Cancelled"))
    assert told.own == [OrderCanceled(NOW, 1694687692989999000, 42, 246, reason)]


@pytest.mark.parametrize(
    ("spelled", "filled", "expected"),
    [
        ("PostOnlyTaker", "0", RejectReason.POST_ONLY_WOULD_CROSS),
        ("POST_ONLY_TAKER", "0", RejectReason.POST_ONLY_WOULD_CROSS),
        ("REDUCE_ONLY_NOT_REDUCED", "0", RejectReason.REDUCE_ONLY_WOULD_INCREASE),
        ("ReduceOnlyNotReduced", "1.00", CancelReason.REDUCE_ONLY),
        ("InsufficientMargin", "0", RejectReason.INSUFFICIENT_MARGIN),
        ("IMMEDIATE_OR_CANCEL", "0", CancelReason.IMMEDIATE_REMAINDER),
        ("PRICE_BAND", "0", CancelReason.VENUE),
        ("Liquidation", "1.00", CancelReason.VENUE),
    ],
)
def test_an_expiry_is_a_rejection_or_a_cancellation_by_its_reason(news, told, spelled, filled, expected):
    tell(news, told, **plain("orderExpired", X="Expired", R=spelled, z=filled))
    (event,) = told.own
    assert type(event) is (OrderRejected if isinstance(expected, RejectReason) else OrderCanceled)
    assert event.reason is expected


def test_a_modified_order_is_no_news(news, told):
    tell(news, told, **plain("orderModified", X="New", z="0"))
    assert told.own == told.foreign == []


@pytest.mark.parametrize("client_id", [None, 123, int(UINT32.encode(OwnId(8, 42)))])
def test_what_does_not_carry_this_runs_tag_is_foreign(news, told, client_id):
    tell(news, told, c=client_id)
    tell(news, told, **plain("orderCancelled", X="Cancelled", c=client_id))
    text = None if client_id is None else str(client_id)
    assert told.own == []
    assert told.foreign == [(text, True), (text, False)]


@pytest.mark.parametrize(
    "changes",
    [{"X": "Unheard"}, {"S": "Buy"}, {"T": "soon"}, {"i": ...}, {"c": "x"}, {"z": 1.5}],
)
def test_what_is_not_as_documented_is_an_error(news, told, changes):
    with pytest.raises(msgspec.DecodeError):
        tell(news, told, **changes)


@pytest.mark.parametrize("changes", [{"l": "1.234"}, {"L": "20.001"}, {"n": ...}, {"t": None}, {"l": ...}])
def test_a_fill_that_cannot_be_booked_exactly_is_an_error(news, told, changes):
    with pytest.raises(ValueError, match=r"multiple|without"):
        tell(news, told, **changes)


@pytest.mark.parametrize(("quantity", "lots"), [(5, 500), (-5, -500), ("-1.25", -125), (0.3, 30), ("0", 0)])
def test_a_position_may_be_written_as_a_number(news, told, quantity, lots):
    update = {"e": "positionOpened", "s": "SOL_USDC_PERP", "q": quantity, "T": 1694687692989999, "b": 123}
    news.tell_position(wire.reader(wire.PositionUpdate).decode(json.dumps(update)), told)
    assert told.positions == [lots]


# --- histories ---

PAST = {
    "id": "9", "createdAt": "2026-09-21T13:20:00.123456", "side": "Ask", "status": "Filled", "symbol": "SOL_USDC_PERP",
    "clientId": OURS, "executedQuantity": "1.5", "quantity": "1.5", "price": "20.5", "orderType": "Limit",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        ({}, OrderState.FILLED, CancelReason.REQUESTED),
        ({"status": "New"}, OrderState.OPEN, CancelReason.REQUESTED),
        ({"status": "Cancelled"}, OrderState.CANCELED, CancelReason.REQUESTED),
        (
            {"status": "Expired", "expiryReason": "ImmediateOrCancel"},
            OrderState.CANCELED,
            CancelReason.IMMEDIATE_REMAINDER,
        ),
        (
            {"status": "Expired", "expiryReason": "PostOnlyTaker", "executedQuantity": "0"},
            OrderState.REJECTED,
            CancelReason.VENUE,
        ),
        ({"status": "Expired", "expiryReason": "Liquidation"}, OrderState.CANCELED, CancelReason.VENUE),
    ],
)
def test_an_order_of_the_history(news, changes, state, reason):
    order = news.past_order(wire.reader(wire.PastOrder).decode(json.dumps({**PAST, **changes})))
    assert (order.tag, order.order_id, order.side, order.price_ticks, order.lots) == (7, 42, Side.SELL, 2050, 150)
    assert (order.state, order.cancel_reason) == (state, reason)
    assert order.venue_ns == 1_789_996_800_123_456_000


def test_a_market_order_of_somebody_else_has_neither_price_nor_quantity(news):
    fields = {**PAST, "clientId": None, "price": None, "quantity": None, "executedQuantity": None}
    order = news.past_order(wire.reader(wire.PastOrder).decode(json.dumps(fields)))
    assert (order.tag, order.order_id, order.price_ticks, order.lots, order.filled_lots) == (None, None, 0, 0, 0)


def test_an_execution_of_the_history(news):
    fields = {
        "clientId": str(OURS), "fee": "0.01", "feeSymbol": "USDC", "isMaker": False, "orderId": "9", "price": "20.5",
        "quantity": "1.5", "side": "Bid", "symbol": "SOL_USDC_PERP", "timestamp": "2026-09-21T13:20:00", "tradeId": 3,
    }  # fmt: skip
    read = news.past_fill(wire.reader(wire.PastFill).decode(json.dumps(fields)))
    assert (read.tag, read.venue_order_id, read.fill.order_id, read.fill.fill_id) == (7, "9", 42, 3)
    assert read.fill.venue_ns == 1_789_996_800_000_000_000
    del fields["tradeId"]
    with pytest.raises(ValueError, match="without a trade id"):
        news.past_fill(wire.reader(wire.PastFill).decode(json.dumps(fields)))


@pytest.mark.parametrize("text", ["2026-09-21T13:20:00+02:00", "yesterday", "2026-09-21T13:20:00.12x", ""])
def test_a_time_with_a_zone_or_no_time_at_all_is_an_error(text):
    with pytest.raises(ValueError, match=r"time|isoformat"):
        wire.utc_ns(text)
