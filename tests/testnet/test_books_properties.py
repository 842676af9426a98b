"""Whatever is done on whatever market, the books of every account are exact."""

from contextlib import suppress
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from perpmaker.domain.money import RATE_SCALE, notional_quanta
from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as m
from perpmaker.testnet.account import Account
from perpmaker.testnet.api_errors import ApiError
from perpmaker.testnet.notices import (
    MarketStatus,
    OrderChanged,
    OrderEvent,
    OrderRecord,
    OrderType,
    Origin,
    SelfTradePrevention,
    TimeInForce,
)
from perpmaker.testnet.order_entry import OrderRequest
from support.testnets import Bench, Row

STEPS = 150


def message(random: Random) -> list[Row]:
    """What the market does in a second: mostly near the middle, now and then a crash or a rally of the mark."""
    kind = random.choice([m.BID, m.ASK, m.BEST_BID, m.BEST_ASK, m.BUY_TRADE, m.SELL_TRADE, m.MARK])
    if kind == m.MARK:
        return [(kind, random.choice([9_700_000, 9_990_000, 10_000_000, 10_010_000, 10_300_000]), 0)]
    lots = random.randint(1, 60) if kind in (m.BUY_TRADE, m.SELL_TRADE) else random.randint(0, 60)
    return [(kind, random.randint(9_960, 10_040), lots)]


def order(random: Random) -> OrderRequest:
    order_type = OrderType.MARKET if random.random() < 0.2 else OrderType.LIMIT
    is_limit = order_type is OrderType.LIMIT
    time_in_force = random.choices(list(TimeInForce), [8, 1, 1])[0]
    return OrderRequest(
        side=random.choice(list(Side)),
        order_type=order_type,
        price_ticks=random.randint(9_960, 10_040) * is_limit,
        lots=random.randint(0, 120),
        time_in_force=time_in_force,
        post_only=is_limit and time_in_force is TimeInForce.GTC and random.random() < 0.3,
        reduce_only=random.random() < 0.4,
        client_id=random.choice([None, 1, 2, 3]),
        self_trade_prevention=random.choice(list(SelfTradePrevention)),
    )


def carry_out(bench: Bench, name: str, random: Random) -> None:
    """One command, or a second of market."""
    testnet, account = bench.testnet, bench.testnet.accounts[name]
    names = ["order", "pass", "cancel", "fill", "elsewhere", "transfer", "hour", "status", "all"]
    command = random.choices(names, [40, 30, 8, 6, 5, 3, 2, 2, 1])[0]
    resting = random.choice(list(account.books.open_ids) or [0])
    if command == "order":
        testnet.place(account, order(random))
    elif command == "pass":
        bench.pass_s(1)
    elif command == "cancel":
        testnet.cancel(account, resting)
    elif command == "fill":
        testnet.fill_resting(name, resting)
    elif command == "elsewhere":
        testnet.trade_elsewhere(name, random.choice([-50, -7, 7, 50]))
    elif command == "transfer":
        testnet.transfer(name, random.randint(-(3 * 10**16), 3 * 10**16))
    elif command == "hour":
        testnet.set_funding_rate(random.randint(-90_000, 90_000))
        bench.pass_s(3_600)
    elif command == "status":
        testnet.set_market_status(random.choice([MarketStatus.OPEN, MarketStatus.CLOSED, MarketStatus.DELISTED]))
        bench.pass_s(1)
        testnet.set_market_status(MarketStatus.OPEN)
    else:
        testnet.cancel_all(account)


def check_books(account: Account, orders_told: dict[int, OrderRecord], mark_milliticks: int) -> None:
    books, exchange = account.books, account.exchange
    cash = books.start_quanta + books.transfers_quanta + sum(payment.amount_quanta for payment in books.funding)
    lots, fees = 0, 0
    filled: dict[int, tuple[int, int]] = {}
    for fill in books.fills:
        value = notional_quanta(fill.price_ticks, fill.lots)
        cash -= fill.side * value
        lots += fill.side * fill.lots
        fees += fill.fee_quanta
        before = filled.get(fill.order_id, (0, 0))
        filled[fill.order_id] = before[0] + fill.lots, before[1] + value
    for order in books.orders.values():
        if order.origin is Origin.LIQUIDATION and order.order_type is OrderType.MARKET:
            fees += order.filled_quanta * 5_000_000 // RATE_SCALE
        assert (order.filled_lots, order.filled_quanta) == filled.get(order.order_id, (0, 0))
        assert order.filled_lots <= order.lots
        assert orders_told[order.order_id] == order
    cash -= fees

    assert books.position.lots == lots == exchange.position_lots
    assert books.position.fees_quanta == fees
    assert books.balance_quanta - books.position.cost_quanta == cash == exchange.cash_quanta
    assert books.equity_quanta(mark_milliticks) == cash + books.value_quanta(lots, mark_milliticks) * (
        1 if lots > 0 else -1
    )

    resting = {order.order_id: order.lots for order in exchange.open_orders()}
    assert {order.order_id: order.left_lots for order in books.open_orders()} == resting
    client_ids = [order.client_id for order in books.open_orders() if order.client_id is not None]
    assert len(client_ids) == len(set(client_ids))
    for order in books.open_orders():
        assert not order.reduce_only or (lots * order.side < 0 and order.left_lots <= abs(lots))


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_books_are_exact(seed: int) -> None:
    random = Random(seed)
    bench = Bench(*[(float(at), message(random)) for at in range(1, STEPS)], balance=Decimal(8))
    for _ in range(STEPS):
        with suppress(ApiError):
            carry_out(bench, random.choice("12"), random)
        told: dict[int, OrderRecord] = {notice.order.order_id: notice.order for notice in bench.told(OrderChanged)}
        for account in bench.testnet.accounts.values():
            check_books(account, told, bench.testnet.mark_milliticks)
        assert all(level.lots > 0 for side in Side for level in bench.testnet.book.levels(side))
    accepted = [n for n in bench.told(OrderChanged) if n.event is OrderEvent.ACCEPTED]
    assert len({notice.order.order_id for notice in accepted}) == len(accepted)
