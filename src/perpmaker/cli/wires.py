"""Opens a real exchange for a run: the account itself when it is live, its market and the simulated exchange on paper.

Rules kept here:

1. Paper is made of a market source and the simulated exchange; keys are neither read nor asked for.
2. Whatever happens, connections and journal are closed on the way out.
3. Markets of one process share what they can: keys are read once for each exchange, Backpack's connections are one
   pool (`perpmaker.venues.backpack.pool`).
"""

import asyncio
import gc
from contextlib import AsyncExitStack

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.live_session import LiveSession
from perpmaker.cli.onlookers import Onlookers
from perpmaker.cli.output_file import check_writable
from perpmaker.cli.request import NO_JOURNAL, Request, SimulationSettings, WireSettings
from perpmaker.data.choice import DEFAULT_SYMBOL
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.journal.writer import open_journal
from perpmaker.venues.backpack.market_source import NAME as BACKPACK
from perpmaker.venues.backpack.pool import BackpackPool
from perpmaker.venues.clock import Clock, SystemClock
from perpmaker.venues.credentials import Credentials, load_credentials
from perpmaker.venues.paper import PaperTerms, PaperVenue
from perpmaker.venues.port import Venue
from perpmaker.venues.redaction import install_redaction
from perpmaker.venues.registry import ccxt_id, credentials_name, open_source, open_venue


def run_live_session(request: Request, wires: WireSettings) -> ExitCode:
    """Run it, tell about it, and say how it ended.

    Raises:
        UserError: what was asked for cannot be done; nothing was started.
    """
    check_writable(request.summary)
    return asyncio.run(_open_and_play(request, wires, SystemClock()))


class SharedWires:
    """What all markets of a process have in common (rule 3)."""

    def __init__(self) -> None:
        self.pool = BackpackPool()
        self._credentials: dict[str, Credentials] = {}

    def credentials(self, exchange: str) -> Credentials:
        """The keys of an exchange. Raises `CredentialsError`."""
        name = credentials_name(exchange)
        if name not in self._credentials:
            self._credentials[name] = load_credentials(name)
            install_redaction(self._credentials[name])
        return self._credentials[name]

    async def close(self) -> None:
        await self.pool.close()


def set_aside() -> None:
    """Keep what is loaded by now out of the garbage collector's way.

    A full collection looks at every object of every library, and would keep a decision waiting for that long.
    """
    gc.collect()
    gc.freeze()


async def _open_and_play(request: Request, wires: WireSettings, clock: Clock) -> ExitCode:
    async with AsyncExitStack() as stack:
        shared = SharedWires()
        stack.push_async_callback(shared.close)
        venue = open_wires(request, wires, clock, shared)
        stack.push_async_callback(venue.close)
        journal = None
        if request.journal != NO_JOURNAL:
            journal = stack.enter_context(open_journal(request.journal))
        onlookers = stack.enter_context(Onlookers(request.watching, clock, request.journal))
        session = LiveSession(request, wires, venue, clock, journal, onlookers=onlookers)
        set_aside()
        return await session.play()


def open_wires(request: Request, wires: WireSettings, clock: Clock, shared: SharedWires) -> Venue:
    """The venue of a run: the exchange itself when it is live, its market and the simulated exchange on paper.

    Raises:
        UserError: keys are missing or wrong, or there is no such exchange or symbol.
    """
    symbol, base_url, ws_url = symbol_of(request, wires), wires.base_url, wires.ws_url
    if wires.is_live:
        keys = shared.credentials(wires.exchange)
        return open_venue(wires.exchange, symbol, keys, clock, base_url=base_url, ws_url=ws_url, pool=shared.pool)
    source = open_source(wires.exchange, symbol, clock, base_url=base_url, ws_url=ws_url, pool=shared.pool)
    return PaperVenue(source, paper_terms(request.simulation), clock)


def symbol_of(request: Request, wires: WireSettings) -> str:
    """The market that is meant. Raises `InvalidSettingError` where none is named."""
    symbol = request.symbol or (DEFAULT_SYMBOL if wires.exchange == BACKPACK else None)
    if symbol is None:
        ccxt_id(wires.exchange)  # a name that is none is the better thing to say
        raise InvalidSettingError(f"--symbol is missing: say which market of {wires.exchange} to trade")
    return symbol


def paper_terms(simulation: SimulationSettings) -> PaperTerms:
    """The paper account. Raises `InvalidSettingError` where a setting cannot be had on paper."""
    order_latency = simulation.order_latency_ns
    if not isinstance(order_latency, int):
        raise InvalidSettingError(f"--order-latency {order_latency}: on paper it is constant; say one, e.g. 10ms")
    return PaperTerms(
        balance=simulation.balance,
        leverage=simulation.leverage,
        maker_fee=simulation.maker_fee,
        taker_fee=simulation.taker_fee,
        order_latency_ns=order_latency,
        queue_model=simulation.queue_model,
        power_exponent=simulation.queue_exponent,
    )
