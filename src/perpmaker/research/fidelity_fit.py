"""Which queue model, with which exponent, fills the orders of a run most as the venue did.

Rules kept here:

1. Latency is measured, not fitted (`perpmaker.research.fidelity_latency`). With it every order arrives when it did;
   what then differs is the queue's.
2. The risk-averse model and the power model with every exponent of `COARSE` are tried; then the exponents around the
   best, in steps of a tenth. The least `Distance` wins. Of exponents that do as well the assumed one is taken, else the
   middle one by ratio; from where to where they lie is told. Where the risk-averse model does as well as any exponent,
   it is taken: it is the more careful one.
3. With fewer than `LEAST_FILLS` orders that the venue filled, nothing is fitted.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from perpmaker.research.fidelity_execution import Distance
from perpmaker.research.fidelity_terms import Assumed
from perpmaker.simulation.terms import QueueModel

LEAST_FILLS: Final = 20
COARSE: Final = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)

_FINE_STEP: Final = 0.1


class QueueFit(NamedTuple):
    """What fits best. ``low`` to ``high`` are the exponents that do as well; both 0 for the risk-averse model."""

    assumed: Assumed
    distance: Distance
    low: float
    high: float
    tried: int


def fit_queue(start: Assumed, distance_of: Callable[[Assumed], Distance]) -> QueueFit:
    """Try the models.

    Args:
        start: the latencies, and the exponent that is taken where it does as well as any.
        distance_of: sends the orders through the simulated exchange and compares.
    """
    averse = replace(start, queue_model=QueueModel.RISK_AVERSE)
    averse_distance = distance_of(averse)
    found: dict[float, Distance] = {}

    def attempt(exponents: Sequence[float]) -> None:
        for exponent in exponents:
            if exponent not in found:
                found[exponent] = distance_of(replace(start, queue_model=QueueModel.POWER, exponent=exponent))

    attempt((*COARSE, start.exponent))
    best = _best(found)
    attempt(_between(_below(best[0]), best[0]))
    attempt(_between(best[-1], _above(best[-1])))
    best = _best(found)
    distance, tried = found[best[0]], len(found) + 1
    if averse_distance <= distance:
        return QueueFit(averse, averse_distance, 0.0, 0.0, tried)
    chosen = replace(start, queue_model=QueueModel.POWER, exponent=_chosen(best, start.exponent))
    return QueueFit(chosen, distance, best[0], best[-1], tried)


def _best(found: dict[float, Distance]) -> list[float]:
    """The exponents of the least distance, in order."""
    least = min(found.values())
    return sorted(exponent for exponent, distance in found.items() if distance == least)


def _chosen(best: Sequence[float], assumed: float) -> float:
    """The one that was assumed, where nothing speaks against it; else the middle one, by ratio."""
    if assumed in best:
        return assumed
    middle = math.sqrt(best[0] * best[-1])
    return min(best, key=lambda exponent: (abs(exponent - middle), exponent))


def _below(exponent: float) -> float:
    return max((each for each in COARSE if each < exponent), default=_FINE_STEP)


def _above(exponent: float) -> float:
    return min((each for each in COARSE if each > exponent), default=exponent)


def _between(low: float, high: float) -> list[float]:
    steps = round((high - low) / _FINE_STEP)
    return [round(low + step * _FINE_STEP, 1) for step in range(steps + 1)]
