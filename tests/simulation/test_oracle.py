"""The compiled exchange and the naive one agree, event by event, over random markets and random commands."""

import random

import pytest

from perpmaker.domain.commands import ASLEEP, Cancel, Place
from perpmaker.domain.events import Event, Filled, FundingPaid, Liquidated
from perpmaker.domain.money import QUANTA_PER_TICK_LOT, notional_quanta
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.domain.reference import ReferencePrice
from perpmaker.simulation import market_events as m
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.fee_tiers import FeeTier
from perpmaker.simulation.latency import LONGEST_NS, Latency, Lognormal, Recorded
from perpmaker.simulation.terms import QueueModel
from simulation.markets import Market, terms
from simulation.naive_exchange import NaiveExchange

ROWS = 700
SEEDS = range(40)
PRICE = 1000


def random_rows(rng: random.Random, unit_ns: int = 1) -> list[tuple[int, int, int, int]]:
    """Anything that a feed may say, dense enough that much of it touches our orders."""
    rows = []
    ts, mid, in_gap = 1_000 * unit_ns, PRICE, False
    has_marks = rng.random() < 0.3
    while len(rows) < ROWS:
        ts += rng.choice([0, 0, 1, 1, 2, 5, 20]) * unit_ns
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


def random_wake(rng: random.Random, now: int, unit_ns: int = 1):
    return ASLEEP._replace(
        until_ns=now + rng.choice([0, 3, 20, 100]) * unit_ns,
        refresh_ns=now + rng.randrange(-30, 30) * unit_ns,
        interval_ns=rng.choice([0, 7, 15]) * unit_ns,
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
    settings = terms(
        balance_tick_lots=2_000,
        queue_model=QueueModel.POWER,
        feed_latency_ns=Lognormal(3, 1.0),
        order_latency_ns=Lognormal(2, 0.5, 9),
        maintenance_margin_ppb=60_000_000,
        liquidation_fee_ppb=5_000_000,
        fee_tiers=(FeeTier(QUANTA_PER_TICK_LOT, -100_000, 300_000),),
        volume_quanta=QUANTA_PER_TICK_LOT,
    )
    core = SimulatedExchange(Market(rows), settings)
    told, next_id = [], 1
    while core.events_processed < len(rows):
        told += core.advance(random_wake(rng, core.now_ns))
        commands = random_commands(rng, next_id)
        next_id += sum(isinstance(command, Place) for command in commands)
        core.submit(commands)
    return repr((told, core.equity_quanta, core.max_drawdown_quanta, core.open_orders(), core._core.ahead.tolist()))


def random_latency(rng: random.Random, unit_ns: int) -> Latency:
    """Of any kind, up to an hour (which is less than 60 of the longest units)."""
    part_ns = min(unit_ns, LONGEST_NS // 60)
    times = tuple(range(900 * unit_ns, 4_000 * unit_ns, 37 * unit_ns))
    return rng.choice(
        [
            rng.choice([0, 2, 10]) * part_ns,
            Lognormal(rng.choice([1, 5, 40]) * part_ns, rng.choice([0.0, 0.7, 2.0]), rng.choice([None, 60 * part_ns])),
            Recorded(times, tuple(rng.randrange(60) * part_ns for _ in times)),
        ]
    )


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
    compare_stories(rng, rows, settings, f"seed {seed}")


@pytest.mark.parametrize("seed", SEEDS)
def test_they_agree_where_accounts_are_liquidated_fees_have_tiers_and_latencies_vary(seed):
    eventful_story(seed)


def test_such_runs_liquidate_in_full_and_in_part_and_fill_at_several_fees():
    told = [event for seed in range(10) for event in eventful_story(seed)]
    assert {bool(event.left_lots) for event in told if isinstance(event, Liquidated)} == {True, False}
    fills = [event for event in told if isinstance(event, Filled) and event.is_maker]
    assert len({event.fee_quanta * 1_000_000 // notional_quanta(event.price_ticks, event.lots) for event in fills}) > 2


def eventful_story(seed) -> list[Event]:
    rng = random.Random(seed)
    unit_ns = rng.choice([1, 10**11, 10**13])  # the last: the run takes most of a year
    rows = random_rows(rng, unit_ns)
    tiers = [FeeTier(at * QUANTA_PER_TICK_LOT, 150_000 - at // 2, 400_000 - at) for at in (20_000, 90_000, 300_000)]
    settings = terms(
        balance_tick_lots=rng.choice([300, 1_000, 20_000]),
        leverage=rng.choice(["10", "50"]),
        feed_latency_ns=random_latency(rng, unit_ns),
        order_latency_ns=random_latency(rng, unit_ns),
        queue_model=rng.choice(list(QueueModel)),
        maintenance_margin_ppb=rng.choice([1, 13_000_001, 20_000_000]),
        liquidation_fee_ppb=rng.choice([0, 5_000_003]),
        fee_tiers=rng.choice([(), tuple(tiers), tuple(tiers[:1])]),
        volume_quanta=rng.choice([0, 50_000 * QUANTA_PER_TICK_LOT]),
        seed=seed,
    )
    return compare_stories(rng, rows, settings, f"seed {seed}", unit_ns)


def compare_stories(rng, rows, settings, name, unit_ns=1) -> list[Event]:
    """Play one random run on both; returns what the maker was told."""
    core = SimulatedExchange(Market(rows, chunk=rng.choice([1, 13, 10**6]), min_lots=2), settings)
    naive = NaiveExchange(rows, settings, min_lots=2)
    story: list[Event] = []
    next_id, step = 1, 0
    while core.events_processed < len(rows) or step % 10 != 0:  # and a few steps over the last book
        wake = random_wake(rng, core.now_ns, unit_ns)
        before = core.now_ns
        told, expected = core.advance(wake), naive.advance(wake)
        story += told
        where = f"{name}, step {step}, {wake}"
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
    assert settings.balance_quanta + sum(money_of(event) for event in everything(core, story)) == core.cash_quanta, name
    return story


def everything(core, story) -> list[Event]:
    """What was told, and what is still on its way: the exchange has booked that, too."""
    while not core.exhausted:
        story += core.advance(ASLEEP)
    return story


def money_of(event: Event) -> int:
    """What an event moves in the account's cash, quanta."""
    if isinstance(event, Filled):
        return -event.side * notional_quanta(event.price_ticks, event.lots) - event.fee_quanta
    return event.amount_quanta if isinstance(event, FundingPaid) else 0
