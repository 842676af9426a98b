"""From a configuration file to a fleet that runs: venues, journal, and what all markets share.

Rules kept here:

1. On `sim` a market is played in real time, the synthetic one or a recording, and traded on as on paper.
2. Whatever happens, connections and journal are closed on the way out.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal
from typing import Final

from perpmaker.cli.configuration.settings import Config, MarketConfig
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.fleet import Fleet, FleetMarket
from perpmaker.cli.fleet_reload import Reloading
from perpmaker.cli.output_file import check_writable
from perpmaker.cli.request import NO_JOURNAL, View, WireSettings
from perpmaker.cli.run_flags import SIMULATION, OutputFlags
from perpmaker.cli.wires import SharedWires, open_wires, paper_terms
from perpmaker.data.opening import open_data
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.journal.writer import open_journal
from perpmaker.venues.clock import Clock, SystemClock
from perpmaker.venues.feed_source import FeedSource
from perpmaker.venues.paper import PaperVenue

_WIRES_OF_SIM: Final = WireSettings(
    exchange=SIMULATION,
    is_live=False,
    base_url=None,
    ws_url=None,
    max_book_age_ns=5_000_000_000,
    is_account_shared=False,
    max_daily_loss=Decimal(0),
    record=None,
)


def run_fleet(config: Config, reload: Callable[[], Config]) -> ExitCode:
    """Run every market of the file to its end.

    Args:
        config: as the file says at the start.
        reload: reads it again.

    Raises:
        UserError: what was asked for cannot be done; nothing was started.
    """
    check_writable(config.output.summary)
    return asyncio.run(_open_and_play(config, reload, SystemClock()))


async def _open_and_play(config: Config, reload: Callable[[], Config], clock: Clock) -> ExitCode:
    async with AsyncExitStack() as stack:
        shared = SharedWires()
        stack.push_async_callback(shared.close)
        markets = []
        for found in config.markets:
            market = open_market(found, config.output, clock, shared)
            stack.push_async_callback(market.venue.close)
            markets.append(market)
        output, journal = config.output, None
        if output.journal != NO_JOURNAL:
            journal = stack.enter_context(open_journal(output.journal))
        fleet = Fleet(
            markets,
            config.budgets,
            clock,
            journal,
            summary=output.summary,
            view=output.view,
            companion=Reloading(config, reload).watch,
        )
        return await fleet.play()


def open_market(market: MarketConfig, output: OutputFlags, clock: Clock, shared: SharedWires) -> FleetMarket:
    """One market of a fleet. Nothing is connected yet.

    Raises:
        UserError: keys are missing, there is no such exchange or recording, or a setting cannot be had in a fleet.
    """
    request = replace(
        market.plan.request(output), summary=None, view=View.NONE if output.view is View.NONE else View.LINES
    )
    wires = request.wires
    if wires is not None:
        return FleetMarket(
            name=market.name, request=request, wires=wires, venue=open_wires(request, wires, clock, shared)
        )
    if request.speed not in {1.0, float("inf")}:
        raise InvalidSettingError(
            f"market {market.name}: --speed {request.speed:g} with several markets: they run in real time; leave it out"
        )
    data = open_data(request.data)
    source = FeedSource(data.feed, clock)
    return FleetMarket(
        name=market.name,
        request=replace(request, notes=[*request.notes, *data.notes]),
        wires=_WIRES_OF_SIM,
        venue=PaperVenue(source, paper_terms(request.simulation), clock),
        source=source,
        played={f"played {name}": value for name, value in data.provenance.items()},
    )
