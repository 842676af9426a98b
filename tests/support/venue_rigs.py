"""Every venue that can run here, each on the market of `contract_market`, with a hand behind the scenes.

    async with RIGS["simulation"]() as rig:
        await rig.start()
        await rig.venue.place([...])

Used in virtual time (`support.virtual_time`). What a venue cannot have is None: who trades on a simulated account of
ours but we, and how would it not answer?
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pydantic import SecretStr

from perpmaker.domain.orders import Side
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.faults import Fault, FaultKind
from perpmaker.testnet.server import TestnetServer
from perpmaker.testnet.terms import TestnetTerms
from perpmaker.venues.backpack.market_source import BackpackMarketSource
from perpmaker.venues.backpack.venue import BackpackVenue
from perpmaker.venues.ccxt_market import CcxtMarketSource
from perpmaker.venues.ccxt_venue import CcxtVenue
from perpmaker.venues.clock import Clock
from perpmaker.venues.credentials import Credentials
from perpmaker.venues.feed_source import FeedSource
from perpmaker.venues.paper import PaperTerms, PaperVenue
from perpmaker.venues.port import MarketSource, Venue
from support.contract_market import INSTRUMENT, ContractMarket
from support.listeners import HeardAccount, HeardMarket
from support.virtual_time import virtual_clock

BALANCE = Decimal(10_000)
MAKER_FEE_PPB = 200_000
TAKER_FEE_PPB = 500_000
SYMBOL = INSTRUMENT.symbol

_PAPER = PaperTerms(
    balance=BALANCE,
    leverage=Decimal(20),
    maker_fee=Decimal("0.0002"),
    taker_fee=Decimal("0.0005"),
    order_latency_ns=5_000_000,
)
_TESTNET = TestnetTerms(maker_fee_ppb=MAKER_FEE_PPB, taker_fee_ppb=TAKER_FEE_PPB, balance=BALANCE, leverage=Decimal(20))


@dataclass
class Rig:
    """A venue and what a test does to it.

    ``lose_streams`` cuts the public stream (and the private one); ``other_symbol`` makes the venue's source for
    another symbol; ``rest_foreign`` lets somebody else rest an order on the account and returns the venue's id;
    ``trade_foreign`` lets somebody else change the position; ``outage`` is a block in which no question is answered.
    """

    venue: Venue
    clock: Clock
    lose_streams: Callable[[], Awaitable[None]]
    other_symbol: Callable[[str], MarketSource] | None = None
    rest_foreign: Callable[[Side, int, int], str] | None = None
    trade_foreign: Callable[[int], None] | None = None
    outage: Callable[[], AbstractContextManager[None]] | None = None
    heard: HeardMarket = field(default_factory=HeardMarket)
    told: HeardAccount = field(default_factory=HeardAccount)

    async def start(self, tag: int = 7) -> None:
        await self.venue.market()
        await self.venue.clock()
        self.venue.begin_run(tag)
        await self.venue.open_account(self.told)
        await self.venue.open(self.heard)


@asynccontextmanager
async def closing(source: MarketSource) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await source.close()


@asynccontextmanager
async def simulation() -> AsyncIterator[Rig]:
    """The simulated exchange on a feed that is played."""
    clock = virtual_clock()
    venue = PaperVenue(FeedSource(ContractMarket(), clock), _PAPER, clock)
    async with closing(venue):
        yield Rig(venue, clock, venue.restart)


@asynccontextmanager
async def served_testnet() -> AsyncIterator[TestnetServer]:
    """A Backpack of our own on the same market, with one account."""
    testnet = Testnet(ContractMarket(), _TESTNET, virtual_clock(), seed=1, accounts=1)
    async with TestnetServer(testnet, seed=1) as server:
        yield server


def drop_streams(server: TestnetServer) -> Callable[[], Awaitable[None]]:
    async def drop() -> None:
        server.faults.begin(Fault(FaultKind.STREAM_DROPPED))

    return drop


@asynccontextmanager
async def paper() -> AsyncIterator[Rig]:
    """Paper trading on the public data of the testnet."""
    async with served_testnet() as server:
        clock = virtual_clock()
        urls = {"base_url": server.base_url, "ws_url": server.ws_url}
        venue = PaperVenue(BackpackMarketSource(SYMBOL, clock, **urls), _PAPER, clock)
        async with closing(venue):
            yield Rig(
                venue,
                clock,
                drop_streams(server),
                other_symbol=lambda symbol: BackpackMarketSource(symbol, clock, **urls),
            )


def behind_the_scenes(server: TestnetServer) -> dict[str, Any]:
    """What somebody else can do on the testnet's account."""
    testnet = server.testnet
    return {
        "lose_streams": drop_streams(server),
        "rest_foreign": lambda side, price, lots: str(testnet.place_foreign_order("1", side, price, lots)),
        "trade_foreign": lambda change_lots: testnet.trade_elsewhere("1", change_lots),
        "outage": lambda: server.faults.during(FaultKind.SERVER_ERROR, 503),
    }


def keys_of(server: TestnetServer) -> Credentials:
    """The keys of the testnet's account."""
    keys = server.testnet.accounts["1"].keys
    return Credentials(api_key=SecretStr(keys.public), secret=SecretStr(keys.secret))


@asynccontextmanager
async def backpack() -> AsyncIterator[Rig]:
    """Live trading on the testnet."""
    async with served_testnet() as server:
        clock = virtual_clock()
        urls = {"base_url": server.base_url, "ws_url": server.ws_url}
        venue = BackpackVenue(SYMBOL, keys_of(server), clock, **urls)
        async with closing(venue):
            yield Rig(
                venue,
                clock,
                other_symbol=lambda symbol: BackpackMarketSource(symbol, clock, **urls),
                **behind_the_scenes(server),
            )


@asynccontextmanager
async def ccxt_backpack() -> AsyncIterator[Rig]:
    """Live trading on the testnet through ccxt."""
    async with served_testnet() as server:
        clock = virtual_clock()
        urls = {"base_url": server.base_url, "ws_url": server.ws_url}
        venue = CcxtVenue("backpack", SYMBOL, keys_of(server), clock, **urls)
        async with closing(venue):
            yield Rig(
                venue,
                clock,
                other_symbol=lambda symbol: CcxtMarketSource("backpack", symbol, clock, **urls),
                **behind_the_scenes(server),
            )


RIGS: dict[str, Callable[[], AbstractAsyncContextManager[Rig]]] = {
    "simulation": simulation,
    "paper": paper,
    "backpack": backpack,
    "ccxt": ccxt_backpack,
}
