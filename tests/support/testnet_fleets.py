"""Fleets of live markets on one account of a testnet, in one process and in virtual time, as a file would run them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

from perpmaker.cli.fleet import FleetMarket
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES, MarketProfile
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.server import TestnetServer
from perpmaker.testnet.terms import TestnetTerms
from perpmaker.venues.backpack.pool import BackpackPool
from perpmaker.venues.backpack.venue import BackpackVenue
from perpmaker.venues.clock import Clock
from support.live_sessions import credentials_of, request, wires

SOL: MarketProfile = replace(
    PROFILES["SOL_USDC_PERP"], visits_per_s=9.0, trades_per_s=4.0, volatility_bp=14.0, touch_lots=4_000.0
)
"""Few messages and much movement: fills come within seconds, and a run of minutes stays small."""

ETH: MarketProfile = replace(
    SOL,
    instrument=Instrument("ETH_USDC_PERP", "ETH", "USDC", Decimal("0.1"), Decimal("0.001"), Decimal("0.001")),
    price=Decimal(3_000),
)
"""The same on another grid: what is taken for the other market's does not fit this one's."""

MARKETS: Mapping[str, MarketProfile] = {"sol": SOL, "eth": ETH}

SIZES: Mapping[str, dict[str, Any]] = {
    "sol": {},
    "eth": {"quantity": Decimal("0.01"), "max_position": Decimal("0.05"), "position_threshold": Decimal("0.01")},
}
"""Over those of `BUSY`."""


@asynccontextmanager
async def two_markets(clock: Clock, *, speed: float = 1.0, **terms: Any) -> AsyncIterator[TestnetServer]:
    """A testnet of SOL and ETH with one account."""
    feeds = [SyntheticMarket(profile, seed) for seed, profile in enumerate(MARKETS.values(), start=7)]
    testnet = Testnet(feeds[0], TestnetTerms(speed=speed, **terms), clock, seed=1)
    testnet.open_market(feeds[1])
    async with TestnetServer(testnet) as server:
        yield server


def market_on(server: TestnetServer, name: str) -> Testnet:
    """The market of the testnet that the fleet calls so."""
    return server.testnet.markets[list(MARKETS).index(name)]


def live_market(name: str, server: TestnetServer, clock: Clock, pool: BackpackPool, **settings: Any) -> FleetMarket:
    """One of `MARKETS`, live on the testnet's account."""
    asked, symbol = wires(server), MARKETS[name].instrument.symbol
    keys = credentials_of(server.testnet.accounts["1"])
    venue = BackpackVenue(symbol, keys, clock, base_url=server.base_url, ws_url=server.ws_url, pool=pool)
    wanted = replace(request(wires=asked, **{**SIZES[name], **settings}), symbol=symbol)
    return FleetMarket(name=name, request=wanted, wires=asked, venue=venue)
