"""Checks against a market that was watched, or on which the run was rehearsed. Each is a pure function.

What they say rests on that market as it was then; volatility is taken for that of a random walk (`noise`).
"""

from typing import Final

from perpmaker.advisor.case import SECONDS_PER_HOUR, Case
from perpmaker.advisor.finding import Finding, Harm
from perpmaker.advisor.noise import move_within, time_to_limit
from perpmaker.advisor.wording import bp, duration, money, number
from perpmaker.maker.settings import Recenter

_RARE_FILLS_PER_HOUR: Final = 1.0
_SUGGESTED_STOP_HOURS: Final = 24


def stop_in_noise(case: Case) -> Finding | None:
    """Needs data: how soon noise alone reaches the stop at the cap."""
    if case.observed is None or not case.settings.stop_loss:
        return None
    stop, take = float(case.settings.stop_loss), float(case.settings.take_profit)
    hit = time_to_limit(stop, take, float(case.cap), float(case.price), case.observed.volatility_s)
    if hit is None or hit.stop_probability == 0 or hit.seconds / hit.stop_probability >= SECONDS_PER_HOUR:
        return None
    sigma = float(case.cap * case.price) * move_within(
        _SUGGESTED_STOP_HOURS * SECONDS_PER_HOUR, case.observed.volatility_s
    )
    return Finding(
        "stop in noise",
        Harm.RISKY,
        "--stop-loss",
        f"with {number(case.cap)} {case.instrument.base} held, noise alone hits the stop about every "
        f"{duration(hit.seconds / hit.stop_probability)}",
        f"the price moves {bp(move_within(60, case.observed.volatility_s))} in an ordinary minute "
        f"({case.observed.name}); the estimate takes it for a random walk",
        f"--stop-loss {money(sigma)}, an ordinary day's move at the cap, or a smaller --max-position",
    )


def out_of_reach(case: Case) -> Finding | None:
    """Needs a rehearsal: a spread so wide that next to nothing fills."""
    seen = case.rehearsed
    if seen is None or seen.hours <= 0:
        return None
    per_hour = sum(seen.fills_of_level.values()) / seen.hours
    if per_hour >= _RARE_FILLS_PER_HOUR:
        return None
    assert case.observed is not None
    ordinary = move_within(float(case.settings.interval_s), case.observed.volatility_s)
    better = max(2 * ordinary, 2 * float(case.account.maker_fee))
    follows = case.settings.recenter is Recenter.INTERVAL
    return Finding(
        "out of reach",
        Harm.RISKY,
        "--spread",
        f"about {per_hour:.2g} fills an hour ({case.observed.name}, {number(seen.hours)} hours rehearsed)",
        f"level 1 is {bp(case.terms.half_spread)} away, and in one interval of {number(case.settings.interval_s)} s "
        f"the price moves {bp(ordinary)}" + ("; every refresh moves the quotes away again" if follows else ""),
        f"--spread {bp(better)}" + (", or --recenter fill, which waits where it is" if follows else ""),
    )


def interval_too_long(case: Case) -> Finding | None:
    """Needs data: quotes that the price runs over between two refreshes."""
    if case.observed is None:
        return None
    interval_s = float(case.settings.interval_s)
    move = move_within(interval_s, case.observed.volatility_s)
    if move <= float(case.terms.half_spread):
        return None
    better = max(1.0, (float(case.terms.half_spread) / 2 / case.observed.volatility_s) ** 2)
    return Finding(
        "interval too long",
        Harm.RISKY,
        "--interval",
        f"between two refreshes the price moves {bp(move)}, more than the half-spread of {bp(case.terms.half_spread)}",
        "quotes are filled because they are old: the fills are the bad ones",
        f"--interval {better:.0f}, or a wider --spread",
    )


def inside_market_spread(case: Case) -> Finding | None:
    """Needs data: a half-spread below the market's own."""
    if case.observed is None or case.observed.spread / 2 <= float(case.terms.half_spread):
        return None
    return Finding(
        "inside the market's spread",
        Harm.NOTE,
        "--spread",
        f"level 1 at {bp(case.terms.half_spread)} lies inside the market's half-spread of "
        f"{bp(case.observed.spread / 2)}",
        "you are the best price: filled first, also by those who know more",
        "",
    )
