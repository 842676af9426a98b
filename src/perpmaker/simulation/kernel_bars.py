"""Bars: what is assumed of the path inside of one, and which of our orders it fills. In doubt, the worse for us.

Rules kept here:

1.  A bar is known whole to the exchange, never to the maker. Its path has four points: the open at its start, one
    extreme, the other extreme, and the close; the feed says when each is reached (`market_events.BAR_STEP`).
2.  Which extreme comes first is decided when it comes, against the position held then: long: the low; short: the high.
3.  While flat, both orders of the extremes are tried with what rests, rule 7 included, and valued at the bar's close:
    the one that is worth less is taken. Where they are worth the same, the extreme that fills fewer of our lots comes
    first (what is filled last has no favourable move before the close); where those are equal, the extreme that is
    farther from the open; then the low.
4.  A resting order fills at its own price when the path goes strictly through it: a bid when a point lies below it, an
    ask when one lies above it. Touching the price is not enough.
5.  The extremes and the close fill only orders that rested when the first extreme came. An order that arrives later is
    first looked at when the next bar opens.
6.  An open that lies through a resting order fills it at its own price, however far the jump.
7.  All our fills of a bar together, those that take included, get at most a stated share of its volume, rounded down
    to whole lots. It goes out in the order of the path: on the way down the highest bid first, on the way up the
    lowest ask first, at one price in order of arrival. What is left over rests on.
8.  The mark is the price of the point reached (until a recorded mark comes), and stands at an order's price while that
    fills. The maker sees it at each point.
9.  The maker sees a best bid and offer, each the assumed half spread away from the price (rounded up, at least a tick):
    at every close; at an open that lies outside of what it saw last, or comes after a gap; and at an open or extreme
    that has filled an order of ours, since whoever was filled knows where the price went. Else it sees only marks. The
    size shown on both sides is the share of rule 7, at least a lot.
10. Post-only orders are judged by the book that the maker saw last: inside of a bar nobody shows it another one. What
    takes gets the price of the point reached, half a spread worse, up to the share that is left. So a stop that is
    seen at an extreme closes there until the path goes on.
11. A bar without volume moves mark and book, and fills nothing. Missing bars are a gap, see `kernel_fill`.
12. After a gap, or where the data begins inside of a bar, nothing happens until the next bar opens.
"""

from typing import Final

from perpmaker.simulation import kernel_state as at
from perpmaker.simulation import market_events as rows
from perpmaker.simulation.jit import compiled
from perpmaker.simulation.kernel_book import clear_through, is_better, set_level
from perpmaker.simulation.kernel_fill import fill_resting, remove_dead
from perpmaker.simulation.kernel_market import set_mark, show_top
from perpmaker.simulation.kernel_rings import show
from perpmaker.simulation.kernel_state import Core

_BILLION: Final = 1_000_000_000
# Values of BAR_STAGE: how far the path has come.
_NONE, _AT_OPEN, _AT_FIRST, _AT_SECOND = range(4)


@compiled
def apply_bar_row(core: Core, coded_kind: int, price: int, lots: int) -> int:
    """Let one row of a bar, or of what is known of the queues, happen; returns `CONTINUE` or `UNKNOWN_KIND`."""
    s = core.state
    kind = coded_kind & rows.KIND_MASK
    if kind > rows.LAST_KIND:
        return at.UNKNOWN_KIND
    if kind == rows.DEPTH:
        s[at.DEPTH] = lots
    elif s[at.IN_GAP] == 1:
        pass
    elif kind == rows.BAR_STEP:
        _step(core)
    elif kind == rows.BAR_OPEN:
        s[at.BAR_OPEN] = price
        _share_volume(core, lots)
    elif kind == rows.BAR_HIGH:
        s[at.BAR_HIGH] = price
    elif kind == rows.BAR_LOW:
        s[at.BAR_LOW] = price
    else:
        s[at.BAR_CLOSE] = price
        _open(core)
    return at.CONTINUE


@compiled
def _share_volume(core: Core, lots: int) -> None:
    """Rule 7; split by billions, since the plain product would not fit."""
    s = core.state
    share = s[at.BAR_SHARE]
    s[at.BAR_LEFT] = (lots // _BILLION) * share + (lots % _BILLION) * share // _BILLION
    s[at.BAR_SHOWN_LOTS] = max(1, s[at.BAR_LEFT])


@compiled
def _open(core: Core) -> None:
    s = core.state
    s[at.BARS] = 1
    s[at.BAR_STAGE] = _AT_OPEN
    price, fills = s[at.BAR_OPEN], s[at.NEXT_FILL]
    _fill_through(core, at.BUYS, price, 0)
    _fill_through(core, at.SELLS, price, 0)
    _reach(core, price)
    is_outside = s[at.TOP_BID_LOTS] == 0 or price < s[at.TOP_BID] or price > s[at.TOP_ASK]
    if is_outside or s[at.NEXT_FILL] > fills:
        _show_book(core)


@compiled
def _step(core: Core) -> None:
    s = core.state
    stage = s[at.BAR_STAGE]
    if stage == _AT_OPEN:
        for order in range(s[at.ORDER_COUNT]):
            core.orders[order, at.EXPOSED] = 1
        s[at.BAR_LOW_FIRST] = 1 if _is_low_first(core) else 0
        _go_to_extreme(core, s[at.BAR_LOW_FIRST] == 1)
        s[at.BAR_STAGE] = _AT_FIRST
    elif stage == _AT_FIRST:
        _go_to_extreme(core, s[at.BAR_LOW_FIRST] == 0)
        s[at.BAR_STAGE] = _AT_SECOND
    elif stage == _AT_SECOND:
        _reach(core, s[at.BAR_CLOSE])
        _show_book(core)
        s[at.BAR_STAGE] = _NONE


@compiled
def _go_to_extreme(core: Core, is_low: bool) -> None:
    s = core.state
    fills = s[at.NEXT_FILL]
    if is_low:
        _fill_through(core, at.BUYS, s[at.BAR_LOW], 1)
        _reach(core, s[at.BAR_LOW])
    else:
        _fill_through(core, at.SELLS, s[at.BAR_HIGH], 1)
        _reach(core, s[at.BAR_HIGH])
    if s[at.NEXT_FILL] > fills:
        _show_book(core)


@compiled
def _is_low_first(core: Core) -> bool:
    """Rules 2 and 3."""
    s = core.state
    if s[at.POSITION] != 0:
        return bool(s[at.POSITION] > 0)
    most, low, high = s[at.BAR_LEFT], s[at.BAR_LOW], s[at.BAR_HIGH]
    bids = min(most, _lots_through(core, at.BUYS, low))
    asks = min(most, _lots_through(core, at.SELLS, high))
    low_first = _worth(core, at.BUYS, low, bids) + _worth(core, at.SELLS, high, min(asks, most - bids))
    high_first = _worth(core, at.SELLS, high, asks) + _worth(core, at.BUYS, low, min(bids, most - asks))
    if low_first != high_first:
        return bool(low_first < high_first)
    if bids != asks:
        return bool(bids < asks)
    return bool(s[at.BAR_OPEN] - low >= high - s[at.BAR_OPEN])


@compiled
def _lots_through(core: Core, side: int, limit: int) -> int:
    """Lots of ours on a side whose prices the path goes through on its way to ``limit``."""
    lots = 0
    for order in range(core.state[at.ORDER_COUNT]):
        if core.orders[order, at.SIDE] == side and is_better(side, core.orders[order, at.PRICE], limit):
            lots += core.orders[order, at.LEFT]
    return lots


@compiled
def _worth(core: Core, side: int, limit: int, lots: int) -> int:
    """What the first ``lots`` that fill on the way to ``limit`` are worth at the close, in ticks x lots."""
    close = core.state[at.BAR_CLOSE]
    sign = 1 if side == at.BUYS else -1
    worth, left, order = 0, lots, -1
    while left > 0:
        order = _next_on_the_way(core, side, limit, order)
        part = min(left, core.orders[order, at.LEFT])
        worth += sign * (close - core.orders[order, at.PRICE]) * part
        left -= part
    return worth


@compiled
def _next_on_the_way(core: Core, side: int, limit: int, before: int) -> int:
    """The order that the path reaches next after the one in row ``before`` (-1: the first of all); -1 is none."""
    found = -1
    for order in range(core.state[at.ORDER_COUNT]):
        price = core.orders[order, at.PRICE]
        if core.orders[order, at.SIDE] != side or not is_better(side, price, limit):
            continue
        if before >= 0:
            last = core.orders[before, at.PRICE]
            if is_better(side, price, last) or (price == last and order <= before):
                continue
        if found < 0 or is_better(side, price, core.orders[found, at.PRICE]):
            found = order
    return found


@compiled
def _fill_through(core: Core, side: int, limit: int, exposed: int) -> None:
    """Rules 4 to 7: fill what rests before ``limit``; with ``exposed`` 1 only what rested at the first extreme."""
    s = core.state
    if s[at.ORDER_COUNT] == 0 or s[at.BAR_LEFT] == 0:
        return
    edge = s[at.OWN_HIGH_OF_SIDE] if side == at.BUYS else s[at.OWN_LOW_OF_SIDE + at.SELLS]
    if not is_better(side, edge, limit):
        return
    order = _next_on_the_way(core, side, limit, -1)
    while order >= 0 and s[at.BAR_LEFT] > 0:
        if core.orders[order, at.LEFT] > 0 and core.orders[order, at.EXPOSED] >= exposed:
            if s[at.MARK_RECORDED] == 0:
                s[at.MARK] = core.orders[order, at.PRICE] * 1000
            s[at.BAR_LEFT] -= fill_resting(core, order, s[at.BAR_LEFT])
        order = _next_on_the_way(core, side, limit, order)
    remove_dead(core)


@compiled
def _reach(core: Core, price: int) -> None:
    """The path has come to this price: what takes gets it, and it is the mark (rules 8 and 10)."""
    s = core.state
    half = _half_spread(core, price)
    s[at.BAR_PRICE_OF_SIDE + at.BUYS] = max(1, price - half)
    s[at.BAR_PRICE_OF_SIDE + at.SELLS] = price + half
    if s[at.MARK_RECORDED] == 0 and set_mark(core, price * 1000):
        show(core.state, core.views, at.MARK_UPDATED, s[at.MARK], 0, 0, 0)


@compiled
def _show_book(core: Core) -> None:
    """Rule 9: the book is now that of the point reached."""
    s = core.state
    bid, ask = s[at.BAR_PRICE_OF_SIDE + at.BUYS], s[at.BAR_PRICE_OF_SIDE + at.SELLS]
    lots = s[at.BAR_SHOWN_LOTS]
    if bid == s[at.TOP_BID] and ask == s[at.TOP_ASK] and lots == s[at.TOP_BID_LOTS]:
        return
    clear_through(core.state, core.levels, at.BUYS, 0)
    clear_through(core.state, core.levels, at.SELLS, at.NO_PRICE_ABOVE)
    set_level(core.state, core.levels, at.BUYS, bid, lots)
    set_level(core.state, core.levels, at.SELLS, ask, lots)
    s[at.TOP_BID], s[at.TOP_ASK] = bid, ask
    s[at.TOP_BID_LOTS], s[at.TOP_ASK_LOTS] = lots, lots
    show_top(core)


@compiled
def _half_spread(core: Core, price: int) -> int:
    """Ticks between a price and the best bid or offer around it."""
    return max(1, -(-price * core.state[at.BAR_HALF_SPREAD] // _BILLION))  # type: ignore[no-any-return]  # numpy element
