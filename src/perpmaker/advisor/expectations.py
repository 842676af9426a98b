"""What is to be expected of settings: figures with how each was come by.

Rules kept here:

1. A figure that rests on a rehearsal or on an observation is there only where there was one.
2. Every figure says how it was estimated. Nothing here is a promise: markets change, and the rehearsal says for how
   long it lasted.
"""

from dataclasses import dataclass

from perpmaker.advisor.case import Case, Rehearsed
from perpmaker.advisor.noise import time_to_limit
from perpmaker.advisor.settings_checks import liquidation_distance
from perpmaker.advisor.wording import bp, duration, money, number, percent

_FUNDINGS_PER_DAY = 3
"""Where the data does not say how often: the usual eight hours."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A figure in words, and how it was estimated."""

    name: str
    value: str
    how: str


def expectations(case: Case) -> list[Expectation]:
    """All that can be said of this case."""
    found = _rehearsed(case, case.rehearsed) if case.rehearsed is not None and case.rehearsed.hours > 0 else []
    found += _limits(case)
    found += _funding(case)
    return found + _margin(case)


def break_even_half_spread(case: Case) -> float | None:
    """The half-spread, a share of the price, at which fees and adverse selection eat the edge; needs a rehearsal."""
    if case.rehearsed is None or case.rehearsed.adverse_bp is None:
        return None
    return float(case.account.maker_fee) + max(0.0, case.rehearsed.adverse_bp) / 10_000


def _rehearsed(case: Case, run: Rehearsed) -> list[Expectation]:
    how = f"rehearsed for {number(run.hours)} hours" + (f" on {case.observed.name}" if case.observed else "")
    quote = case.instrument.quote
    made = sum(run.fills_of_level.values())
    found = [
        Expectation("fills", f"{number(made / run.hours)} an hour", how),
        *(
            Expectation(
                f"fills of level {level}", f"{number(run.fills_of_level.get(level, 0) / run.hours)} an hour", how
            )
            for level in range(1, case.terms.levels + 1)
        ),
        Expectation("fees", f"{money(run.fees / run.hours)} {quote} an hour", how),
        Expectation("profit", f"{money(run.profit / run.hours)} {quote} an hour", f"{how}; one path, not a mean"),
        Expectation("time at the cap", percent(run.time_at_cap), how),
        Expectation("quotes on both sides", percent(run.uptime), how),
    ]
    if run.edge_bp is not None and run.adverse_bp is not None:
        found.append(Expectation("edge of a fill", f"{number(run.edge_bp)} bp against the mid of its moment", how))
        found.append(Expectation("adverse selection", f"{number(run.adverse_bp)} bp within 5 s of a fill", how))
    break_even = break_even_half_spread(case)
    if break_even is not None:
        found.append(
            Expectation("break-even half-spread", bp(break_even), "maker fee and adverse selection of the rehearsal")
        )
    return found


def _limits(case: Case) -> list[Expectation]:
    if case.observed is None:
        return []
    stop, take = float(case.settings.stop_loss), float(case.settings.take_profit)
    hit = time_to_limit(stop, take, float(case.cap), float(case.price), case.observed.volatility_s)
    if hit is None:
        return []
    how = "a random walk of this volatility, a full position held; " + ("median" if hit.is_median else "mean")
    found = []
    for name, probability in (("stop loss", hit.stop_probability), ("take profit", 1 - hit.stop_probability)):
        if probability > 0:
            found.append(Expectation(f"{name} by noise alone", f"every {duration(hit.seconds / probability)}", how))
    return found


def _funding(case: Case) -> list[Expectation]:
    if case.observed is None or case.observed.funding_rate is None or not case.terms.target_lots:
        return []
    held = float(case.settings.target_position) * float(case.price)
    cost = held * case.observed.funding_rate * _FUNDINGS_PER_DAY
    what = f"{money(abs(cost))} {case.instrument.quote} a day {'paid' if cost >= 0 else 'received'} by a long position"
    return [Expectation("funding of the target", what, "mean rate of the data, three settlements a day")]


def _margin(case: Case) -> list[Expectation]:
    needed = case.cap * case.price * case.initial_margin
    how = f"leverage {number(case.account.leverage)}, balance {money(case.account.balance)} {case.instrument.quote}"
    found = [Expectation("margin at the cap", f"{money(needed)} {case.instrument.quote}", how)]
    distance = liquidation_distance(case)
    if distance is not None:
        away = f"a move of {percent(distance)} against a full position"
        found.append(Expectation("liquidation", away, f"maintenance margin {percent(case.account.maintenance_margin)}"))
    return found
