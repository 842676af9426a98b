"""Backpack's market data: what paper trading and recording need, and half of what live trading needs.

Rules kept here:

1. No keys, no way to an order: requests go through `PublicHttp`, and the stream subscribes to public names only.
2. The book is a snapshot and sequenced updates (`perpmaker.venues.backpack.depth`). Whatever is doubtful about it is
   told as a gap, and a new snapshot is asked for until one fits.
3. What cannot be read ends the stream, which is a gap: nothing is guessed and nothing is skipped.
"""

import asyncio
import contextlib
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Final

import msgspec

from perpmaker.venues.backoff import Backoff
from perpmaker.venues.backpack.depth import Doubt
from perpmaker.venues.backpack.errors import unreadable
from perpmaker.venues.backpack.feed import Feed
from perpmaker.venues.backpack.http import BASE_URL, PublicHttp, PublicPath
from perpmaker.venues.backpack.pool import BackpackPool
from perpmaker.venues.backpack.shared_stream import SharedStream, Subscription
from perpmaker.venues.backpack.stream import WS_URL
from perpmaker.venues.backpack.terms import Grid, grid_of, read_market, unknown_symbol, venue_symbol
from perpmaker.venues.backpack.wire import Depth, DepthUpdate, MarkOfMarket, MarkPrice, PublicTrade, reader
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import VenueError
from perpmaker.venues.guarded import GuardedMarket
from perpmaker.venues.network_errors import network_error
from perpmaker.venues.opening import Opening
from perpmaker.venues.port import ClockReading, MarketListener, MarketTerms
from perpmaker.venues.venue_clock import VenueClock

NAME: Final = "backpack"

CATCH_UP_S: Final = 1.0
"""How far the stream may lag behind a snapshot that it is compared with."""

SNAPSHOT_S: Final = 3.0
"""How long a snapshot may take: while it is waited for, nothing is quoted."""

_DEPTH_LIMIT: Final = "1000"
_NO_SUCH_SYMBOL: Final = ("INVALID_SYMBOL", "INVALID_MARKET", "RESOURCE_NOT_FOUND", "INVALID_CLIENT_REQUEST")

_DEPTH_UPDATE: Final = reader(DepthUpdate)
_TRADE: Final = reader(PublicTrade)
_MARK: Final = reader(MarkPrice)
_MARK_PRICES: Final = reader(list[MarkOfMarket])
_DEPTH: Final = reader(Depth)


class BackpackMarketSource:
    """`perpmaker.venues.port.MarketSource` for one market of Backpack.

    Args:
        symbol: ``SOL_USDC_PERP`` or ccxt's ``SOL/USDC:USDC``.
        clock: our clock.
        base_url: REST address (the testnet's, if not the exchange's own).
        ws_url: websocket address.
        random: for the waits between attempts to connect.
        pool: connections that other markets use, too; its own if not given.
    """

    def __init__(
        self,
        symbol: str,
        clock: Clock,
        *,
        base_url: str = BASE_URL,
        ws_url: str = WS_URL,
        random: Random | None = None,
        pool: BackpackPool | None = None,
    ) -> None:
        self.symbol: Final = venue_symbol(symbol)
        self.venue_clock: Final = VenueClock(clock)
        self.last_error: VenueError | None = None
        """What last went wrong on a stream or with a snapshot; for whoever has to say why there is no market data."""
        self._clock = clock
        self._random = random or Random()  # noqa: S311 - spreads attempts to connect, hides nothing
        self._pool = pool or BackpackPool()
        self._is_own_pool = pool is None
        self._http = PublicHttp(base_url, pool=self._pool.http)
        self._terms: MarketTerms | None = None
        self._grid: Grid | None = None
        self._feed: Feed | None = None
        self._stream: SharedStream = self._pool.stream(ws_url, self._random)
        self._subscription: Subscription | None = None
        self._opening: Opening | None = None
        self._resync: asyncio.Task[None] | None = None
        self._readers: dict[str, Callable[[msgspec.Raw], None]] = {}

    @property
    def name(self) -> str:
        return NAME

    async def market(self) -> MarketTerms:
        """Look the market up, anew each time: its state changes."""
        try:
            body = await self._http.get(PublicPath.MARKET, symbol=self.symbol)
        except VenueError as error:
            if error.code not in _NO_SUCH_SYMBOL:
                raise
            raise unknown_symbol(self.symbol, await self._http.get(PublicPath.MARKETS)) from error
        self._terms = read_market(body)
        self._grid = grid_of(self._terms.instrument)
        return self._terms

    async def clock(self) -> ClockReading:
        sent_ns = self._clock.now_ns()
        body = await self._http.get(PublicPath.TIME)
        received_ns = self._clock.now_ns()
        text = body.strip()
        if not text.isdigit():
            raise unreadable("its time", ValueError(repr(text[:40])), is_change=False)
        reading = ClockReading(int(text) * 1_000_000, sent_ns, received_ns)
        self.venue_clock.correct(reading.offset_ns)
        return reading

    async def mark(self) -> int:
        grid = await self._known_grid()
        body = await self._http.get(PublicPath.MARK_PRICES, symbol=self.symbol)
        try:
            found = next(mark for mark in _MARK_PRICES.decode(body) if mark.symbol == self.symbol)
            return grid.instrument.price_to_milliticks(Decimal(found.mark_price))
        except (msgspec.DecodeError, ArithmeticError, StopIteration) as error:
            raise unreadable("a mark price", error, is_change=False) from error

    async def open(self, listener: MarketListener) -> None:
        feed = Feed(await self._known_grid(), self._clock, GuardedMarket(listener))
        self._feed = feed
        self._readers = {
            f"depth.{self.symbol}": lambda data: self._on_depth(_DEPTH_UPDATE.decode(data)),
            f"trade.{self.symbol}": lambda data: feed.on_trade(_TRADE.decode(data)),
            f"markPrice.{self.symbol}": lambda data: feed.on_mark(_MARK.decode(data)),
        }
        self._opening = Opening(f"market data of {self.symbol}")
        self._subscription = Subscription(
            names=list(self._readers),
            on_message=lambda stream, data: self._readers[stream](data),
            on_up=self._start_resync,
            on_down=self._on_down,
            on_failed=self._on_failed,
            backoff=Backoff(self._random),
        )
        self._stream.join(self._subscription)
        try:
            await self._opening.wait()
        except BaseException:
            await self._close_streams()
            raise

    async def resnapshot(self) -> None:
        feed = self._feed
        if feed is None or feed.is_blind:
            return  # the book is being taken anew already
        feed.remember()
        try:
            depth = await self._depth()
            found = self._doubt(feed, depth)
            if found is Doubt.BEHIND:
                await asyncio.sleep(CATCH_UP_S)
                found = self._doubt(feed, depth)
        finally:
            feed.forget()
        if found is not Doubt.RIGHT and not feed.is_blind:
            feed.lose()
            self._start_resync()

    async def restart(self) -> None:
        self._restart_market(alone=self._is_alone_silent)

    @property
    def _is_alone_silent(self) -> bool:
        """Whether the connection speaks to other markets: then another one would help nobody, and cost them a gap."""
        return self._subscription is not None and self._stream.speaks_to_others(self._subscription)

    def _restart_market(self, *, alone: bool) -> None:
        if self._subscription is not None:
            self._stream.restart(self._subscription, alone=alone)

    async def close(self) -> None:
        await self._close_streams()
        if self._is_own_pool:
            await self._pool.close()

    async def _close_streams(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            await self._stream.leave(subscription)
        resync, self._resync = self._resync, None
        if resync is not None:
            resync.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await resync

    async def _known_grid(self) -> Grid:
        if self._grid is None:
            await self.market()
        assert self._grid is not None
        return self._grid

    # --- the stream ---

    def _on_depth(self, message: DepthUpdate) -> None:
        assert self._feed is not None
        self._feed.on_depth(message)
        if self._feed.is_blind and (self._resync is None or self._resync.done()):
            self._start_resync()

    def _on_down(self) -> None:
        assert self._feed is not None
        self._feed.lose()

    def _on_failed(self, error: VenueError) -> None:
        self.last_error = error
        if self._opening is not None:
            self._opening.failed(error)

    # --- the book ---

    def _start_resync(self) -> None:
        """Ask for snapshots until the book is whole; what was asked for before is forgotten."""
        if self._resync is not None:
            self._resync.cancel()
        self._resync = asyncio.create_task(self._take_snapshots(), name=f"snapshot of {self.symbol}")

    async def _take_snapshots(self) -> None:
        feed, opening = self._feed, self._opening
        assert feed is not None
        assert opening is not None
        backoff = Backoff(self._random)
        while True:
            try:
                if self._is_taken(feed, await self._depth()):
                    opening.succeeded()
                    return
            except VenueError as error:
                self._on_failed(error)
            await asyncio.sleep(backoff.next_s())

    async def _depth(self) -> Depth:
        try:
            async with asyncio.timeout(SNAPSHOT_S):
                body = await self._http.get(PublicPath.DEPTH, symbol=self.symbol, limit=_DEPTH_LIMIT)
        except TimeoutError as error:
            raise network_error(self._http.host, error, is_change=False) from error
        try:
            return _DEPTH.decode(body)  # type: ignore[no-any-return]  # its type is that of the decoder
        except msgspec.DecodeError as error:
            raise unreadable("a book", error, is_change=False) from error

    @staticmethod
    def _is_taken(feed: Feed, depth: Depth) -> bool:
        try:
            return feed.take(depth)
        except ValueError as error:
            raise unreadable("a book", error, is_change=False) from error

    @staticmethod
    def _doubt(feed: Feed, depth: Depth) -> Doubt:
        try:
            return feed.doubt(depth)
        except ValueError as error:
            raise unreadable("a book", error, is_change=False) from error
