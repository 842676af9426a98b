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
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from perpmaker.simulation.jit import compiled, entry_point
from perpmaker.simulation.market_events import BUY_TRADE, FUNDING, KIND_MASK, MARK, MORE

MIN_LEVELS: Final = 3
"""Neither trades nor cancels thin a side below this, so no side is ever empty."""
MAX_PULLED: Final = 64
"""Most levels that one message withm."""
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


WIDTH: Final = 32_768
"""Prices that a side can tell apart: the level at a price is kept in cell ``price & (WIDTH - 1)``."""
_MASK: Final = WIDTH - 1
FARTHEST: Final = WIDTH // 8
"""Most ticks between a new order and the opposite best price."""
BATCH: Final = 16_384
"""Draws of each kind that are made at once."""
QUANTILES: Final = 2_048
ROOM: Final = 65_536
"""Rows that one call of `run` can write."""

_RATES: Final = (
    "home", "homing", "volatility", "log_volatility_sd", "log_volatility_memory", "jumps", "jump_sd", "visits",
    "touch_share", "order_lots", "order_sd", "orders", "branching", "calming", "activity_power", "trade_lots",
    "trade_sd", "informed", "stale", "follow", "funding_ppb", "funding_sd_ppb",
)  # fmt: skip
_HIDDEN: Final = ("fair", "log_volatility", "volatility_now", "activity", "excitement", "jump_in", "funding_state")
_COUNTERS: Final = (
    "now", "next_second", "mark", "farthest", "room", "used_rows", "used_uniform", "used_normal", "used_exponential",
)  # fmt: skip

MEMORY: Final = np.dtype(
    [(name, np.float64) for name in _RATES + _HIDDEN]
    + [(name, np.int64) for name in _COUNTERS]
    + [
        ("best", np.int64, (2,)),
        ("outermost", np.int64, (2,)),
        ("levels", np.int64, (2,)),
        ("book", np.int64, (2, WIDTH)),
        ("balance", np.float64, (FARTHEST + 1,)),
        ("quantile", np.float64, (QUANTILES + 1,)),
        ("uniform", np.float64, (BATCH,)),
        ("normal", np.float64, (BATCH,)),
        ("exponential", np.float64, (BATCH,)),
        ("ts_ns", np.int64, (ROOM,)),
        ("price", np.int64, (ROOM,)),
        ("lots", np.int64, (ROOM,)),
        ("kind", np.uint8, (ROOM,)),
    ]
)
"""One record holds everything: compiled functions pass it on as a single pointer, four times faster than arrays."""


class Memory(Protocol):
    """The fields of a `MEMORY` record, for readers and type checkers."""

    # The profile, in ticks, lots and seconds.
    home: float  # ticks: the fair price is drawn back here ...
    homing: float  # ... at this rate per second
    volatility: float  # ticks per square root of a second, its median
    log_volatility_sd: float
    log_volatility_memory: float  # from one second to the next, 0..1
    jumps: float  # per second
    jump_sd: float  # ticks
    visits: float  # looks at one level (a limit order or a cancel may come of it), per second
    touch_share: float  # part of the visits that goes to one tick from the opposite best
    order_lots: float  # median limit order or cancel
    order_sd: float  # of its logarithm
    orders: float  # market orders per second, uncaused
    branching: float  # market orders that one market order calls forth
    calming: float  # per second: how fast the excitement dies down
    activity_power: float  # activity = (volatility now / median) ** this
    trade_lots: float  # median market order
    trade_sd: float  # of its logarithm
    informed: float  # 0..1: how surely market orders go towards the fair price
    stale: float  # ticks that the fair price must pass the best quote before makers withdraw it
    follow: float  # 0..1: chance that the other side closes the gap at once
    funding_ppb: float  # mean hourly rate
    funding_sd_ppb: float
    farthest: int  # ticks between a new order and the opposite best price
    balance: NDArray[np.float64]  # [distance from the opposite best, ticks]: lots around which a level there balances
    quantile: NDArray[np.float64]  # distances of visits beyond the touch, ticks, evenly spaced in probability

    # What nobody sees.
    fair: float  # ticks: the price that the informed know
    log_volatility: float  # standard deviations from its mean
    volatility_now: float  # ticks per square root of a second
    activity: float  # factor on all base rates
    excitement: float  # market orders per second, called forth by market orders before
    jump_in: float  # seconds until the next jump
    funding_state: float  # standard deviations from its mean

    # The clock and the book.
    now: int  # ns
    next_second: int  # ns: the next mark price
    mark: int  # milliticks
    best: NDArray[np.int64]  # [side], ticks
    outermost: NDArray[np.int64]  # [side], ticks: nothing rests beyond
    levels: NDArray[np.int64]  # [side]: how many prices hold lots
    book: NDArray[np.int64]  # [side, price & (WIDTH - 1)]: lots

    # Random numbers, those below ``used_...`` used up.
    uniform: NDArray[np.float64]
    normal: NDArray[np.float64]
    exponential: NDArray[np.float64]
    used_uniform: int
    used_normal: int
    used_exponential: int

    # Rows written.
    room: int  # at most `ROOM`
    used_rows: int
    ts_ns: NDArray[np.int64]
    kind: NDArray[np.uint8]
    price: NDArray[np.int64]
    lots: NDArray[np.int64]


@compiled
def _uniform(m: Memory) -> float:
    used = m.used_uniform
    m.used_uniform = used + 1
    return float(m.uniform[used])


@compiled
def _normal(m: Memory) -> float:
    used = m.used_normal
    m.used_normal = used + 1
    return float(m.normal[used])


@compiled
def _exponential(m: Memory) -> float:
    used = m.used_exponential
    m.used_exponential = used + 1
    return float(m.exponential[used])


@compiled
def _size(m: Memory, median: float, log_sd: float) -> int:
    """A heavy-tailed size: lognormal, in whole lots."""
    return max(1, int(median * math.exp(log_sd * _normal(m)) + 0.5))


@compiled
def _write(m: Memory, kind: int, price: int, lots: int) -> None:
    """Add a row to the open message."""
    used = m.used_rows
    m.ts_ns[used] = m.now
    m.kind[used] = kind | MORE
    m.price[used] = price
    m.lots[used] = lots
    m.used_rows = used + 1


@compiled
def _close_message(m: Memory, first: int) -> None:
    """The rows from ``first`` on, if any, are one message."""
    used = m.used_rows
    if used > first:
        m.kind[used - 1] &= KIND_MASK


@compiled
def _set_level(m: Memory, side: int, price: int, lots: int) -> None:
    """State a level, keeping the best price and the count of levels true."""
    sign = 1 - 2 * side
    before = m.book[side, price & _MASK]
    m.book[side, price & _MASK] = lots
    _write(m, 1 + side, price, lots)
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
def _fits(m: Memory, side: int, price: int) -> bool:
    """Whether the arrays can tell this price from all others of its side."""
    return price > 0 and abs(price - m.outermost[side]) < WIDTH and abs(price - m.best[side]) < WIDTH


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
    side = 0 if _uniform(m) < 0.5 else 1
    sign = 1 - 2 * side
    where = _uniform(m)
    choice = _uniform(m)
    excess_part = _uniform(m)
    distance = 1
    if where >= m.touch_share:
        at = (where - m.touch_share) / (1.0 - m.touch_share) * QUANTILES
        below = int(at)
        low = m.quantile[below]
        distance = int(low + (at - below) * (m.quantile[below + 1] - low))
    price = m.best[1 - side] - sign * distance
    if not _fits(m, side, price):
        return
    balance = m.balance[distance] * (1.0 + 0.5 * sign * _pressure(m))
    held = m.book[side, price & _MASK]
    draw = choice * (balance + held + m.order_lots)
    if draw < balance:
        if sign * (price - m.fair) <= m.stale:
            _set_level(m, side, price, held + _size(m, m.order_lots, m.order_sd))
    elif draw < balance + held:
        size = max(_size(m, m.order_lots, m.order_sd), int(excess_part * (held - balance)))
        if size < held:
            _set_level(m, side, price, held - size)
        elif m.levels[side] > MIN_LEVELS:
            _set_level(m, side, price, 0)


@compiled
def _market_order(m: Memory) -> None:
    """A market order sweeps the side that it meets, best price first; what finds no lots in its reach is dropped."""
    buys = _uniform(m) < 0.5 * (1.0 + m.informed * _pressure(m))
    side = 1 if buys else 0
    step = 2 * side - 1
    left = _size(m, m.trade_lots, m.trade_sd)
    first = m.used_rows
    spare = m.levels[side] - MIN_LEVELS
    price = m.best[side]
    while left > 0 and m.used_rows - first < MAX_SWEPT:
        held = m.book[side, price & _MASK]
        if held > 0:
            if held <= left and spare <= 0:
                break
            taken = min(left, held)
            _write(m, BUY_TRADE + 1 - side, price, taken)
            left -= taken
            spare -= 1
        price += step
    for row in range(first, m.used_rows):
        price = m.price[row]
        _set_level(m, side, price, m.book[side, price & _MASK] - m.lots[row])


@compiled
def _has_spare_level(m: Memory, side: int) -> bool:
    """Whether a level may go. A side at its least gets one more first: one tick behind its last, or at the fair price."""
    if m.levels[side] > MIN_LEVELS:
        return True
    behind = m.outermost[side] + 2 * side - 1
    price = min(behind, math.floor(m.fair)) if side == 0 else max(behind, math.ceil(m.fair))
    if not _fits(m, side, price):
        return False
    _set_level(m, side, price, _size(m, m.order_lots, m.order_sd))
    return True


@compiled
def _withdraw_stale(m: Memory) -> None:
    """Makers withdraw what the fair price has passed, and the other side closes up behind it."""
    fair = m.fair
    for side in range(2):
        sign = 1 - 2 * side
        if sign * (m.best[side] - fair) <= m.stale:
            continue
        for _ in range(MAX_PULLED):
            if sign * (m.best[side] - fair) <= 0.0 or not _has_spare_level(m, side):
                break
            _set_level(m, side, m.best[side], 0)
        if _uniform(m) < m.follow:
            other = 1 - side
            price = m.best[side] + sign
            if sign * (price - fair) < 0.0:
                price = math.ceil(fair) if side == 0 else math.floor(fair)
            if -sign * (price - m.best[other]) > 0 and _fits(m, other, price):
                _set_level(m, other, price, _size(m, m.order_lots, m.order_sd))


@compiled
def _drop_distant(m: Memory) -> None:
    """Levels that the price has left far behind are withdrawn, a few in each message."""
    first = m.used_rows
    for side in range(2):
        sign = 1 - 2 * side
        while sign * (m.best[1 - side] - m.outermost[side]) > 2 * m.farthest:
            price = m.outermost[side]
            if m.book[side, price & _MASK] > 0:
                if m.levels[side] <= MIN_LEVELS or m.used_rows - first >= MAX_PULLED:
                    break
                _set_level(m, side, price, 0)
            m.outermost[side] = price + sign


@compiled
def _on_second(m: Memory) -> None:
    """Once a second: the mark price, a new volatility, and on the hour funding."""
    memory = m.log_volatility_memory
    m.log_volatility = memory * m.log_volatility + math.sqrt(1.0 - memory * memory) * _normal(m)
    factor = math.exp(max(-3.0, min(3.0, m.log_volatility)) * m.log_volatility_sd)
    m.volatility_now = m.volatility * factor
    m.activity = math.exp(math.log(factor) * m.activity_power)
    mid = 500 * (m.best[0] + m.best[1])
    m.mark += (mid - m.mark) // 2
    first = m.used_rows
    _write(m, MARK, m.mark, 0)
    if m.now % HOUR_NS == 0:
        m.funding_state = _FUNDING_MEMORY * m.funding_state + _FUNDING_NOISE * _normal(m)
        rate = m.funding_ppb + m.funding_sd_ppb * m.funding_state
        _write(m, FUNDING, m.mark, math.floor(rate))
    _close_message(m, first)
    m.next_second += SECOND_NS


@compiled
def _pass_time(m: Memory, to_ns: int) -> None:
    """Bring the clock to ``to_ns``: the fair price wanders and may jump, the excitement dies down."""
    seconds = (to_ns - m.now) * 1e-9
    m.now = to_ns
    fair = m.fair + m.volatility_now * math.sqrt(seconds) * _normal(m)
    fair += (m.home - fair) * m.homing * seconds
    m.jump_in -= seconds
    if m.jump_in <= 0.0:
        fair += m.jump_sd * _normal(m)
        m.jump_in = _exponential(m) / m.jumps
    m.fair = max(fair, 0.1 * m.home)
    m.excitement *= math.exp(-m.calming * seconds)


@compiled
def _event(m: Memory, until_ns: int) -> bool:
    """Let the next thing happen; False when it would happen at ``until_ns`` or later.

    Thinning: rates only fall until the next event, so a gap drawn for the rates now is never too long, and the part of
    the draw above the rates then is an event that did not happen.
    """
    before = (m.visits + m.orders) * m.activity + m.excitement
    gap_ns = 1 + int(_exponential(m) / before * 1e9)
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
        draw = _uniform(m) * before
        visits = m.visits * m.activity
        if draw < visits:
            _visit_level(m)
        elif draw < visits + m.orders * m.activity + m.excitement:
            _market_order(m)
            m.excitement += m.branching * m.calming
    _close_message(m, first)
    first = m.used_rows
    _drop_distant(m)
    _close_message(m, first)
    return True


@entry_point
def run(m: Memory, until_ns: int) -> int:
    """Add rows up to, but without, ``until_ns``; returns why it stopped: `REACHED`, `NEEDS_ROOM` or `NEEDS_DRAWS`."""
    while True:
        if m.used_rows + ROWS_PER_EVENT > m.room:
            return NEEDS_ROOM
        if max(m.used_uniform, m.used_normal, m.used_exponential) + DRAWS_PER_EVENT > BATCH:
            return NEEDS_DRAWS
        if not _event(m, until_ns):
            _pass_time(m, until_ns)
            return REACHED
