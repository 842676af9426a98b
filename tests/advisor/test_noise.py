"""When a random walk leaves its limits, against walks that were walked."""

import math
import random

import pytest

from perpmaker.advisor.noise import move_within, reaches_per_hour, time_to_limit, volatility_of


def test_the_mean_and_the_side_agree_with_walks() -> None:
    rng = random.Random(5)
    step, stop, take = 0.05, 1.0, 2.0  # money moved in a second
    lengths, stopped = [], 0
    for _ in range(2_000):
        profit, seconds = 0.0, 0
        while -stop < profit < take:
            profit += step if rng.random() < 0.5 else -step
            seconds += 1
        lengths.append(seconds)
        stopped += profit < 0
    expected = time_to_limit(stop, take, position=5, price=100, volatility_s=step / 500)
    assert expected is not None
    assert not expected.is_median
    assert sum(lengths) / len(lengths) == pytest.approx(expected.seconds, rel=0.1)
    assert stopped / len(lengths) == pytest.approx(expected.stop_probability, abs=0.03)


def test_with_one_limit_only_half_of_all_walks_have_hit_it_by_the_median() -> None:
    rng = random.Random(6)
    step, stop = 0.1, 1.0
    expected = time_to_limit(stop, 0, position=-1, price=100, volatility_s=step / 100)
    assert expected is not None
    assert expected.is_median
    assert expected.stop_probability == 1
    hit = 0
    for _ in range(2_000):
        profit = 0.0
        for _ in range(round(expected.seconds)):
            profit += step if rng.random() < 0.5 else -step
            if profit <= -stop + 1e-9:
                hit += 1
                break
    assert hit / 2_000 == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("stop", "take", "position", "volatility"), [(0, 0, 1, 1e-4), (1, 1, 0, 1e-4), (1, 1, 1, 0)])
def test_without_a_limit_a_position_or_a_move_nothing_is_ever_hit(
    stop: float, take: float, position: float, volatility: float
) -> None:
    assert time_to_limit(stop, take, position, 100, volatility) is None


def test_a_move_grows_with_the_root_of_time() -> None:
    assert move_within(100, 0.001) == pytest.approx(0.01)


def test_a_level_is_reached_as_often_as_simulated_walks_reach_it() -> None:
    rng = random.Random(7)
    steps, step = 400, 0.001 / math.sqrt(40)  # ten seconds of 1/40 s each, 10 bp a second
    distance, walks, reached = 25 * step, 4_000, 0
    for _ in range(walks):
        price = 0.0
        for _ in range(steps):
            price += step if rng.random() < 0.5 else -step
            if abs(price) >= distance - 1e-9:
                reached += 1  # one side: within one interval a walk hardly reaches both
                break
    assert reaches_per_hour(distance, 10, 0.001) == pytest.approx(reached / walks * 360, rel=0.08)


def test_what_does_not_move_reaches_nothing() -> None:
    assert reaches_per_hour(0.001, 10, 0) == 0


def test_volatility_is_told_from_points_however_far_apart() -> None:
    rng = random.Random(7)
    price, at_s, points = 100.0, 0.0, []
    for _ in range(4_000):
        points.append((int(at_s * 1e9), price))
        pause = rng.choice([1, 1, 5])
        at_s += pause
        price *= math.exp(rng.gauss(0, 0.0002 * math.sqrt(pause)))
    assert volatility_of(points) == pytest.approx(0.0002, rel=0.05)


def test_a_few_points_tell_no_volatility() -> None:
    assert volatility_of([(at * 10**9, 100.0) for at in range(59)]) is None
    assert volatility_of([(7, 100.0)] * 60) is None
