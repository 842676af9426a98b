"""Public stream messages as what the maker and the simulation hear: depth, trades, marks, funding.

Rules kept here:

1. One message in, one call of the listener out, in order of arrival; also for a message that changes nothing, since it
   proves that the stream is alive. Only the end of a gap takes two: the gap's end, then the whole book.
2. The maker is told the best bid and offer when they or their sizes have changed; the rows always tell everything.
3. A gap is told once when the book becomes blind, and ends with a whole book. Before the first book nothing is told.
4. Funding is settled at the time that the mark stream has announced, at the rate it last gave for it: the row comes
   with the first message that announces a later time. Price 0 stands for the current mark.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from perpmaker.domain.events import BookUpdated, GapEnded, GapStarted, MarkUpdated, TradeSeen
from perpmaker.domain.money import RATE_SCALE
from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me
from perpmaker.simulation.depth_book import Level
from perpmaker.simulation.player import FeedRow
from perpmaker.venues.backpack import wire
from perpmaker.venues.backpack.depth import DepthSync, Doubt, Heard, Update
from perpmaker.venues.backpack.terms import Grid
from perpmaker.venues.clock import Clock
from perpmaker.venues.port import MarketEvent, MarketListener

_US: Final = 1_000
_NONE: Final = Level(0, 0)
_GAP_START: Final = (FeedRow(me.GAP_START, 0, 0),)
_GAP_END: Final = (FeedRow(me.GAP_END, 0, 0),)


class Feed:
    """Turns messages of one market into calls of a listener, and keeps the book.

    Args:
        grid: how prices and sizes are read.
        clock: our clock.
        listener: who hears it.
    """

    def __init__(self, grid: Grid, clock: Clock, listener: MarketListener) -> None:
        self._grid = grid
        self._clock = clock
        self._listener = listener
        self._sync = DepthSync()
        self._told = (_NONE, _NONE)
        self._next_funding_ms: int | None = None
        self._funding_rate = "0"
        self.has_book = False
        """A whole book has been told; from then on blindness is a gap."""

    @property
    def is_blind(self) -> bool:
        return self._sync.is_blind

    # --- the stream ---

    def on_depth(self, message: wire.DepthUpdate) -> None:
        """Raises `ValueError` for a price or size that cannot be read."""
        rows = [*self._rows(me.BID, message.bids), *self._rows(me.ASK, message.asks)]
        update = Update(message.first_id, message.last_id, rows, message.engine_us * _US)
        heard = self._sync.update(update)
        if heard is Heard.APPLIED:
            self._tell_book(update.rows)
        elif heard is Heard.LOST:
            self._tell_gap()
        elif heard is Heard.JOINED:
            self._tell_whole()
        else:
            self._tell_alive(update.venue_ns)

    def on_trade(self, message: wire.PublicTrade) -> None:
        """Raises `ValueError`, see above."""
        aggressor = Side.SELL if message.is_buyer_maker else Side.BUY
        price, lots = self._grid.ticks.whole(message.price), self._grid.lots.whole(message.quantity)
        now, venue_ns = self._clock.now_ns(), message.engine_us * _US
        kind = me.BUY_TRADE if aggressor is Side.BUY else me.SELL_TRADE
        self._tell(TradeSeen(now, venue_ns, price, lots, aggressor), (FeedRow(kind, price, lots),), now, venue_ns)

    def on_mark(self, message: wire.MarkPrice) -> None:
        """Raises `ValueError` or `ArithmeticError`, see above."""
        mark = self._grid.instrument.price_to_milliticks(Decimal(message.price))
        now, venue_ns = self._clock.now_ns(), message.engine_us * _US
        rows = [*self._settled(message), FeedRow(me.MARK, mark, 0)]
        self._tell(MarkUpdated(now, venue_ns, mark), rows, now, venue_ns)

    # --- snapshots and doubts ---

    def lose(self) -> None:
        """The stream is gone."""
        was_blind = self._sync.is_blind
        self._sync.lose()
        if not was_blind:
            self._tell_gap()

    def take(self, depth: wire.Depth) -> bool:
        """Start anew from a snapshot. True: the book is whole (and told). Raises `ValueError`, see above."""
        if not self._sync.is_blind:
            return True  # what was missing has come in on its own
        if not self._sync.snapshot(self._snapshot(depth)):
            return False
        self._tell_whole()
        return True

    def remember(self) -> None:
        """A snapshot will be asked for, to compare the book with."""
        self._sync.remember()

    def doubt(self, depth: wire.Depth) -> Doubt:
        """Compare; right is told as a sign of life. Raises `ValueError`, see above."""
        snapshot = self._snapshot(depth)
        found = self._sync.doubt(snapshot)
        if found is Doubt.RIGHT:
            self._tell_alive(snapshot.venue_ns)
        return found

    def forget(self) -> None:
        """The end of `remember`."""
        self._sync.forget()

    def _snapshot(self, depth: wire.Depth) -> Update:
        rows = [*self._rows(me.BID, depth.bids), *self._rows(me.ASK, depth.asks)]
        last_id = int(depth.last_update_id)
        return Update(last_id, last_id, rows, depth.timestamp * _US)

    def _rows(self, kind: int, levels: list[wire.Level]) -> list[FeedRow]:
        ticks, lots = self._grid.ticks.whole, self._grid.lots.whole
        return [FeedRow(kind, ticks(price), lots(size)) for price, size in levels]

    def _settled(self, message: wire.MarkPrice) -> list[FeedRow]:
        """Rule 4: the row of a funding time that has passed, if one has."""
        before, rate = self._next_funding_ms, self._funding_rate
        self._next_funding_ms = message.next_funding_ms
        self._funding_rate = message.funding_rate or "0"
        if before is None or message.next_funding_ms is None or message.next_funding_ms <= before:
            return []
        ppb = (Decimal(rate) * RATE_SCALE).to_integral_value(ROUND_HALF_EVEN)
        return [FeedRow(me.FUNDING, 0, int(ppb))]

    # --- telling ---

    def _tell_book(self, rows: Sequence[FeedRow]) -> None:
        best = (self._sync.book.best(Side.BUY) or _NONE, self._sync.book.best(Side.SELL) or _NONE)
        now, venue_ns = self._clock.now_ns(), self._sync.venue_ns
        event = None if best == self._told else BookUpdated(now, venue_ns, *best[0], *best[1])
        self._told = best
        self._tell(event, rows, now, venue_ns)

    def _tell_whole(self) -> None:
        if self.has_book:
            now = self._clock.now_ns()
            self._tell(GapEnded(now, self._sync.venue_ns), _GAP_END, now, self._sync.venue_ns)
        self.has_book = True
        self._told = (_NONE, Level(-1, -1))  # a whole book is always told
        self._tell_book(self._sync.whole())

    def _tell_gap(self) -> None:
        now = self._clock.now_ns()
        self._tell(GapStarted(now, self._sync.venue_ns), _GAP_START, now, self._sync.venue_ns)

    def _tell_alive(self, venue_ns: int) -> None:
        self._tell(None, (), self._clock.now_ns(), venue_ns)

    def _tell(self, event: MarketEvent | None, rows: Sequence[FeedRow], now: int, venue_ns: int) -> None:
        if self.has_book:
            self._listener.on_market(event, rows, now, venue_ns)
