"""One row of market data after another, as the exchange lives them.

Rules kept here:

1. Trades, marks, funding and gaps act at once; the book is looked at when the last row of a message has been applied.
2. At the end of a message, in this order: the mark moves, our orders that the book has crossed fill, the queues of the
   stated levels are brought up to date, the maker is sent the new best bid and offer, then the new mark.
3. The mark is the recorded one as soon as there has been one, before that the mid of the book; while a side is empty
   it stays. A recorded mark that is not positive is no mark.
4. A gap empties the book, and a mark recorded before it does not count after it: where marks do not go on, it is the
   mid again. Until it ends, rows only move the clock.
5. Where no queue is known (`market_events.NO_QUEUES`) the book fills and moves nothing of ours: only trades do.
6. In a feed of bars nothing ends a message here: `kernel_bars` moves the book.
"""

from perpmaker.simulation import kernel_state as at
from perpmaker.simulation import market_events as rows
from perpmaker.simulation.jit import compiled, inlined
from perpmaker.simulation.kernel_accounts import book_funding, watch_drawdown
from perpmaker.simulation.kernel_book import best_lots, clear_through, set_level
from perpmaker.simulation.kernel_fill import message_ended, start_gap, touch_orders, trade_printed
from perpmaker.simulation.kernel_rings import show
from perpmaker.simulation.kernel_state import Cells, Core


@inlined
def apply_row(core: Core, coded_kind: int, price: int, lots: int) -> int:
    """Let one row happen at `NOW`; returns `CONTINUE` or `UNKNOWN_KIND`."""
    s = core.state
    kind = coded_kind & rows.KIND_MASK
    if kind < rows.BID or kind > rows.GAP_END:
        return at.UNKNOWN_KIND
    if s[at.IN_GAP] == 1:
        if kind == rows.GAP_END:
            s[at.IN_GAP] = 0
            show(core.state, core.views, at.GAP_ENDED, 0, 0, 0, 0)
        return at.CONTINUE
    if kind <= rows.ASK:
        _state_level(core, kind - rows.BID, price, lots)
    elif kind <= rows.CLEAR_ASKS:
        _clear(core, kind - rows.CLEAR_BIDS, price)
    elif kind <= rows.BEST_ASK:
        _state_best(core, kind - rows.BEST_BID, price, lots)
    elif kind == rows.GAP_START:
        _start_gap(core)
        return at.CONTINUE
    else:
        _other_row(core, kind, price, lots)
    if coded_kind < rows.MORE and s[at.BARS] == 0:
        _end_message(core)
    return at.CONTINUE


@compiled
def publish_book(core: Core) -> bool:
    """Note the best bid and offer, move the mark with them, and send both to the maker where they changed.

    Returns whether they changed. Used after a message and after an order of ours has taken from the book.
    """
    if core.state[at.BARS] == 1 or not _note_top(core.state, core.levels):
        return False
    moved = _move_mark_to_mid(core)
    show_top(core)
    if moved:
        show(core.state, core.views, at.MARK_UPDATED, core.state[at.MARK], 0, 0, 0)
    return True


@inlined
def _end_message(core: Core) -> None:
    s = core.state
    changed = _note_top(core.state, core.levels)
    moved = changed and _move_mark_to_mid(core)
    if s[at.ORDER_COUNT] > 0 and (changed or s[at.ORDERS_TOUCHED] == 1) and s[at.DEPTH] != rows.NO_QUEUES:
        message_ended(core)
    if changed:
        show_top(core)
    if moved:
        show(core.state, core.views, at.MARK_UPDATED, s[at.MARK], 0, 0, 0)


@inlined
def _note_top(s: Cells, levels: Cells) -> bool:
    bid_lots = best_lots(s, levels, at.BUYS)
    ask_lots = best_lots(s, levels, at.SELLS)
    bid = s[at.BEST_OF_SIDE + at.BUYS] if bid_lots > 0 else 0
    ask = s[at.BEST_OF_SIDE + at.SELLS] if ask_lots > 0 else 0
    if (
        bid == s[at.TOP_BID]
        and bid_lots == s[at.TOP_BID_LOTS]
        and ask == s[at.TOP_ASK]
        and ask_lots == s[at.TOP_ASK_LOTS]
    ):
        return False
    s[at.TOP_BID] = bid
    s[at.TOP_BID_LOTS] = bid_lots
    s[at.TOP_ASK] = ask
    s[at.TOP_ASK_LOTS] = ask_lots
    return True


@inlined
def show_top(core: Core) -> None:
    """Send the best bid and offer to the maker as they were noted last."""
    s = core.state
    show(core.state, core.views, at.BOOK_UPDATED, s[at.TOP_BID], s[at.TOP_BID_LOTS], s[at.TOP_ASK], s[at.TOP_ASK_LOTS])


@inlined
def _move_mark_to_mid(core: Core) -> bool:
    s = core.state
    if s[at.MARK_RECORDED] == 1 or s[at.TOP_BID_LOTS] == 0 or s[at.TOP_ASK_LOTS] == 0:
        return False
    return set_mark(core, (s[at.TOP_BID] + s[at.TOP_ASK]) * 500)


@compiled
def set_mark(core: Core, mark: int) -> bool:
    """Move the mark, in milliticks; returns whether that changed it."""
    s = core.state
    if mark <= 0 or (s[at.MARK_KNOWN] == 1 and mark == s[at.MARK]):
        return False
    s[at.MARK_KNOWN] = 1
    s[at.MARK] = mark
    if s[at.POSITION] != 0:
        watch_drawdown(core)
    return True


@inlined
def _state_level(core: Core, side: int, price: int, lots: int) -> None:
    s = core.state
    set_level(core.state, core.levels, side, price, lots)
    if s[at.OWN_LOW_OF_SIDE + side] <= price <= s[at.OWN_HIGH_OF_SIDE + side]:
        touch_orders(core, side, price, price)


@compiled
def _clear(core: Core, side: int, price: int) -> None:
    clear_through(core.state, core.levels, side, price)
    if side == at.BUYS:
        touch_orders(core, side, price, at.NO_PRICE_ABOVE)
    else:
        touch_orders(core, side, at.NO_PRICE_BELOW, price)


@compiled
def _state_best(core: Core, side: int, price: int, lots: int) -> None:
    if lots == 0:
        _clear(core, side, 0 if side == at.BUYS else at.NO_PRICE_ABOVE)
        return
    _clear(core, side, price + 1 if side == at.BUYS else price - 1)
    _state_level(core, side, price, lots)


@compiled
def _other_row(core: Core, kind: int, price: int, lots: int) -> None:
    """Trades, marks and funding."""
    s = core.state
    if kind == rows.SELL_TRADE:
        if price <= s[at.OWN_HIGH_OF_SIDE + at.BUYS]:
            trade_printed(core, at.BUYS, price, lots)
        show(core.state, core.views, at.TRADE_SEEN, price, lots, -1, 0)
    elif kind == rows.BUY_TRADE:
        if price >= s[at.OWN_LOW_OF_SIDE + at.SELLS]:
            trade_printed(core, at.SELLS, price, lots)
        show(core.state, core.views, at.TRADE_SEEN, price, lots, 1, 0)
    elif kind == rows.MARK:
        if price > 0:
            s[at.MARK_RECORDED] = 1
        if set_mark(core, price):
            show(core.state, core.views, at.MARK_UPDATED, s[at.MARK], 0, 0, 0)
    elif kind == rows.FUNDING:
        mark = price if price > 0 else s[at.MARK]
        book_funding(core, mark, lots)
        show(core.state, core.views, at.FUNDING_PAID, s[at.POSITION], mark, lots, 0)


@compiled
def _start_gap(core: Core) -> None:
    s = core.state
    s[at.IN_GAP] = 1
    s[at.MARK_RECORDED] = 0
    s[at.BAR_STAGE] = 0
    start_gap(core)
    clear_through(core.state, core.levels, at.BUYS, 0)
    clear_through(core.state, core.levels, at.SELLS, at.NO_PRICE_ABOVE)
    s[at.ORDERS_TOUCHED] = 0
    show(core.state, core.views, at.GAP_STARTED, 0, 0, 0, 0)
    if _note_top(core.state, core.levels):
        show_top(core)
