"""The search for a queue model, with distances that are known."""

from collections.abc import Callable

import pytest

from perpmaker.research.fidelity_execution import Distance
from perpmaker.research.fidelity_fit import fit_queue
from perpmaker.research.fidelity_terms import Assumed
from perpmaker.simulation.terms import QueueModel

START = Assumed(80, 5, QueueModel.RISK_AVERSE, 3.0)


def distances(of_power: Callable[[float], int], of_averse: int = 1_000) -> Callable[[Assumed], Distance]:
    def distance_of(assumed: Assumed) -> Distance:
        assert (assumed.order_latency_ns, assumed.feed_latency_ns) == (80, 5), "latency is not fitted"
        is_power = assumed.queue_model is QueueModel.POWER
        return Distance(of_power(assumed.exponent) if is_power else of_averse, 0)

    return distance_of


@pytest.mark.parametrize("truth", [0.7, 1.3, 2.0, 3.4, 6.1, 8.8])
def test_an_exponent_is_found_to_a_tenth(truth: float) -> None:
    found = fit_queue(START, distances(lambda exponent: round(abs(exponent - truth) * 1_000)))
    assert found.assumed.queue_model is QueueModel.POWER
    assert found.assumed.exponent == pytest.approx(truth)
    assert found.low == found.high == found.assumed.exponent


def test_where_several_do_as_well_the_assumed_one_stays_or_the_middle_one_is_taken() -> None:
    found = fit_queue(START, distances(lambda exponent: 0 if 1.2 <= exponent <= 4.8 else 9))
    assert (found.assumed.exponent, found.low, found.high) == (3.0, 1.2, 4.8)
    found = fit_queue(START, distances(lambda exponent: 0 if 0.9 <= exponent <= 2.5 else 9))
    assert (found.assumed.exponent, found.low, found.high) == (1.5, 0.9, 2.5)


def test_risk_averse_is_taken_where_it_does_as_well_as_any() -> None:
    found = fit_queue(START, distances(lambda _: 7, of_averse=7))
    assert found.assumed == START
    assert (found.distance, found.low, found.high) == (Distance(7, 0), 0.0, 0.0)


def test_lots_count_before_lags() -> None:
    assert Distance(1, 0) > Distance(0, 10**18)
