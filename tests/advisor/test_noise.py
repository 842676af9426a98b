"""When a random walk leaves its limits, against walks that were walked."""

import random

import pytest

from perpmaker.advisor.noise import move_within, time_to_limit


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
