"""Rows of market data as the event array of hftbacktest 2.4.

Rules kept here:

1. A row becomes one event, for the exchange at its own time and for the maker one feed latency later.
2. Marks and funding are left out: hftbacktest knows neither.
3. What clears a book that holds nothing yet is left out. Anything else that the events cannot say raises.
4. Prices and sizes become the float next to ticks x tick size; hftbacktest rounds them back to the same whole ticks.

Imports neither hftbacktest nor anything compiled, so both environments can use it. Source of the layout and the flags:
hftbacktest ``types.py``.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from perpmaker.simulation import market_events as me

EVENT: Final = np.dtype(
    [
        ("ev", "u8"),
        ("exch_ts", "i8"),
        ("local_ts", "i8"),
        ("px", "f8"),
        ("qty", "f8"),
        ("order_id", "u8"),
        ("ival", "i8"),
        ("fval", "f8"),
    ],
    align=True,
)

_BOTH_SIDES_SEE_IT: Final = 1 << 31 | 1 << 30
_BUY, _SELL = 1 << 29, 1 << 28
_DEPTH, _TRADE = 1, 2
_FLAGS: Final = {
    me.BID: _DEPTH | _BUY,
    me.ASK: _DEPTH | _SELL,
    me.BUY_TRADE: _TRADE | _BUY,
    me.SELL_TRADE: _TRADE | _SELL,
}
_UNKNOWN_TO_IT: Final = (me.MARK, me.FUNDING)


def event_array(rows: me.MarketChunk, tick_size: float, lot_size: float, feed_latency_ns: int) -> NDArray[np.void]:
    """The events of these rows.

    Raises:
        ValueError: a row, after the first statement of a level, that hftbacktest has no event for.
    """
    kinds = rows.kind & me.KIND_MASK
    opening = np.cumsum(np.isin(kinds, (me.BID, me.ASK))) == 0
    left_out = np.isin(kinds, _UNKNOWN_TO_IT) | (opening & np.isin(kinds, (me.CLEAR_BIDS, me.CLEAR_ASKS)))
    stranger = ~left_out & ~np.isin(kinds, tuple(_FLAGS))
    if stranger.any():
        row = int(stranger.argmax())
        raise ValueError(f"row {row} is of kind {kinds[row]}, which hftbacktest has no event for")
    kept = ~left_out
    flags = np.zeros(me.KIND_MASK + 1, np.uint64)
    for kind, flag in _FLAGS.items():
        flags[kind] = flag | _BOTH_SIDES_SEE_IT
    events = np.zeros(int(kept.sum()), EVENT)
    events["ev"] = flags[kinds[kept]]
    events["exch_ts"] = rows.ts_ns[kept]
    events["local_ts"] = events["exch_ts"] + feed_latency_ns
    events["px"] = rows.price[kept] * tick_size
    events["qty"] = rows.lots[kept] * lot_size
    return events
