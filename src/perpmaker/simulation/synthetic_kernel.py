"""The order flow of the synthetic market, compiled: random draws in, rows of market data out.

Rules kept here:

1. A message leaves the book uncrossed and unlocked, with at least `MIN_LEVELS` levels on each side.
2. A trade row and the level rows that show what it took are one message. It takes no more than the level holds.
3. Sizes are whole lots, at least one.
4. Randomness comes in as arrays, read from front to back. The rows therefore depend on the seed alone: not on the
   size of a chunk, not on how often `run` is called, not on whether numba compiles it.
5. `run` stops before an event for which there may be too few draws or too little room, and goes on from there.

Both sides share one code: side 0 is the bids, side 1 the asks, and ``sign`` is +1 for bids, -1 for asks, so that
``sign * price`` grows towards the better price. All prices are ticks; the fair price is a float of ticks.
"""

import math
from collections.abc import Callable
from typing import Final

from perpmaker.simulation import jit, market_events, synthetic_book, synthetic_memory
from perpmaker.simulation.jit import compiled, entry_point, sources_digest
from perpmaker.simulation.market_events import BUY_TRADE, FUNDING, MARK
from perpmaker.simulation.synthetic_book import (
    MIN_LEVELS,
    close_message,
    draw_exponential,
    draw_normal,
    draw_size,
    draw_uniform,
    fits,
    has_spare_level,
    set_level,
    write,
)
from perpmaker.simulation.synthetic_memory import BATCH, QUANTILES, WIDTH, Memory

MAX_PULLED: Final = 64
"""Most levels that one message withdraws."""
MAX_SWEPT: Final = 16
"""Most levels that one market order takes from."""
ROWS_PER_EVENT: Final = 2 * MAX_PULLED + 2 * (MAX_PULLED + 1)
"""Room that any one event may need."""
DRAWS_PER_EVENT: Final = 2 * MAX_PULLED + 8
"""Draws that any one event may need, from each array."""

SECOND_NS: Final = 1_000_000_000
HOUR_NS: Final = 3_600 * SECOND_NS

# What `run` returns.
REACHED: Final = 0  # the time asked for
NEEDS_ROOM: Final = 1
NEEDS_DRAWS: Final = 2

_FUNDING_MEMORY: Final = 0.9
_FUNDING_NOISE: Final = math.sqrt(1.0 - _FUNDING_MEMORY**2)


@compiled
def _pressure(m: Memory) -> float:
    """-1 .. 1: how far the fair price stands from the mid, against the distance at which quotes become stale."""
    distance = m.fair - 0.5 * (m.best[0] + m.best[1])
    return float(max(-1.0, min(1.0, distance / (m.stale + 1.0))))


@compiled
def _visit_level(m: Memory) -> None:
    """Somebody looks at one price: a limit order or a cancel comes, or nothing.

    A level of n lots whose balance is B gets a limit order with chance B / (B + n + s) and a cancel with chance
    n / (B + n + s), where s is the usual order. Makers on the side that the fair price threatens hold less.
    """
    side = 0 if draw_uniform(m) < 0.5 else 1
    sign = 1 - 2 * side
    where = draw_uniform(m)
    choice = draw_uniform(m)
    excess_part = draw_uniform(m)
    distance = 1
    if where >= m.touch_share:
        at = (where - m.touch_share) / (1.0 - m.touch_share) * QUANTILES
        below = min(int(at), QUANTILES - 1)
        low = m.quantile[below]
        distance = int(low + (at - below) * (m.quantile[below + 1] - low))
    order_lots = m.touch_order_lots if distance == 1 else m.order_lots
    price = m.best[1 - side] - sign * distance
    if not fits(m, side, price):
        return
    balance = m.balance[distance] * (1.0 + 0.5 * sign * _pressure(m))
    held = m.book[side, price & (WIDTH - 1)]
    draw = choice * (balance + held + order_lots)
    if draw < balance:
        if sign * (price - m.fair) <= m.stale:
            set_level(m, side, price, held + draw_size(m, order_lots, m.order_sd))
    elif draw < balance + held:
        pulled = max(draw_size(m, order_lots, m.order_sd), int(excess_part * (held - balance)))
        if pulled < held:
            set_level(m, side, price, held - pulled)
        elif m.levels[side] > MIN_LEVELS:
            set_level(m, side, price, 0)


@compiled
def _market_order(m: Memory) -> None:
    """A market order sweeps the side that it meets, best price first; what finds no lots in its reach is dropped."""
    buys = draw_uniform(m) < 0.5 * (1.0 + m.informed * _pressure(m))
    side = 1 if buys else 0
    step = 2 * side - 1
    left = draw_size(m, m.trade_lots, m.trade_sd)
    first = m.used_rows
    spare = m.levels[side] - MIN_LEVELS
    price = m.best[side]
    while left > 0 and m.used_rows - first < MAX_SWEPT:
        held = m.book[side, price & (WIDTH - 1)]
        if held > 0:
            if held <= left and spare <= 0:
                break
            taken = min(left, held)
            write(m, BUY_TRADE + 1 - side, price, taken)
            left -= taken
            spare -= 1
        price += step
    for row in range(first, m.used_rows):
        price = m.price[row]
        set_level(m, side, price, m.book[side, price & (WIDTH - 1)] - m.lots[row])


@compiled
def _withdraw_stale(m: Memory) -> None:
    """Makers withdraw what the fair price has passed, and the other side closes up behind it."""
    fair = m.fair
    for side in range(2):
        sign = 1 - 2 * side
        if sign * (m.best[side] - fair) <= m.stale:
            continue
        for _ in range(MAX_PULLED):
            if sign * (m.best[side] - fair) <= 0.0 or not has_spare_level(m, side):
                break
            set_level(m, side, m.best[side], 0)
        if draw_uniform(m) < m.follow:
            other = 1 - side
            price = m.best[side] + sign
            if sign * (price - fair) < 0.0:
                price = math.ceil(fair) if side == 0 else math.floor(fair)
            if -sign * (price - m.best[other]) > 0 and fits(m, other, price):
                set_level(m, other, price, draw_size(m, m.touch_order_lots, m.order_sd))


@compiled
def _drop_distant(m: Memory) -> None:
    """Levels that the price has left far behind are withdrawn, a few in each message."""
    first = m.used_rows
    for side in range(2):
        sign = 1 - 2 * side
        while sign * (m.best[1 - side] - m.outermost[side]) > 2 * m.farthest:
            price = m.outermost[side]
            if m.book[side, price & (WIDTH - 1)] > 0:
                if m.levels[side] <= MIN_LEVELS or m.used_rows - first >= MAX_PULLED:
                    break
                set_level(m, side, price, 0)
            m.outermost[side] = price + sign


@compiled
def _on_second(m: Memory) -> None:
    """Once a second: the mark price, a new volatility, and on the hour funding."""
    memory = m.log_volatility_memory
    m.log_volatility = memory * m.log_volatility + math.sqrt(1.0 - memory * memory) * draw_normal(m)
    factor = math.exp(max(-3.0, min(3.0, m.log_volatility)) * m.log_volatility_sd)
    m.volatility_now = m.volatility * factor
    m.activity = math.exp(math.log(factor) * m.activity_power)
    mid = 500 * (m.best[0] + m.best[1])
    m.mark += (mid - m.mark) // 2
    first = m.used_rows
    write(m, MARK, m.mark, 0)
    if m.now % HOUR_NS == 0:
        m.funding_state = _FUNDING_MEMORY * m.funding_state + _FUNDING_NOISE * draw_normal(m)
        rate = m.funding_ppb + m.funding_sd_ppb * m.funding_state
        write(m, FUNDING, m.mark, math.floor(rate))
    close_message(m, first)
    m.next_second += SECOND_NS


@compiled
def _pass_time(m: Memory, to_ns: int) -> None:
    """Bring the clock to ``to_ns``: the fair price wanders and may jump, the excitement dies down."""
    seconds = (to_ns - m.now) * 1e-9
    m.now = to_ns
    fair = m.fair + m.volatility_now * math.sqrt(seconds) * draw_normal(m)
    fair += (m.home - fair) * m.homing * seconds
    m.jump_in -= seconds
    if m.jump_in <= 0.0:
        fair += m.jump_sd * draw_normal(m)
        m.jump_in = draw_exponential(m) / m.jumps
    m.fair = max(fair, 0.1 * m.home)
    m.excitement *= math.exp(-m.calming * seconds)


@compiled
def _event(m: Memory, until_ns: int) -> bool:
    """Let the next thing happen; False when it would happen at ``until_ns`` or later.

    Thinning: rates only fall until the next event, so a gap drawn for the rates now is never too long, and the part of
    the draw above the rates then is an event that did not happen.
    """
    before = (m.visits + m.orders) * m.activity + m.excitement
    gap_ns = 1 + int(draw_exponential(m) / before * 1e9)
    if m.now + gap_ns >= m.next_second:  # gaps have no memory: on the second, draw anew
        if m.next_second >= until_ns:
            return False
        _pass_time(m, m.next_second)
        _on_second(m)
        return True
    if m.now + gap_ns >= until_ns:
        return False
    _pass_time(m, m.now + gap_ns)
    first = m.used_rows
    _withdraw_stale(m)
    if m.used_rows == first:
        draw = draw_uniform(m) * before
        visits = m.visits * m.activity
        if draw < visits:
            _visit_level(m)
        elif draw < visits + m.orders * m.activity + m.excitement:
            _market_order(m)
            m.excitement += m.branching * m.calming
    close_message(m, first)
    first = m.used_rows
    _drop_distant(m)
    close_message(m, first)
    return True


_SOURCES: Final = sources_digest(jit, market_events, synthetic_book, synthetic_memory)


def _make_entry_point(sources: int) -> Callable[[Memory, int], int]:
    """The function that Python calls. It names the digest, so that the cache key holds it (rule 2 of `jit`)."""

    def run(m: Memory, until_ns: int) -> int:
        assert sources >= 0
        while True:
            if m.used_rows + ROWS_PER_EVENT > m.room:
                return NEEDS_ROOM
            if max(m.used_uniform, m.used_normal, m.used_exponential) + DRAWS_PER_EVENT > BATCH:
                return NEEDS_DRAWS
            if not _event(m, until_ns):
                _pass_time(m, until_ns)
                return REACHED

    return entry_point(run)


run: Final = _make_entry_point(_SOURCES)
"""Add rows up to, but without, a time in ns; returns why it stopped: `REACHED`, `NEEDS_ROOM` or `NEEDS_DRAWS`."""
