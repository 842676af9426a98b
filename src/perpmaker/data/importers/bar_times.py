"""Times of bars and of funding as files have them: whole numbers since 1970, timestamps, text.

Rules kept here:

1. A column of whole numbers is seconds, milliseconds, microseconds or nanoseconds since 1970 UTC: which, its size says
   (one column is in one unit, and a time before 2001 or after 2286 is none).
2. A time with an offset or a zone is that instant. One without is refused, unless the zone is given: a guess could be
   hours off, and nothing in the bars would show it.
3. A time that a zone's clock showed twice, or never, is refused.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from perpmaker.domain.errors import InvalidSettingError

_UNITS: Final = ((10**9, 10**10, 10**9), (10**12, 10**13, 10**6), (10**15, 10**16, 10**3), (10**18, 10**19, 1))
"""Lowest and first too high value, and nanoseconds, of each unit."""

_NS_PER_S: Final = 10**9
_NS_PER_US: Final = 1_000


class BadTimeError(ValueError):
    """A value is no usable time; ``index`` is its place in the column, the caller adds the file."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def zone(name: str) -> tzinfo:
    """A time zone by its name, e.g. ``UTC`` or ``Europe/Berlin``.

    Raises:
        InvalidSettingError: there is none of that name.
    """
    if name.upper() in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidSettingError(f"--timezone {name}: there is no such zone; say UTC, or e.g. Europe/Berlin") from None


def column_ns(column: Any, assumed: tzinfo | None) -> NDArray[np.int64]:
    """A column of times (pyarrow, untyped, or a list of texts) as ns since 1970 UTC.

    Args:
        column: whole numbers, timestamps, or text.
        assumed: the zone of times that name none; None refuses them.

    Raises:
        BadTimeError: at the first value that is no time, or names no zone where none is assumed.
    """
    if isinstance(column, list):
        return _texts(column, assumed)
    kind = column.type
    if column.null_count:
        raise BadTimeError(int(np.argmax(column.is_null().to_numpy(zero_copy_only=False))), "the time is missing")
    if pa.types.is_timestamp(kind):
        stamps = column.cast(pa.timestamp("ns", kind.tz)).cast(pa.int64()).to_numpy(zero_copy_only=False)
        return stamps if kind.tz is not None else _placed([_naive(int(ns)) for ns in stamps], assumed)
    if pa.types.is_integer(kind):
        return _numbers(column.cast(pa.int64()).to_numpy(zero_copy_only=False))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _texts(column.to_pylist(), assumed)
    raise BadTimeError(0, f"a time cannot be {kind}: it must be a whole number, a timestamp or text")


def _numbers(values: NDArray[np.int64]) -> NDArray[np.int64]:
    for lowest, too_high, ns in _UNITS:
        if len(values) and lowest <= values[0] < too_high:
            wrong = (values < lowest) | (values >= too_high)
            if wrong.any():
                index = int(np.argmax(wrong))
                raise BadTimeError(index, f"{values[index]} is not in the unit of the first time, {values[0]}")
            found: NDArray[np.int64] = values * ns
            return found
    raise BadTimeError(0, f"{values[0] if len(values) else 'nothing'} is no time since 1970 UTC in s, ms, us or ns")


def _texts(texts: Sequence[str], assumed: tzinfo | None) -> NDArray[np.int64]:
    if texts and texts[0].strip().isdigit():
        numbers = np.zeros(len(texts), np.int64)
        for index, text in enumerate(texts):
            if not (text.strip().isascii() and text.strip().isdigit() and len(text.strip()) < 20):
                raise BadTimeError(index, f"{text!r} is no time")
            numbers[index] = min(int(text), 2**63 - 1)
        return _numbers(numbers)
    moments = []
    for index, text in enumerate(texts):
        try:
            moments.append(datetime.fromisoformat(text.strip()))
        except (ValueError, AttributeError):
            raise BadTimeError(index, f"{text!r} is no time") from None
    return _placed(moments, assumed)


def _naive(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // _NS_PER_S, tz=UTC).replace(
        tzinfo=None, microsecond=ns % _NS_PER_S // _NS_PER_US
    )


def _placed(moments: list[datetime], assumed: tzinfo | None) -> NDArray[np.int64]:
    found = np.zeros(len(moments), np.int64)
    for index, moment in enumerate(moments):
        if moment.tzinfo is None and assumed is None:
            raise BadTimeError(index, f"{moment} names no time zone: say which it is, e.g. --timezone UTC")
        placed = moment if moment.tzinfo is not None else _in_zone(index, moment, assumed)
        found[index] = int(placed.timestamp()) * _NS_PER_S + placed.microsecond * _NS_PER_US
    return found


def _in_zone(index: int, moment: datetime, assumed: tzinfo | None) -> datetime:
    early, late = moment.replace(tzinfo=assumed, fold=0), moment.replace(tzinfo=assumed, fold=1)
    if early.utcoffset() != late.utcoffset():
        raise BadTimeError(index, f"{moment} was shown twice or never by the clocks of {assumed}: give times in UTC")
    return early
