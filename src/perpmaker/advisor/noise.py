"""How often a limit is hit by noise alone: the price as a random walk without drift.

With a position x the unrealized profit is a random walk whose variance grows by ``(x price volatility)**2`` a second.
The time until such a walk, started at 0, first leaves ``(-L, G)`` has the mean ``L G / variance``, and it leaves at
``-L`` with probability ``G / (L + G)`` (Feller, An Introduction to Probability Theory, vol. 2, X.5). Without one of the
two limits the mean is infinite; the median time to the other is then ``(limit / 0.6745 sigma)**2``.

Real prices have fatter tails and memory, and a maker trades while it holds: these are orders of magnitude, and are said
to be that.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_SECONDS_PER_HOUR = 3600
_NS_PER_S = 10**9
_LEAST_POINTS = 60
_UPPER_QUARTILE = 0.6744897501960817  # of the normal distribution: half of all walks have passed it, by reflection


@dataclass(frozen=True, slots=True)
class Exit:
    """``seconds`` until one of the limits is hit: the mean with both limits, else the median (``is_median``)."""

    seconds: float
    stop_probability: float
    is_median: bool


def time_to_limit(stop: float, take: float, position: float, price: float, volatility_s: float) -> Exit | None:
    """When noise alone ends a position.

    Args:
        stop: magnitude in quote currency, 0 where there is none.
        take: likewise.
        position: base currency, held all the time.
        price: quote currency per base.
        volatility_s: standard deviation of one second's move, a share of the price.

    Returns:
        None where neither limit is set or nothing moves.
    """
    sigma = abs(position) * price * volatility_s
    if sigma <= 0 or (stop <= 0 and take <= 0):
        return None
    if stop > 0 and take > 0:
        return Exit(stop * take / sigma**2, take / (stop + take), is_median=False)
    limit = stop if stop > 0 else take
    return Exit((limit / (_UPPER_QUARTILE * sigma)) ** 2, 1.0 if stop > 0 else 0.0, is_median=True)


def reaches_per_hour(distance: float, interval_s: float, volatility_s: float) -> float:
    """How often an hour the price gets at least so far from where it was at a refresh, before the next one; both sides.

    By reflection, a walk passes a distance with twice the probability of ending beyond it.

    Args:
        distance: a share of the price.
        interval_s: seconds between two refreshes.
        volatility_s: as in `time_to_limit`.
    """
    sigma = move_within(interval_s, volatility_s)
    if sigma <= 0:
        return 0.0
    return 2 * math.erfc(distance / sigma / math.sqrt(2)) * _SECONDS_PER_HOUR / interval_s


def volatility_of(points: Sequence[tuple[int, float]]) -> float | None:
    """Standard deviation of one second's move, from prices at times, ns, in order, however far apart; None of too few.

    The sum of the squared returns, divided by the time that they took.
    """
    if len(points) < _LEAST_POINTS or points[-1][0] <= points[0][0]:
        return None
    squares = sum(math.log(after / before) ** 2 for (_, before), (_, after) in pairwise(points))
    return math.sqrt(squares / ((points[-1][0] - points[0][0]) / _NS_PER_S))


def move_within(seconds: float, volatility_s: float) -> float:
    """Standard deviation of the price's move in so many seconds, a share of the price."""
    return volatility_s * math.sqrt(seconds)
