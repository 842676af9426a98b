"""What happens to our orders at the exchange: arrival, fills, cancels. The fill rules:

1.  A resting bid fills in full at its own price when the best ask, after a whole message, is at or below it
    (a resting ask: when the best bid is at or above it).
2.  A resting bid fills in full at its own price when a seller's trade prints strictly below it (a resting ask: a
    buyer's trade strictly above it).
3.  At its own price a resting bid fills by its place in the queue, when a seller trades there (a resting ask: a
    buyer): what the trade has left after the lots ahead is ours, partly if need be, always in whole lots.
    A trade that the other side took says nothing about it. See `kernel_queue` for the place in the queue.
4.  Several of our orders at one price share a trade in order of arrival: what one of them got is gone for the next.
5.  Resting orders pay the maker fee.
6.  A post-only order that would cross on arrival (a bid at or above the best ask) is rejected.
7.  Any other limit order that crosses takes first, level by level, best price first; what is left of it rests.
8.  An IOC order takes what its limit allows, a market order whatever there is; the remainder is cancelled.
    A market order with nothing on the other side, and any order before a first mark is known, is rejected.
9.  What takes pays the taker fee, one fill for each level.
10. What we take is gone from the book until the feed states that level again; the maker sees that too.
11. Our own orders never trade with each other. Where we take from a level in which we rest, what we took counts as
    what stood ahead of us.
12. A reduce-only order is rejected when there is no position on the other side; otherwise it fills no more than the
    position, on arrival and at each later fill. What is left when there is nothing more to reduce is cancelled.
13. A resting reduce-only order is cancelled as soon as any fill leaves it nothing to reduce.
14. No order arrives, rests or fills in a gap: see `start_gap`.
15. In a feed of bars rules 1 to 4 are replaced by those of `kernel_bars`; what takes (rules 7 to 10) gets the price
    that the bar's path has reached, half a spread worse, and no more than is left of our share of the bar.
16. Where no queue is known (`market_events.NO_QUEUES`), only rule 2 fills.
17. An account below its maintenance margin (rule 4 of `kernel_accounts`) is liquidated when the instant's rows, or the
    arrival that caused it, are over: every resting order of ours is cancelled (what is on its way in is not: it is
    checked on arrival), and the whole position is closed as a market order would close it (rules 8 to 10 and 15),
    whatever the price. Each such fill pays the taker fee and the liquidation fee on its notional.
18. What the market cannot take stays ours, valued at the mark, and rule 17 applies again when the mark or the account
    changes next and the account is still below. No insurance fund steps in: an account may end below zero.

Several orders that fill at one instant fill in order of arrival. An arriving order is checked in this order: gap,
form and size (a post-only order must be a limit order), mark, reduce-only, post-only, market, margin, room.
"""

from typing import Final

from perpmaker.simulation import kernel_state as at
from perpmaker.simulation.jit import compiled
from perpmaker.simulation.kernel_accounts import book_fill, has_margin, turn_fee_day, watch_drawdown
from perpmaker.simulation.kernel_book import best_lots, is_better, level_lots, set_level
from perpmaker.simulation.kernel_queue import join_queue, level_stated, taken_by_us, trade_at_level
from perpmaker.simulation.kernel_rings import respond
from perpmaker.simulation.kernel_state import Cells, Core

_ACCEPTABLE: Final = -1
_MAX_PRICE: Final = 10**9
_MAX_NOTIONAL: Final = 10**15  # ticks x lots, see `terms.MAX_NOTIONAL`


@compiled
def place(core: Core, request: int) -> None:
    """An order arrives."""
    s = core.state
    record = core.requests[request & (core.requests.shape[0] - 1)]
    order_id = record[at.REQUEST_ID]
    side = at.BUYS if record[at.REQUEST_SIDE] > 0 else at.SELLS
    kind = record[at.REQUEST_KIND]
    price = record[at.REQUEST_PRICE]
    reduce_only = (record[at.REQUEST_FLAGS] & at.REDUCE_ONLY) != 0
    lots = record[at.REQUEST_LOTS]
    reason = _objection(core, record[at.REQUEST_FLAGS], side, kind, price, lots)
    may_fill = min(lots, abs(s[at.POSITION])) if reduce_only else lots
    if reason == _ACCEPTABLE and not reduce_only and not has_margin(core, side, lots):
        reason = at.NO_MARGIN
    if reason == _ACCEPTABLE and kind == at.LIMIT and s[at.ORDER_COUNT] == core.orders.shape[0]:
        reason = at.REFUSED
    if reason != _ACCEPTABLE:
        respond(core.state, core.responses, at.REJECTED, order_id, reason, 0, 0, 0)
        return
    respond(core.state, core.responses, at.ACCEPTED, order_id, 0, 0, 0, 0)
    is_post_only = (record[at.REQUEST_FLAGS] & at.POST_ONLY) != 0
    taken = 0 if is_post_only else _take(core, order_id, side, kind, price, may_fill)
    if taken == lots:
        return
    if taken == may_fill:
        respond(core.state, core.responses, at.CANCELED, order_id, taken, at.NOTHING_TO_REDUCE, 0, 0)
    elif kind == at.LIMIT:
        _rest(core, order_id, side, price, lots, taken, reduce_only)
    else:
        respond(core.state, core.responses, at.CANCELED, order_id, taken, at.REMAINDER, 0, 0)


@compiled
def cancel(core: Core, order_id: int) -> None:
    """A cancel arrives."""
    order = find_order(core, order_id)
    if order < 0:
        respond(core.state, core.responses, at.CANCEL_REJECTED, order_id, 0, 0, 0, 0)
        return
    _kill(core, order, at.REQUESTED)
    remove_dead(core)


@compiled
def find_order(core: Core, order_id: int) -> int:
    """The row of a resting order, or -1."""
    for order in range(core.state[at.ORDER_COUNT]):
        if core.orders[order, at.ID] == order_id:
            return order
    return -1


@compiled
def start_gap(core: Core) -> None:
    """Everything of ours dies: what rests is cancelled, then what is on its way in is refused, in order.

    A cancel on its way in is answered by the end of its order; one whose order had ended before is rejected.
    """
    s = core.state
    for request in range(s[at.REQUEST_HEAD], s[at.REQUEST_TAIL]):
        record = core.requests[request & (core.requests.shape[0] - 1)]
        if record[at.REQUEST_CODE] == at.CANCEL and not _ends_with_gap(core, record[at.REQUEST_ID], request):
            respond(core.state, core.responses, at.CANCEL_REJECTED, record[at.REQUEST_ID], 0, 0, 0, 0)
    for order in range(s[at.ORDER_COUNT]):
        _kill(core, order, at.CANCELED_BY_GAP)
    remove_dead(core)
    for request in range(s[at.REQUEST_HEAD], s[at.REQUEST_TAIL]):
        record = core.requests[request & (core.requests.shape[0] - 1)]
        if record[at.REQUEST_CODE] == at.PLACE:
            respond(core.state, core.responses, at.REJECTED, record[at.REQUEST_ID], at.REJECTED_BY_GAP, 0, 0, 0)
    s[at.REQUEST_HEAD] = s[at.REQUEST_TAIL]


@compiled
def liquidate(core: Core) -> None:
    """Rule 17: cancel everything, close what the market takes."""
    s = core.state
    for order in range(s[at.ORDER_COUNT]):
        _kill(core, order, at.CANCELED_BY_LIQUIDATION)
    remove_dead(core)
    held = s[at.POSITION]
    side = at.SELLS if held > 0 else at.BUYS
    if s[at.COUNT_OF_SIDE + 1 - side] > 0:  # after a gap bars still have a price, but no book
        _take(core, at.LIQUIDATION_ORDER, side, at.MARKET, 0, abs(held))
    if s[at.POSITION] != held:
        respond(core.state, core.responses, at.LIQUIDATED, s[at.POSITION] - held, s[at.POSITION], 0, 0, 0)


@compiled
def trade_printed(core: Core, side: int, price: int, lots: int) -> None:
    """Rules 2 to 4: a trade that took from ``side`` at ``price``."""
    left = lots
    for order in range(core.state[at.ORDER_COUNT]):
        if core.orders[order, at.SIDE] != side or core.orders[order, at.LEFT] == 0:
            continue
        own = core.orders[order, at.PRICE]
        if is_better(side, own, price):
            fill_resting(core, order, core.orders[order, at.LEFT])
        elif own == price:
            ours = trade_at_level(core, order, lots, left)
            if ours > 0:
                left -= fill_resting(core, order, ours)
    remove_dead(core)


@compiled
def message_ended(core: Core) -> None:
    """Rule 1, and the queue of every level that the message stated."""
    s = core.state
    crossed = False
    for side in (at.BUYS, at.SELLS):
        if _is_crossed(core, side):
            _fill_crossed(core, side)
            crossed = True
    if crossed:
        remove_dead(core)
    if s[at.ORDERS_TOUCHED] == 0:
        return
    s[at.ORDERS_TOUCHED] = 0
    for order in range(s[at.ORDER_COUNT]):
        if core.orders[order, at.TOUCHED] == 1:
            core.orders[order, at.TOUCHED] = 0
            level_stated(
                core,
                order,
                level_lots(core.state, core.levels, core.orders[order, at.SIDE], core.orders[order, at.PRICE]),
            )


@compiled
def touch_orders(core: Core, side: int, low: int, high: int) -> None:
    """A message states the levels of a range of prices: the queues there are to be looked at when it ends."""
    s = core.state
    for order in range(s[at.ORDER_COUNT]):
        if core.orders[order, at.SIDE] == side and low <= core.orders[order, at.PRICE] <= high:
            core.orders[order, at.TOUCHED] = 1
            s[at.ORDERS_TOUCHED] = 1


@compiled
def remove_dead(core: Core) -> None:
    """Close the holes that ended orders left, and note anew between which prices ours rest."""
    s = core.state
    kept = 0
    for side in (at.BUYS, at.SELLS):
        s[at.OWN_LOW_OF_SIDE + side] = at.NO_PRICE_ABOVE
        s[at.OWN_HIGH_OF_SIDE + side] = at.NO_PRICE_BELOW
    for order in range(s[at.ORDER_COUNT]):
        if core.orders[order, at.LEFT] == 0:
            continue
        if kept != order:
            for column in range(at.ORDER_COLUMNS):
                core.orders[kept, column] = core.orders[order, column]
            core.ahead[kept] = core.ahead[order]
        _widen_own_range(core, core.orders[kept, at.SIDE], core.orders[kept, at.PRICE])
        kept += 1
    s[at.ORDER_COUNT] = kept


@compiled
def _objection(core: Core, flags: int, side: int, kind: int, price: int, lots: int) -> int:
    """The first check that an arriving order fails (all but margin and room), or `_ACCEPTABLE`."""
    s = core.state
    if s[at.IN_GAP] == 1:
        return at.REJECTED_BY_GAP
    if lots < s[at.MIN_LOTS]:
        return at.TOO_SMALL
    post_only = (flags & at.POST_ONLY) != 0
    if not _is_well_formed(post_only, kind, price, lots):
        return at.REFUSED
    if s[at.MARK_KNOWN] == 0:
        return at.NO_MARKET
    sign = 1 if side == at.BUYS else -1
    if (flags & at.REDUCE_ONLY) != 0 and sign * s[at.POSITION] >= 0:
        return at.WOULD_INCREASE
    if post_only and _would_cross(s, side, price):
        return at.WOULD_CROSS
    if kind == at.MARKET and s[at.COUNT_OF_SIDE + 1 - side] == 0:
        return at.NO_MARKET
    return _ACCEPTABLE


@compiled
def _is_well_formed(post_only: bool, kind: int, price: int, lots: int) -> bool:
    if kind == at.MARKET:
        return not post_only and lots <= _MAX_NOTIONAL
    if post_only and kind == at.IOC:
        return False
    return 1 <= price <= _MAX_PRICE and lots <= _MAX_NOTIONAL // price


@compiled
def _would_cross(s: Cells, side: int, price: int) -> bool:
    other = 1 - side
    return bool(s[at.COUNT_OF_SIDE + other] > 0 and not is_better(side, s[at.BEST_OF_SIDE + other], price))


@compiled
def _take(core: Core, order_id: int, side: int, kind: int, price: int, lots: int) -> int:
    """Rules 7 to 11 and 15; returns the lots taken."""
    s = core.state
    if s[at.BARS] == 1:
        return _take_from_bar(core, order_id, side, kind, price, lots)
    other = 1 - side
    sign = 1 if side == at.BUYS else -1
    taken = 0
    while taken < lots and s[at.COUNT_OF_SIDE + other] > 0:
        if kind != at.MARKET and not _would_cross(s, side, price):
            break
        best = s[at.BEST_OF_SIDE + other]
        level = best_lots(core.state, core.levels, other)
        part = min(level, lots - taken)
        set_level(core.state, core.levels, other, best, level - part)
        taken_by_us(core, other, best, part, level - part)
        taken += part
        _report_fill(core, order_id, sign, best, part, False)
    if taken > 0:
        remove_dead(core)
    return taken


@compiled
def _take_from_bar(core: Core, order_id: int, side: int, kind: int, price: int, lots: int) -> int:
    """Rule 15; returns the lots taken."""
    s = core.state
    reached = s[at.BAR_PRICE_OF_SIDE + 1 - side]
    part = min(lots, s[at.BAR_LEFT])
    if part == 0 or (kind != at.MARKET and is_better(side, reached, price)):
        return 0
    s[at.BAR_LEFT] -= part
    _report_fill(core, order_id, 1 if side == at.BUYS else -1, reached, part, False)
    remove_dead(core)
    return part  # type: ignore[no-any-return]  # numpy element


@compiled
def _rest(core: Core, order_id: int, side: int, price: int, lots: int, taken: int, reduce_only: bool) -> None:
    s = core.state
    order = s[at.ORDER_COUNT]
    s[at.ORDER_COUNT] += 1
    core.orders[order, at.ID] = order_id
    core.orders[order, at.SIDE] = side
    core.orders[order, at.PRICE] = price
    core.orders[order, at.LEFT] = lots - taken
    core.orders[order, at.DONE] = taken
    core.orders[order, at.REDUCE] = 1 if reduce_only else 0
    join_queue(core, order, level_lots(core.state, core.levels, side, price))
    _widen_own_range(core, side, price)


@compiled
def _widen_own_range(core: Core, side: int, price: int) -> None:
    s = core.state
    s[at.OWN_LOW_OF_SIDE + side] = min(s[at.OWN_LOW_OF_SIDE + side], price)
    s[at.OWN_HIGH_OF_SIDE + side] = max(s[at.OWN_HIGH_OF_SIDE + side], price)


@compiled
def _is_crossed(core: Core, side: int) -> bool:
    """Whether the other side's best has come to or through the best of our orders on this side."""
    s = core.state
    if s[at.COUNT_OF_SIDE + 1 - side] == 0:
        return False
    best = s[at.BEST_OF_SIDE + 1 - side]
    if side == at.BUYS:
        return bool(best <= s[at.OWN_HIGH_OF_SIDE])
    return bool(best >= s[at.OWN_LOW_OF_SIDE + at.SELLS])


@compiled
def _fill_crossed(core: Core, side: int) -> None:
    best = core.state[at.BEST_OF_SIDE + 1 - side]
    for order in range(core.state[at.ORDER_COUNT]):
        own = core.orders[order, at.PRICE]
        if core.orders[order, at.SIDE] == side and core.orders[order, at.LEFT] > 0 and not is_better(side, best, own):
            fill_resting(core, order, core.orders[order, at.LEFT])


@compiled
def fill_resting(core: Core, order: int, lots: int) -> int:
    """Fill a resting order by up to ``lots``; returns what it got."""
    s = core.state
    sign = 1 if core.orders[order, at.SIDE] == at.BUYS else -1
    part = min(lots, core.orders[order, at.LEFT])
    if core.orders[order, at.REDUCE] == 1:
        part = min(part, abs(s[at.POSITION]))
    core.orders[order, at.LEFT] -= part
    core.orders[order, at.DONE] += part
    _report_fill(core, core.orders[order, at.ID], sign, core.orders[order, at.PRICE], part, True)
    return part  # type: ignore[no-any-return]  # numpy element


@compiled
def _report_fill(core: Core, order_id: int, sign: int, price: int, lots: int, maker: bool) -> None:
    s = core.state
    if s[at.NOW] >= s[at.FEE_DAY_END]:
        turn_fee_day(core)
    fee = s[at.MAKER_FEE] if maker else s[at.TAKER_FEE]
    if order_id == at.LIQUIDATION_ORDER:
        fee += s[at.LIQUIDATION_FEE]
    book_fill(core, sign, price, lots, fee)
    watch_drawdown(core)
    fee_and_maker = 2 * fee + (1 if maker else 0)
    respond(core.state, core.responses, at.FILLED, order_id, s[at.NEXT_FILL], sign * lots, price, fee_and_maker)
    s[at.NEXT_FILL] += 1
    for order in range(s[at.ORDER_COUNT]):
        if core.orders[order, at.REDUCE] == 1 and core.orders[order, at.LEFT] > 0:
            own_sign = 1 if core.orders[order, at.SIDE] == at.BUYS else -1
            if own_sign * s[at.POSITION] >= 0:
                _kill(core, order, at.NOTHING_TO_REDUCE)


@compiled
def _kill(core: Core, order: int, reason: int) -> None:
    """End a resting order; its row is closed by `remove_dead`."""
    core.orders[order, at.LEFT] = 0
    respond(
        core.state, core.responses, at.CANCELED, core.orders[order, at.ID], core.orders[order, at.DONE], reason, 0, 0
    )


@compiled
def _ends_with_gap(core: Core, order_id: int, before: int) -> bool:
    """Whether this order rests, or is on its way in ahead of the request numbered ``before``."""
    if find_order(core, order_id) >= 0:
        return True
    for request in range(core.state[at.REQUEST_HEAD], before):
        record = core.requests[request & (core.requests.shape[0] - 1)]
        if record[at.REQUEST_CODE] == at.PLACE and record[at.REQUEST_ID] == order_id:
            return True
    return False
