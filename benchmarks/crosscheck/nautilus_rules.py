"""nautilus_trader 1.221's rules for resting limit orders, written down so that each of its fills can be foretold.

1. It keeps a best bid and a best ask of its own. After each batch of level changes they are those of the book; a
   buyer's trade sets the ask to its price, a seller's trade the bid (and the other one, where that would be crossed).
2. A resting bid fills when that ask is at or below its price, by what the book shows up to its price, at its own price
   (an ask: when that bid is at or above it). Trades never fill more than the book shows, and there is no queue.
3. Bids are looked at first, each side from its best price outwards. A bid that fills from a better price moves the ask
   to its own price for the rest of the look: our orders behind it wait for the next trade or batch.
4. A request is not looked at when it arrives, but after the first trade or batch that comes then or later, or when the
   strategy's next timer fires, if that is earlier. (The timers here are the times at which requests are sent.)
5. A post-only order that would fill then is rejected.

Source: ``backtest/engine.pyx`` of that version.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me
from perpmaker.simulation.depth_book import DepthBook
from support.order_lists import PLACE, OrderList

_NO_ASK: Final = 2**62
_BOOK_KINDS: Final = (me.BID, me.ASK)
_TRADE_KINDS: Final = (me.BUY_TRADE, me.SELL_TRADE)


@dataclass(slots=True)
class Fate:
    """What must become of one order there; times are None where it does not happen."""

    looked_at_ns: int | None = None
    rejected: bool = False
    fills: tuple[tuple[int, int], ...] = ()
    held_back_ns: int | None = None


class _Resting(NamedTuple):
    order_id: int
    side: int
    price_ticks: int


class Foreteller:
    """Replays the market by these rules.

    Args:
        rows: the market.
        orders: requests, at the times at which they are sent.
        latency_ns: of a request on its way in.
    """

    def __init__(self, rows: me.MarketChunk, orders: OrderList, latency_ns: int) -> None:
        self._rows = rows
        self._requests = list(zip(*(column.tolist() for column in orders), strict=True))
        self._latency_ns = latency_ns
        self._book = DepthBook()
        self._bid, self._ask = 0, _NO_ASK
        self._resting: dict[int, _Resting] = {}
        self._left: dict[int, int] = {}
        self._next = 0
        self._timers = sorted(set(orders.at_ns.tolist()), reverse=True)
        self.fates: dict[int, Fate] = {}

    def run(self) -> dict[int, Fate]:
        """The fate of every order that it has looked at."""
        changed = False
        for ts_ns, coded, price, lots in zip(*(column.tolist() for column in self._rows), strict=True):
            kind = coded & me.KIND_MASK
            if kind in _TRADE_KINDS:
                self._fire_timers(ts_ns)
                self._trade(kind, price)
                self._look(ts_ns)
            elif kind in _BOOK_KINDS:
                self._book.apply(kind, price, lots)
                changed = True
            if changed and coded < me.MORE:
                changed = False
                self._fire_timers(ts_ns)
                best_bid, best_ask = self._book.best(Side.BUY), self._book.best(Side.SELL)
                self._bid = best_bid.price_ticks if best_bid else self._bid
                self._ask = best_ask.price_ticks if best_ask else self._ask
                self._look(ts_ns)
        return self.fates

    def _fire_timers(self, before_ns: int) -> None:
        while self._timers and self._timers[-1] < before_ns:
            self._take_requests(self._timers.pop())

    def _trade(self, kind: int, price: int) -> None:
        if kind == me.BUY_TRADE:
            self._bid, self._ask = min(self._bid, price), price
        else:
            self._bid, self._ask = price, max(self._ask, price)

    def _look(self, ts_ns: int) -> None:
        before = self._bid, self._ask
        targets = None
        for order in sorted(self._resting.values(), key=lambda order: (-order.side, -order.side * order.price_ticks)):
            if not self._crosses(order, *before):
                continue
            if not self._crosses(order, self._bid, self._ask):
                fate = self.fates[order.order_id]
                fate.held_back_ns = ts_ns if fate.held_back_ns is None else fate.held_back_ns
                continue
            targets = self._fill(order, ts_ns) or targets
        if targets is not None and self._resting:
            self._bid, self._ask = targets
        self._take_requests(ts_ns)

    def _fill(self, order: _Resting, ts_ns: int) -> tuple[int, int] | None:
        """Fill by what the book shows; returns the best prices to go back to, where it has moved them."""
        other = Side.SELL if order.side > 0 else Side.BUY
        targets, taken, fate = None, 0, self.fates[order.order_id]
        for level in self._book.levels(other):
            beyond = (order.price_ticks - level.price_ticks) * order.side
            if beyond < 0 or taken == self._left[order.order_id]:
                break
            taken += min(level.lots, self._left[order.order_id] - taken)
            if beyond > 0:
                targets = self._bid, self._ask
                if order.side > 0:
                    self._ask = order.price_ticks
                else:
                    self._bid = order.price_ticks
        if taken:
            fate.fills += ((ts_ns, taken),)
            self._left[order.order_id] -= taken
            if self._left[order.order_id] == 0:
                del self._resting[order.order_id]
        return targets

    def _take_requests(self, ts_ns: int) -> None:
        while self._next < len(self._requests) and self._requests[self._next][0] + self._latency_ns <= ts_ns:
            _, code, order_id, side, price_ticks, lots = self._requests[self._next]
            self._next += 1
            if code != PLACE:
                self._resting.pop(order_id, None)
                continue
            order = _Resting(order_id, side, price_ticks)
            rejected = self._crosses(order, self._bid, self._ask)
            self.fates[order_id] = Fate(looked_at_ns=ts_ns, rejected=rejected)
            if not rejected:
                self._resting[order_id] = order
                self._left[order_id] = lots

    @staticmethod
    def _crosses(order: _Resting, bid: int, ask: int) -> bool:
        return ask <= order.price_ticks if order.side > 0 else bid >= order.price_ticks
