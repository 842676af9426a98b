"""From a configuration file to a `Config`: sections and keys are known, values possible, each with its source.

Rules kept here:

1. The first mistake is told, in one sentence: file, section, key, value, and what would be right.
2. A value comes from the first that has it: the command line, the market, the market's preset, [defaults], the preset
   of [defaults], the program. `duration` and what stands in [run] and [budgets] is the same for all markets.
3. A key that means nothing on a market's exchange is refused in the market, and left out where it is a default.
4. A market is checked by the same code as the flags of a run.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from perpmaker.cli.configuration.dashboard import dashboard_of
from perpmaker.cli.configuration.document import read_document
from perpmaker.cli.configuration.keys import BUDGET_KEYS, MARKET_KEYS, RUN_KEYS
from perpmaker.cli.configuration.places import place_of, placed
from perpmaker.cli.configuration.sections import Layer, check_sections, group_of, layer, of_program, of_typed
from perpmaker.cli.configuration.settings import Config, Dashboard, MarketConfig, Setting, Source
from perpmaker.cli.configuration.words import cut, shown
from perpmaker.cli.flags import SETTING_NAMES, ExchangeFlags, StrategyFlags
from perpmaker.cli.request import Watching
from perpmaker.cli.run_flags import SIMULATION, FeedFlags, MarketFlags, MarketPlan, OutputFlags, WireFlags, plan_of
from perpmaker.cli.watch_flags import WatchFlags, check_exchange, check_journal, simulated_speed
from perpmaker.domain.errors import ConfigError, InvalidSettingError, UnknownNameError, UserError
from perpmaker.maker.presets import PRESETS
from perpmaker.risk.budgets import BudgetLimits

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_BACKPACK: Final = "backpack"
_OF_PRESETS: Final = {setting: flag for flag, setting in SETTING_NAMES.items()}


def load_config(path: Path, typed: Mapping[str, Any] | None = None, market: str | None = None) -> Config:
    """Read the file.

    Args:
        path: the file.
        typed: options of the command line, by name, which go before what the file says.
        market: the market that they are for; None is all.

    Raises:
        UserError: it cannot be read, holds a secret, or something in it is unknown or impossible.
    """
    return config_of(path, read_document(path), typed or {}, market)


def config_of(path: Path, document: Mapping[str, Any], typed: Mapping[str, Any], market: str | None = None) -> Config:
    """What a document asks for that was read from this file, or is to be written to it. Raises as `load_config`."""
    check_sections(path, document)
    defaults = layer(path, "defaults", document, MARKET_KEYS, Source.DEFAULTS)
    shared = layer(path, "run", document, RUN_KEYS, Source.SECTION)
    budgets = layer(path, "budgets", document, BUDGET_KEYS, Source.SECTION)
    run = {**of_program(RUN_KEYS), **shared, **of_typed(typed, RUN_KEYS)}
    markets = []
    for name in _market_names(path, document):
        own = layer(path, f"markets.{name}", document["markets"], MARKET_KEYS, Source.MARKET, name)
        markets.append(_Market(path, name, own, defaults, run).config(typed if market in {None, name} else {}))
    if typed.get("live") and all(each.is_simulated for each in markets):
        raise InvalidSettingError(
            f"--live does nothing with {path}: every market of it is on the embedded exchange, sim"
        )
    _refuse_doubles(path, markets)
    output: OutputFlags = group_of(OutputFlags, {name: setting.value for name, setting in run.items()})
    dashboard = dashboard_of(path, document, {})
    all_budgets = {**of_program(BUDGET_KEYS), **budgets}
    return Config(
        path=path,
        typed=typed,
        markets=tuple(markets),
        budgets=BudgetLimits(**{name: setting.value for name, setting in all_budgets.items()}),
        output=output,
        watching=_watching(path, run, output, markets, dashboard),
        dashboard=dashboard,
        budget_settings=all_budgets,
        run_settings=run,
    )


class _Market:
    """One market while it is put together."""

    def __init__(self, path: Path, name: str, own: Layer, defaults: Layer, run: Layer) -> None:
        self._path = path
        self._name = name
        self._own = own
        self._defaults = defaults
        self._duration = run["duration"]

    def config(self, typed: Mapping[str, Any]) -> MarketConfig:
        """Raises `UserError` where it cannot work."""
        settings = self._settings(typed)
        exchange = settings["exchange"].value
        unfit = WireFlags if exchange == SIMULATION else FeedFlags
        for name, setting in self._own.items():
            if setting.key.group is unfit:
                raise ConfigError(f"{place_of(self._path, self._name, setting)}: {_does_nothing(name, exchange)}")
        fitting = {name: setting for name, setting in settings.items() if setting.key.group is not unfit}
        for name in ("spread", "quantity"):
            if fitting[name].value is None:
                raise ConfigError(
                    f"{self._path}: [markets.{self._name}] {name} is missing: give it there or in [defaults], or "
                    f"choose a preset ({', '.join(PRESETS)})"
                )
        plan = self._plan(fitting, typed)
        if plan.symbol is None and exchange not in {SIMULATION, _BACKPACK}:
            raise ConfigError(f"{self._path}: [markets.{self._name}] symbol is missing: say which market of {exchange}")
        return MarketConfig(name=self._name, plan=plan, settings=fitting)

    def _settings(self, typed: Mapping[str, Any]) -> dict[str, Setting]:
        """Rule 2, from the last to the first."""
        return {
            **of_program(MARKET_KEYS),
            **_of_preset(self._defaults, Source.DEFAULTS_PRESET),
            **self._defaults,
            **_of_preset(self._own, Source.MARKET_PRESET),
            **self._own,
            **_of_preset(of_typed(typed, MARKET_KEYS), Source.TYPED_PRESET),
            **of_typed(typed, MARKET_KEYS),
        }

    def _plan(self, fitting: Mapping[str, Setting], typed: Mapping[str, Any]) -> MarketPlan:
        """Rule 4: the groups of flags, as a command line would have filled them."""
        values = {name: key.default_value() for name, key in MARKET_KEYS.items() if name not in fitting}
        values |= {name: setting.value for name, setting in fitting.items()}
        values |= {"preset": None, "duration": self._duration.value}  # what the preset gives is there already
        if fitting["exchange"].value != SIMULATION:
            values |= {name: typed[name] for name in ("live", "no_loss_limit") if name in typed}
        groups = (MarketFlags, StrategyFlags, WireFlags, FeedFlags, ExchangeFlags)
        try:
            _check_exchange(values["exchange"])
            return plan_of(*(group_of(kind, values) for kind in groups))
        except UserError as error:
            raise ConfigError(placed(self._path, self._name, fitting, str(error))) from None


def _watching(
    path: Path, run: Layer, output: OutputFlags, markets: list[MarketConfig], dashboard: Dashboard
) -> Watching:
    """Who looks on. Raises `ConfigError` where they cannot, as the flags of a run."""
    try:
        flags: WatchFlags = group_of(WatchFlags, {name: setting.value for name, setting in run.items()})
        watching = flags.settings(dashboard.flags.port, path)
        check_journal(watching, output.journal)
        for market in markets:
            if market.is_simulated:
                simulated_speed(watching, market.plan.speed)
            elif len(markets) == 1:
                check_exchange(watching, market.exchange)
    except InvalidSettingError as error:
        raise ConfigError(f"{path}: [run]: {error}") from None
    return watching


def _of_preset(layer: Layer, source: Source) -> dict[str, Setting]:
    """What the preset that a layer names gives. How long to run is not a market's to say."""
    if "preset" not in layer:
        return {}
    preset = layer["preset"].value
    if preset not in PRESETS:
        raise UnknownNameError(f"--preset {preset}: there is no such preset; there are {', '.join(PRESETS)}")
    given = {_OF_PRESETS.get(name, name): value for name, value in PRESETS[preset].items()}
    return {
        name: Setting(key=MARKET_KEYS[name], value=value, raw=value, source=source, preset=preset)
        for name, value in given.items()
        if name in MARKET_KEYS
    }


def _market_names(path: Path, document: Mapping[str, Any]) -> list[str]:
    """Raises `ConfigError` where there is no market, or a name that is none."""
    markets = document.get("markets", {})
    if not isinstance(markets, dict):
        raise ConfigError(f"{path}: [markets] holds sections, not {shown(markets)}: write [markets.NAME]")
    if not markets:
        raise ConfigError(f"{path} has no market: write a section [markets.NAME], e.g. [markets.sol]")
    for name, held in markets.items():
        if not isinstance(held, dict):
            hint = "keys of every market stand in [defaults]" if name in MARKET_KEYS else "write [markets.NAME]"
            raise ConfigError(f"{path}: [markets] {cut(name)} = {shown(held)}: is no section; {hint}")
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{path}: [markets.{shown(name)}]: a market's name is 1 to 32 letters, digits, '-' and '_'"
            )
    return list(markets)


def _does_nothing(name: str, exchange: str) -> str:
    if exchange == SIMULATION:
        return f"{name} does nothing on sim, the embedded exchange: take it out, or name a real exchange"
    return f'{name} does nothing on a real exchange, whose market is its own: take it out, or write exchange = "sim"'


def _check_exchange(name: str) -> None:
    """Raises `UnknownNameError`, with the nearest right one."""
    if name not in {SIMULATION, _BACKPACK}:
        from perpmaker.venues.registry import ccxt_id  # noqa: PLC0415 - a second of imports that few files need

        ccxt_id(name)


def _refuse_doubles(path: Path, markets: list[MarketConfig]) -> None:
    """Two makers on one market would trade with each other."""
    seen: dict[tuple[str, str], str] = {}
    for market in markets:
        feeds = "" if market.symbol else ", ".join(str(feed) for feed in market.plan.data.recordings)
        place = (market.exchange, market.symbol or feeds)
        if place in seen:
            raise ConfigError(
                f"{path}: [markets.{market.name}] trades {place[1]} on {market.exchange}, as [markets.{seen[place]}] "
                "does: two makers on one market would trade with each other; take one of them out"
            )
        seen[place] = market.name
