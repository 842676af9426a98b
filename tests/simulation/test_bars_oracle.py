"""The compiled exchange and the naive one agree, event by event, over random bars and random commands."""

import random

import pytest

from perpmaker.domain.commands import Place
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.simulation import market_events as m
from perpmaker.simulation.exchange import SimulatedExchange
from simulation.markets import Market, bar, terms
from simulation.naive_bars import NaiveBarExchange
from simulation.test_oracle import PRICE, random_commands, random_wake

BARS = 120
LENGTH = 64


def random_bars(rng: random.Random) -> list[tuple[int, int, int, int]]:
    """Bars that wander, jump, stand still and are missing; funding and, now and then, recorded marks."""
    rows = []
    ts, close, has_marks = 1_024, PRICE, rng.random() < 0.2
    for _ in range(BARS):
        opening = close + rng.choice([0, 0, 0, 1, -1, 7, -7])
        close = opening + rng.randrange(-4, 5)
        high = max(opening, close) + rng.choice([0, 0, 1, 3, 9])
        low = min(opening, close) - rng.choice([0, 0, 1, 3, 9])
        if abs(close - PRICE) > 25:
            close = PRICE
            high, low = max(high, close), min(low, close)
        if rng.random() < 0.1:
            rows.append((ts, m.FUNDING, 0, rng.choice([-123_457, 98_765])))
        if has_marks and rng.random() < 0.2:
            rows.append((ts, m.MARK, opening * 1000 + rng.randrange(-900, 900), 0))
        rows += bar(ts, (opening, high, low, close), rng.choice([0, 9, 40, 200, 3_000]), LENGTH)
        ts += LENGTH
        if rng.random() < 0.04:
            rows.append((ts, m.GAP_START, 0, 0))
            ts += LENGTH * rng.randrange(1, 4)
            rows.append((ts, m.GAP_END, 0, 0))
    return rows


@pytest.mark.parametrize("seed", range(60))
def test_the_compiled_and_the_naive_exchange_tell_the_same_story_over_bars(seed):
    rng = random.Random(seed)
    rows = random_bars(rng)
    settings = terms(
        balance_tick_lots=rng.choice([3_000, 10**9]),
        feed_latency_ns=rng.choice([0, 3, 50]),
        order_latency_ns=rng.choice([0, 2, 10]),
        maker_fee_ppb=rng.choice([-50_000, 200_001]),
        bar_volume_share_ppb=rng.choice([100_000_000, 1_000_000_000, 333_333_333]),
        bar_half_spread_ppb=rng.choice([0, 1_000_000, 2_500_000]),
        maintenance_margin_ppb=rng.choice([0, 50_000_000, 100_000_000]),
        liquidation_fee_ppb=7_000_000,
    )
    core = SimulatedExchange(Market(rows, chunk=rng.choice([1, 13, 10**6])), settings)
    naive = NaiveBarExchange(rows, settings, min_lots=1)
    next_id, step, fills = 1, 0, 0
    while core.events_processed < len(rows) or step % 10 != 0:
        wake = random_wake(rng, core.now_ns)
        told, expected = core.advance(wake), naive.advance(wake)
        where = f"seed {seed}, step {step}, {wake}"
        for index, (ours, theirs) in enumerate(zip(told, expected, strict=False)):
            assert ours == theirs, f"{where}: event {index} differs"
        assert len(told) == len(expected), f"{where}: {told} against {expected}"
        resting = [(order.order_id, order.side, order.price, order.left) for order in naive.orders]
        assert [tuple(order) for order in core.open_orders()] == resting, where
        assert (core.now_ns, core.position_lots, core.mark_milliticks) == (naive.now, naive.position, naive.mark), where
        assert core.equity_quanta == naive.equity, where
        assert core.max_drawdown_quanta == naive.drawdown * 10**9, where
        commands = random_commands(rng, next_id)
        if core.position_lots and rng.random() < 0.1:  # go flat now and then, or the flat path is hardly ever taken
            side = Side.SELL if core.position_lots > 0 else Side.BUY
            commands.append(Place(next_id + 10, side, 0, abs(core.position_lots), OrderKind.MARKET, False, True))
        next_id += 11
        core.submit(commands)
        naive.submit(commands)
        fills += sum(type(event).__name__ == "Filled" for event in told)
        step += 1
    assert fills > 0
