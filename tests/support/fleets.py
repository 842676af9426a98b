"""Fleets in virtual time: several markets in one loop, simulated or on the testnet, as a file would run them."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from perpmaker.cli.fleet import Fleet, FleetMarket
from perpmaker.cli.request import Request, View, WireSettings
from perpmaker.cli.run_flags import SIMULATION
from perpmaker.cli.wires import paper_terms
from perpmaker.domain.instrument import Instrument
from perpmaker.journal.writer import Journal
from perpmaker.maker.settings import StrategySettings
from perpmaker.risk.budgets import BudgetLimits
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
from perpmaker.testnet.server import TestnetServer
from perpmaker.venues.clock import Clock
from perpmaker.venues.feed_source import FeedSource
from perpmaker.venues.paper import PaperVenue
from support.live_runs import BUSY
from support.live_sessions import SIMULATION as ACCOUNT
from support.live_sessions import request, venue_on, wires

WIRES = WireSettings(
    exchange=SIMULATION,
    is_live=False,
    base_url=None,
    ws_url=None,
    max_book_age_ns=5_000_000_000,
    is_account_shared=False,
    max_daily_loss=Decimal(0),
    record=None,
)


def sim_market(
    name: str, clock: Clock, *, seed: int = 7, view: View = View.NONE, profile: Any = None, **settings: Any
) -> FleetMarket:
    """A market of its own on the synthetic exchange; ``settings`` over those of `BUSY`."""
    chosen = profile or PROFILES["SOL_USDC_PERP"]
    instrument = Instrument(
        f"{name.upper()}_PERP", name.upper(), "USDC", chosen.instrument.tick_size, chosen.instrument.lot_size,
        chosen.instrument.min_quantity,
    )  # fmt: skip
    source = FeedSource(SyntheticMarket(replace(chosen, instrument=instrument), seed), clock)
    asked = Request(
        symbol=instrument.symbol,
        strategy=StrategySettings(**{**BUSY, "duration_s": Decimal(60), **settings}),
        simulation=ACCOUNT,
        wires=WIRES,
        speed=float("inf"),
        summary=None,
        journal=None,
        view=view,
        command_line="perpmaker run",
        notes=[],
    )
    venue = PaperVenue(source, paper_terms(ACCOUNT), clock)
    return FleetMarket(
        name=name, request=asked, wires=WIRES, venue=venue, source=source, played={"played seed": str(seed)}
    )


def fleet_of(
    markets: Sequence[FleetMarket],
    clock: Clock,
    journal: Journal | None = None,
    *,
    summary: Path | None = None,
    view: View = View.NONE,
    **limits: Any,
) -> Fleet:
    """A fleet of these markets, with these budgets."""
    budgets = BudgetLimits(**{name: Decimal(str(value)) for name, value in limits.items()})
    return Fleet(markets, budgets, clock, journal, summary=summary, view=view, random_below=lambda _: 0)


def live_market(name: str, server: TestnetServer, clock: Clock, **settings: Any) -> FleetMarket:
    """A live market on the testnet's first account."""
    asked = wires(server)
    return FleetMarket(name=name, request=request(wires=asked, **settings), wires=asked, venue=venue_on(server, clock))
