"""What a configuration file would run, in words and as TOML with the source of each value."""

from collections.abc import Iterator, Mapping, Sequence

from perpmaker.cli.configuration.settings import Config, Dashboard, MarketConfig, Setting, Source
from perpmaker.cli.configuration.words import toml_text

_TOLD = ("spread", "quantity", "max_orders", "max_position", "interval", "stop_loss", "max_loss")
"""What a market's line says of it."""


def overview(config: Config) -> Iterator[str]:
    """One line a market, then its sources; budgets and run at the end."""
    number = len(config.markets)
    yield f"{config.path}: {number} market{'' if number == 1 else 's'}"
    for market in config.markets:
        told = ", ".join(f"{name} {plain(market.settings[name])}" for name in _TOLD)
        yield f"{market.name}: {market.exchange} {market.symbol or market.settings['feed'].raw}: {told}"
        yield f"  {_sources(market.settings)}"
        yield from (f"  note: {note}" for note in market.plan.notes)
    yield f"budgets: {_given(config.budget_settings) or 'none'}"
    yield f"run: {_given(config.run_settings, is_whole=True)}"
    if any(setting.source for setting in config.dashboard.settings.values()) or config.dashboard.users:
        yield f"dashboard: {_given(config.dashboard.settings, is_whole=True)}; users {_users(config.dashboard)}"


def effective(config: Config, markets: Sequence[MarketConfig]) -> Iterator[str]:
    """Every setting as it takes effect, in TOML, with its source behind it."""
    for market in markets:
        yield f"[markets.{market.name}]"
        yield from _lines(market.settings)
        yield ""
    yield "[budgets]"
    yield from _lines(config.budget_settings)
    yield ""
    yield "[run]"
    yield from _lines(config.run_settings)
    yield ""
    yield "[dashboard]"
    yield from _lines(config.dashboard.settings)
    yield f"# users: {_users(config.dashboard)}"


def plain(setting: Setting) -> str:
    """A value in a sentence."""
    return "not set" if setting.raw is None else toml_text(setting.raw).strip('"')


def _users(dashboard: Dashboard) -> str:
    """Names and roles; the hashes of the passwords are not for showing."""
    return ", ".join(f"{user.name} ({user.role.value})" for user in dashboard.users) or "none"


def _sources(settings: Mapping[str, Setting]) -> str:
    by: dict[tuple[Source, str], list[str]] = {}
    for name, setting in settings.items():
        by.setdefault((setting.source, setting.origin), []).append(name)
    told = [f"{origin}: {', '.join(names)}" for (source, origin), names in sorted(by.items(), reverse=True) if source]
    return "; ".join([*told, "program: the rest"])


def _given(settings: Mapping[str, Setting], *, is_whole: bool = False) -> str:
    return ", ".join(
        f"{name} {plain(setting)}"
        for name, setting in settings.items()
        if (setting.source and setting.value) or (is_whole and setting.raw is not None and setting.raw is not False)
    )


def _lines(settings: Mapping[str, Setting]) -> Iterator[str]:
    width = max(len(f"{name} = {toml_text(setting.raw)}") for name, setting in settings.items())
    for name, setting in settings.items():
        if setting.raw is None:
            yield f"# {name} is not set"
        else:
            line = f"{name} = {toml_text(setting.raw)}"
            yield f"{line:<{min(width, 40)}}  # {setting.origin}"
