"""Other settings for a strategy that is there already, typed by a person: by the flags' names, as the flags take them.

Rules kept here:

1. A text is read by its flag's own parser, and the settings that come out are checked as a whole: what cannot be
   typed at the start cannot be typed later.
2. What cannot change while a run goes on is refused with its reason.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from perpmaker.cli.configuration.changes import reason_against
from perpmaker.cli.configuration.keys import MARKET_KEYS, RUN_KEYS, Key
from perpmaker.cli.configuration.words import nearest, shown
from perpmaker.cli.flags import SETTING_NAMES, StrategyFlags
from perpmaker.cli.session import settings_by_name
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.maker.settings import StrategySettings

CHANGEABLE: Final[Mapping[str, Key]] = {
    name: key
    for name, key in MARKET_KEYS.items()
    if key.group is StrategyFlags and name != "preset" and not reason_against(key)
}
"""The flags that can change between two refreshes, by name with underscores."""

_FLAGS: Final = {setting: flag for flag, setting in SETTING_NAMES.items()}
_SWITCHES: Final = {"true": True, "false": False}


def settings_by_flag(strategy: StrategySettings) -> Mapping[str, str]:
    """Every setting as it acts, by the name of its flag."""
    return {_FLAGS.get(name, name): text for name, text in settings_by_name(strategy).items()}


class ChangedStrategy(NamedTuple):
    """The settings as they would be; ``told`` has (was, is) by flag, for those that differ."""

    settings: StrategySettings
    told: Mapping[str, tuple[str, str]]

    @property
    def lines(self) -> str:
        """A line each."""
        return "\n".join(f"{name}: {was} -> {now}" for name, (was, now) in self.told.items())


def changed_strategy(current: StrategySettings, texts: Mapping[str, str]) -> ChangedStrategy:
    """These settings, with those of ``texts`` in the place of the old ones.

    Raises:
        InvalidSettingError: there is no such flag, it cannot change while a run goes on, or its value is impossible.
    """
    values: dict[str, Any] = {}
    for name, text in texts.items():
        values[SETTING_NAMES.get(name, name)] = _read(name, text)
    settings = replace(current, **values)
    before, after = settings_by_flag(current), settings_by_flag(settings)
    return ChangedStrategy(settings, {flag: (before[flag], now) for flag, now in after.items() if before[flag] != now})


def _read(name: str, text: str) -> Any:
    key = CHANGEABLE.get(name)
    if key is None:
        known = MARKET_KEYS.get(name) or RUN_KEYS.get(name)
        if known is not None:
            reason = reason_against(known) or "it is not part of the strategy"
            raise InvalidSettingError(f"{name} cannot change while the run goes on: {reason}")
        near = nearest(name, CHANGEABLE)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(CHANGEABLE)}"
        raise InvalidSettingError(f"{shown(name)}: there is no such setting; {hint}")
    raw = _SWITCHES.get(text, text) if key.kind is bool else text
    try:
        return key.read(raw)
    except ValueError as error:
        raise InvalidSettingError(f"{name} {shown(text)}: {error}") from None
