"""The JSON Schema of the configuration file (draft 2020-12), for editors that complete and check while one types.

It is made from the keys, so that it cannot say anything else than they do. What depends on two keys at once is left to
`perpmaker config check`.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from perpmaker.cli import values
from perpmaker.cli.configuration.keys import SECTIONS, USER_KEYS, Key, hash_text
from perpmaker.cli.configuration.ranges import RANGES

_NUMBER: Final = r"[+-]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_FRACTION: Final = rf"^\s*{_NUMBER}\s*(%|[bB][pP][sS]?)?\s*$"
_TIME: Final = rf"{_NUMBER}\s*([nNuUmM]?[sS]|[mMhH])|0"
_LATENCY: Final = rf"({_TIME}|lognormal:.+:.+|recorded:.+)"

_FORMS: Final[Mapping[Any, Mapping[str, Any]]] = {
    values.decimal: {"type": ["number", "string"], "pattern": rf"^\s*{_NUMBER}\s*$"},
    values.whole: {"type": ["integer", "string"], "pattern": rf"^\s*{_NUMBER}\s*$"},
    values.fraction: {"type": ["number", "string"], "pattern": _FRACTION},
    values.share: {"type": ["number", "string"], "pattern": _FRACTION},
    values.rate: {"type": ["number", "string"], "pattern": _FRACTION},
    values.number: {"type": ["number", "string"], "pattern": rf"^\s*{_NUMBER}\s*$"},
    values.nanoseconds: {"anyOf": [{"const": 0}, {"type": "string", "pattern": rf"^\s*({_TIME})\s*$"}]},
    values.latency: {"anyOf": [{"const": 0}, {"type": "string", "pattern": rf"^\s*{_LATENCY}\s*$"}]},
    values.speed: {
        "type": ["number", "string"],
        "exclusiveMinimum": 0,
        "pattern": rf"^\s*({_NUMBER}|[mM][aA][xX])\s*$",
    },
    hash_text: {"type": "string", "pattern": r"^\$argon2(id|i|d)\$.+\$.+\$.+$"},
}
"""By the parser of a flag: what a value looks like."""


def schema() -> dict[str, Any]:
    """The schema, as it is written."""
    sections = {name: _section(keys) for name, keys in SECTIONS.items()}
    market = sections.pop("markets")
    sections["dashboard"]["properties"]["users"] = {
        "description": "Who may open the page with a password, each under a name.",
        "type": "object",
        "propertyNames": {"pattern": "^[A-Za-z0-9_.@-]{1,64}$"},
        "additionalProperties": {**_section(USER_KEYS), "required": list(USER_KEYS)},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "perpmaker configuration",
        "type": "object",
        "additionalProperties": False,
        "required": ["markets"],
        "properties": {
            "defaults": {
                "description": "Settings of every market that does not set them itself.",
                **sections["defaults"],
            },
            "markets": {
                "description": "The markets, each under a name of yours.",
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": "^[A-Za-z0-9_-]{1,32}$"},
                "additionalProperties": market,
            },
            "budgets": {"description": "Limits over all markets together.", **sections["budgets"]},
            "run": {"description": "What is the same for all markets.", **sections["run"]},
            "dashboard": {"description": "The web page: where it is served, and to whom.", **sections["dashboard"]},
        },
    }


def schema_text() -> str:
    """The same, as JSON."""
    return json.dumps(schema(), indent=2, ensure_ascii=False)


def _section(keys: Mapping[str, Key]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _property(key) for name, key in keys.items()},
    }


def _property(key: Key) -> dict[str, Any]:
    described = {"description": key.help + (f" Unit: {key.unit}." if key.unit else "")}
    if key.default is not None:
        described["default"] = _plain(key.default)
    if key.kind is bool:
        return {**described, "type": "boolean"}
    if key.choices:
        return {**described, "enum": list(key.choices)}
    if key.parser is None:
        return {**described, "type": "string", "minLength": 1}
    form = _FORMS[key.parser]
    return {**described, **form, **({} if "anyOf" in form else _limits(key))}


def _limits(key: Key) -> dict[str, Any]:
    """The range, for what is written as a number; text with a unit is left to the program."""
    found = RANGES.get(key.name)
    if found is None:
        return {}
    limits: dict[str, Any] = {}
    if found.least is not None:
        limits["exclusiveMinimum" if found.is_above else "minimum"] = _plain(found.least)
    if found.most is not None:
        limits["maximum"] = _plain(found.most)
    return limits


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
