"""The compiled exchange and the naive one agree, event by event, over random markets and random commands."""

import random

import pytest

from perpmaker.domain.commands import ASLEEP, Cancel, Place
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.domain.reference import ReferencePrice
from perpmaker.simulation import market_events as m
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.terms import QueueModel
from simulation.markets import Market, terms
from simulation.naive_exchange import NaiveExchange

ROWS = 700
SEEDS = range(40)
PRICE = 1000


def random_rows(rng: random.Random) -> list[tuple[int, int, int, int]]:
    """Anything that a feed may say, dense enough that much of it touches our orders."""
    rows = []
    ts, mid, in_gap = 1_000, PRICE, False
    has_marks = rng.random() < 0.3
    while len(rows) < ROWS:
        ts += rng.choice([0, 0, 1, 1, 2, 5, 20])
        mid += rng.choice([-1, 0, 0, 0, 0, 1])
        draw = rng.random()
        if in_gap:
            rows.append(
                (ts, m.GAP_END if draw < 0.4 else rng.choice([m.BID, m.BUY_TRADE]), mid if draw >= 0.4 else 0, 5)
            )
            in_gap = draw >= 0.4
        elif draw < 0.01:
            rows.append((ts, m.GAP_START, 0, 0))
            in_gap = True
        elif draw < 0.03:
            rows.append((ts, m.FUNDING, rng.choice([0, mid * 1000 + 7]), rng.choice([-123_457, 98_765])))
        elif draw < 0.06 and has_marks:
            rows.append((ts, m.MARK, mid * 1000 + rng.randrange(-900, 900), 0))
        elif draw < 0.35:
            side = rng.choice([m.BUY_TRADE, m.SELL_TRADE])
            rows.append((ts, side, mid + rng.choice([-3, -2, -1, 0, 1, 2, 3]), rng.randrange(1, 15)))
        else:
            message = [random_book_row(rng, ts, mid) for _ in range(rng.choice([1, 1, 2, 4]))]
            rows += [(at, kind | m.MORE, price, lots) for at, kind, price, lots in message[:-1]] + message[-1:]
    return rows


def random_book_row(rng: random.Random, ts: int, mid: int) -> tuple[int, int, int, int]:
    kind = rng.choice([m.BID, m.ASK] * 6 + [m.BEST_BID, m.BEST_ASK] * 2 + [m.CLEAR_BIDS, m.CLEAR_ASKS])
    sign = -1 if kind in (m.BID, m.BEST_BID, m.CLEAR_BIDS) else 1
    price = mid + sign * rng.choice([0, 1, 1, 2, 2, 3, 4, 6])
    if kind in (m.CLEAR_BIDS, m.CLEAR_ASKS):
        return ts, kind, rng.choice([price, 0 if kind == m.CLEAR_BIDS else 10**12]), 0
    return ts, kind, price, rng.choice([0, 0, 1, 3, 8, 20])


def random_commands(rng: random.Random, next_id: int) -> list[Place | Cancel]:
    commands: list[Place | Cancel] = []
    for _ in range(rng.choice([0, 1, 2, 4])):
        if next_id > 1 and rng.random() < 0.35:
            commands.append(Cancel(rng.randrange(max(1, next_id - 8), next_id + 1)))
            continue
        kind = rng.choice([OrderKind.LIMIT] * 5 + [OrderKind.IOC, OrderKind.MARKET])
        side = rng.choice([Side.BUY, Side.SELL])
        price = PRICE + rng.randrange(-12, 13) if kind is not OrderKind.MARKET else 0
        post_only = rng.random() < (0.5 if kind is OrderKind.LIMIT else 0.05)
        commands.append(Place(next_id, side, price, rng.randrange(1, 12), kind, post_only, rng.random() < 0.25))
        next_id += 1
    return commands


def random_wake(rng: random.Random, now: int):
    return ASLEEP._replace(
        until_ns=now + rng.choice([0, 3, 20, 100]),
        refresh_ns=now + rng.randrange(-30, 30),
        interval_ns=rng.choice([0, 7, 15]),
        reference=rng.choice(list(ReferencePrice)),
        reference_low=(PRICE - 8) * 1000,
        reference_high=(PRICE + 8) * 1000,
        bid_guard_ticks=PRICE - 10,
        ask_guard_ticks=PRICE + 10,
        mark_low=(PRICE - 15) * 1000,
        mark_high=(PRICE + 15) * 1000,
        on_book=rng.random() < 0.1,
        on_order=rng.random() < 0.3,
    )


def story_of_a_seed(seed: int) -> str:
    """Everything that one run tells, and where it ends: the same text with the compiler on and off."""
    rng = random.Random(seed)
    rows = random_rows(rng)
    settings = terms(queue_model=QueueModel.POWER, feed_latency_ns=3, order_latency_ns=2)
    core = SimulatedExchange(Market(rows), settings)
    told, next_id = [], 1
    while core.events_processed < len(rows):
        told += core.advance(random_wake(rng, core.now_ns))
        commands = random_commands(rng, next_id)
        next_id += sum(isinstance(command, Place) for command in commands)
        core.submit(commands)
    return repr((told, core.equity_quanta, core.max_drawdown_quanta, core.open_orders(), core._core.ahead.tolist()))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_compiled_and_the_naive_exchange_tell_the_same_story(seed):
    rng = random.Random(seed)
    rows = random_rows(rng)
    settings = terms(
        balance_tick_lots=rng.choice([3_000, 10**9]),
        leverage=rng.choice(["1", "3", "7.5"]),
        feed_latency_ns=rng.choice([0, 3, 50]),
        order_latency_ns=rng.choice([0, 2, 10]),
        maker_fee_ppb=rng.choice([-50_000, 200_001]),
        queue_model=rng.choice(list(QueueModel)),
        power_exponent=rng.choice([1.0, 3.0, 2.5]),
    )
    core = SimulatedExchange(Market(rows, chunk=rng.choice([1, 13, 10**6]), min_lots=2), settings)
    naive = NaiveExchange(rows, settings, min_lots=2)
    next_id, step = 1, 0
    while core.events_processed < len(rows) or step % 10 != 0:  # and a few steps over the last book
        wake = random_wake(rng, core.now_ns)
        before = core.now_ns
        told, expected = core.advance(wake), naive.advance(wake)
        where = f"seed {seed}, step {step}, {wake}"
        for index, (ours, theirs) in enumerate(zip(told, expected, strict=False)):
            assert ours == theirs, f"{where}: event {index} differs"
        assert len(told) == len(expected), f"{where}: {told} against {expected}"
        assert told or core.now_ns > before, f"{where}: neither news nor progress"
        resting = [(order.order_id, order.side, order.price, order.left) for order in naive.orders]
        assert [tuple(order) for order in core.open_orders()] == resting, where
        for order in naive.orders:
            assert core.queue_ahead(order.order_id) == max(0, -int(-order.ahead // 1)), where
        assert (core.now_ns, core.position_lots, core.mark_milliticks) == (naive.now, naive.position, naive.mark), where
        assert core.equity_quanta == naive.equity, where
        assert core.max_drawdown_quanta == naive.drawdown * 10**9, where
        commands = random_commands(rng, next_id)
        next_id += sum(isinstance(command, Place) for command in commands)
        core.submit(commands)
        naive.submit(commands)
        step += 1
