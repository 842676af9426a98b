"""Values as traders type them: fractions, percent and basis points, rates, times with a unit.

Every parser raises `typer.BadParameter` with one sentence that says what was read and what would be right.
"""

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path

import typer

from perpmaker.data.terms_files import LatencyFile
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.moments import moment_ns
from perpmaker.simulation.latency import Latency, Lognormal

_BP = Decimal("0.0001")
_PERCENT = Decimal("0.01")
_NS_OF_UNIT = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_MOST_DIGITS = 40


def decimal(text: str | Decimal) -> Decimal:
    """A finite number; typer hands defaults in as decimals."""
    if isinstance(text, Decimal):
        return text
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise typer.BadParameter(f"'{text}' is not a number") from None
    if not value.is_finite():
        raise typer.BadParameter(f"'{text}' must be a finite number")
    if value.adjusted() > _MOST_DIGITS or int(value.as_tuple().exponent) < -_MOST_DIGITS:
        raise typer.BadParameter(f"'{text}' is beyond any real size")
    return value


def whole(text: str | int) -> int:
    """A whole number."""
    if isinstance(text, int):
        return text
    value = decimal(text)
    if value != value.to_integral_value():
        raise typer.BadParameter(f"'{text}' is not a whole number")
    return int(value)


def fraction(text: str | Decimal) -> Decimal:
    """A share of the price: ``0.01`` (a fraction), ``1%`` or ``100bp``, all the same."""
    if isinstance(text, Decimal):
        return text
    plain = text.strip().lower()
    for suffix, unit in (("%", _PERCENT), ("bps", _BP), ("bp", _BP)):
        if plain.endswith(suffix):
            return decimal(plain.removesuffix(suffix)) * unit
    return decimal(plain)


def rate(text: str | Decimal) -> Decimal:
    """A fee: a share of the value traded with at most 9 decimals, negative for a rebate."""
    value = fraction(text)
    if abs(value) >= 1:
        raise typer.BadParameter(f"'{text}' is 100 % or more; 2 bp is 0.0002, 0.02% or 2bp")
    return share(text)


def share(text: str | Decimal) -> Decimal:
    """A share with at most 9 decimals."""
    value = fraction(text)
    if (Fraction(value) * 10**9).denominator != 1:
        raise typer.BadParameter(f"'{text}' is finer than 0.000000001; round it")
    return value


def nanoseconds(text: str | int) -> int:
    """A span of time with its unit: ``5ms``, ``250us``, ``0.1s``, ``100ns``, ``8h``; ``0`` needs none."""
    if isinstance(text, int):
        return text
    plain = text.strip().lower()
    for suffix, unit_ns in _NS_OF_UNIT.items():  # in this order: "s" is also how "ms" ends
        if plain.endswith(suffix):
            value = decimal(plain.removesuffix(suffix)) * unit_ns
            break
    else:
        value = decimal(plain)
        if value != 0:
            raise typer.BadParameter(f"'{text}' needs a unit: {text}ms, {text}us or {text}s")
    if value < 0 or value != value.to_integral_value():
        raise typer.BadParameter(f"'{text}' must be a whole number of nanoseconds, and not negative")
    return int(value)


def moment(text: str | int) -> int:
    """A date or time in ISO 8601, as nanoseconds; UTC where it names no zone."""
    if isinstance(text, int):
        return text
    try:
        return moment_ns(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no date or time like 2026-01-05 or 2026-01-05T22:54") from None


def number(text: str | float) -> float:
    """A number that is an estimate, so that its last digits do not matter."""
    return text if isinstance(text, float) else float(decimal(text))


def latency(text: str | Latency | LatencyFile) -> Latency | LatencyFile:
    """A time (``10ms``), ``lognormal:MEDIAN:SIGMA`` with an optional third ``:CAP``, or ``recorded:FILE``."""
    if not isinstance(text, str):
        return text
    kind, _, rest = text.strip().partition(":")
    if kind == "recorded" and rest:
        return LatencyFile(Path(rest).resolve())
    if kind != "lognormal":
        return nanoseconds(text)
    median, sigma, cap = [*rest.split(":"), "", ""][:3]
    try:
        spread = float(decimal(sigma))
        return Lognormal(nanoseconds(median), spread, nanoseconds(cap) if cap else None)
    except (InvalidSettingError, typer.BadParameter) as error:
        raise typer.BadParameter(f"'{text}': {error}; e.g. lognormal:10ms:0.5 or lognormal:10ms:0.5:200ms") from None


def speed(text: str | float) -> float:
    """Simulated seconds per second; ``max`` (infinity here) is as fast as the machine can."""
    if isinstance(text, float):
        return text
    if text.strip().lower() == "max":
        return float("inf")
    value = decimal(text)
    if value <= 0:
        raise typer.BadParameter(f"'{text}' must be above 0 (simulated seconds per second), or max")
    return float(value)
