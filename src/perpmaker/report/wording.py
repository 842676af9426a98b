"""Numbers and times as people read them, the same on the page and on the terminal."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

_NS_PER_S: Final = 10**9


def utc(at_ns: int) -> str:
    """To the second, UTC."""
    return datetime.fromtimestamp(at_ns // _NS_PER_S, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def span(ns: float) -> str:
    """A length of time: 250 ms, 6.70 s, 12 min 5 s, 49 h 5 min."""
    seconds = ns / _NS_PER_S
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.4g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60:,} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60:,} h"


def money(amount: Decimal, decimals: int = 4) -> str:
    """With its sign, rounded for reading; the exact figure stands beside it where it matters."""
    return f"{amount:+,.{decimals}f}"


def plain(value: object) -> str:
    """A figure of the summary, exactly as it is written there."""
    return "none" if value is None else str(value)
