"""Queue position: how many lots stand before each of our resting orders. The arithmetic of hftbacktest 2.4.

1. A new order stands behind the whole level as it is when the order arrives.
2. A trade at its price moves it up by the traded lots; once nothing is ahead, the rest of the trade is ours.
3. RISK_AVERSE: nothing else moves it up, but it is never behind more than the level holds.
4. POWER: a decrease of the level beyond what traded since the last statement of the level is split between the lots
   behind us and ahead of us: the share of the back is ``back**n / (back**n + front**n)``. An increase only caps.

5. In a feed that states only the best bid and offer, an order that arrives behind the best, or on a side without one,
   stands behind an unknown number of lots: it joins behind whatever is first stated at its price. An order that
   arrives before the best is alone there.
6. Where no queue is known (trades only, bars) nothing ever moves an order up.

Source: hftbacktest ``models/queue.rs``, ``RiskAdverseQueueModel``, ``ProbQueueModel`` with ``PowerProbQueueFunc``.
One difference: a position that the model has moved below zero counts as 0 in the share (a fractional power of a
negative number is no number).
"""

import math

from perpmaker.simulation import kernel_state as at
from perpmaker.simulation.jit import compiled
from perpmaker.simulation.kernel_book import is_better
from perpmaker.simulation.kernel_state import Core
from perpmaker.simulation.market_events import EVERY_LEVEL, NO_QUEUES


@compiled
def join_queue(core: Core, order: int, level: int) -> None:
    """Put a new order behind the whole level, or behind what nobody knows yet."""
    core.ahead[order] = at.UNKNOWN_QUEUE if _is_queue_unknown(core, order) else level
    core.orders[order, at.SEEN_LEVEL] = level
    core.orders[order, at.TRADED] = 0
    core.orders[order, at.TOUCHED] = 0
    core.orders[order, at.EXPOSED] = 0


@compiled
def _is_queue_unknown(core: Core, order: int) -> bool:
    s = core.state
    if s[at.BARS] == 1 or s[at.DEPTH] == NO_QUEUES:
        return True
    side = core.orders[order, at.SIDE]
    if s[at.DEPTH] == EVERY_LEVEL:
        return False
    return bool(
        s[at.COUNT_OF_SIDE + side] == 0 or is_better(side, s[at.BEST_OF_SIDE + side], core.orders[order, at.PRICE])
    )


@compiled
def trade_at_level(core: Core, order: int, traded: int, left: int) -> int:
    """Move an order up by a trade at its price; returns the whole lots of the trade that are its own.

    ``left`` is ``traded`` less what our orders in front of it got of the same trade.
    """
    core.orders[order, at.TRADED] += traded
    ahead = core.ahead[order] - left
    # A half lot is where rounding to the nearest lot turns negative: hftbacktest's test for "nothing is ahead".
    reached = ahead <= -0.5
    core.ahead[order] = 0.0 if reached else ahead
    return math.floor(-ahead) if reached else 0


@compiled
def level_stated(core: Core, order: int, level: int) -> None:
    """Take note of what the order's level holds after a message that stated it."""
    before = core.orders[order, at.SEEN_LEVEL]
    unexplained = before - level - core.orders[order, at.TRADED]
    core.orders[order, at.SEEN_LEVEL] = level
    core.orders[order, at.TRADED] = 0
    ahead = core.ahead[order]
    if unexplained > 0 and core.state[at.POWER_MODEL] == 1:
        back = before - ahead
        front_power = math.pow(max(ahead, 0.0), core.power)
        back_power = math.pow(max(back, 0.0), core.power)
        share = back_power / (back_power + front_power)
        ahead = ahead - (1.0 - share) * unexplained + min(back - share * unexplained, 0.0)
    core.ahead[order] = min(ahead, float(level))


@compiled
def taken_by_us(core: Core, side: int, price: int, lots: int, level: int) -> None:
    """Our own order took from a level where we rest too: what it took stood ahead, and nothing of it is ours."""
    for order in range(core.state[at.ORDER_COUNT]):
        if core.orders[order, at.SIDE] == side and core.orders[order, at.PRICE] == price:
            core.ahead[order] = min(max(core.ahead[order] - lots, 0.0), float(level))
            core.orders[order, at.SEEN_LEVEL] = level
