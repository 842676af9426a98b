"""The book of the synthetic market, compiled: levels, messages, and the draws behind their sizes.

Rules kept here:

1. The best prices and the counts of levels are true after every change.
2. Sizes are whole lots, at least one.
3. Random numbers are read from front to back, so nothing but their order matters.

Both sides share one code: ``sign`` is +1 for bids and -1 for asks, so that ``sign * price`` grows towards the better
price.
"""

import math
from typing import Final

from perpmaker.simulation.jit import compiled
from perpmaker.simulation.market_events import KIND_MASK, MORE
from perpmaker.simulation.synthetic_memory import WIDTH, Memory

MIN_LEVELS: Final = 3
"""Neither trades nor cancels thin a side below this, so no side is ever empty."""
_MASK: Final = WIDTH - 1


@compiled
def draw_uniform(m: Memory) -> float:
    used = m.used_uniform
    m.used_uniform = used + 1
    return float(m.uniform[used])


@compiled
def draw_normal(m: Memory) -> float:
    used = m.used_normal
    m.used_normal = used + 1
    return float(m.normal[used])


@compiled
def draw_exponential(m: Memory) -> float:
    used = m.used_exponential
    m.used_exponential = used + 1
    return float(m.exponential[used])


@compiled
def draw_size(m: Memory, median: float, log_sd: float) -> int:
    """A heavy-tailed size: lognormal, in whole lots."""
    return max(1, int(median * math.exp(log_sd * draw_normal(m)) + 0.5))


@compiled
def write(m: Memory, kind: int, price: int, lots: int) -> None:
    """Add a row to the open message."""
    used = m.used_rows
    m.ts_ns[used] = m.now
    m.kind[used] = kind | MORE
    m.price[used] = price
    m.lots[used] = lots
    m.used_rows = used + 1


@compiled
def close_message(m: Memory, first: int) -> None:
    """The rows from ``first`` on, if any, are one message."""
    used = m.used_rows
    if used > first:
        m.kind[used - 1] &= KIND_MASK


@compiled
def set_level(m: Memory, side: int, price: int, lots: int) -> None:
    """State a level, keeping the best price and the count of levels true."""
    sign = 1 - 2 * side
    before = m.book[side, price & _MASK]
    m.book[side, price & _MASK] = lots
    write(m, 1 + side, price, lots)
    if before == 0:
        m.levels[side] += 1
        if sign * (price - m.best[side]) > 0:
            m.best[side] = price
        if sign * (price - m.outermost[side]) < 0:
            m.outermost[side] = price
    elif lots == 0:
        m.levels[side] -= 1
        while m.book[side, m.best[side] & _MASK] == 0:
            m.best[side] -= sign


@compiled
def fits(m: Memory, side: int, price: int) -> bool:
    """Whether the arrays can tell this price from all others of its side."""
    return price > 0 and abs(price - m.outermost[side]) < WIDTH and abs(price - m.best[side]) < WIDTH


@compiled
def has_spare_level(m: Memory, side: int) -> bool:
    """Whether a level may go.

    A side at its least gets one more first: a tick behind its last, or at the fair price where that is farther.
    """
    if m.levels[side] > MIN_LEVELS:
        return True
    behind = m.outermost[side] + 2 * side - 1
    price = min(behind, math.floor(m.fair)) if side == 0 else max(behind, math.ceil(m.fair))
    if not fits(m, side, price):
        return False
    set_level(m, side, price, draw_size(m, m.order_lots, m.order_sd))
    return True
