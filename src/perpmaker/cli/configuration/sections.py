"""One section of a configuration file, read: its keys are known, its values possible, each with its source.

Rules kept here:

1. What is unknown is refused with the nearest right name, or with the section that it belongs to.
2. What should not be seen is not repeated in the sentence that refuses it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perpmaker.cli.configuration.document import looks_secret
from perpmaker.cli.configuration.keys import NOT_IN_A_FILE, SECTIONS, Key, raw_of
from perpmaker.cli.configuration.settings import Setting, Source
from perpmaker.cli.configuration.words import cut, nearest, shown
from perpmaker.domain.errors import ConfigError

Layer = Mapping[str, Setting]
"""Settings of one source, by key."""


def check_sections(path: Path, document: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for a section that there is not."""
    for section in document:
        if section not in SECTIONS:
            raise ConfigError(f"{path}: {_unknown_section(section, document[section])}")


def layer(
    path: Path,
    section: str,
    tables: Mapping[str, Any],
    keys: Mapping[str, Key],
    source: Source,
    name: str | None = None,
) -> dict[str, Setting]:
    """The keys of one section, read. Raises `ConfigError`."""
    table = tables.get(section if name is None else name, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: [{section}] must be a section with keys, not {shown(table)}")
    found = {}
    for name_of_key, raw in table.items():
        key = keys.get(name_of_key)
        if key is None:
            raise ConfigError(f"{path}: [{section}] {_unknown_key(name_of_key, section, keys)}")
        try:
            found[name_of_key] = Setting(key=key, value=key.read(raw), raw=raw, source=source)
        except ValueError as error:
            held = "..." if looks_secret(name_of_key) else shown(raw)
            raise ConfigError(f"{path}: [{section}] {name_of_key} = {held}: {cut(str(error), 200)}") from None
    return found


def of_program(keys: Mapping[str, Key]) -> dict[str, Setting]:
    """What the program has where nobody says otherwise."""
    return {
        name: Setting(key=key, value=key.default_value(), raw=key.default, source=Source.PROGRAM)
        for name, key in keys.items()
    }


def of_typed(typed: Mapping[str, Any], keys: Mapping[str, Key]) -> dict[str, Setting]:
    """What was typed beside the file, of these keys."""
    return {
        name: Setting(key=keys[name], value=value, raw=raw_of(value), source=Source.TYPED)
        for name, value in typed.items()
        if name in keys
    }


def group_of(kind: Any, values: Mapping[str, Any]) -> Any:
    """A group of flags, of its own values among these."""
    return kind(**{name: value for name, value in values.items() if name in kind.__dataclass_fields__})


def _unknown_section(name: str, held: object) -> str:
    near = nearest(name, SECTIONS)
    if near is not None:
        return f"there is no section [{cut(name)}]; did you mean [{'markets.NAME' if near == 'markets' else near}]?"
    if isinstance(held, dict):
        return (
            f"there is no section [{cut(name)}]; there are [defaults], [markets.NAME], [budgets], [run] and [dashboard]"
        )
    return f"{cut(name)} = {shown(held)} stands in no section: write it under [defaults], [markets.NAME] or [run]"


def _unknown_key(name: str, section: str, keys: Mapping[str, Key]) -> str:
    meant = name.strip().lower().replace("-", "_")
    if meant in NOT_IN_A_FILE:
        return f"{cut(name)}: {NOT_IN_A_FILE[meant]}"
    others = [f"[{'markets.NAME' if other == 'markets' else other}]" for other in SECTIONS if meant in SECTIONS[other]]
    if meant not in keys and others:
        return f"{meant} does not belong here: write it under {' or '.join(others)}"
    near = nearest(name, keys)
    hint = f"did you mean {near}?" if near else f"`perpmaker config show` lists the keys of [{section}]"
    return f"{cut(name)} is unknown; {hint}"
