"""Means that say how little they may mean: confidence bands that know that fills come in bunches.

How a band is made:

1. Observations of one block of time count as one: their errors are added before they are squared (the variance of a
   mean clustered by block). Fills seconds apart see the same move of the price, so treating them as independent would
   make every band far too narrow.
2. The band is the mean plus or minus Student's t at 97.5 % with (blocks - 1) degrees of freedom: 95 %.
3. With fewer than `LEAST_BLOCKS` blocks there is no band, and nothing may be concluded.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import NormalDist, fmean, stdev
from typing import Final, NamedTuple

LEAST_BLOCKS: Final = 10
LEAST_PERIODS: Final = 30

_MINUTE_NS: Final = 60 * 10**9
PERIODS_NS: Final = tuple(minutes * _MINUTE_NS for minutes in (1, 5, 15, 60, 240, 1_440))
"""Lengths of period that `periods` chooses from."""

_DAY_NS: Final = 86_400 * 10**9
_YEAR_NS: Final = 365.25 * _DAY_NS


class Mean(NamedTuple):
    """A mean of ``size`` observations in ``blocks`` blocks; ``half_width`` is None where there are too few."""

    value: float
    half_width: float | None
    size: int
    blocks: int


class Ratio(NamedTuple):
    """Profit per period and how it varies, and how many independent periods that rests on.

    ``half_width`` is of the mean's 95 % band. ``sharpe`` is the yearly ratio, None for periods shorter than a day:
    minutes and hours of one day say nothing about a year.
    """

    period_ns: int
    periods: int
    mean: float
    deviation: float
    half_width: float
    sharpe: float | None


def clustered_mean(observations: Iterable[tuple[int, float]], block_ns: int) -> Mean | None:
    """The mean of (time, value) with its band; None without observations."""
    by_block: defaultdict[int, list[float]] = defaultdict(list)
    for ts_ns, value in observations:
        by_block[ts_ns // block_ns].append(value)
    values = [value for block in by_block.values() for value in block]
    if not values:
        return None
    mean, count, blocks = fmean(values), len(values), len(by_block)
    if blocks < LEAST_BLOCKS:
        return Mean(mean, None, count, blocks)
    squares = math.fsum(math.fsum(value - mean for value in block) ** 2 for block in by_block.values())
    error = math.sqrt(squares * blocks / (blocks - 1)) / count
    return Mean(mean, student_t(blocks - 1) * error, count, blocks)


def performance(equity: Sequence[tuple[int, float]], start_ns: int, end_ns: int) -> Ratio | None:
    """Profit by period, of the longest period of `PERIODS_NS` of which the run holds at least `LEAST_PERIODS`.

    ``equity`` is (time, account), ascending; the account at the end of a period is the last one seen. None where the
    run is shorter than 30 minutes, or nothing ever changed.
    """
    fitting = [period for period in PERIODS_NS if (end_ns - start_ns) // period >= LEAST_PERIODS]
    if not fitting or not equity:
        return None
    period_ns = fitting[-1]
    bounds = range(start_ns, end_ns + 1, period_ns)
    values: list[float] = []
    index = 0
    for bound in bounds:
        while index + 1 < len(equity) and equity[index + 1][0] <= bound:
            index += 1
        values.append(equity[index][1])
    gains = [after - before for before, after in pairwise(values)]
    mean, deviation = fmean(gains), stdev(gains)
    if deviation == 0:
        return None
    half_width = student_t(len(gains) - 1) * deviation / math.sqrt(len(gains))
    sharpe = mean / deviation * math.sqrt(_YEAR_NS / period_ns) if period_ns >= _DAY_NS else None
    return Ratio(period_ns, len(gains), mean, deviation, half_width, sharpe)


def student_t(degrees: int) -> float:
    """The 97.5 % point of Student's t, by its expansion around the normal one: to 0.001 from 9 degrees on."""
    z = NormalDist().inv_cdf(0.975)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / degrees + second / degrees**2 + third / degrees**3
