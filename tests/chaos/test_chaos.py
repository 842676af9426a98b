"""A small fixed set of the chaos; the whole of it is `make chaos`. A failure is played again by its seed."""

from decimal import Decimal

import pytest

from chaos.lives import moment_of, play_lives, play_watchdog
from chaos.play import play
from chaos.schedule import schedule
from perpmaker.testnet.fault_kinds import FaultKind

PLAIN = (2, 16, 19, 23, 34, 35, 54, 60, 188, 229)
"""Seeds that once failed, each for a reason of its own, and some that never did."""

DEATHS = (2_002, 2_007)


@pytest.mark.parametrize("seed", PLAIN)
def test_a_schedule_of_faults_leaves_everything_as_it_must_be(seed: int) -> None:
    plot = schedule(seed)
    verdict = play(plot)
    assert verdict.failures == [], f"make chaos: --seed {seed}\n{plot}"
    assert verdict.fills > 0


@pytest.mark.parametrize("seed", DEATHS)
def test_a_killed_run_is_continued_by_the_next(seed: int) -> None:
    plot = schedule(seed)
    verdict = play_lives(plot, moment_of(seed))
    assert verdict.failures == [], f"--kind lives --seed {seed}\n{plot}"


@pytest.mark.parametrize("seed", DEATHS)
def test_a_killed_run_is_cleaned_up_by_the_watchdog(seed: int) -> None:
    plot = schedule(seed)
    verdict = play_watchdog(plot, moment_of(seed), closes=seed % 2 == 1)
    assert verdict.failures == [], f"--kind watchdog --seed {seed}\n{plot}"


def test_the_schedules_hold_every_fault_often() -> None:
    plans = [schedule(seed).kinds for seed in range(1, 301)]
    for kind in FaultKind:
        assert sum(kind in kinds for kinds in plans) >= 30, kind


def test_a_schedule_is_its_seed() -> None:
    assert schedule(7) == schedule(7)
    assert str(schedule(7)) != str(schedule(8))
    assert schedule(7).strategy.duration_s == Decimal(120)
