"""How a place in a configuration file, and what stands there, is written in a sentence.

Rules kept here:

1. A sentence is one line whatever the file holds, and shows no character that a terminal would act on.
2. What is long is cut: the place says where the rest is.
"""

import difflib
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

_LONGEST: Final = 60
_MOST_BITS: Final = 256


def toml_text(raw: object) -> str:
    """A value as it is written in TOML; whole, however long."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, str):
        return '"' + "".join(_escaped(letter) for letter in raw) + '"'
    if isinstance(raw, Decimal) and raw.is_finite():
        return f"{raw:f}" if abs(raw.adjusted()) < _LONGEST else str(raw)
    if isinstance(raw, int) and raw.bit_length() > _MOST_BITS:  # Python refuses to write the largest
        return "a number of very many digits"
    if isinstance(raw, dict):
        return "a section"
    if isinstance(raw, list):
        return "a list"
    return str(raw)


def shown(raw: object) -> str:
    """The same, cut (rule 2)."""
    return cut(toml_text(raw))


def cut(text: str, longest: int = _LONGEST) -> str:
    """On one line, and not longer than that."""
    plain = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return plain if len(plain) <= longest else plain[: longest - 3] + "..."


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name that was probably meant; flags' dashes and capitals are forgiven."""
    meant = name.strip().lower().replace("-", "_")
    found = difflib.get_close_matches(meant[:_LONGEST], list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    if letter.isprintable():
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
