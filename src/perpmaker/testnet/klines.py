"""Candles and rolling statistics of the testnet's trades.

Rules kept here:

1. Candles start at whole multiples of their interval since 1970 UTC; weeks on Monday, months on their first day.
2. A candle without a trade does not exist. Of each interval the last `KEPT` candles are kept.
3. Statistics of a day or a week are put together from whole minutes: they reach back to the beginning of the minute
   that was 24 hours (7 days) ago.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from perpmaker.domain.money import QUANTA_PER_TICK_LOT

KEPT: Final = 1_500

_SECOND_NS: Final = 10**9
_MINUTE_NS: Final = 60 * _SECOND_NS
_DAY_NS: Final = 1_440 * _MINUTE_NS
_MONDAY_NS: Final = 4 * _DAY_NS  # 1970-01-05
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTH: Final = "1month"

INTERVALS_NS: Final = {
    "1s": _SECOND_NS,
    **{f"{minutes}m": minutes * _MINUTE_NS for minutes in (1, 3, 5, 15, 30)},
    **{f"{hours}h": hours * 60 * _MINUTE_NS for hours in (1, 2, 4, 6, 8, 12)},
    "1d": _DAY_NS,
    "3d": 3 * _DAY_NS,
    "1w": 7 * _DAY_NS,
    _MONTH: 31 * _DAY_NS,
}
"""Names of the intervals on the wire; a month is as long as its calendar says."""

WINDOWS_NS: Final = {"1d": _DAY_NS, "1w": 7 * _DAY_NS}
"""Names of the windows of statistics."""


@dataclass(slots=True)
class Candle:
    """Prices in ticks, volume in lots, value in quanta; ``end_ns`` is the start of the next candle."""

    start_ns: int
    end_ns: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    lots: int
    quanta: int
    trades: int


class RollingStatistics(NamedTuple):
    """What happened in a window; prices in ticks. Without a trade ``trades`` is 0 and prices are the last known."""

    first_ticks: int
    last_ticks: int
    high_ticks: int
    low_ticks: int
    lots: int
    quanta: int
    trades: int


class Klines:
    """All candles of one market."""

    def __init__(self) -> None:
        self._current: dict[str, Candle] = {}
        self._closed: dict[str, deque[Candle]] = {
            name: deque(maxlen=WINDOWS_NS["1w"] // _MINUTE_NS if name == "1m" else KEPT) for name in INTERVALS_NS
        }
        self.last_ticks: int | None = None
        """Price of the last trade."""

    def trade(self, at_ns: int, price_ticks: int, lots: int) -> None:
        """A trade has happened; times never decrease."""
        self.last_ticks = price_ticks
        quanta = price_ticks * lots * QUANTA_PER_TICK_LOT
        for name, candle in self._current.items():
            if at_ns < candle.end_ns:
                if price_ticks > candle.high_ticks:
                    candle.high_ticks = price_ticks
                elif price_ticks < candle.low_ticks:
                    candle.low_ticks = price_ticks
                candle.close_ticks = price_ticks
                candle.lots += lots
                candle.quanta += quanta
                candle.trades += 1
            else:
                self._closed[name].append(candle)
                self._current[name] = _first(name, at_ns, price_ticks, lots, quanta)
        if not self._current:
            self._current = {name: _first(name, at_ns, price_ticks, lots, quanta) for name in INTERVALS_NS}

    def current(self, interval: str) -> Candle | None:
        """The newest candle; it is closed as soon as the clock has reached its ``end_ns``."""
        return self._current.get(interval)

    def between(self, interval: str, start_ns: int, end_ns: int) -> list[Candle]:
        """Candles that start within ``[start_ns, end_ns]``, oldest first."""
        return [candle for candle in self._all(interval) if start_ns <= candle.start_ns <= end_ns]

    def statistics(self, window: str, now_ns: int) -> RollingStatistics | None:
        """Statistics of a window (a name of `WINDOWS_NS`); None before the first trade of all."""
        if self.last_ticks is None:
            return None
        since_ns = (now_ns - WINDOWS_NS[window]) // _MINUTE_NS * _MINUTE_NS
        candles = [candle for candle in self._all("1m") if candle.start_ns >= since_ns]
        if not candles:
            return RollingStatistics(*(self.last_ticks,) * 4, 0, 0, 0)
        return RollingStatistics(
            candles[0].open_ticks,
            candles[-1].close_ticks,
            max(candle.high_ticks for candle in candles),
            min(candle.low_ticks for candle in candles),
            sum(candle.lots for candle in candles),
            sum(candle.quanta for candle in candles),
            sum(candle.trades for candle in candles),
        )

    def _all(self, interval: str) -> Iterator[Candle]:
        yield from self._closed[interval]
        if interval in self._current:
            yield self._current[interval]


def _first(interval: str, at_ns: int, price_ticks: int, lots: int, quanta: int) -> Candle:
    start_ns, end_ns = _bounds(interval, at_ns)
    return Candle(start_ns, end_ns, price_ticks, price_ticks, price_ticks, price_ticks, lots, quanta, 1)


def _bounds(interval: str, at_ns: int) -> tuple[int, int]:
    if interval == _MONTH:
        return _month(at_ns)
    length = INTERVALS_NS[interval]
    offset = _MONDAY_NS if interval == "1w" else 0
    start_ns = (at_ns - offset) // length * length + offset
    return start_ns, start_ns + length


def _month(at_ns: int) -> tuple[int, int]:
    first = (_EPOCH + timedelta(seconds=at_ns // _SECOND_NS)).replace(day=1, hour=0, minute=0, second=0)
    following = (first + timedelta(days=32)).replace(day=1)
    return _ns(first), _ns(following)


def _ns(moment: datetime) -> int:
    return int((moment - _EPOCH).total_seconds()) * _SECOND_NS
