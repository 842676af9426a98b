"""What a configuration file asks for, as everybody else uses it: plain values, checked.

Rules kept here:

1. Every setting knows where its value comes from.
2. A market holds what a run on it needs; nothing was opened or looked up for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from perpmaker.cli.configuration.keys import Key, Raw
from perpmaker.cli.configuration.words import nearest
from perpmaker.cli.dashboard_flags import DashboardFlags
from perpmaker.cli.request import Watching
from perpmaker.cli.run_flags import SIMULATION, MarketPlan, OutputFlags
from perpmaker.dashboard.security.users import User
from perpmaker.data.choice import DEFAULT_SYMBOL
from perpmaker.domain.errors import UnknownNameError
from perpmaker.maker.settings import StrategySettings
from perpmaker.risk.budgets import BudgetLimits


class Source(IntEnum):
    """Where a value comes from; a larger one goes before a smaller one."""

    PROGRAM = 0
    DEFAULTS_PRESET = 1
    DEFAULTS = 2
    MARKET_PRESET = 3
    MARKET = 4
    SECTION = 5  # [run], [budgets] and [dashboard], which have no other
    TYPED_PRESET = 6
    TYPED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key as it takes effect. ``raw`` is as it stands in the file, None is not set; ``preset`` is what gave it."""

    key: Key
    value: Any
    raw: Raw | None
    source: Source
    preset: str | None = None

    @property
    def origin(self) -> str:
        """Its source, in words."""
        return {
            Source.PROGRAM: "program",
            Source.DEFAULTS_PRESET: f"preset {self.preset} of the defaults",
            Source.DEFAULTS: "defaults",
            Source.MARKET_PRESET: f"preset {self.preset} of the market",
            Source.MARKET: "market",
            Source.SECTION: "its section",
            Source.TYPED_PRESET: f"preset {self.preset} of the command line",
            Source.TYPED: "command line",
        }[self.source]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketConfig:
    """One market of the file. ``settings`` are those that mean something on its exchange, by key."""

    name: str
    plan: MarketPlan
    settings: Mapping[str, Setting]

    @property
    def exchange(self) -> str:
        return self.plan.exchange

    @property
    def symbol(self) -> str | None:
        """The market's own name on its exchange; None is the recording's."""
        if self.plan.symbol is None and self.plan.data.is_synthetic:
            return DEFAULT_SYMBOL
        return self.plan.symbol

    @property
    def strategy(self) -> StrategySettings:
        return self.plan.strategy

    @property
    def is_simulated(self) -> bool:
        """Whether its market is simulated, too."""
        return self.exchange == SIMULATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """The section [dashboard]: where the page is served, and to whom; without users by tokens that are printed."""

    flags: DashboardFlags
    users: tuple[User, ...]
    settings: Mapping[str, Setting]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole file. ``budget_settings`` and ``run_settings`` are the keys of [budgets] and [run].

    ``typed`` are the options of the command line that went before the file, as they must when it is read again.
    """

    path: Path
    typed: Mapping[str, Any]
    markets: tuple[MarketConfig, ...]
    budgets: BudgetLimits
    output: OutputFlags
    watching: Watching
    dashboard: Dashboard
    budget_settings: Mapping[str, Setting]
    run_settings: Mapping[str, Setting]

    @property
    def needs_fleet(self) -> bool:
        """Whether one run alone cannot do it: several markets, or a budget over all of them."""
        return len(self.markets) > 1 or self.budgets != BudgetLimits()

    def market(self, name: str | None) -> MarketConfig:
        """The market of this name; without one the only one.

        Raises:
            UnknownNameError: there is none of that name, or there are several and none was named.
        """
        named = {market.name: market for market in self.markets}
        if name is None and len(named) == 1:
            return self.markets[0]
        if name in named:
            return named[name]
        if name is None:
            raise UnknownNameError(f"{self.path} has several markets: say --market {' or '.join(named)}")
        near = nearest(name, named)
        hint = f"did you mean {near}?" if near else f"it has {', '.join(named)}"
        raise UnknownNameError(f"--market {name}: {self.path} has no such market; {hint}")
