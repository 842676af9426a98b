"""What the maker sees and is told, and when that wakes it (the conditions of `perpmaker.domain.commands.Wake`).

Rules kept here:

1. Everything is judged on the maker's own view, which is the market ``feed_latency`` ago.
2. Fills, rejections, cancel rejections, cancels that nobody asked for, gaps and funding always stop the run at their
   delivery; acceptances and requested cancels only with ``on_order``. What does not stop it is kept for the next stop.
3. ``on_book`` means that a price or a size of the best bid or offer changed.
4. The band of the mark is checked at every new mark. A reference that is not known yet lies outside every band.
5. Of the book, the trades and the mark only the latest is told, and only if it is news.
6. Events are told in order of ``at_ns``; within an instant: gaps and funding, book, trade, mark, answers, timer.
"""

import numpy as np
from numpy.typing import NDArray

from perpmaker.simulation import kernel_state as at
from perpmaker.simulation.jit import compiled
from perpmaker.simulation.kernel_state import Core


@compiled
def deliver_response(core: Core) -> None:
    """Hand the oldest answer to the maker."""
    s = core.state
    record = core.responses[s[at.RESPONSE_HEAD] & (core.responses.shape[0] - 1)]
    _copy_record(core.responses, s[at.RESPONSE_HEAD] & (core.responses.shape[0] - 1), core.out, s[at.OUT_COUNT])
    s[at.RESPONSE_HEAD] += 1
    s[at.OUT_COUNT] += 1
    quiet = record[at.CODE] == at.ACCEPTED or (record[at.CODE] == at.CANCELED and record[5] == at.REQUESTED)
    if not quiet or s[at.ON_ORDER] == 1:
        s[at.STOPPING] = 1


@compiled
def deliver_view(core: Core) -> None:
    """Let the maker see the oldest thing that the market has sent it."""
    s = core.state
    record = core.views[s[at.VIEW_HEAD] & (core.views.shape[0] - 1)]
    s[at.VIEW_HEAD] += 1
    code = record[at.CODE]
    if code == at.BOOK_UPDATED:
        s[at.SEEN_BID] = record[3]
        s[at.SEEN_BID_LOTS] = record[4]
        s[at.SEEN_ASK] = record[5]
        s[at.SEEN_ASK_LOTS] = record[6]
        s[at.SEEN_BOOK_AT] = record[at.DUE]
        s[at.SEEN_BOOK_VENUE] = record[at.VENUE]
        if s[at.ON_BOOK] == 1:
            s[at.STOPPING] = 1
    elif code == at.TRADE_SEEN:
        s[at.SEEN_TRADE_PRICE] = record[3]
        s[at.SEEN_TRADE_LOTS] = record[4]
        s[at.SEEN_TRADE] = record[5]
        s[at.SEEN_TRADE_AT] = record[at.DUE]
        s[at.SEEN_TRADE_VENUE] = record[at.VENUE]
        s[at.TRADE_UNTOLD] = 1
    elif code == at.MARK_UPDATED:
        s[at.SEEN_MARK_KNOWN] = 1
        s[at.SEEN_MARK] = record[3]
        s[at.SEEN_MARK_AT] = record[at.DUE]
        s[at.SEEN_MARK_VENUE] = record[at.VENUE]
        if record[3] < s[at.MARK_LOW] or record[3] > s[at.MARK_HIGH]:
            s[at.STOPPING] = 1
    else:
        _copy_record(core.views, (s[at.VIEW_HEAD] - 1) & (core.views.shape[0] - 1), core.out, s[at.OUT_COUNT])
        s[at.OUT_COUNT] += 1
        s[at.STOPPING] = 1


@compiled
def is_refresh_needed(core: Core) -> bool:
    """Condition 3 of `Wake`: whether a refresh at this moment could change a quote."""
    s = core.state
    if s[at.SEEN_BID_LOTS] == 0 or s[at.SEEN_ASK_LOTS] == 0:
        return True
    if s[at.SEEN_ASK] <= s[at.BID_GUARD] or s[at.SEEN_BID] >= s[at.ASK_GUARD]:
        return True
    kind = s[at.REFERENCE]
    if (kind == at.LAST and s[at.SEEN_TRADE] == 0) or (kind == at.MARK_REFERENCE and s[at.SEEN_MARK_KNOWN] == 0):
        return True
    reference = _seen_reference(core, kind)
    return bool(reference < s[at.REFERENCE_LOW] or reference > s[at.REFERENCE_HIGH])


@compiled
def tell_news(core: Core) -> None:
    """At a stop: add what changed in the maker's view, and bring all of it into order."""
    s = core.state
    news = (
        s[at.SEEN_BID] != s[at.TOLD_BID]
        or s[at.SEEN_BID_LOTS] != s[at.TOLD_BID_LOTS]
        or s[at.SEEN_ASK] != s[at.TOLD_ASK]
        or s[at.SEEN_ASK_LOTS] != s[at.TOLD_ASK_LOTS]
    )
    if news:
        s[at.TOLD_BID] = s[at.SEEN_BID]
        s[at.TOLD_BID_LOTS] = s[at.SEEN_BID_LOTS]
        s[at.TOLD_ASK] = s[at.SEEN_ASK]
        s[at.TOLD_ASK_LOTS] = s[at.SEEN_ASK_LOTS]
        _tell(core, s[at.SEEN_BOOK_AT], at.BOOK_UPDATED, s[at.SEEN_BOOK_VENUE], at.SEEN_BID)
    if s[at.TRADE_UNTOLD] == 1:
        s[at.TRADE_UNTOLD] = 0
        _tell(core, s[at.SEEN_TRADE_AT], at.TRADE_SEEN, s[at.SEEN_TRADE_VENUE], at.SEEN_TRADE)
    if s[at.SEEN_MARK_KNOWN] == 1 and (s[at.TOLD_MARK_KNOWN] == 0 or s[at.SEEN_MARK] != s[at.TOLD_MARK]):
        s[at.TOLD_MARK_KNOWN] = 1
        s[at.TOLD_MARK] = s[at.SEEN_MARK]
        _tell(core, s[at.SEEN_MARK_AT], at.MARK_UPDATED, s[at.SEEN_MARK_VENUE], at.SEEN_MARK)
    if s[at.TIMER] > 0:
        _tell(core, s[at.NOW], at.TIMER_FIRED, s[at.NOW], at.TIMER)


@compiled
def _tell(core: Core, at_ns: int, code: int, venue_ns: int, first_cell: int) -> None:
    """Insert a record at its place in time; its fields are four neighbours in the state."""
    s = core.state
    place = s[at.OUT_COUNT]
    s[at.OUT_COUNT] += 1
    while place > 0 and (
        core.out[place - 1, at.DUE] > at_ns
        or (core.out[place - 1, at.DUE] == at_ns and core.out[place - 1, at.CODE] // 10 > code // 10)
    ):
        _copy_record(core.out, place - 1, core.out, place)
        place -= 1
    core.out[place, at.DUE] = at_ns
    core.out[place, at.CODE] = code
    core.out[place, at.VENUE] = venue_ns
    for field in range(4):
        core.out[place, 3 + field] = s[first_cell + field]


@compiled
def _copy_record(source: NDArray[np.int64], taken: int, target: NDArray[np.int64], put: int) -> None:
    for cell in range(at.RECORD_CELLS):  # a slice assignment takes numba seconds to compile
        target[put, cell] = source[taken, cell]


@compiled
def _seen_reference(core: Core, kind: int) -> int:
    """The reference price of the maker's view, in milliticks."""
    s = core.state
    if kind == at.MID:
        return (s[at.SEEN_BID] + s[at.SEEN_ASK]) * 500  # type: ignore[no-any-return]  # numpy element
    if kind == at.LAST:
        return s[at.SEEN_TRADE_PRICE] * 1000  # type: ignore[no-any-return]  # numpy element
    if kind == at.MARK_REFERENCE:
        return s[at.SEEN_MARK]  # type: ignore[no-any-return]  # numpy element
    spread = (s[at.SEEN_ASK] - s[at.SEEN_BID]) * 1000
    total = s[at.SEEN_BID_LOTS] + s[at.SEEN_ASK_LOTS]
    return s[at.SEEN_BID] * 1000 + _share(spread, s[at.SEEN_BID_LOTS], total)  # type: ignore[no-any-return]  # numpy element


@compiled
def _share(amount: int, part: int, total: int) -> int:
    """``amount * part // total`` for ``part <= total < 2**62``, also where the product has more than 64 bits."""
    if abs(amount) <= at.FAR // part:
        return amount * part // total
    quotient, rest = 0, 0
    for bit in range(62, -1, -1):
        quotient *= 2
        rest *= 2
        if (abs(amount) >> bit) & 1 == 1:
            rest += part
        while rest >= total:
            rest -= total
            quotient += 1
    if amount >= 0:
        return quotient
    return -quotient - 1 if rest > 0 else -quotient
