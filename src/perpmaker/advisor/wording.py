"""Numbers as a trader reads them: enough digits to compare, no more."""

from decimal import Decimal
from fractions import Fraction

_DIGITS = 4
Number = Decimal | Fraction | float | int


def number(value: Number) -> str:
    """Four significant digits, without an exponent."""
    exact = float(value)
    if exact == 0:
        return "0"
    rounded = Decimal(f"{exact:.{_DIGITS}g}")
    return f"{rounded.normalize():f}"


def money(value: Number) -> str:
    """Two decimals, or four significant digits where that is finer."""
    exact = float(value)
    return f"{exact:,.2f}" if abs(exact) >= 1 or exact == 0 else number(exact)


def percent(value: Number) -> str:
    """A share as a percentage."""
    return f"{number(float(value) * 100)} %"


def bp(value: Number) -> str:
    """A share as basis points."""
    return f"{number(float(value) * 10_000)} bp"


def duration(seconds: float) -> str:
    """A span of time in its largest fitting unit."""
    for unit, length in (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{number(seconds / length)} {unit}"
    return f"{number(seconds)} seconds"
