"""Markouts: where the mid stood some time after our fills, against the price that we got.

Rules kept here:

1. The markout of a fill at horizon h is s x (m(t+h) - p) / p in basis points: s is 1 for a buy and -1 for a sale, p the
   price, m the mid. Above zero is good. At horizon 0 the mid is the one just before the fill. Every fill counts once,
   whatever its size.
2. A fill whose horizon reaches past the end of the run, or into a gap of the market data, is left out there, and
   counted.
3. Bands are those of `perpmaker.report.estimates`, with blocks of twice the horizon, a minute at least.
4. Fills as maker and as taker are never mixed.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from perpmaker.domain.money import MILLITICKS_PER_TICK
from perpmaker.domain.orders import Side
from perpmaker.report.attribution import Execution
from perpmaker.report.estimates import Mean, clustered_mean
from perpmaker.report.market_path import MarketPath

_S_NS: Final = 10**9
HORIZONS_NS: Final = (0, 1 * _S_NS, 5 * _S_NS, 30 * _S_NS, 300 * _S_NS)

_LEAST_BLOCK_NS: Final = 60 * _S_NS
_BP: Final = 10_000


class Point(NamedTuple):
    """One horizon: the mean in basis points (None without a fill), and how many fills were left out."""

    horizon_ns: int
    mean: Mean | None
    left_out: int


class Curve(NamedTuple):
    """The markouts of one kind of fills; ``side`` and ``level`` are None where all are taken together."""

    is_maker: bool
    side: Side | None
    level: int | None
    fills: int
    points: Sequence[Point]

    @property
    def name(self) -> str:
        parts = ["maker" if self.is_maker else "taker"]
        parts += [] if self.side is None else ["buys" if self.side is Side.BUY else "sells"]
        parts += [] if self.level is None else [f"level {self.level}"]
        return " ".join(parts)


def times_needed(fills: Iterable[Execution], end_ns: int) -> set[int]:
    """The times at which the market must be looked at."""
    return {at_ns for fill in fills for h in HORIZONS_NS if (at_ns := _look_ns(fill, h)) <= end_ns}


def measure(fills: Sequence[Execution], path: MarketPath, end_ns: int) -> list[Curve]:
    """All maker fills, by side, by side and level; then the same of taker fills by side. Empty kinds are left out."""
    kinds: list[tuple[bool, Side | None, int | None]] = []
    levels = sorted({fill.level for fill in fills if fill.is_maker})
    kinds += [(True, None, None), (True, Side.BUY, None), (True, Side.SELL, None)]
    kinds += [(True, side, level) for side in (Side.BUY, Side.SELL) for level in levels if len(levels) > 1]
    kinds += [(False, None, None), (False, Side.BUY, None), (False, Side.SELL, None)]
    curves: list[Curve] = []
    for is_maker, side, level in kinds:
        chosen = [f for f in fills if f.is_maker is is_maker and side in (None, f.side) and level in (None, f.level)]
        if chosen:
            points = [_point(chosen, horizon_ns, path, end_ns) for horizon_ns in HORIZONS_NS]
            curves.append(Curve(is_maker, side, level, len(chosen), points))
    return curves


def _point(fills: Sequence[Execution], horizon_ns: int, path: MarketPath, end_ns: int) -> Point:
    seen = [fill for fill in fills if _is_seen(fill, horizon_ns, path, end_ns)]
    value = _valued_at(horizon_ns, path)
    mean = clustered_mean(((fill.ts_ns, value(fill)) for fill in seen), max(2 * horizon_ns, _LEAST_BLOCK_NS))
    return Point(horizon_ns, mean, len(fills) - len(seen))


def _valued_at(horizon_ns: int, path: MarketPath) -> Callable[[Execution], float]:
    def value(fill: Execution) -> float:
        move = (path.mid(_look_ns(fill, horizon_ns)) - fill.price_milliticks) * fill.side
        return move / max(fill.price_milliticks, MILLITICKS_PER_TICK) * _BP

    return value


def _look_ns(fill: Execution, horizon_ns: int) -> int:
    return fill.ts_ns + horizon_ns if horizon_ns else fill.ts_ns - 1


def _is_seen(fill: Execution, horizon_ns: int, path: MarketPath, end_ns: int) -> bool:
    until_ns = fill.ts_ns + horizon_ns
    return until_ns <= end_ns and path.is_seen(fill.ts_ns, until_ns)
