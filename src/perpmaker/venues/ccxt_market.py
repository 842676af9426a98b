"""Market data of any exchange of ccxt with streams. It cannot trade: its object of ccxt has no keys.

Rules kept here:

1. ccxt hands over whole books; rows say what differs from the one before. Where it hands over few levels, a level that
   falls out of sight counts as gone.
2. An error of the book's or the trades' stream is a gap; it ends with the next whole book. The mark's stream may
   fail and come back without one: it is asked for again.
3. Trades from before the subscription are dropped: exchanges repeat their latest ones to whoever connects.
4. The mark comes from its own stream where the exchange has one, else from its funding rate or its ticker, every
   `MARK_S` seconds. With a funding rate comes its time: when that has passed, the rate it was given for is settled.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random
from typing import Any, Final

from perpmaker.domain.events import BookUpdated, GapEnded, GapStarted, MarkUpdated, TradeSeen
from perpmaker.domain.money import RATE_SCALE
from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me
from perpmaker.simulation.depth_book import DepthBook, Level
from perpmaker.simulation.player import FeedRow
from perpmaker.venues.backoff import Backoff
from perpmaker.venues.ccxt_exchange import asked, drop_streams, errors_of, make_exchange
from perpmaker.venues.ccxt_quirks import quirks_of
from perpmaker.venues.ccxt_terms import Contract, contract_of, find_market, least_cost, plain, terms_of
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.opening import Opening
from perpmaker.venues.port import ClockReading, MarketListener, MarketTerms
from perpmaker.venues.venue_clock import VenueClock

MARK_S: Final = 3.0

COMPARED_LEVELS: Final = 5

_MS: Final = 1_000_000
_NONE: Final = Level(0, 0)


class CcxtMarketSource:
    """`perpmaker.venues.port.MarketSource` for one linear perpetual of an exchange of ccxt.

    Args:
        exchange_id: ccxt's id, e.g. ``hyperliquid``.
        symbol: ccxt's or the exchange's own.
        clock: our clock.
        base_url: replaces scheme and host of all REST addresses (a testnet).
        ws_url: the same for websockets.
        random: for the waits between attempts to connect.
    """

    def __init__(
        self,
        exchange_id: str,
        symbol: str,
        clock: Clock,
        *,
        base_url: str | None = None,
        ws_url: str | None = None,
        random: Random | None = None,
    ) -> None:
        self.symbol: Final = symbol
        self.venue_clock: Final = VenueClock(clock)
        self.last_error: VenueError | None = None
        """What last went wrong on a stream."""
        self._clock = clock
        self._random = random or Random()  # noqa: S311 - spreads attempts to connect, hides nothing
        self._public = make_exchange(exchange_id, self.venue_clock, base_url=base_url, ws_url=ws_url)
        self._contract: Contract | None = None
        self._listener: MarketListener | None = None
        self._opening: Opening | None = None
        self._loops: list[asyncio.Task[None]] = []
        self._book = DepthBook()
        self._told = (_NONE, _NONE)
        self._is_blind = True
        self._has_book = False
        self._since_ms = 0
        self._funding: tuple[int, Decimal] | None = None

    @property
    def name(self) -> str:
        return str(self._public.id)

    async def market(self) -> MarketTerms:
        exchange = self._public
        await asked(exchange, exchange.load_markets(self._contract is not None))
        market = find_market(exchange, self.symbol)
        price = None
        if least_cost(market) and self._contract is None:
            ticker = await asked(exchange, exchange.fetch_ticker(market["symbol"]))
            with errors_of(exchange):
                price = Decimal(plain(ticker["last"]))
        with errors_of(exchange):
            if self._contract is None:
                self._contract = contract_of(exchange, market, price)
            return terms_of(market, self._contract)

    async def clock(self) -> ClockReading:
        exchange = self._public
        sent_ns = self._clock.now_ns()
        if not exchange.has["fetchTime"]:
            return ClockReading(sent_ns, sent_ns, sent_ns)  # it has no clock to be wrong by
        now_ms = await asked(exchange, quirks_of(exchange.id).time(exchange))
        reading = ClockReading(now_ms * _MS, sent_ns, self._clock.now_ns())
        self.venue_clock.correct(reading.offset_ns)
        return reading

    async def mark(self) -> int:
        """Of its ticker: the mark where the exchange tells one, else the last price."""
        contract = await self._known_contract()
        ticker = await asked(self._public, self._public.fetch_ticker(contract.symbol))
        price = ticker.get("markPrice") or ticker.get("last")
        if price is None:
            raise VenueError(f"{self.name} tells no price of {contract.symbol}: try again", Reaction.RETRY)
        return contract.instrument.price_to_milliticks(Decimal(plain(price)))

    async def open(self, listener: MarketListener) -> None:
        await self._known_contract()
        self._listener = listener
        self._opening = Opening(f"market data of {self.symbol}")
        self._start_loops()
        try:
            await self._opening.wait()
        except BaseException:
            await self._stop_loops()
            raise

    async def resnapshot(self) -> None:
        """Compare the best levels with a REST snapshot, before and after which the stream may have moved.

        ccxt's books do not say how far they have come, so an honest book can differ by what happened in between: only
        one that still has none of the snapshot's best prices a second later is taken anew.
        """
        contract = await self._known_contract()
        exchange = self._public
        with errors_of(exchange):
            fresh = self._levels(await exchange.fetch_order_book(contract.symbol))
        if not self._agrees(fresh):
            await asyncio.sleep(1.0)
        if self._is_blind:
            return  # the book is being taken anew already
        if self._agrees(fresh):
            self._tell(None, (), self.venue_clock.now_ns())
        else:
            await self.restart()

    async def restart(self) -> None:
        if self._loops:
            self._lose()
            await self._stop_loops()
            self._start_loops()

    async def close(self) -> None:
        await self._stop_loops()
        await self._public.close()

    async def _known_contract(self) -> Contract:
        if self._contract is None:
            await self.market()
        assert self._contract is not None
        return self._contract

    # --- loops ---

    def _start_loops(self) -> None:
        self._since_ms = self.venue_clock.now_ns() // _MS - 1_000
        loops: list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]] = [
            ("book", self._next_book),
            ("trades", self._next_trades),
            ("mark", self._next_mark),
        ]
        self._loops = [
            asyncio.create_task(self._repeat(name, step), name=f"{self.name} {name}") for name, step in loops
        ]

    async def _stop_loops(self) -> None:
        loops, self._loops = self._loops, []
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await drop_streams(self._public)

    async def _repeat(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        backoff = Backoff(self._random)
        while True:
            try:
                await step()
                backoff.reset()
            except VenueError as error:
                self.last_error = error
                if name != "mark":
                    self._lose()
                    if self._opening is not None:
                        self._opening.failed(error)
                await asyncio.sleep(backoff.next_s())

    async def _next_book(self) -> None:
        assert self._contract is not None
        with errors_of(self._public):
            book = await self._public.watch_order_book(self._contract.symbol)
            levels = self._levels(book)
        self._on_book(levels, _ns(book.get("timestamp"), self.venue_clock))

    async def _next_trades(self) -> None:
        assert self._contract is not None
        with errors_of(self._public):
            heard = await self._public.watch_trades(self._contract.symbol)
            new = [trade for trade in heard if trade["timestamp"] is None or trade["timestamp"] >= self._since_ms]
            read = [self._read_trade(trade) for trade in new]
        for trade in read:
            kind = me.BUY_TRADE if trade.aggressor is Side.BUY else me.SELL_TRADE
            self._tell(trade, (FeedRow(kind, trade.price_ticks, trade.lots),), trade.venue_ns)

    async def _next_mark(self) -> None:
        assert self._contract is not None
        exchange, symbol = self._public, self._contract.symbol
        is_pushed = bool(exchange.has.get("watchMarkPrice"))
        with errors_of(exchange):
            if is_pushed:
                found = await exchange.watch_mark_price(symbol)
            elif exchange.has.get("fetchFundingRate"):
                found = await exchange.fetch_funding_rate(symbol)
            else:
                found = await exchange.fetch_ticker(symbol)
            mark, rows = self._read_mark(found)
        if mark is not None:
            self._tell(mark, rows, mark.venue_ns)
        if not is_pushed:
            await asyncio.sleep(MARK_S)

    # --- what was heard ---

    def _levels(self, book: Any) -> dict[Side, dict[int, int]]:
        """Both sides, best first. Raises `ValueError` for what is not on the grid."""
        assert self._contract is not None
        ticks, lots = self._contract.ticks_of, self._contract.lots_of
        return {
            side: {ticks(level[0]): lots(level[1]) for level in book[name] if level[1]}
            for side, name in ((Side.BUY, "bids"), (Side.SELL, "asks"))
        }

    def _agrees(self, fresh: dict[Side, dict[int, int]]) -> bool:
        """Whether the book and a snapshot of it share a price among the best ones of each side."""
        return all(
            not levels or any(price in levels for price, _ in self._book.levels(side, COMPARED_LEVELS))
            for side, levels in fresh.items()
        )

    def _on_book(self, levels: dict[Side, dict[int, int]], venue_ns: int) -> None:
        if not levels[Side.BUY] and not levels[Side.SELL]:
            return  # ccxt has only been told that there is a book
        rows = []
        for side, kind in ((Side.BUY, me.BID), (Side.SELL, me.ASK)):
            before = dict(self._book.levels(side))
            now = levels[side]
            rows += [FeedRow(kind, price, 0) for price in before if price not in now]
            rows += [FeedRow(kind, price, lots) for price, lots in now.items() if before.get(price) != lots]
        if self._is_blind:
            self._end_gap(venue_ns)
        for row in rows:
            self._book.apply(*row)
        best = (self._book.best(Side.BUY) or _NONE, self._book.best(Side.SELL) or _NONE)
        event = None if best == self._told else BookUpdated(self._clock.now_ns(), venue_ns, *best[0], *best[1])
        self._told = best
        self._tell(event, rows, venue_ns)
        if self._opening is not None:
            self._opening.succeeded()

    def _read_trade(self, trade: dict[str, Any]) -> TradeSeen:
        assert self._contract is not None
        price, lots = self._contract.ticks_of(trade["price"]), self._contract.lots_of(trade["amount"])
        aggressor = {"buy": Side.BUY, "sell": Side.SELL}[trade["side"]]
        return TradeSeen(self._clock.now_ns(), _ns(trade["timestamp"], self.venue_clock), price, lots, aggressor)

    def _read_mark(self, found: dict[str, Any]) -> tuple[MarkUpdated | None, list[FeedRow]]:
        """The mark, and the rows of its message: a funding that has been settled meanwhile comes first."""
        assert self._contract is not None
        if found.get("markPrice") is None:
            return None, []
        mark = self._contract.instrument.price_to_milliticks(Decimal(plain(found["markPrice"])))
        event = MarkUpdated(self._clock.now_ns(), _ns(found.get("timestamp"), self.venue_clock), mark)
        return event, [*self._settled(found), FeedRow(me.MARK, mark, 0)]

    def _settled(self, found: dict[str, Any]) -> list[FeedRow]:
        before = self._funding
        at_ms, rate = found.get("fundingTimestamp"), found.get("fundingRate")
        self._funding = None if at_ms is None or rate is None else (int(at_ms), Decimal(plain(rate)))
        if before is None or self._funding is None or self._funding[0] <= before[0]:
            return []
        return [FeedRow(me.FUNDING, 0, int((before[1] * RATE_SCALE).to_integral_value(ROUND_HALF_EVEN)))]

    # --- telling ---

    def _lose(self) -> None:
        if self._is_blind:
            return
        self._is_blind = True
        now, venue_ns = self._clock.now_ns(), self.venue_clock.now_ns()
        self._tell(GapStarted(now, venue_ns), (FeedRow(me.GAP_START, 0, 0),), venue_ns)
        self._book.clear()

    def _end_gap(self, venue_ns: int) -> None:
        if self._has_book:
            self._tell(GapEnded(self._clock.now_ns(), venue_ns), (FeedRow(me.GAP_END, 0, 0),), venue_ns)
        self._is_blind = False
        self._has_book = True
        self._told = (_NONE, Level(-1, -1))  # a whole book is always told

    def _tell(self, event: Any, rows: Any, venue_ns: int) -> None:
        """The first thing that is told is a whole book."""
        assert self._listener is not None
        if not self._has_book:
            return
        self._listener.on_market(event, rows, self._clock.now_ns(), venue_ns)


def _ns(timestamp: Any, clock: VenueClock) -> int:
    """Milliseconds of ccxt in ns; the venue's clock where there are none."""
    return clock.now_ns() if timestamp is None else int(timestamp) * _MS
