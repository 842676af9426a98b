"""Moments as people write them, and as nanoseconds since 1970: UTC throughout, and exact.

Rules kept here:

1. A date is its midnight. A time without a zone is UTC; one with a zone is converted.
2. A fraction of a second may have up to nine digits; nothing is rounded.
3. `moment_text` gives the shortest text that `moment_ns` reads back to the same nanosecond.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION: Final = re.compile(r"(?<=:\d\d:\d\d)[.,](\d{1,9})(?=$|[Zz+-])")
_NS_PER_S: Final = 1_000_000_000


def moment_ns(text: str) -> int:
    """A date or time in ISO 8601, e.g. ``2026-01-05``, ``2026-01-05T22:54`` or ``2026-01-05 22:54:10.25+01:00``.

    Raises:
        ValueError: it is none.
    """
    plain = text.strip()
    fraction = _FRACTION.search(plain)
    rest = _FRACTION.sub("", plain)
    if "." in rest or "," in rest:  # which datetime would cut to microseconds
        raise ValueError(f"{text!r} has a fraction that is none of a second, or more than nine digits")
    whole = datetime.fromisoformat(rest)
    at = whole.replace(tzinfo=UTC) if whole.tzinfo is None else whole
    ns = 0 if fraction is None else int(fraction[1].ljust(9, "0"))
    return (at - _EPOCH) // timedelta(seconds=1) * _NS_PER_S + ns


def moment_text(at_ns: int) -> str:
    """``2026-01-05T22:54:10.25Z``."""
    seconds, ns = divmod(at_ns, _NS_PER_S)
    fraction = f".{ns:09d}".rstrip("0") if ns else ""
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}{fraction}Z"
