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

from rich.console import Console

from perpmaker.cli.configuration.settings import Config, MarketConfig
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.fleet import Fleet, FleetMarket
from perpmaker.cli.fleet_reload import Reloading
from perpmaker.cli.onlookers import Onlookers
from perpmaker.cli.output_file import check_writable
from perpmaker.cli.request import NO_JOURNAL, Request, View, WireSettings
from perpmaker.cli.run_flags import SIMULATION, OutputFlags
from perpmaker.cli.wires import SharedWires, open_wires, paper_terms, set_aside
from perpmaker.data.opening import open_data
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.journal.writer import open_journal
from perpmaker.risk.budgets import BudgetLimits
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


def run_played(request: Request) -> ExitCode:
    """Run one simulated market in real time, because somebody looks on: a fleet of one, which tells of itself as a run.

    Raises:
        UserError: what was asked for cannot be done; nothing was started.
    """
    check_writable(request.summary)
    return asyncio.run(_play_alone(request, SystemClock()))


async def _play_alone(request: Request, clock: Clock) -> ExitCode:
    async with AsyncExitStack() as stack:
        market = _played_market(SIMULATION, request, clock)
        stack.push_async_callback(market.venue.close)
        journal = None if request.journal == NO_JOURNAL else stack.enter_context(open_journal(request.journal))
        onlookers = stack.enter_context(Onlookers(request.watching, clock, request.journal))
        fleet = Fleet([market], BudgetLimits(), clock, journal, view=request.view, onlookers=onlookers)
        set_aside()
        return await fleet.play()


async def _open_and_play(config: Config, reload: Callable[[], Config], clock: Clock) -> ExitCode:
    output, journal = replace(config.output, view=_told_as(config.output.view)), None
    async with AsyncExitStack() as stack:
        shared = SharedWires()
        stack.push_async_callback(shared.close)
        markets = []
        for found in config.markets:
            market = open_market(found, output, clock, shared, is_alone=not config.needs_fleet)
            stack.push_async_callback(market.venue.close)
            markets.append(market)
        if output.journal != NO_JOURNAL:
            journal = stack.enter_context(open_journal(output.journal))
        onlookers = stack.enter_context(Onlookers(config.watching, clock, output.journal))
        fleet = Fleet(
            markets,
            config.budgets,
            clock,
            journal,
            summary=output.summary,
            view=output.view,
            companion=Reloading(config, reload).watch,
            onlookers=onlookers,
        )
        set_aside()
        return await fleet.play()


def _told_as(view: View) -> View:
    """On a terminal one screen for all markets, lines elsewhere."""
    if view is not View.AUTO:
        return view
    return View.LIVE if Console().is_terminal else View.LINES


def open_market(
    market: MarketConfig, output: OutputFlags, clock: Clock, shared: SharedWires, *, is_alone: bool = False
) -> FleetMarket:
    """One market of a fleet. Nothing is connected yet.

    Where it ``is_alone``, with no budget either, the summary of the file is that of its run.

    Raises:
        UserError: keys are missing, there is no such exchange or recording, or a setting cannot be had in a fleet.
    """
    request = market.plan.request(output if is_alone else replace(output, summary=None))
    wires = request.wires
    if wires is not None:
        return FleetMarket(
            name=market.name, request=request, wires=wires, venue=open_wires(request, wires, clock, shared)
        )
    if request.speed not in {1.0, float("inf")}:
        raise InvalidSettingError(
            f"market {market.name}: --speed {request.speed:g} with several markets: they run in real time; leave it out"
        )
    return _played_market(market.name, request, clock)


def _played_market(name: str, request: Request, clock: Clock) -> FleetMarket:
    """Rule 1. Raises `UserError` where there is no such recording."""
    data = open_data(request.data)
    source = FeedSource(data.feed, clock)
    return FleetMarket(
        name=name,
        request=replace(request, notes=[*request.notes, *data.notes]),
        wires=_WIRES_OF_SIM,
        venue=PaperVenue(source, paper_terms(request.simulation), clock),
        source=source,
        played={f"played {name}": value for name, value in data.provenance.items()},
    )
