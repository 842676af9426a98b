"""What becomes of an order on arrival: one test per rule of `perpmaker.testnet.order_entry`."""

from decimal import Decimal

import pytest

from perpmaker.domain.money import QUANTA_PER_TICK_LOT
from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as m
from perpmaker.testnet.api_errors import ApiError, ErrorCode
from perpmaker.testnet.notices import (
    ExpiryReason,
    MarketStatus,
    OrderChanged,
    OrderEvent,
    OrderRecord,
    OrderStatus,
    OrderType,
    SelfTradePrevention,
    TimeInForce,
)
from perpmaker.testnet.order_entry import OrderRequest
from support.testnets import BOOK, Bench

NO_ASKS = [row for row in BOOK if row[0] != m.ASK]


def refused(code: ErrorCode) -> "pytest.RaisesExc[ApiError]":
    return pytest.raises(ApiError, check=lambda error: error.code is code)


def last_order(bench: Bench) -> OrderRecord:
    return list(bench.account.books.orders.values())[-1]


def events(bench: Bench) -> list[OrderEvent]:
    return [notice.event for notice in bench.told(OrderChanged)]


def test_a_limit_order_that_does_not_cross_rests_and_is_told() -> None:
    bench = Bench()
    order = bench.limit(Side.BUY, 9_950, 100, client_id=7)
    assert (order.status, order.filled_lots) == (OrderStatus.NEW, 0)
    assert bench.account.books.open_by_client(7) == order
    assert bench.told(OrderChanged) == [(bench.clock.ns, OrderEvent.ACCEPTED, order, None)]


def test_a_limit_order_that_crosses_takes_first_and_the_rest_rests() -> None:
    bench = Bench()
    order = bench.limit(Side.BUY, 10_010, 150)
    assert (order.status, order.filled_lots) == (OrderStatus.PARTIALLY_FILLED, 100)
    assert order.filled_quanta == 100 * 10_010 * QUANTA_PER_TICK_LOT
    assert events(bench) == [OrderEvent.ACCEPTED, OrderEvent.FILL]


def test_a_post_only_order_that_would_take_expires_and_is_refused() -> None:
    bench = Bench()
    with refused(ErrorCode.INVALID_ORDER):
        bench.limit(Side.BUY, 10_010, 100, post_only=True)
    assert last_order(bench).expiry_reason is ExpiryReason.POST_ONLY_TAKER
    assert events(bench) == [OrderEvent.EXPIRED]


def test_a_post_only_order_that_would_meet_an_own_order_is_refused() -> None:
    bench = Bench()
    bench.limit(Side.SELL, 10_005, 100)
    with refused(ErrorCode.INVALID_ORDER):
        bench.limit(Side.BUY, 10_005, 100, post_only=True)


def test_an_immediate_order_takes_what_its_limit_allows_and_the_rest_expires() -> None:
    bench = Bench()
    order = bench.limit(Side.BUY, 10_020, 400, time_in_force=TimeInForce.IOC)
    assert (order.status, order.filled_lots) == (OrderStatus.EXPIRED, 300)
    assert order.expiry_reason is ExpiryReason.IMMEDIATE_OR_CANCEL


def test_fill_or_kill_fills_in_full_or_not_at_all() -> None:
    bench = Bench()
    killed = bench.limit(Side.BUY, 10_020, 301, time_in_force=TimeInForce.FOK)
    assert (killed.status, killed.filled_lots, killed.expiry_reason) == (
        OrderStatus.EXPIRED,
        0,
        ExpiryReason.FILL_OR_KILL,
    )
    filled = bench.limit(Side.BUY, 10_020, 300, time_in_force=TimeInForce.FOK)
    assert (filled.status, filled.filled_lots) == (OrderStatus.FILLED, 300)


def test_a_market_order_walks_the_book() -> None:
    bench = Bench()
    order = bench.market(Side.SELL, 250)
    assert order.status is OrderStatus.FILLED
    assert order.filled_quanta == (100 * 9_990 + 150 * 9_980) * QUANTA_PER_TICK_LOT


def test_a_market_order_goes_no_further_than_the_impact_bound() -> None:
    bench = Bench(impact_ppb=5_000_000)
    order = bench.market(Side.BUY, 400)
    assert (order.status, order.filled_lots) == (OrderStatus.EXPIRED, 300)
    assert order.expiry_reason is ExpiryReason.PRICE_IMPACT


def test_a_market_order_without_a_market_expires() -> None:
    order = Bench(first=NO_ASKS).market(Side.BUY, 100)
    assert (order.status, order.expiry_reason) == (OrderStatus.EXPIRED, ExpiryReason.INSUFFICIENT_LIQUIDITY)


def test_a_quote_quantity_buys_the_whole_lots_that_it_pays_for() -> None:
    bench = Bench()
    money = (100 * 10_010 + 50 * 10_020 + 10_019) * QUANTA_PER_TICK_LOT
    order = bench.testnet.place(bench.account, OrderRequest(Side.BUY, OrderType.MARKET, 0, 0, money))
    assert (order.status, order.filled_lots, order.quote_quanta) == (OrderStatus.FILLED, 150, money)


def test_a_quote_quantity_that_pays_for_no_lot_is_refused() -> None:
    bench = Bench()
    with refused(ErrorCode.INVALID_QUANTITY):
        bench.testnet.place(bench.account, OrderRequest(Side.BUY, OrderType.MARKET, 0, 0, QUANTA_PER_TICK_LOT))


def test_a_client_id_is_taken_once_among_open_orders() -> None:
    bench = Bench()
    first = bench.limit(Side.BUY, 9_950, 100, client_id=7)
    with refused(ErrorCode.INVALID_CLIENT_REQUEST):
        bench.limit(Side.BUY, 9_940, 100, client_id=7)
    bench.testnet.cancel(bench.account, first.order_id)
    assert bench.limit(Side.BUY, 9_940, 100, client_id=7).status is OrderStatus.NEW


def test_two_accounts_may_use_one_client_id() -> None:
    bench = Bench()
    bench.limit(Side.BUY, 9_950, 100, client_id=7)
    assert bench.limit(Side.BUY, 9_950, 100, account="2", client_id=7).status is OrderStatus.NEW


@pytest.mark.parametrize(("lots", "code"), [(0, ErrorCode.INVALID_QUANTITY), (501, ErrorCode.INVALID_QUANTITY)])
def test_size_has_bounds(lots: int, code: ErrorCode) -> None:
    with refused(code):
        Bench(max_lots=500).limit(Side.BUY, 9_950, lots)


@pytest.mark.parametrize("price", [9_099, 8_999, 11_001, 10_901])
def test_price_has_bounds_and_a_band_about_the_mark(price: int) -> None:
    bench = Bench(min_price_ticks=9_100, max_price_ticks=10_900)
    with refused(ErrorCode.INVALID_PRICE):
        bench.limit(Side.BUY, price, 100)


def test_a_price_on_the_edge_of_the_band_is_taken() -> None:
    assert Bench().limit(Side.BUY, 9_000, 100).status is OrderStatus.NEW
    with refused(ErrorCode.INVALID_PRICE):
        Bench().limit(Side.BUY, 8_999, 100)


def test_room_for_open_orders_is_bounded() -> None:
    bench = Bench(max_open_orders=2)
    bench.limit(Side.BUY, 9_950, 100)
    bench.limit(Side.BUY, 9_940, 100)
    with refused(ErrorCode.ORDER_LIMIT):
        bench.limit(Side.BUY, 9_930, 100)


def test_margin_counts_position_and_open_orders_at_the_mark() -> None:
    bench = Bench(balance=Decimal(100))
    bench.limit(Side.BUY, 9_000, 4_999)
    with refused(ErrorCode.INSUFFICIENT_MARGIN):
        bench.limit(Side.BUY, 9_000, 2)
    assert bench.limit(Side.BUY, 9_000, 1).status is OrderStatus.NEW
    assert bench.limit(Side.SELL, 11_000, 5_000).status is OrderStatus.NEW


def test_an_order_that_can_only_reduce_needs_no_margin() -> None:
    bench = Bench()
    bench.market(Side.BUY, 300)
    bench.testnet.transfer("1", -bench.account.books.balance_quanta + 5 * 10**4 * QUANTA_PER_TICK_LOT)
    with refused(ErrorCode.INSUFFICIENT_MARGIN):
        bench.limit(Side.SELL, 10_050, 1_000)
    assert bench.limit(Side.SELL, 10_050, 300).status is OrderStatus.NEW


def test_a_reduce_only_order_without_a_position_is_refused_and_expires() -> None:
    bench = Bench()
    with refused(ErrorCode.INVALID_ORDER):
        bench.limit(Side.SELL, 10_050, 100, reduce_only=True)
    assert last_order(bench).expiry_reason is ExpiryReason.REDUCE_ONLY_NOT_REDUCED


def test_a_resting_reduce_only_order_shrinks_with_the_position() -> None:
    bench = Bench()
    bench.market(Side.BUY, 100)
    resting = bench.limit(Side.SELL, 10_050, 100, reduce_only=True)
    bench.market(Side.SELL, 40)
    assert bench.account.books.orders[resting.order_id].lots == 60
    assert events(bench)[-1] is OrderEvent.MODIFIED
    bench.market(Side.SELL, 60)
    ended = bench.account.books.orders[resting.order_id]
    assert (ended.status, ended.expiry_reason) == (OrderStatus.EXPIRED, ExpiryReason.REDUCE_ONLY_NOT_REDUCED)


def test_a_shrunk_reduce_only_order_does_not_grow_again_and_never_turns_the_position() -> None:
    bench = Bench((1.0, [(m.BUY_TRADE, 10_060, 500)]))
    bench.market(Side.BUY, 100)
    resting = bench.limit(Side.SELL, 10_050, 100, reduce_only=True)
    bench.market(Side.SELL, 40)
    bench.market(Side.BUY, 100)
    bench.pass_s(1)
    assert bench.account.books.orders[resting.order_id].filled_lots == 60
    assert bench.account.books.position.lots == 100


def test_a_reduce_only_order_larger_than_the_position_takes_the_position_and_ends() -> None:
    bench = Bench()
    bench.market(Side.BUY, 100)
    order = bench.market(Side.SELL, 250, reduce_only=True)
    assert (order.filled_lots, bench.account.books.position.lots) == (100, 0)
    assert order.status is OrderStatus.EXPIRED


def test_reject_taker_takes_what_stands_before_the_own_order() -> None:
    bench = Bench()
    own = bench.limit(Side.SELL, 10_015, 100)
    order = bench.limit(Side.BUY, 10_020, 300)
    assert (order.filled_lots, order.status) == (100, OrderStatus.EXPIRED)
    assert order.expiry_reason is ExpiryReason.SELF_TRADE_PREVENTION
    assert bench.account.books.orders[own.order_id].status is OrderStatus.NEW


def test_reject_taker_with_nothing_before_the_own_order_is_refused() -> None:
    bench = Bench()
    bench.limit(Side.SELL, 10_005, 100)
    with refused(ErrorCode.INVALID_ORDER):
        bench.market(Side.BUY, 10)
    assert bench.account.books.position.lots == 0


def test_an_order_that_ends_before_the_own_order_is_not_touched() -> None:
    bench = Bench()
    bench.limit(Side.SELL, 10_015, 100)
    assert bench.limit(Side.BUY, 10_020, 100).status is OrderStatus.FILLED


def test_reject_maker_ends_the_own_orders_and_goes_on() -> None:
    bench = Bench()
    near, far = bench.limit(Side.SELL, 10_015, 100), bench.limit(Side.SELL, 10_050, 100)
    order = bench.limit(Side.BUY, 10_020, 300, self_trade_prevention=SelfTradePrevention.REJECT_MAKER)
    assert order.status is OrderStatus.FILLED
    books = bench.account.books
    assert books.orders[near.order_id].expiry_reason is ExpiryReason.SELF_TRADE_PREVENTION
    assert books.orders[far.order_id].status is OrderStatus.NEW


def test_reject_both_ends_the_first_own_order_and_the_rest_of_the_taker() -> None:
    bench = Bench()
    own = bench.limit(Side.SELL, 10_015, 100)
    order = bench.limit(Side.BUY, 10_020, 300, self_trade_prevention=SelfTradePrevention.REJECT_BOTH)
    assert (order.filled_lots, order.status) == (100, OrderStatus.EXPIRED)
    assert bench.account.books.orders[own.order_id].status is OrderStatus.EXPIRED


def test_what_an_account_takes_is_gone_for_everybody() -> None:
    bench = Bench()
    bench.market(Side.BUY, 100)
    assert bench.testnet.book.best(Side.SELL) == (10_020, 200)
    order = bench.limit(Side.BUY, 10_010, 50, account="2", post_only=True)
    assert order.status is OrderStatus.NEW


@pytest.mark.parametrize(
    ("status", "taken"),
    [
        (MarketStatus.OPEN, {"market", "limit", "post"}),
        (MarketStatus.LIMIT_ONLY, {"limit", "post"}),
        (MarketStatus.POST_ONLY, {"post"}),
        (MarketStatus.CANCEL_ONLY, set()),
        (MarketStatus.CLOSED, set()),
        (MarketStatus.DELISTED, set()),
    ],
)
def test_the_market_status_decides_what_is_taken(status: MarketStatus, taken: set[str]) -> None:
    bench = Bench()
    bench.testnet.set_market_status(status)
    ways = {
        "market": lambda: bench.market(Side.BUY, 10),
        "limit": lambda: bench.limit(Side.BUY, 9_950, 10),
        "post": lambda: bench.limit(Side.BUY, 9_950, 10, post_only=True),
    }
    for name, place in ways.items():
        if name in taken:
            place()
        else:
            with refused(ErrorCode.TRADING_PAUSED):
                place()


def test_a_cancel_ends_an_order_and_a_second_one_is_refused() -> None:
    bench = Bench()
    order = bench.limit(Side.BUY, 9_950, 100)
    assert bench.testnet.cancel(bench.account, order.order_id).status is OrderStatus.CANCELLED
    with refused(ErrorCode.INVALID_CLIENT_REQUEST):
        bench.testnet.cancel(bench.account, order.order_id)
    assert events(bench) == [OrderEvent.ACCEPTED, OrderEvent.CANCELLED]


def test_cancel_all_ends_the_orders_of_one_account_only() -> None:
    bench = Bench()
    for price in (9_950, 9_940):
        bench.limit(Side.BUY, price, 100)
    other = bench.limit(Side.BUY, 9_950, 100, account="2")
    assert [order.status for order in bench.testnet.cancel_all(bench.account)] == [OrderStatus.CANCELLED] * 2
    assert bench.testnet.accounts["2"].books.open_orders() == [other]


def test_the_largest_order_is_what_margin_carries() -> None:
    bench = Bench()
    most = bench.testnet.max_lots(bench.account, Side.BUY, reduce_only=False)
    with refused(ErrorCode.INSUFFICIENT_MARGIN):
        bench.limit(Side.BUY, 9_500, most + 1)
    assert bench.limit(Side.BUY, 9_500, most).status is OrderStatus.NEW
    assert bench.testnet.max_lots(bench.account, Side.BUY, reduce_only=False) == 0
