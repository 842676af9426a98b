"""Checks against a market that was watched, or on which the run was rehearsed. Each is a pure function.

What they say rests on that market as it was then; volatility is taken for that of a random walk (`noise`).
"""

from typing import Final

from perpmaker.advisor.case import SECONDS_PER_HOUR, Case
from perpmaker.advisor.finding import Finding, Harm
from perpmaker.advisor.noise import move_within, reaches_per_hour, time_to_limit
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
    """Needs data: a spread so wide that next to nothing fills. Rehearsed, or else by a random walk."""
    if case.observed is None:
        return None
    what = _rarely_filled(case) if case.rehearsed is not None else _rarely_reached(case)
    if what is None:
        return None
    ordinary = move_within(float(case.settings.interval_s), case.observed.volatility_s)
    better = max(2 * ordinary, 2 * float(case.account.maker_fee))
    follows = case.settings.recenter is Recenter.INTERVAL
    return Finding(
        "out of reach",
        Harm.RISKY,
        "--spread",
        what,
        f"level 1 is {bp(case.terms.half_spread)} away, and in one interval of {number(case.settings.interval_s)} s "
        f"the price moves {bp(ordinary)}" + ("; every refresh moves the quotes away again" if follows else ""),
        f"--spread {bp(better)}" + (", or --recenter fill, which waits where it is" if follows else ""),
    )


def _rarely_filled(case: Case) -> str | None:
    seen, observed = case.rehearsed, case.observed
    if seen is None or observed is None or seen.hours <= 0:
        return None
    per_hour = sum(seen.fills_of_level.values()) / seen.hours
    if per_hour >= _RARE_FILLS_PER_HOUR:
        return None
    return f"about {per_hour:.2g} fills an hour ({observed.name}, {number(seen.hours)} hours rehearsed)"


def _rarely_reached(case: Case) -> str | None:
    """Of quotes that follow the price: those that wait are reached some day."""
    observed = case.observed
    if observed is None or not observed.volatility_s or case.settings.recenter is not Recenter.INTERVAL:
        return None
    interval_s = float(case.settings.interval_s)
    per_hour = reaches_per_hour(float(case.terms.half_spread), interval_s, observed.volatility_s)
    if per_hour >= _RARE_FILLS_PER_HOUR:
        return None
    return f"level 1 is reached about {per_hour:.2g} times an hour ({observed.name}, taken for a random walk)"


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
