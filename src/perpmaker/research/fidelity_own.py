"""What a run itself left in the recording of its market, and a feed without it.

What a recording made beside a run knows of the run's own orders depends on where it traded:

=============  ======================  =========================  ================================================
where          our resting orders      our executions             what is done
=============  ======================  =========================  ================================================
``in-book``    are in the levels       are the market's trades    our resting lots are taken out of every level that
                                                                  the recording states; the trades stay: what hit us
                                                                  would have hit whoever stood there
``beside``     are in no level         are printed as extra       those prints are taken out
                                       trades
``absent``     are in no level         are no trades              nothing
=============  ======================  =========================  ================================================

A real exchange is ``in-book``, our testnet ``beside``, and paper ``absent``. Without this a replay would stand in the
queue behind itself, or be filled by its own print.

A level that holds less than our own lots (the two clocks differ by a message) is taken as empty, and counted in
`WithoutOwn.doubtful`.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

import numpy as np

from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import Side
from perpmaker.research.fidelity_orders import SentOrder, fills_of
from perpmaker.research.own_orders import OwnOrders
from perpmaker.simulation import market_events as me
from perpmaker.simulation.market_events import MarketChunk, MarketFeed

PRINT_WINDOW_NS: Final = 100_000_000
"""An extra print is looked for this far around its execution."""


_SIDE_OF_KIND: Final = {me.BID: Side.BUY, me.BEST_BID: Side.BUY, me.ASK: Side.SELL, me.BEST_ASK: Side.SELL}
_CLEARS: Final = {me.BEST_BID: me.CLEAR_BIDS, me.BEST_ASK: me.CLEAR_ASKS}
_TRADES: Final = (me.BUY_TRADE, me.SELL_TRADE)

_Print = tuple[int, int, int]
"""Kind, price and lots of a trade."""


class WithoutOwn:
    """A `MarketFeed` without the run's own part in it.

    Args:
        feed: as recorded.
        orders: of the run, placed on the recording's line.
        how: where the run traded.
    """

    def __init__(self, feed: MarketFeed, orders: Iterable[SentOrder], how: OwnOrders) -> None:
        self._feed = feed
        self._resting: dict[tuple[Side, int], tuple[list[int], list[int]]] = {}
        self._prints: dict[_Print, list[int]] = {}
        if how is OwnOrders.IN_BOOK:
            self._resting = _resting(orders)
        elif how is OwnOrders.BESIDE:
            self._prints = _prints(orders)
        self._prices = np.array(sorted({price for _, price in self._resting}), np.int64)
        self.changed = 0
        """Rows that the last reading changed or took out."""
        self.doubtful = 0
        """Levels in it that held less than our own lots."""

    @property
    def instrument(self) -> Instrument:
        return self._feed.instrument

    def chunks(self) -> Iterator[MarketChunk]:
        """As the feed's, see `MarketFeed.chunks`."""
        self.changed = self.doubtful = 0
        missing = {key: list(times) for key, times in self._prints.items()}
        for chunk in self._feed.chunks():
            if self._resting:
                yield self._without_levels(chunk)
            elif self._prints:
                yield self._without_prints(chunk, missing)
            else:
                yield chunk

    def _without_levels(self, chunk: MarketChunk) -> MarketChunk:
        plain = chunk.kind & np.uint8(me.KIND_MASK)
        rows = np.flatnonzero(
            np.isin(plain, list(_SIDE_OF_KIND)) & np.isin(chunk.price, self._prices) & (chunk.lots > 0)
        )
        if not len(rows):
            return chunk
        kinds, lots = chunk.kind.copy(), chunk.lots.copy()
        for row in rows.tolist():
            kind, price = int(plain[row]), int(chunk.price[row])
            own = self._own_lots(_SIDE_OF_KIND[kind], price, int(chunk.ts_ns[row]))
            if not own:
                continue
            self.changed += 1
            self.doubtful += own > chunk.lots[row]
            lots[row] = max(0, int(chunk.lots[row]) - own)
            if not lots[row] and kind in _CLEARS:  # the best level was ours alone: there is none there
                kinds[row] = _CLEARS[kind] | (int(chunk.kind[row]) & me.MORE)
        return chunk._replace(kind=kinds, lots=lots)

    def _own_lots(self, side: Side, price: int, at_ns: int) -> int:
        found = self._resting.get((side, price))
        if found is None:
            return 0
        times, sums = found
        after = bisect_right(times, at_ns)
        return sums[after - 1] if after else 0

    def _without_prints(self, chunk: MarketChunk, missing: dict[_Print, list[int]]) -> MarketChunk:
        """Of several equal prints the nearest is ours, of two as near the later: the one that filled us comes first."""
        plain = chunk.kind & np.uint8(me.KIND_MASK)
        candidates: defaultdict[_Print, list[int]] = defaultdict(list)
        for row in np.flatnonzero(np.isin(plain, _TRADES)).tolist():
            key = (int(plain[row]), int(chunk.price[row]), int(chunk.lots[row]))
            if missing.get(key):
                candidates[key].append(row)
        kept = np.ones(len(plain), bool)
        for key, rows in candidates.items():
            for at_ns in list(missing[key]):
                apart = [(abs(int(chunk.ts_ns[row]) - at_ns), -row) for row in rows if kept[row]]
                if apart and min(apart)[0] <= PRINT_WINDOW_NS:
                    kept[-min(apart)[1]] = False
                    missing[key].remove(at_ns)
                    self.changed += 1
        return chunk if kept.all() else _kept(chunk, kept)


def _kept(chunk: MarketChunk, kept: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> MarketChunk:
    """Without some rows; a message whose last row goes ends with the row before it."""
    kinds = chunk.kind.copy()
    for row in np.flatnonzero(~kept).tolist():
        before = row - 1
        while before >= 0 and not kept[before] and kinds[before] & me.MORE:
            before -= 1
        if before >= 0 and kept[before] and kinds[before] & me.MORE and not chunk.kind[row] & me.MORE:
            kinds[before] &= me.KIND_MASK
    return MarketChunk(chunk.ts_ns[kept], kinds[kept], chunk.price[kept], chunk.lots[kept])


def _resting(orders: Iterable[SentOrder]) -> dict[tuple[Side, int], tuple[list[int], list[int]]]:
    """Our lots at each price of a side: times of change, and what rests from then on."""
    changes: defaultdict[tuple[Side, int], list[tuple[int, int]]] = defaultdict(list)
    for order in orders:
        if not order.rests or order.refusal is not None or order.arrived_ns is None:
            continue
        level = changes[order.side, order.price_ticks]
        level.append((order.arrived_ns, order.lots))
        level += [(part.at_ns, -part.lots) for part in order.parts]
        if order.ended_ns is not None:
            level.append((order.ended_ns, order.filled_lots - order.lots))
    found = {}
    for key, steps in changes.items():
        steps.sort()
        times = [at_ns for at_ns, _ in steps]
        found[key] = times, [max(0, total) for total in accumulate(change for _, change in steps)]
    return found


def _prints(orders: Iterable[SentOrder]) -> dict[_Print, list[int]]:
    """Our executions as the market printed them."""
    found: defaultdict[_Print, list[int]] = defaultdict(list)
    for order, part in fills_of(orders):
        buyer_took = (order.side is Side.BUY) != part.is_maker
        found[me.BUY_TRADE if buyer_took else me.SELL_TRADE, part.price_ticks, part.lots].append(part.at_ns)
    return dict(found)
