"""What `perpmaker config init` asks: a few questions, each with an answer that can be taken as it is.

An answer that cannot be is refused with the reason, and asked for again.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from perpmaker.cli.configuration.keys import MARKET_KEYS, Raw
from perpmaker.data.choice import DEFAULT_SYMBOL
from perpmaker.maker.presets import PRESETS

_NONE: Final = "none"
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


class Question(NamedTuple):
    """The key that is asked for, in words, and what Enter means; empty leaves the key out."""

    key: str
    words: str
    otherwise: str


Ask = Callable[[Question], str]
"""Shows a question and gives the answer as typed."""

_PRESET: Final = Question("preset", f"Recommended settings to begin with: {', '.join([*PRESETS, _NONE])}", _NONE)
_WHERE: Final = (
    Question("exchange", "Exchange: sim, backpack, or a ccxt id", "sim"),
    Question("symbol", "Market", DEFAULT_SYMBOL),
)
_LADDER: Final = (
    Question("spread", "Half-spread: distance of the first quotes from the price, e.g. 5bp", "5bp"),
    Question("quantity", "Size of each order, base currency", "0.1"),
    Question("max_position", "Most to hold, long or short, base currency", "1"),
)
_LIMITS: Final = (
    Question("stop_loss", "Close the position at this unrealized loss, quote currency; 0 is never", "20"),
    Question("max_loss", "End the run at this loss, quote currency; 0 is never", "50"),
)


def answers(ask: Ask, refuse: Callable[[str], None]) -> dict[str, Raw]:
    """Ask everything; ``refuse`` tells why an answer cannot be taken."""
    found: dict[str, Raw] = {}
    for question in _questions(found):
        while True:
            text = ask(question).strip() or question.otherwise
            if text == _NONE and question is _PRESET:
                break
            key = MARKET_KEYS[question.key]
            try:
                key.read(text)
            except ValueError as error:
                refuse(f"{text}: {error}")
                continue
            is_number = key.parser is not None and _NUMBER.fullmatch(text) is not None
            found[question.key] = Decimal(text) if is_number else text
            break
    return found


def _questions(found: dict[str, Raw]) -> Iterator[Question]:
    """Which questions there are depends on the answers before: a preset has most of it."""
    yield from _WHERE
    yield _PRESET
    preset = PRESETS.get(str(found.get("preset")))
    for question in (*_LADDER, *_LIMITS):
        if preset is None:
            yield question
        elif question.key == "max_position" or question in _LIMITS:
            given = preset.get(question.key)
            yield question if given is None else question._replace(otherwise=str(given))
