"""Live sessions against the testnet, both in one process and in virtual time, as the command line would run them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.live_session import LiveSession
from perpmaker.cli.request import Request, SimulationSettings, View, WireSettings
from perpmaker.journal.writer import Journal
from perpmaker.maker.settings import StrategySettings
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
from perpmaker.simulation.terms import QueueModel
from perpmaker.testnet.account import Account
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.server import TestnetServer
from perpmaker.testnet.terms import TestnetTerms
from perpmaker.venues.backpack.venue import BackpackVenue
from perpmaker.venues.clock import Clock
from perpmaker.venues.credentials import Credentials
from support.live_runs import BUSY

SYMBOL = "SOL_USDC_PERP"

SIMULATION = SimulationSettings(
    balance=Decimal(10_000),
    leverage=Decimal(10),
    maker_fee=Decimal("0.0002"),
    taker_fee=Decimal("0.0005"),
    feed_latency_ns=10_000_000,
    order_latency_ns=10_000_000,
    queue_model=QueueModel.RISK_AVERSE,
)


@asynccontextmanager
async def running_testnet(
    clock: Clock, *, speed: float = 5.0, seed: int = 7, **terms: Any
) -> AsyncIterator[TestnetServer]:
    """A testnet on the synthetic market, with two accounts."""
    feed = SyntheticMarket(PROFILES[SYMBOL], seed)
    exchange = Testnet(feed, TestnetTerms(speed=speed, **terms), clock, seed=1, accounts=2)
    async with TestnetServer(exchange) as server:
        yield server


def credentials_of(account: Account) -> Credentials:
    return Credentials(api_key=SecretStr(account.keys.public), secret=SecretStr(account.keys.secret))


def venue_on(server: TestnetServer, clock: Clock, account: str = "1") -> BackpackVenue:
    """The account on the testnet, as a live run would trade it."""
    keys = credentials_of(server.testnet.accounts[account])
    return BackpackVenue(SYMBOL, keys, clock, base_url=server.base_url, ws_url=server.ws_url)


def request(*, wires: WireSettings, view: View = View.NONE, summary: Path | None = None, **settings: Any) -> Request:
    """What a command line would ask for; ``settings`` over those of `BUSY`."""
    return Request(
        symbol=SYMBOL,
        strategy=StrategySettings(**{**BUSY, "duration_s": Decimal(60), **settings}),
        simulation=SIMULATION,
        wires=wires,
        speed=float("inf"),
        summary=summary,
        journal=None,
        view=view,
        command_line="perpmaker run",
        notes=[],
    )


def wires(server: TestnetServer, *, is_live: bool = True, **changes: Any) -> WireSettings:
    """The testnet in Backpack's place."""
    values: dict[str, Any] = {
        "exchange": "backpack",
        "is_live": is_live,
        "base_url": server.base_url,
        "ws_url": server.ws_url,
        "max_book_age_ns": 5_000_000_000,
        "is_account_shared": False,
        "max_daily_loss": Decimal(0),
        "record": None,
    }
    return WireSettings(**{**values, **changes})


def live_session(
    server: TestnetServer,
    clock: Clock,
    journal: Journal | None,
    *,
    wire_changes: dict[str, Any] | None = None,
    venue: BackpackVenue | None = None,
    **more: Any,
) -> LiveSession:
    """A live run on the testnet's first account, not started yet."""
    asked = wires(server, **(wire_changes or {}))
    venue = venue or venue_on(server, clock)
    return LiveSession(request(wires=asked, **more), asked, venue, clock, journal, random_below=_first)


async def played(
    server: TestnetServer, clock: Clock, journal: Journal | None, **more: Any
) -> tuple[ExitCode, LiveSession]:
    """A live run from start to end, its connections closed."""
    venue = venue_on(server, clock)
    session = live_session(server, clock, journal, venue=venue, **more)
    try:
        return await session.play(), session
    finally:
        await venue.close()


def _first(_below: int) -> int:
    return 0
