"""What the command line hands to the dashboard: its form, and what settings that were typed there mean.

Rules kept here:

1. A run is planned by the very groups of flags that `perpmaker run` has, each text read by its flag's parser.
2. What names a file, or an address that keys would be sent to, cannot be set from a page. Nor can a start without a
   limit to its loss.
"""

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import cache
from typing import Any, Final

from perpmaker.advisor.case import Account, Observed
from perpmaker.cli import values
from perpmaker.cli.configuration.keys import MARKET_KEYS, RUN_KEYS, Key
from perpmaker.cli.configuration.sections import group_of
from perpmaker.cli.configuration.words import nearest, shown, toml_text
from perpmaker.cli.flags import SETTING_NAMES, ExchangeFlags, StrategyFlags
from perpmaker.cli.request import SimulationSettings
from perpmaker.cli.run_flags import SIMULATION, FeedFlags, MarketFlags, WireFlags, plan_of
from perpmaker.dashboard.program import Changed, Field, Form, Planned, Program, Wanted
from perpmaker.data.choice import DEFAULT_SYMBOL
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.maker.presets import PRESETS
from perpmaker.maker.settings import StrategySettings
from perpmaker.venues.backpack.market_source import NAME as BACKPACK
from perpmaker.venues.registry import ccxt_id

_KEYS: Final[Mapping[str, Key]] = {**MARKET_KEYS, "duration": RUN_KEYS["duration"]}
_GROUPS: Final = (MarketFlags, StrategyFlags, WireFlags, FeedFlags, ExchangeFlags)

_ELSEWHERE: Final = frozenset({"exchange", "symbol", "preset", "market_type"})
"""Asked for beside the fields, or not at all."""

_NOT_FROM_A_PAGE: Final = frozenset(
    {"base_url", "ws_url", "record", "feed", "fee_tiers", "volume_30d", "speed", "bar_volume_share", "bar_half_spread"}
)
"""Rule 2, and what only other simulations have than one of the synthetic market in real time."""

SETTABLE: Final[Mapping[str, Key]] = {
    name: key for name, key in _KEYS.items() if name not in _ELSEWHERE | _NOT_FROM_A_PAGE
}

_FLAGS: Final = {setting: flag for flag, setting in SETTING_NAMES.items()}
"""Flags that their setting does not share its name with."""

_SWITCHES: Final = {"true": True, "false": False}
_KINDS: Final[Mapping[Any, str]] = {
    values.decimal: "decimal",
    values.number: "decimal",
    values.whole: "whole",
    values.fraction: "share",
    values.share: "share",
    values.rate: "share",
    values.nanoseconds: "time",
    values.latency: "latency",
}
_WITH_DEFAULT: Final = frozenset({SIMULATION, BACKPACK})
"""Exchanges whose market need not be named."""

_OBSERVED_NS: Final = 3_600 * 10**9
_SEED: Final = 1
_ANY_SPREAD: Final = Fraction(1, 1000)


def make_program() -> Program:
    """All of it."""
    return Program(form=form, plan=plan, change=change, recorded=recorded, observed=observed)


@cache
def form() -> Form:
    """Every setting of a run that a page may set, the presets, and the exchanges there are."""
    from ccxt import pro  # noqa: PLC0415 - a second that only this question needs

    return Form(
        exchanges=tuple(dict.fromkeys((SIMULATION, BACKPACK, *sorted(pro.exchanges)))),
        fields=tuple(_field(key) for key in SETTABLE.values()),
        presets={name: _texts(preset) for name, preset in PRESETS.items()},
    )


def plan(wanted: Wanted) -> Planned:
    """What this run would be.

    Raises:
        UserError: a setting is unknown or impossible, something is missing, or a live run has no limit to its loss.
    """
    given = {name: _read(name, text) for name, text in wanted.settings.items()}
    exchange = _plain(wanted.exchange) or SIMULATION
    _check_exchange(exchange)
    found = {name: key.default_value() for name, key in _KEYS.items() if key.group is not StrategyFlags}
    found |= {"exchange": exchange, "symbol": _plain(wanted.symbol), "preset": _plain(wanted.preset)}
    made = plan_of(*(group_of(kind, {**found, **given, "live": wanted.is_live}) for kind in _GROUPS))
    symbol = made.symbol or (DEFAULT_SYMBOL if exchange in _WITH_DEFAULT else None)
    if symbol is None:
        raise InvalidSettingError(f"symbol is missing: say which market of {exchange}")
    return Planned(
        arguments=tuple(_arguments(exchange, symbol, wanted)),
        symbol=symbol,
        strategy=made.strategy,
        account=_account(made.simulation),
    )


def change(strategy: StrategySettings, texts: Mapping[str, str]) -> Changed:
    """Other settings for a strategy that runs. Raises `InvalidSettingError`."""
    from perpmaker.cli.strategy_changes import changed_strategy  # noqa: PLC0415 - numba: only where it is needed

    changed = changed_strategy(strategy, texts)
    return Changed(strategy=changed.settings, told=changed.told)


def recorded(settings: Mapping[str, str]) -> tuple[StrategySettings, Account]:
    """The strategy that a journal names, and the account where it names one (else as a run without flags has it).

    Raises:
        InvalidSettingError: another version wrote it.
    """
    otherwise = _account(group_of(ExchangeFlags, {n: key.default_value() for n, key in _KEYS.items()}).settings())
    names = ("maker_fee", "taker_fee", "balance", "leverage", "maintenance_margin")
    stated = {name: Decimal(settings[name]) if name in settings else getattr(otherwise, name) for name in names}
    flags = {_FLAGS.get(field.name, field.name): field.name for field in fields(StrategySettings)}
    texts = {flag: settings.get(flag, settings.get(setting)) for flag, setting in flags.items()}
    given = {flags[flag]: _read(flag, text) for flag, text in texts.items() if text is not None}
    try:
        return StrategySettings(**given), Account(**stated)
    except TypeError:
        raise InvalidSettingError("the journal has no spread or no quantity of this run") from None


@cache
def observed(symbol: str) -> Observed | None:
    """An hour of the synthetic market of this symbol; None where there is none."""
    from perpmaker.advisor.observation import observe  # noqa: PLC0415 - numba: only where it is needed
    from perpmaker.simulation.synthetic import SyntheticMarket  # noqa: PLC0415 - as above
    from perpmaker.simulation.synthetic_profiles import PROFILES  # noqa: PLC0415 - as above

    if symbol not in PROFILES:
        return None
    feed = SyntheticMarket(PROFILES[symbol], _SEED, duration_ns=_OBSERVED_NS)
    seen = observe(feed, _ANY_SPREAD, f"an hour of the synthetic market {symbol}, seed {_SEED}")
    known = {field.name: getattr(seen, field.name) for field in fields(seen)}
    return Observed(**{**known, "touches_per_hour": None})  # those would be of another spread


def _arguments(exchange: str, symbol: str, wanted: Wanted) -> list[str]:
    """With ``=``, so that no value can be taken for a flag."""
    words = [f"--exchange={exchange}", f"--symbol={symbol}"]
    if wanted.preset:
        words.append(f"--preset={wanted.preset.strip()}")
    for name, text in wanted.settings.items():
        flag = f"--{name.replace('_', '-')}"
        if SETTABLE[name].kind is not bool:
            words.append(f"{flag}={text.strip()}")
        elif _SWITCHES[text.strip().lower()]:
            words.append(flag)
    if exchange == SIMULATION:
        words.append("--real-time")
    return [*words, *(["--live"] if wanted.is_live else [])]


def _check_exchange(exchange: str) -> None:
    """Raises `UnknownNameError`, with the nearest right one."""
    if exchange not in _WITH_DEFAULT:
        ccxt_id(exchange)


def _read(name: str, text: str) -> Any:
    key = SETTABLE.get(name)
    if key is None:
        near = nearest(name, SETTABLE)
        hint = f"did you mean {near}?" if near else "see the form for those that there are"
        why = "cannot be set from a page" if name in _KEYS else "there is no such setting"
        raise InvalidSettingError(f"{shown(name)}: {why}; {hint}")
    plain = text.strip()
    if "recorded:" in plain.lower():
        raise InvalidSettingError(f"{name}: a file cannot be named from a page; give a time, e.g. 10ms")
    try:
        return key.read(_SWITCHES.get(plain.lower(), plain) if key.kind is bool else plain)
    except ValueError as error:
        raise InvalidSettingError(f"{name} {shown(plain)}: {error}") from None


def _plain(text: str | None) -> str | None:
    """A name as it was typed. Raises `InvalidSettingError` for what could not stand on a command line."""
    plain = (text or "").strip()
    if not plain.isprintable():
        raise InvalidSettingError("a name has no line breaks and no control characters")
    return plain or None


def _field(key: Key) -> Field:
    kind = "bool" if key.kind is bool else "choice" if key.choices else _KINDS.get(key.parser, "text")
    return Field(
        name=key.name,
        panel=key.panel,
        help=key.help,
        unit=key.unit or None,
        default=None if key.default is None else _text(key.default),
        choices=key.choices or None,
        kind=kind,
    )


def _texts(settings: Mapping[str, object]) -> dict[str, str]:
    return {_FLAGS.get(name, name): _text(value) for name, value in settings.items()}


def _text(value: object) -> str:
    return toml_text(value.value if isinstance(value, Enum) else value).strip('"')


def _account(simulation: SimulationSettings) -> Account:
    return Account(
        maker_fee=simulation.maker_fee,
        taker_fee=simulation.taker_fee,
        balance=simulation.balance,
        leverage=simulation.leverage,
        maintenance_margin=simulation.maintenance_margin,
    )
