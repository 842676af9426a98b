"""The keys of a configuration file: a key is a flag of `perpmaker run`, its name with underscores.

Rules kept here:

1. Name, type, parser, unit, help and default come from the flag's own declaration; what a key means is said once.
2. A number may be a number or the text that the flag takes. Numbers are never floats: they are read as decimals.
3. What the file must not ask for is a flag without a key, and has its reason.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

from perpmaker.cli import values
from perpmaker.cli.configuration.ranges import RANGES
from perpmaker.cli.dashboard_flags import DashboardFlags
from perpmaker.cli.flags import SETTING_NAMES, ExchangeFlags, StrategyFlags
from perpmaker.cli.run_flags import FeedFlags, MarketFlags, OutputFlags, WireFlags
from perpmaker.cli.watch_flags import WatchFlags
from perpmaker.dashboard.security.users import Role, is_hash
from perpmaker.domain.errors import UserError
from perpmaker.maker.presets import PRESETS
from perpmaker.maker.settings import StrategySettings

Raw = str | int | Decimal | bool
"""A value as it stands in a file."""

_MOST_DIGITS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key: where it comes from, and how its values are read.

    ``default`` is as it would stand in the file; None is not set. ``panel`` is the flag's heading in the help.
    """

    name: str
    group: type
    kind: type
    parser: Callable[[Any], Any] | None
    help: str
    unit: str
    panel: str
    default: Raw | None

    @property
    def choices(self) -> tuple[str, ...]:
        """The only values that there are; empty where there are others."""
        if self.name == "preset":
            return tuple(PRESETS)
        if self.name == "market_type":
            return ("perp",)
        return tuple(str(member.value) for member in self.kind) if issubclass(self.kind, Enum) else ()

    def read(self, raw: object) -> Any:
        """The value that the flag would have.

        Raises:
            ValueError: it cannot have this one; the sentence says what would be right.
        """
        if self.kind is bool:
            if not isinstance(raw, bool):
                raise ValueError("must be true or false")
            return raw
        is_plain = isinstance(raw, str | int | Decimal) and not isinstance(raw, bool)
        if not is_plain:
            raise ValueError(f"must be {self._wanted()}")
        if self.parser is not None:
            value = self._parsed(self.parser, raw)
            if self.name in RANGES:
                RANGES[self.name].check(value)
            return value
        if not isinstance(raw, str) or not raw.strip() or not raw.isprintable():
            raise ValueError(f"must be {self._wanted()}")
        if self.choices and raw not in self.choices:
            raise ValueError(f"must be {self._wanted()}")
        return self.kind(raw)

    def default_value(self) -> Any:
        """What the flag has when nobody gives it."""
        default = _default_of(self.group, self.name)
        return self.parser(default) if self.parser is not None and isinstance(default, str) else default

    @staticmethod
    def _parsed(parser: Callable[[Any], Any], raw: Any) -> Any:
        if isinstance(raw, int) and abs(raw) >= 10**_MOST_DIGITS:  # its text may have more digits than Python writes
            raise ValueError("is beyond any real size")
        text = str(raw)
        try:
            return parser(text)
        except typer.BadParameter as error:
            said, quoted = error.message, f"'{text}' "  # the value is told with its place already
            raise ValueError(said[len(quoted) :] if said.lower().startswith(quoted.lower()) else said) from None
        except (UserError, ArithmeticError) as error:
            raise ValueError(str(error)) from None

    def _wanted(self) -> str:
        if self.choices:
            return " or ".join((", ".join(self.choices[:-1]), self.choices[-1])) if len(self.choices) > 1 else "perp"
        return "a number, or text as the flag takes it" if self.parser is not None else "text between quotes"


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetKeys:
    """The keys of [budgets], declared as flags are."""

    max_notional: Annotated[
        Decimal,
        typer.Option(
            parser=values.decimal,
            metavar="QUOTE",
            help="Value of all positions together, at the mark, either way. At it only what reduces is quoted; 20% "
            "beyond it everything ends. 0 is off.",
        ),
    ] = Decimal(0)
    max_margin_share: Annotated[
        Decimal,
        typer.Option(
            parser=values.fraction,
            metavar="FRACTION|%|bp",
            help="Share of the account's equity that may be bound as initial margin, likewise. 0 is off.",
        ),
    ] = Decimal(0)
    max_drawdown: Annotated[
        Decimal,
        typer.Option(
            parser=values.decimal,
            metavar="QUOTE",
            help="Fall of the account's equity below its highest at which everything ends; from 80% of it only what "
            "reduces is quoted. 0 is off.",
        ),
    ] = Decimal(0)
    max_daily_loss: Annotated[
        Decimal,
        typer.Option(
            parser=values.decimal,
            metavar="QUOTE",
            help="Loss of all markets together on one UTC day, likewise. 0 is off.",
        ),
    ] = Decimal(0)


def hash_text(text: str) -> str:
    """The hash of a password. What is none may be the password itself, so it is not repeated."""
    if not is_hash(text):
        raise typer.BadParameter("is no hash of a password: `perpmaker dashboard hash` makes one")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class UserKeys:
    """The keys of [dashboard.users.NAME], declared as flags are."""

    role: Annotated[
        Role | None,
        typer.Option(help="What this user may do: a trader steers runs and starts them, a viewer only looks."),
    ] = None
    password_hash: Annotated[
        str | None,
        typer.Option(
            parser=hash_text, metavar="HASH", help="Of the password, as `perpmaker dashboard hash` prints it."
        ),
    ] = None


NOT_IN_A_FILE: Final[Mapping[str, str]] = {
    "live": "real orders are asked for on the command line only: type --live",
    "no_loss_limit": "trading without a limit to the loss is asked for on the command line only: type --no-loss-limit",
    "long_only": "there is no long-only or short-only mode: bound the position with max_position",
    "short_only": "there is no long-only or short-only mode: bound the position with max_position",
    "side": "there is no long-only or short-only mode: bound the position with max_position",
}
"""Flags without a key, and why (rule 3)."""


def _default_of(group: type, name: str) -> Any:
    field: Field[Any] = next(field for field in fields(group) if field.name == name)
    default = None if field.default is MISSING else field.default
    if default is None and group is StrategyFlags:
        setting = SETTING_NAMES.get(name, name)
        found = next((f.default for f in fields(StrategySettings) if f.name == setting), MISSING)
        default = None if found is MISSING else found
    return default


def raw_of(value: Any) -> Raw | None:
    """A value of the program as it would stand in a file; None is not set."""
    if value is None or isinstance(value, str | bool | int | Decimal):
        return value
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float):
        return "max" if value == float("inf") else Decimal(repr(value))
    return str(value)


def _keys_of(group: type) -> Iterable[Key]:
    for name, hint in get_type_hints(group, include_extras=True).items():
        base, option = get_args(hint)[0], get_args(hint)[1]
        if not isinstance(option, OptionInfo):
            raise TypeError(f"{group.__name__}.{name} is no flag")
        if name in NOT_IN_A_FILE:
            continue
        if get_origin(base) in {Union, UnionType}:
            base = next(part for part in get_args(base) if part is not type(None))
        yield Key(
            name=name,
            group=group,
            kind=base,
            parser=option.parser,
            help=option.help or "",
            unit=option.metavar or "",
            panel=option.rich_help_panel if isinstance(option.rich_help_panel, str) else "",
            default=raw_of(_default_of(group, name)),
        )


_GROUPS: Final = (MarketFlags, StrategyFlags, WireFlags, FeedFlags, ExchangeFlags)

_ALL: Final = {key.name: key for group in _GROUPS for key in _keys_of(group)}

MARKET_KEYS: Final[Mapping[str, Key]] = {name: key for name, key in _ALL.items() if name != "duration"}
"""Of [defaults] and of each [markets.NAME]."""

BUDGET_KEYS: Final[Mapping[str, Key]] = {key.name: key for key in _keys_of(BudgetKeys)}

RUN_KEYS: Final[Mapping[str, Key]] = {
    "duration": _ALL["duration"],
    **{key.name: key for key in _keys_of(OutputFlags)},
    **{key.name: key for key in _keys_of(WatchFlags)},
}
"""Of [run]: what is the same for all markets."""

DASHBOARD_KEYS: Final[Mapping[str, Key]] = {key.name: key for key in _keys_of(DashboardFlags)}

USER_KEYS: Final[Mapping[str, Key]] = {key.name: key for key in _keys_of(UserKeys)}
"""Of each [dashboard.users.NAME]: both must be there."""

SECTIONS: Final[Mapping[str, Mapping[str, Key]]] = {
    "defaults": MARKET_KEYS,
    "markets": MARKET_KEYS,
    "budgets": BUDGET_KEYS,
    "run": RUN_KEYS,
    "dashboard": DASHBOARD_KEYS,
}
"""Every section and its keys; those of ``markets`` stand in [markets.NAME]."""
