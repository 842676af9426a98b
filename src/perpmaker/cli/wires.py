"""Opens a real exchange for a run: the account itself when it is live, its market and the simulated exchange on paper.

Rules kept here:

1. Paper is made of a market source and the simulated exchange; keys are neither read nor asked for.
2. Whatever happens, connections and journal are closed on the way out.
"""

import asyncio
from contextlib import AsyncExitStack

from perpmaker.cli.compose import DEFAULT_SYMBOL
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.live_session import LiveSession
from perpmaker.cli.request import NO_JOURNAL, Request, WireSettings
from perpmaker.cli.teller import check_writable
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.journal.writer import open_journal
from perpmaker.venues.backpack.market_source import NAME as BACKPACK
from perpmaker.venues.clock import Clock, SystemClock
from perpmaker.venues.credentials import load_credentials
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


async def _open_and_play(request: Request, wires: WireSettings, clock: Clock) -> ExitCode:
    symbol = request.symbol or (DEFAULT_SYMBOL if wires.exchange == BACKPACK else None)
    if symbol is None:
        ccxt_id(wires.exchange)  # a name that is none is the better thing to say
        raise InvalidSettingError(f"--symbol is missing: say which market of {wires.exchange} to trade")
    async with AsyncExitStack() as stack:
        venue = open_wires(request, wires, symbol, clock)
        stack.push_async_callback(venue.close)
        journal = None
        if request.journal != NO_JOURNAL:
            journal = stack.enter_context(open_journal(request.journal))
        return await LiveSession(request, wires, venue, clock, journal).play()


def open_wires(request: Request, wires: WireSettings, symbol: str, clock: Clock) -> Venue:
    """The venue of a run: the exchange itself when it is live, its market and the simulated exchange on paper.

    Raises:
        UserError: keys are missing or wrong, or there is no such exchange or symbol.
    """
    if wires.is_live:
        credentials = load_credentials(credentials_name(wires.exchange))
        install_redaction(credentials)
        return open_venue(wires.exchange, symbol, credentials, clock, base_url=wires.base_url, ws_url=wires.ws_url)
    source = open_source(wires.exchange, symbol, clock, base_url=wires.base_url, ws_url=wires.ws_url)
    simulation = request.simulation
    terms = PaperTerms(
        balance=simulation.balance,
        leverage=simulation.leverage,
        maker_fee=simulation.maker_fee,
        taker_fee=simulation.taker_fee,
        order_latency_ns=simulation.order_latency_ns,
        queue_model=simulation.queue_model,
    )
    return PaperVenue(source, terms, clock)
