"""The public side of the testnet: book, trades, mark and candles, as everybody sees them.

Rules kept here:

1. Everything that changes is told to the listeners at once, in this order within a message: depth, best bid and offer,
   trades, mark price.
2. The mark is the feed's own as soon as there has been one, before that the middle of the book. The index is the mark:
   a testnet has no other exchange to look at.
3. Ids of trades follow each other without holes; executions of accounts take their ids from the same row.
4. The feed's trades have order ids on both sides like all others; nobody owns them. Ids of orders are one row for all
   markets of an exchange.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from perpmaker.domain.money import MILLITICKS_PER_TICK
from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me
from perpmaker.simulation.player import FeedRow
from perpmaker.testnet.klines import Klines
from perpmaker.testnet.notices import BookTickerChanged, DepthChanged, MarkPriceChanged, Notice, Traded
from perpmaker.testnet.public_book import Change, PublicBook

KEPT_TRADES: Final = 10_000

_FIRST_ORDER_ID: Final = 4_200_000_001
_FIRST_TRADE_ID: Final = 500_000_001
_FIRST_UPDATE_ID: Final = 1_000_000_000


class OrderIds:
    """Ids of the orders of an exchange, each given once."""

    def __init__(self) -> None:
        self.next = _FIRST_ORDER_ID

    def take(self) -> int:
        self.next += 1
        return self.next - 1


class PublicMarket:
    """What everybody may know of the market.

    Args:
        tell: hears every notice.
        funding_rate_ppb: rate of the current interval, until it is told.
        next_funding_ns: end of the current interval.
        order_ids: those of the exchange.
    """

    def __init__(
        self, tell: Callable[[Notice], None], funding_rate_ppb: int, next_funding_ns: int, order_ids: OrderIds
    ) -> None:
        self._tell = tell
        self.book: Final = PublicBook(_FIRST_UPDATE_ID)
        self.klines: Final = Klines()
        self.trades: Final[deque[Traded]] = deque(maxlen=KEPT_TRADES)
        self.mark_milliticks = 0
        """0 before the first."""
        self.updated_ns = 0
        """When the book last changed."""
        self.funding_rate_ppb = funding_rate_ppb
        self.next_funding_ns = next_funding_ns
        self.order_ids: Final = order_ids
        self._mark_is_recorded = False
        self._trade_ids = _FIRST_TRADE_ID

    @property
    def index_milliticks(self) -> int:
        return self.mark_milliticks

    @property
    def next_ids(self) -> tuple[int, int]:
        """The next order id and the next trade id."""
        return self.order_ids.next, self._trade_ids

    def continue_ids(self, order_id: int, trade_id: int) -> None:
        """Go on with these ids or later ones: those before have been used in an earlier life."""
        self.order_ids.next = max(self.order_ids.next, order_id)
        self._trade_ids = max(self._trade_ids, trade_id)

    def new_order_id(self) -> int:
        return self.order_ids.take()

    def new_trade_id(self) -> int:
        self._trade_ids += 1
        return self._trade_ids - 1

    def apply(self, at_ns: int, rows: Sequence[FeedRow]) -> None:
        """One message of the feed."""
        top = self._top()
        change = self.book.apply(rows)
        if change is not None:
            self._tell_depth(at_ns, change, top)
        for kind, price, lots in rows:
            if kind in (me.BUY_TRADE, me.SELL_TRADE):
                first, second = self.new_order_id(), self.new_order_id()
                self.print_trade(Traded(at_ns, self.new_trade_id(), price, lots, first, second, kind == me.SELL_TRADE))
            elif kind == me.MARK and price > 0:
                self._mark_is_recorded = True
                self._set_mark(at_ns, price)
        if change is not None and not self._mark_is_recorded:
            self._set_mark_to_mid(at_ns)

    def print_trade(self, trade: Traded) -> None:
        """A trade has happened: the feed's, or one of an account."""
        self.trades.append(trade)
        self.klines.trade(trade.at_ns, trade.price_ticks, trade.lots)
        self._tell(trade)

    def take(self, at_ns: int, side: Side, price_ticks: int, lots: int) -> FeedRow:
        """An account took from a level of ``side``; returns the row that states what is left of it."""
        top = self._top()
        left, change = self.book.take(side, price_ticks, lots)
        self._tell_depth(at_ns, change, top)
        return FeedRow(me.BID if side is Side.BUY else me.ASK, price_ticks, left)

    def set_funding(self, at_ns: int, rate_ppb: int, next_ns: int) -> None:
        """Rate and end of the current interval."""
        if (rate_ppb, next_ns) != (self.funding_rate_ppb, self.next_funding_ns):
            self.funding_rate_ppb = rate_ppb
            self.next_funding_ns = next_ns
            self._tell_mark(at_ns)

    def _top(self) -> tuple[object, object]:
        return self.book.best(Side.BUY), self.book.best(Side.SELL)

    def _tell_depth(self, at_ns: int, change: Change, top_before: tuple[object, object]) -> None:
        self.updated_ns = at_ns
        update_id = self.book.update_id
        self._tell(DepthChanged(at_ns, update_id, update_id, change.bids, change.asks))
        bid, ask = self.book.best(Side.BUY), self.book.best(Side.SELL)
        if (bid, ask) != top_before:
            self._tell(BookTickerChanged(at_ns, update_id, bid, ask))

    def _set_mark_to_mid(self, at_ns: int) -> None:
        bid, ask = self.book.best(Side.BUY), self.book.best(Side.SELL)
        if bid is not None and ask is not None:
            self._set_mark(at_ns, (bid.price_ticks + ask.price_ticks) * MILLITICKS_PER_TICK // 2)

    def _set_mark(self, at_ns: int, milliticks: int) -> None:
        if milliticks != self.mark_milliticks:
            self.mark_milliticks = milliticks
            self._tell_mark(at_ns)

    def _tell_mark(self, at_ns: int) -> None:
        self._tell(
            MarkPriceChanged(
                at_ns, self.mark_milliticks, self.index_milliticks, self.funding_rate_ppb, self.next_funding_ns
            )
        )
