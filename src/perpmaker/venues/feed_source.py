"""A market source that plays a feed, synthetic or recorded, on the running loop: the market of a simulated venue.

Rules kept here:

1. The feed's first message happens when the source is opened, the others as much later as the feed says, divided by
   ``speed``. Every time that is told is the clock's.
2. A message is told whole. What acts at once in it (trade, mark, funding, gap) is told on its own, before its book.
3. A gap of the feed is told as a gap. When the feed has ended, or breaks, a last gap starts and nothing follows:
   `has_ended` is True, the market is no longer tradable, and `resnapshot` says why.
4. A source that has fallen behind tells no more than `MOST_AT_ONCE` messages before everybody else has a turn.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from perpmaker.domain.errors import InvalidSettingError, RecordingError
from perpmaker.domain.events import BookUpdated, GapEnded, GapStarted, MarkUpdated, TradeSeen
from perpmaker.domain.money import MILLITICKS_PER_TICK
from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me
from perpmaker.simulation.depth_book import DepthBook
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.player import FeedMessage, FeedPlayer, FeedRow
from perpmaker.venues.alarm import Alarm
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import ClockReading, MarketEvent, MarketListener, MarketTerms

MOST_AT_ONCE: Final = 256

LAST_NS: Final = 2**62
"""Later than anything in a feed."""

_EVERY_ASK: Final = 2**62
_BOOK_KINDS: Final = range(me.BID, me.BUY_TRADE)


class FeedSource:
    """`perpmaker.venues.port.MarketSource` from a feed.

    Args:
        feed: market data; played from its beginning.
        clock: our clock, which here is the venue's too.
        speed: seconds of the feed per second of the clock.
        name: what the venue is called.

    Attributes:
        on_end: called once when everything has been told.

    Raises:
        InvalidSettingError: the speed is not a positive finite number.
    """

    def __init__(self, feed: MarketFeed, clock: Clock, *, speed: float = 1.0, name: str = "sim") -> None:
        if not 0.0 < speed < math.inf:
            raise InvalidSettingError(f"the speed of a market that is played must be a number above 0, got {speed}")
        self._feed = feed
        self._clock = clock
        self._speed = speed
        self._name = name
        self._alarm = Alarm(clock, self._play)
        self._player: FeedPlayer | None = None
        self._listener: MarketListener | None = None
        self._first_book: asyncio.Future[None] | None = None
        self._book = DepthBook()
        self._told: tuple[int, int, int, int] | None = None
        self._is_blind = False
        self._is_cut = False
        self._failure: str | None = None
        self.on_end: Callable[[], None] = lambda: None

    @property
    def name(self) -> str:
        return self._name

    @property
    def has_ended(self) -> bool:
        """Everything has been told."""
        return self._failure is not None

    async def market(self) -> MarketTerms:
        """The instrument of the feed; margins are those of the account that trades on it, so they are 0 here."""
        return MarketTerms(
            instrument=self._feed.instrument,
            max_lots=None,
            initial_margin_ppb=0,
            maintenance_margin_ppb=0,
            is_tradable=not self.has_ended,
            status=self._failure or "playing",
        )

    async def clock(self) -> ClockReading:
        now_ns = self._clock.now_ns()
        return ClockReading(now_ns, now_ns, now_ns)

    async def mark(self) -> int:
        """The feed's first mark, or the middle of its first book with two sides."""
        book = DepthBook()
        for message in FeedPlayer(self._feed, 0).due(LAST_NS):
            for kind, price, lots in message.rows:
                if kind == me.MARK:
                    return price
                book.apply(kind, price, lots)
            bid, ask = book.best(Side.BUY), book.best(Side.SELL)
            if bid is not None and ask is not None:
                return (bid.price_ticks + ask.price_ticks) * MILLITICKS_PER_TICK // 2
        raise VenueError(f"{self._name}: the market data has no price", Reaction.STOP)

    async def open(self, listener: MarketListener) -> None:
        """Start playing; returns when the first book has been told.

        Raises:
            VenueError: the feed ended before it told a book.
            RecordingError: the recording cannot be read from its beginning.
        """
        self._listener = listener
        self._first_book = asyncio.get_running_loop().create_future()
        self._player = FeedPlayer(self._feed, self._clock.now_ns(), self._speed)
        self._play()
        await self._first_book

    async def resnapshot(self) -> None:
        """The book is right by construction: a sign of life is told.

        Raises:
            VenueError: the feed is in a gap, has ended, or was not opened.
        """
        if self._failure is not None:
            raise VenueError(f"{self._name}: {self._failure}", Reaction.STOP)
        if self._is_blind or self._listener is None:
            raise VenueError(f"{self._name}: no market data at the moment, ask again later", Reaction.RETRY)
        now_ns = self._clock.now_ns()
        self._listener.on_market(None, (), now_ns, now_ns)

    async def restart(self) -> None:
        """Tell a gap, and the whole book as soon as the loop comes round; in a gap of the feed nothing happens."""
        if self._is_blind or self._is_cut or self._player is None or self.has_ended:
            return
        self._tell_gap(self._clock.now_ns())
        self._is_cut = True
        asyncio.get_running_loop().call_soon(self._come_back)

    async def close(self) -> None:
        self._alarm.set(None)
        self._listener = None
        self._player = None

    def _play(self) -> None:
        """Tell what is due, and set the alarm for what comes next."""
        player = self._player
        if player is None:
            return
        try:
            for message in islice(player.due(self._clock.now_ns()), MOST_AT_ONCE):
                self._tell(message)
        except RecordingError as error:
            self._end(str(error))
            return
        if player.has_ended:
            self._end("the market data has ended")
        else:
            self._alarm.set(player.next_ns)

    def _tell(self, message: FeedMessage) -> None:
        book_rows: list[FeedRow] = []
        for row in message.rows:
            if row.kind in _BOOK_KINDS:
                if not self._is_blind:
                    self._book.apply(*row)
                    book_rows.append(row)
            else:
                self._tell_alone(row, message.at_ns)
        if book_rows:
            self._tell_book(book_rows, message.at_ns)

    def _tell_book(self, rows: Sequence[FeedRow], venue_ns: int) -> None:
        bid, ask = self._book.best(Side.BUY), self._book.best(Side.SELL)
        top = (*(bid or (0, 0)), *(ask or (0, 0)))
        received_ns = self._clock.now_ns()
        event = None
        if top != self._told:
            event = BookUpdated(received_ns, venue_ns, *top)
        self._send(event, rows, received_ns, venue_ns)
        if not self._is_cut:
            self._told = top
        if self._first_book is not None and not self._first_book.done():
            self._first_book.set_result(None)

    def _tell_alone(self, row: FeedRow, venue_ns: int) -> None:
        """What is not of the book. In a gap only its end is heard."""
        now_ns = self._clock.now_ns()
        event: MarketEvent | None = None
        if row.kind == me.GAP_END and self._is_blind:
            self._is_blind = False
            event = GapEnded(now_ns, venue_ns)
        elif self._is_blind or row.kind == me.GAP_END:
            return
        elif row.kind == me.GAP_START:
            self._is_blind = True
            if not self._is_cut:
                self._tell_gap(venue_ns)
            self._is_cut = False
            self._book.clear()
            return
        elif row.kind in (me.BUY_TRADE, me.SELL_TRADE):
            aggressor = Side.BUY if row.kind == me.BUY_TRADE else Side.SELL
            event = TradeSeen(now_ns, venue_ns, row.price, row.lots, aggressor)
        elif row.kind == me.MARK and row.price > 0:
            event = MarkUpdated(now_ns, venue_ns, row.price)
        self._send(event, (row,), now_ns, venue_ns)

    def _tell_gap(self, venue_ns: int) -> None:
        now_ns = self._clock.now_ns()
        self._send(GapStarted(now_ns, venue_ns), (FeedRow(me.GAP_START, 0, 0),), now_ns, venue_ns)
        self._told = None

    def _send(self, event: MarketEvent | None, rows: Sequence[FeedRow], received_ns: int, venue_ns: int) -> None:
        if self._listener is not None and not self._is_cut:
            self._listener.on_market(event, rows, received_ns, venue_ns)

    def _come_back(self) -> None:
        """The end of `restart`, unless the feed has become blind meanwhile: then its own gap goes on."""
        if not self._is_cut:
            return
        self._is_cut = False
        now_ns = self._clock.now_ns()
        self._send(GapEnded(now_ns, now_ns), (FeedRow(me.GAP_END, 0, 0),), now_ns, now_ns)
        rows = [FeedRow(me.CLEAR_BIDS, 0, 0), FeedRow(me.CLEAR_ASKS, _EVERY_ASK, 0)]
        rows += [FeedRow(me.BID, *level) for level in self._book.levels(Side.BUY)]
        rows += [FeedRow(me.ASK, *level) for level in self._book.levels(Side.SELL)]
        self._tell_book(rows, now_ns)

    def _end(self, why: str) -> None:
        """Nothing follows any more."""
        if not self._is_blind and not self._is_cut:
            self._tell_gap(self._clock.now_ns())
        self._failure = why
        self._is_blind = True
        self._is_cut = False
        if self._first_book is not None and not self._first_book.done():
            self._first_book.set_exception(VenueError(f"{self._name}: {why}", Reaction.STOP))
        self.on_end()
