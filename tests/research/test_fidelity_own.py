"""The run's own part in a recording, and the market without it."""

import random

import pytest

from perpmaker.domain.orders import Side
from perpmaker.research.fidelity_forced import ForcedPlan, force
from perpmaker.research.fidelity_orders import Part, SentOrder
from perpmaker.research.fidelity_own import PRINT_WINDOW_NS, WithoutOwn
from perpmaker.research.fidelity_terms import Assumed
from perpmaker.research.own_orders import OwnOrders
from perpmaker.simulation import market_events as m
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.terms import QueueModel
from simulation.markets import Market, Row, book
from support.recordings import rows_of
from support.walking_market import WalkingMarket

NOW = Assumed(0, 0, QueueModel.RISK_AVERSE)


def order(number: int, side: Side, price: int, lots: int, arrived_ns: int, ended_ns: int | None) -> SentOrder:
    sent = SentOrder(number, side, 1, price, lots, True, arrived_ns)
    sent.arrived_ns, sent.ended_ns, sent.was_cancelled = arrived_ns, ended_ns, ended_ns is not None
    return sent


def as_a_real_exchange_would_state_it(rows: list[Row], orders: list[SentOrder]) -> list[Row]:
    """Our resting lots in every level that is stated, one by one."""
    stated = []
    for ts_ns, kind, price, lots in rows:
        plain = kind & m.KIND_MASK
        side = {m.BID: Side.BUY, m.ASK: Side.SELL}.get(plain)
        own = sum(
            each.lots - sum(part.lots for part in each.parts if part.at_ns <= ts_ns)
            for each in orders
            if each.side is side
            and each.price_ticks == price
            and each.arrived_ns is not None
            and each.arrived_ns <= ts_ns < (each.ended_ns or 2**62)
        )
        stated.append((ts_ns, kind, price, lots + own))
    return stated


@pytest.mark.parametrize("chunk", [7, 10**6])
def test_levels_are_what_they_would_be_without_us(chunk: int) -> None:
    draw = random.Random(5)
    rows = rows_of(WalkingMarket(3, duration_s=60))
    orders = []
    for number in range(1, 120):
        begins = draw.randrange(60) * 10**9
        mine = order(number, draw.choice(list(Side)), 15_000 + draw.randint(-9, 9), draw.randint(1, 20), begins, None)
        mine.ended_ns = begins + draw.randint(1, 5) * 10**9
        if draw.random() < 0.3:
            mine.parts.append(Part(begins + 10**8, mine.price_ticks, draw.randint(1, mine.lots), True, 0))
        orders.append(mine)
    recorded = as_a_real_exchange_would_state_it(rows, orders)
    assert recorded != rows
    feed = WithoutOwn(Market(recorded, chunk), orders, OwnOrders.IN_BOOK)
    assert rows_of(feed) == rows
    assert feed.changed == sum(one != other for one, other in zip(rows, recorded, strict=True))
    assert feed.doubtful == 0
    assert rows_of(WithoutOwn(Market(recorded, chunk), orders, OwnOrders.ABSENT)) == recorded


def test_a_best_price_that_is_ours_alone_is_nobodys() -> None:
    rows: list[Row] = [(5, m.BEST_BID, 100, 10), (6, m.BEST_ASK | m.MORE, 102, 10), (6, m.ASK, 103, 4)]
    orders = [order(1, Side.BUY, 100, 10, 1, None), order(2, Side.SELL, 102, 10, 1, None)]
    feed = WithoutOwn(Market(rows), orders, OwnOrders.IN_BOOK)
    assert rows_of(feed) == [(5, m.CLEAR_BIDS, 100, 0), (6, m.CLEAR_ASKS | m.MORE, 102, 0), (6, m.ASK, 103, 4)]


def test_a_level_that_holds_less_than_our_own_lots_is_counted() -> None:
    feed = WithoutOwn(Market([(5, m.BID, 100, 3)]), [order(1, Side.BUY, 100, 10, 1, None)], OwnOrders.IN_BOOK)
    assert rows_of(feed) == [(5, m.BID, 100, 0)]
    assert feed.doubtful == 1


def test_a_replay_does_not_stand_in_the_queue_behind_itself() -> None:
    """Our first order is in the level when the second arrives there; a trade of the others' lots reaches the second."""
    rows = [
        *book(0, {99: 5}, {101: 5}),
        (2, m.BID, 99, 15),  # five of others, ten of ours
        (6, m.SELL_TRADE, 99, 5),
        (8, m.SELL_TRADE, 99, 4),
        (9, m.MARK, 100_000, 0),
    ]
    orders = [order(1, Side.BUY, 99, 10, 1, 4), order(2, Side.BUY, 99, 10, 4, 9)]
    plan = ForcedPlan(orders, 0, 0, 10)

    def filled(how: OwnOrders) -> int:
        return force(WithoutOwn(Market(rows), orders, how), plan, NOW)[2].filled_lots

    assert filled(OwnOrders.ABSENT) == 0, "behind fifteen, ten of which are the order that it replaced"
    assert filled(OwnOrders.IN_BOOK) == 4


def test_the_prints_of_our_executions_are_taken_out_the_nearest_and_the_later_first() -> None:
    mine = order(1, Side.BUY, 99, 10, 1, None)
    mine.parts.append(Part(10**9, 99, 4, True, 0))
    rows: list[Row] = [
        (0, m.BID, 99, 5),
        (10**9 - PRINT_WINDOW_NS - 1, m.SELL_TRADE, 99, 4),
        (10**9, m.SELL_TRADE | m.MORE, 99, 4),  # the market's: it filled us
        (10**9, m.SELL_TRADE, 99, 4),  # ours
        (10**9, m.BUY_TRADE, 99, 4),
    ]
    kept: MarketFeed = WithoutOwn(Market(rows), [mine], OwnOrders.BESIDE)
    assert rows_of(kept) == [rows[0], rows[1], (10**9, m.SELL_TRADE, 99, 4), rows[4]], "the message ends where it does"
    assert rows_of(kept) == rows_of(kept), "each reading is the same"
