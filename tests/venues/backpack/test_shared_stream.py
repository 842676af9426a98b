"""Two markets of one process on one public websocket and one of the account, at a testnet: each hears its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec
import pytest

from perpmaker.domain.commands import Place
from perpmaker.domain.events import Filled, GapEnded, GapStarted, OrderAccepted
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.testnet.faults import Fault, FaultKind
from perpmaker.testnet.server import TestnetServer
from perpmaker.venues.backoff import Backoff
from perpmaker.venues.backpack.pool import BackpackPool
from perpmaker.venues.backpack.shared_stream import SharedStream, Subscription
from perpmaker.venues.backpack.venue import BackpackVenue
from perpmaker.venues.errors import VenueError
from perpmaker.venues.guarded import ListenerFailedError
from perpmaker.venues.port import Accepted
from support.listeners import HeardAccount, HeardMarket
from support.live_sessions import credentials_of
from support.testnet_fleets import MARKETS, market_on, two_markets
from support.virtual_time import LoopClock, run_virtual, virtual_clock


@dataclass
class Desk:
    """One market of the two, and all that was heard of it."""

    venue: BackpackVenue
    heard: HeardMarket
    told: HeardAccount

    @property
    def gaps(self) -> tuple[int, int]:
        """Begun, ended."""
        return len(self.heard.events(GapStarted)), len(self.heard.events(GapEnded))


class Trading:
    """A testnet of two markets, and the desks that share a pool."""

    def __init__(self, server: TestnetServer, clock: LoopClock, stack: AsyncExitStack) -> None:
        self.server = server
        self.pool = BackpackPool()
        self._clock = clock
        self._stack = stack
        stack.push_async_callback(self.pool.close)

    async def open(self, name: str, tag: int = 7) -> Desk:
        keys = credentials_of(self.server.testnet.accounts["1"])
        venue = BackpackVenue(
            MARKETS[name].instrument.symbol,
            keys,
            self._clock,
            base_url=self.server.base_url,
            ws_url=self.server.ws_url,
            random=Random(1),
            pool=self.pool,
        )
        self._stack.push_async_callback(venue.close)
        desk = Desk(venue, HeardMarket(), HeardAccount())
        await venue.market()
        venue.begin_run(tag)
        await venue.open_account(desk.told)
        await venue.open(desk.heard)
        return desk

    @property
    def connections(self) -> int:
        return len(list(self.server.streams.subscribers))

    def is_right(self, name: str, desk: Desk) -> bool:
        """Whether the book is the exchange's own."""
        book = market_on(self.server, name).book
        return all(dict(desk.heard.book.levels(side)) == dict(book.levels(side)) for side in Side)


@asynccontextmanager
async def trading() -> AsyncIterator[Trading]:
    clock = virtual_clock()
    async with two_markets(clock) as server, AsyncExitStack() as stack:
        yield Trading(server, clock, stack)


def both(story: Callable[[Trading, Desk, Desk], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with trading() as at:
            sol, eth = await at.open("sol"), await at.open("eth", 8)
            await story(at, sol, eth)

    run_virtual(run)


def take(order_id: int, side: Side, lots: int) -> Place:
    return Place(order_id, side, 0, lots, OrderKind.MARKET, post_only=False, reduce_only=False)


def test_two_markets_of_an_account_have_one_public_and_one_private_websocket() -> None:
    async def story(at: Trading, sol: Desk, eth: Desk) -> None:
        assert at.connections == 2
        await asyncio.sleep(10)
        for name, desk in (("sol", sol), ("eth", eth)):
            assert len(desk.heard.messages) > 20
            assert at.is_right(name, desk)
            assert desk.gaps == (0, 0)

    both(story)


def test_they_are_closed_by_the_last_who_leaves() -> None:
    async def story(at: Trading, sol: Desk, eth: Desk) -> None:
        await sol.venue.close()
        heard = len(sol.heard.messages)
        await asyncio.sleep(10)
        assert len(sol.heard.messages) == heard
        assert at.connections == 2
        assert eth.gaps == (0, 0)
        assert at.is_right("eth", eth)
        await eth.venue.close()
        await asyncio.sleep(1)
        assert at.connections == 0

    both(story)


def test_who_comes_later_disturbs_nobody_and_may_come_again() -> None:
    async def run() -> None:
        async with trading() as at:
            sol = await at.open("sol")
            for _ in range(2):
                await asyncio.sleep(5)
                eth = await at.open("eth", 8)
                await asyncio.sleep(5)
                assert at.is_right("eth", eth)
                await eth.venue.close()
            assert sol.gaps == (0, 0)
            assert sol.told.stream == []
            assert at.is_right("sol", sol)

    run_virtual(run)


def test_orders_fills_and_positions_reach_their_own_market_only() -> None:
    async def story(_: Trading, sol: Desk, eth: Desk) -> None:
        (answer,) = await eth.venue.place([take(1, Side.BUY, 20)])
        assert isinstance(answer, Accepted)
        await eth.told.until(lambda: sum(fill.lots for fill in eth.told.of(Filled)) == 20)
        await sol.venue.place([take(1, Side.SELL, 30)])
        await sol.told.until(lambda: sum(fill.lots for fill in sol.told.of(Filled)) == 30)
        await asyncio.sleep(1)
        for desk, lots in ((sol, -30), (eth, 20)):
            assert len(desk.told.of(OrderAccepted)) == 1
            assert desk.told.foreign == []
            assert desk.told.positions[-1] == lots

    both(story)


def test_a_connection_that_breaks_is_a_gap_of_both_and_comes_back_for_both() -> None:
    async def story(at: Trading, sol: Desk, eth: Desk) -> None:
        await asyncio.sleep(5)
        at.server.faults.begin(Fault(FaultKind.STREAM_DROPPED))
        for name, desk in (("sol", sol), ("eth", eth)):
            await desk.heard.until(lambda desk=desk: desk.gaps == (1, 1))
            await desk.told.until(lambda desk=desk: desk.told.stream == [False, True])
            await asyncio.sleep(2)
            assert at.is_right(name, desk)
        assert at.connections == 2

    both(story)


def test_a_book_that_is_lost_is_a_gap_of_its_own_market() -> None:
    async def story(at: Trading, sol: Desk, eth: Desk) -> None:
        await asyncio.sleep(5)
        feed = eth.venue._feed
        assert feed is not None
        feed.lose()
        eth.venue._start_resync()
        await eth.heard.until(lambda: eth.gaps == (1, 1))
        await asyncio.sleep(2)
        assert at.is_right("eth", eth)
        assert sol.gaps == (0, 0)

    both(story)


@pytest.mark.parametrize("error", [ValueError("no number"), msgspec.DecodeError("no json")])
def test_a_message_that_cannot_be_read_costs_its_own_market_a_gap_and_nobody_else(error: Exception) -> None:
    async def story(at: Trading, sol: Desk, eth: Desk) -> None:
        await asyncio.sleep(5)
        name = f"depth.{eth.venue.symbol}"
        right = eth.venue._readers[name]

        def wrong(_: msgspec.Raw) -> None:
            eth.venue._readers[name] = right
            raise error

        eth.venue._readers[name] = wrong
        await eth.heard.until(lambda: eth.gaps == (1, 1))
        await asyncio.sleep(2)
        assert at.is_right("eth", eth)
        assert "cannot be read" in str(eth.venue.last_error)
        assert sol.gaps == (0, 0)
        assert sol.told.stream == eth.told.stream == []
        assert at.connections == 2

    both(story)


def test_a_silence_that_others_do_not_share_is_answered_without_them() -> None:
    async def story(at: Trading, sol: Desk, eth: Desk) -> None:
        await asyncio.sleep(5)
        await eth.venue.restart()
        await eth.heard.until(lambda: eth.gaps == (1, 1))
        await eth.told.until(lambda: eth.told.stream == [False, True])
        await asyncio.sleep(2)
        assert at.is_right("eth", eth)
        assert sol.gaps == (0, 0)
        assert sol.told.stream == []

    both(story)


def test_a_silence_of_all_is_answered_by_new_connections() -> None:
    async def story(at: Trading, sol: Desk, eth: Desk) -> None:
        await asyncio.sleep(5)
        old = list(at.server.streams.subscribers)
        with at.server.faults.during(FaultKind.STREAM_STALE):
            await asyncio.sleep(5)
            await eth.venue.restart()
            await asyncio.sleep(5)
            for name, desk in (("sol", sol), ("eth", eth)):
                assert desk.gaps == (1, 1)
                assert desk.told.stream == [False, True]
                assert at.is_right(name, desk)
        assert not set(old) & set(at.server.streams.subscribers)

    both(story)


def test_who_listens_and_fails_loses_its_own_streams_only() -> None:
    async def story(at: Trading, sol: Desk, eth: Desk) -> None:
        reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))

        def boom(*_: Any) -> None:
            raise RuntimeError("a bug of this market")

        eth.heard.on_market = boom  # type: ignore[method-assign]
        await asyncio.sleep(10)
        assert [type(error) for error in reported] == [ListenerFailedError]
        assert sol.gaps == (0, 0)
        assert at.is_right("sol", sol)
        await eth.venue.restart()  # raises nothing

    both(story)


def test_streams_that_are_refused_are_tried_again_and_again_while_others_are_heard() -> None:
    async def run() -> None:
        async with trading() as at:
            sol = await at.open("sol")
            refused: list[VenueError] = []
            unknown = Subscription(
                names=["depth.DOGE_USDC_PERP"],
                on_message=lambda *_: None,
                on_up=lambda: pytest.fail("there is no such market"),
                on_down=lambda: pytest.fail("it never was up"),
                on_failed=refused.append,
                backoff=Backoff(Random(1)),
            )
            stream: SharedStream = at.pool.stream(at.server.ws_url, Random(1))
            stream.join(unknown)
            await asyncio.sleep(30)
            assert len(refused) > 5
            assert all("Invalid stream" in str(error) for error in refused)
            eth = await at.open("eth", 8)
            await asyncio.sleep(5)
            for name, desk in (("sol", sol), ("eth", eth)):
                assert desk.gaps == (0, 0)
                assert at.is_right(name, desk)
            await stream.leave(unknown)
            refused.clear()
            await asyncio.sleep(10)
            assert refused == []

    run_virtual(run)
