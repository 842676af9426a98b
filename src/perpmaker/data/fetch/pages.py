"""Whether a page of history may be believed, what of it is new, and where the next one begins.

Exchanges cap pages in silence, answer with more than was asked, repeat rows at the border of two pages, send pages out
of order, and some look only for their newest rows whatever was asked.

Rules kept here:

1. A page is put in order of time. Of rows that are the same in every column one is kept, and the rest counted; two bars
   or two rates of one time that differ are an error, since nothing tells which is right.
2. What lies before the time asked for is counted and dropped. A page of nothing but that means that the exchange does
   not heed the time, and is an error: asking again would never end.
3. What lies at or after the end is dropped: also a bar that is still open there.
4. Bars and rates have a time of their own: the next page begins after the last. Several trades can share a time, and a
   page may be cut between them: so the last time of a page is left to the next page, which begins there and states it
   whole. A page of one single time is taken as it is; if it may have been full, some of that time may be missing, and
   that is counted.
5. An empty page is passed over by a span that the source knows, up to the end: exchanges answer for a span only.
6. Prices are above zero, sizes are not negative, a bar's high and low hold its open and close.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from types import MappingProxyType
from typing import Final, NamedTuple

from perpmaker.data.fetch.request import FetchRequest, Row
from perpmaker.data.format import utc
from perpmaker.domain.errors import RecordingError

REPEATED: Final = "rows that came twice"
TOO_EARLY: Final = "rows from before what was asked for"
SMALLEST_CAP: Final = 40
"""No exchange caps a page below this many rows, whatever was asked for."""

CUT: Final = "times with more trades than a page holds, of which some may be missing"


class Page(NamedTuple):
    """What one answer is worth: its new rows by time, and where the next page begins."""

    rows: list[Row]
    next_ms: int


class Paging(NamedTuple):
    """How a source gives its history.

    ``bar_ms`` is the length of a bar, 0 for other kinds; ``limit`` the most rows of a page; ``span_ms`` how far an
    empty page is passed over.
    """

    bar_ms: int
    limit: int
    span_ms: int


def examine(
    answer: Iterable[Row],
    cursor_ms: int,
    request: FetchRequest,
    paging: Paging,
    notes: Counter[str],
    *,
    is_whole: bool = False,
) -> Page:
    """The page that an answer to "from ``cursor_ms`` on" makes; ``is_whole`` where nothing is to come after it.

    Raises:
        RecordingError: the answer cannot be true, or does not begin where it should.
    """
    found = list(answer)
    rows = _in_order(found, request, notes)
    fresh = [row for row in rows if row.ts_ms >= cursor_ms]
    if not rows:
        return Page([], request.to_ms if is_whole else min(cursor_ms + paging.span_ms, request.to_ms))
    if not fresh:
        raise RecordingError(
            f"{request.exchange} answered with {request.kind} up to {_at(rows[-1])} where those from "
            f"{utc(cursor_ms * 1_000_000)} on were asked for: it does not heed the time, and cannot be fetched from"
        )
    notes[TOO_EARLY] += len(rows) - len(fresh)
    for row in fresh:
        _CHECKS[request.kind](row, request, paging)
    if is_whole:
        next_ms = request.to_ms
    elif request.kind == "trades":
        fresh, next_ms = _trades_to_believe(fresh, paging.limit, notes)
    else:
        next_ms = fresh[-1].ts_ms + max(paging.bar_ms, 1)
    wanted = [row for row in fresh if row.ts_ms + max(paging.bar_ms, 1) <= request.to_ms]
    return Page(wanted, min(next_ms, request.to_ms) if len(wanted) == len(fresh) else request.to_ms)


def _in_order(rows: list[Row], request: FetchRequest, notes: Counter[str]) -> list[Row]:
    """By time, and each row once."""
    unique = list(dict.fromkeys(rows))
    notes[REPEATED] += len(rows) - len(unique)
    if request.kind == "trades":
        return sorted(unique, key=_trade_order)
    unique.sort()
    for before, row in pairwise(unique):
        if before.ts_ms == row.ts_ms:
            raise RecordingError(
                f"{request.exchange} gives two {request.kind} for {_at(row)} that differ "
                f"({', '.join(before.values)} and {', '.join(row.values)}): fetch another span"
            )
    return unique


def _trade_order(row: Row) -> tuple[int, int, str]:
    """Trades of one time are in the order of their numbers; ids that are no numbers in that of their text."""
    number = row.values[3]
    return (row.ts_ms, int(number) if number.isdecimal() else 0, number)


def _trades_to_believe(fresh: list[Row], limit: int, notes: Counter[str]) -> tuple[list[Row], int]:
    last_ms = fresh[-1].ts_ms
    if fresh[0].ts_ms < last_ms:
        return [row for row in fresh if row.ts_ms < last_ms], last_ms
    if len(fresh) >= min(limit, SMALLEST_CAP):
        notes[CUT] += 1
    return fresh, last_ms + 1


def _check_bar(row: Row, request: FetchRequest, paging: Paging) -> None:
    opened, high, low, closed, volume = (_number(text, row, request) for text in row.values)
    if not 0 < low <= min(opened, closed) <= max(opened, closed) <= high or volume < 0:
        raise RecordingError(
            f"the bar of {_at(row)} that {request.exchange} gives is impossible (open, high, low, close, "
            f"volume: {', '.join(row.values)}): fetch another span"
        )
    if row.ts_ms % paging.bar_ms:
        raise RecordingError(
            f"{request.exchange} gives a bar that begins at {row.ts_ms} ms, no multiple of {request.timeframe}: fetch "
            "another timeframe"
        )


def _check_trade(row: Row, request: FetchRequest, _paging: Paging) -> None:
    if row.values[0] not in ("buy", "sell"):
        raise RecordingError(
            f"{request.exchange} does not tell who took in the trade of {_at(row)}: use another source"
        )
    for text in row.values[1:3]:
        if _number(text, row, request) <= 0:
            raise RecordingError(
                f"the trade of {_at(row)} that {request.exchange} gives is impossible ({row.values[2]} at "
                f"{row.values[1]}): fetch another span"
            )


def _check_rate(row: Row, request: FetchRequest, _paging: Paging) -> None:
    if abs(_number(row.values[0], row, request)) >= 1:
        raise RecordingError(
            f"the funding rate of {_at(row)} that {request.exchange} gives is impossible ({row.values[0]}): fetch "
            "another span"
        )


_CHECKS: Final[Mapping[str, Callable[[Row, FetchRequest, Paging], None]]] = MappingProxyType(
    {"bars": _check_bar, "trades": _check_trade, "funding": _check_rate}
)


def _number(text: str, row: Row, request: FetchRequest) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise RecordingError(f"{request.exchange} gives {text!r} as a number at {_at(row)}: fetch another span")
    return number


def _at(row: Row) -> str:
    return f"{utc(row.ts_ms * 1_000_000)} UTC"
