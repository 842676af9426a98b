"""What the page asks of the program that it belongs to: which settings there are, and what a set of them means.

The command line knows that, and stands above the dashboard; so it hands in a `Program`.

Rules kept here:

1. Settings are text, as flags take them, and are judged by the flags' own parsers: what cannot be typed cannot be sent.
2. What a page may set is what the form offers, and nothing that names a file or an address.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from perpmaker.advisor.case import Account, Observed
from perpmaker.maker.settings import StrategySettings


class Field(Struct, frozen=True, kw_only=True):
    """One setting of the form. ``default`` is text, None where it must be given or is not set.

    ``kind`` is "bool", "choice", "text", or the kind of number: "decimal", "whole", "share", "time", "latency".
    """

    name: str
    panel: str
    help: str
    unit: str | None
    default: str | None
    choices: tuple[str, ...] | None
    kind: str


class Form(Struct, frozen=True, kw_only=True):
    """What can be started. ``presets`` have settings by name, as text."""

    exchanges: tuple[str, ...]
    fields: tuple[Field, ...]
    presets: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A run that somebody asks about, or for; ``settings`` by the name of their flag, with underscores."""

    exchange: str
    symbol: str | None = None
    preset: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    is_live: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A run as the command line would make it, checked and not started.

    ``arguments`` are those of `perpmaker run` for market and settings, ``symbol`` the market's name.
    """

    arguments: tuple[str, ...]
    symbol: str
    strategy: StrategySettings
    account: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Settings as they would be; ``told`` has (was, is) by flag, for those that differ."""

    strategy: StrategySettings
    told: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The command line, as far as a page needs it. Everything that refuses raises `perpmaker.domain.errors.UserError`.

    Attributes:
        form: made when it is first asked for; it may take a second.
        plan: what a run would be.
        change: other settings for a strategy that is there.
        recorded: a strategy and its account from settings as a journal has them.
        observed: what the simulated market of this symbol is like; None where there is no such market.
        arguments: with which every run is started beside its own: the journal, unless it is secret.
        environment: of every run that is started, beside this process's own.
    """

    form: Callable[[], Form]
    plan: Callable[[Wanted], Planned]
    change: Callable[[StrategySettings, Mapping[str, str]], Changed]
    recorded: Callable[[Mapping[str, str]], tuple[StrategySettings, Account]]
    observed: Callable[[str], Observed | None]
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
