"""The time loop of the simulated exchange: one compiled function, which stops and goes on at any instant.

At equal times things happen in this order:

1. the rows of market data;
2. the liquidation of our account, if it is due (rule 17 of `kernel_fill`);
3. the arrival of our requests, in the order in which they were sent; behind each, the liquidation that it has caused;
4. what the market sends reaches the maker;
5. the exchange's answers reach the maker;
6. the timer: a refresh, or ``until_ns``.

A stop takes effect when its instant is complete: everything that is due at that time is delivered with it. Within an
arrival, our fills come first, then the mark moves with the book that they left.

Room in the rings is checked before anything happens that could fill them; where it is short the kernel returns with
the number of the ring, Python doubles it, and the run goes on at the very same point.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from perpmaker.simulation import (
    jit,
    kernel_accounts,
    kernel_bars,
    kernel_book,
    kernel_delivery,
    kernel_fill,
    kernel_market,
    kernel_queue,
    kernel_rings,
    kernel_state,
    latency,
    market_events,
)
from perpmaker.simulation import kernel_state as at
from perpmaker.simulation.jit import compiled, entry_point, inlined, sources_digest
from perpmaker.simulation.kernel_bars import apply_bar_row
from perpmaker.simulation.kernel_delivery import deliver_response, deliver_view, is_refresh_needed, tell_news
from perpmaker.simulation.kernel_fill import cancel, liquidate, place
from perpmaker.simulation.kernel_market import apply_row, publish_book
from perpmaker.simulation.kernel_state import Core

_SOURCES = sources_digest(
    jit, kernel_accounts, kernel_bars, kernel_book, kernel_delivery, kernel_fill, kernel_market, kernel_queue,
    kernel_rings, kernel_state, latency, market_events,
)  # fmt: skip


def _make_entry_point(sources: int) -> Callable[..., int]:
    """The function that Python calls. It names the digest, so that the cache key holds it (rule 2 of `jit`)."""

    def run(
        state: NDArray[np.int64],
        levels: NDArray[np.int64],
        orders: NDArray[np.int64],
        ahead: NDArray[np.float64],
        requests: NDArray[np.int64],
        responses: NDArray[np.int64],
        views: NDArray[np.int64],
        out: NDArray[np.int64],
        ts: NDArray[np.int64],
        kind: NDArray[np.uint8],
        price: NDArray[np.int64],
        lots: NDArray[np.int64],
        power: float,
    ) -> int:
        assert sources >= 0
        return _run(Core(state, levels, orders, ahead, requests, responses, views, out, ts, kind, price, lots, power))

    return entry_point(run)


@compiled
def _run(core: Core) -> int:
    s = core.state
    if s[at.FRESH] == 1:
        _start(core)
    while True:
        if s[at.STOPPING] == 1 and s[at.NEXT_DUE] > s[at.NOW]:
            tell_news(core)
            s[at.LAST_INSTANT] = s[at.NOW]
            return at.STOPPED
        status = _take_rows(core)
        if status != at.CONTINUE:
            return status
        if s[at.IS_LIQUIDATION_DUE] == 1:
            status = _liquidate(core)
            if status != at.CONTINUE:
                return status
            continue
        if _is_over(core):
            _end_of_feed(core)
            continue
        status = _take_one(core)
        if status != at.CONTINUE:
            return status
        s[at.NEXT_DUE] = s[at.NOW] if s[at.IS_LIQUIDATION_DUE] == 1 else _next_due(core)


@compiled
def _start(core: Core) -> None:
    """A new wake: the timers lie in the future, or now for an ``until`` that has passed."""
    s = core.state
    s[at.FRESH] = 0
    s[at.UNTIL] = max(s[at.UNTIL], s[at.NOW])
    late = s[at.LAST_INSTANT] - s[at.REFRESH]
    if late >= 0:
        interval = s[at.INTERVAL]
        s[at.REFRESH] = s[at.REFRESH] + (late // interval + 1) * interval if interval > 0 else at.FAR
    s[at.NEXT_DUE] = _next_due(core)


@compiled
def _take_rows(core: Core) -> int:
    """All rows that come before anything else."""
    s = core.state
    row = s[at.ROW]
    status = at.CONTINUE
    while True:
        if row == core.ts.shape[0]:
            if s[at.FEED_ENDED] == 0:
                status = at.NEED_CHUNK
            break
        now = core.ts[row]
        if now > s[at.NEXT_DUE]:
            break
        if now < s[at.NOW]:
            status = at.TIME_RAN_BACK
            break
        status = _short_of_room(core, 0)
        if status != at.CONTINUE:
            break
        s[at.NOW] = now
        kind = np.int64(core.kind[row])  # unsigned bytes and signed words have no common integer type in numba
        if kind & market_events.KIND_MASK > market_events.GAP_END:
            status = apply_bar_row(core, kind, core.price[row], core.lots[row])  # type: ignore[arg-type]  # as below
        else:
            status = apply_row(core, kind, core.price[row], core.lots[row])  # type: ignore[arg-type]  # as good as an int
        if status != at.CONTINUE:
            break
        row += 1
    s[at.ROW] = row
    return status


@compiled
def _take_one(core: Core) -> int:
    """The next thing that is not a row: it is due at `NEXT_DUE`."""
    s = core.state
    now = s[at.NEXT_DUE]
    if s[at.REQUEST_HEAD] < s[at.REQUEST_TAIL]:
        record = core.requests[s[at.REQUEST_HEAD] & (core.requests.shape[0] - 1)]
        if record[at.DUE] == now:
            status = _short_of_room(core, max(s[at.COUNT_OF_SIDE], s[at.COUNT_OF_SIDE + 1]))
            if status == at.CONTINUE:
                s[at.NOW] = now
                _arrive(core, record)
            return status
    if s[at.OUT_COUNT] + 8 > core.out.shape[0]:
        return at.NEED_OUT_ROOM
    s[at.NOW] = now
    if s[at.VIEW_HEAD] < s[at.VIEW_TAIL] and _head_due(core.views, s[at.VIEW_HEAD]) == now:
        deliver_view(core)
    elif s[at.RESPONSE_HEAD] < s[at.RESPONSE_TAIL] and _head_due(core.responses, s[at.RESPONSE_HEAD]) == now:
        deliver_response(core)
    else:
        _timer(core)
    return at.CONTINUE


@compiled
def _arrive(core: Core, record: NDArray[np.int64]) -> None:
    s = core.state
    request = s[at.REQUEST_HEAD]
    if record[at.REQUEST_CODE] == at.CANCEL:
        cancel(core, record[at.REQUEST_ID])
    else:
        place(core, request)
        publish_book(core)
    s[at.REQUEST_HEAD] = request + 1


@compiled
def _liquidate(core: Core) -> int:
    s = core.state
    status = _short_of_room(core, max(s[at.COUNT_OF_SIDE], s[at.COUNT_OF_SIDE + 1]))
    if status != at.CONTINUE:
        return status
    liquidate(core)
    publish_book(core)
    s[at.IS_LIQUIDATION_DUE] = 0  # not again for what it has changed itself
    s[at.NEXT_DUE] = _next_due(core)
    return at.CONTINUE


@compiled
def _timer(core: Core) -> None:
    s = core.state
    if s[at.NOW] >= s[at.REFRESH]:
        if is_refresh_needed(core):
            s[at.TIMER] |= at.REFRESH_DUE
            s[at.REFRESH] = at.FAR
        else:
            s[at.REFRESH] = s[at.REFRESH] + s[at.INTERVAL] if s[at.INTERVAL] > 0 else at.FAR
    if s[at.NOW] >= s[at.UNTIL]:
        s[at.TIMER] |= at.TIME_REACHED
        s[at.UNTIL] = at.FAR
    if s[at.TIMER] > 0:
        s[at.STOPPING] = 1


@compiled
def _is_over(core: Core) -> bool:
    """Whether nothing can happen any more that the maker does not cause, and it has not been told or has no timer."""
    s = core.state
    if s[at.FEED_ENDED] == 0 or s[at.ROW] < core.ts.shape[0] or s[at.NEXT_DUE] <= s[at.NOW]:
        return False
    if s[at.REQUEST_HEAD] < s[at.REQUEST_TAIL]:
        return False
    if s[at.VIEW_HEAD] < s[at.VIEW_TAIL] or s[at.RESPONSE_HEAD] < s[at.RESPONSE_TAIL]:
        return False
    nothing_would_change = s[at.REFRESH] < at.FAR and not is_refresh_needed(core)
    return bool(s[at.END_TOLD] == 0 or nothing_would_change or s[at.NEXT_DUE] >= at.FAR)


@compiled
def _end_of_feed(core: Core) -> None:
    """Stop once to say that the data has ended; after that only real timers remain, or none and the clock stands."""
    s = core.state
    if s[at.END_TOLD] == 0 or s[at.NEXT_DUE] >= at.FAR:
        s[at.END_TOLD] = 1
        s[at.TIMER] |= at.TIME_REACHED
        s[at.STOPPING] = 1
        s[at.UNTIL] = at.FAR
    s[at.REFRESH] = at.FAR
    s[at.NEXT_DUE] = at.FAR if s[at.STOPPING] == 1 else s[at.UNTIL]


@inlined
def _short_of_room(core: Core, levels: int) -> int:
    """Whether the next row or arrival could overflow a ring; ``levels`` is how many one order might sweep."""
    s = core.state
    if s[at.VIEW_TAIL] - s[at.VIEW_HEAD] + 8 > core.views.shape[0]:
        return at.NEED_VIEW_ROOM
    waiting = s[at.RESPONSE_TAIL] - s[at.RESPONSE_HEAD] + s[at.REQUEST_TAIL] - s[at.REQUEST_HEAD]
    if waiting + 2 * s[at.ORDER_COUNT] + levels + 8 > core.responses.shape[0]:
        return at.NEED_RESPONSE_ROOM
    return at.CONTINUE


@compiled
def _head_due(ring: NDArray[np.int64], head: int) -> int:
    return ring[head & (ring.shape[0] - 1), at.DUE]  # type: ignore[no-any-return]  # numpy element


@compiled
def _next_due(core: Core) -> int:
    s = core.state
    due = min(s[at.UNTIL], s[at.REFRESH])
    if s[at.REQUEST_HEAD] < s[at.REQUEST_TAIL]:
        due = min(due, _head_due(core.requests, s[at.REQUEST_HEAD]))
    if s[at.VIEW_HEAD] < s[at.VIEW_TAIL]:
        due = min(due, _head_due(core.views, s[at.VIEW_HEAD]))
    if s[at.RESPONSE_HEAD] < s[at.RESPONSE_TAIL]:
        due = min(due, _head_due(core.responses, s[at.RESPONSE_HEAD]))
    return due  # type: ignore[no-any-return]  # numpy element


run = _make_entry_point(_SOURCES)
"""Run until a stop or until something is needed; returns which (``STOPPED``...). Takes the fields of a `Core`."""
