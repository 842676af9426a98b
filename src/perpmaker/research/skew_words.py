"""What the figures of a comparison say, in sentences made of these figures alone.

Rules kept here:

1. A difference is given with its 95 % band, over whole hours paired with the same hours without skew. With fewer than
   `LEAST_BLOCKS` hours there is no band, and the sentence says so.
2. Nothing is called better, and nothing is said of markets that were not measured.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from perpmaker.report.estimates import LEAST_BLOCKS, student_t
from perpmaker.research.skew import Hour, Skew, SkewRun
from perpmaker.research.skew_study import MarketFacts, MarketStudy


class Difference(NamedTuple):
    """The mean of paired differences; ``half_width`` is None where there are too few for a band."""

    mean: float
    half_width: float | None

    @property
    def is_apart(self) -> bool:
        """Whether the band leaves zero out."""
        return self.half_width is not None and abs(self.mean) > self.half_width


def paired(run: SkewRun, base: SkewRun, value: Callable[[Hour], float]) -> Difference | None:
    """``run`` less ``base``, hour by hour; None without a whole hour."""
    gaps = [value(one) - value(other) for one, other in zip(run.hours, base.hours, strict=True)]
    if not gaps:
        return None
    if len(gaps) < LEAST_BLOCKS:
        return Difference(fmean(gaps), None)
    return Difference(fmean(gaps), student_t(len(gaps) - 1) * stdev(gaps) / math.sqrt(len(gaps)))


def about_position(run: SkewRun, base: SkewRun) -> Difference | None:
    """Of the absolute position, as a share of the cap."""
    return paired(run, base, lambda hour: hour.mean_abs_lots / run.cap_lots)


def about_profit(run: SkewRun, base: SkewRun) -> Difference | None:
    """Of the change of equity per hour, quanta."""
    return paired(run, base, lambda hour: float(hour.profit_quanta))


def sentences(facts: MarketFacts, comparison: Sequence[SkewRun]) -> str:
    """One half-spread on one market."""
    runs = {run.skew: run for run in comparison}
    off = runs[Skew.OFF]
    name = f"**{half_spread(off)}.**"
    if not any(run.fills for run in comparison):
        return f"{name} Nothing traded, with any skew."
    means = ", ".join(f"{run.skew.value} {run.mean_of_cap:.1%}" for run in comparison)
    found = [f"{name} Mean position: {means} of the cap."]
    others = [run for run in comparison if run.skew is not Skew.OFF]
    if len(off.hours) < LEAST_BLOCKS:
        found.append(f"{_hours(len(off.hours))}: {LEAST_BLOCKS} are needed for a band, so all of this may be chance.")
        return " ".join(found)
    positions = [(run, about_position(run, off), 100.0, ".1f") for run in others]
    found.append(f"Against off, in points of the cap: {_listed(positions)}.")
    quote, scale = facts.instrument.quote, float(facts.instrument.money(1))
    profits = [(run, about_profit(run, off), scale, ".3f") for run in others]
    found.append(f"Change of equity per hour against off, {quote}: {_listed(profits)}.")
    return " ".join(found)


def conclusion(studies: Sequence[MarketStudy]) -> list[str]:
    """All recordings together: how often what was the case, of how many."""
    comparisons = [comparison for study in studies for comparison in study.comparisons]
    traded = [c for c in comparisons if any(run.fills for run in c)]
    judged = [c for c in traded if len(c[0].hours) >= LEAST_BLOCKS]
    counted = (
        f"{len(comparisons)} comparisons (a recording at a half-spread), of which {len(traded)} with any fill, and "
        f"{len(judged)} of these with {LEAST_BLOCKS} whole hours or more, so that a band can be given."
    )
    lower = sum(_by(c, Skew.SHIFT).mean_abs_lots < _by(c, Skew.PRINTED).mean_abs_lots for c in traded)
    found = [
        counted,
        _about_one(Skew.SHIFT, traded, judged),
        _about_one(Skew.PRINTED, traded, judged),
        f"`shift` held a smaller mean position than `printed` in {lower} of {len(traded)}.",
    ]
    bands = 4 * len(judged)
    if bands:
        found.append(
            f"These are {bands} bands of 95 %: about {bands / 20:.0f} of them would leave zero out by chance alone, "
            "and those of one recording at several half-spreads are not independent of each other."
        )
    return found


def half_spread(run: SkewRun) -> str:
    """In basis points."""
    return f"{(run.half_spread * 10_000).normalize():f} bp"


def _about_one(skew: Skew, traded: Sequence[Sequence[SkewRun]], judged: Sequence[Sequence[SkewRun]]) -> str:
    pairs = [(_by(c, skew), _by(c, Skew.OFF)) for c in traded]
    lower = sum(run.mean_abs_lots < off.mean_abs_lots for run, off in pairs)
    capped = sum(run.at_cap_share < off.at_cap_share for run, off in pairs)
    richer = sum(run.terms.total > off.terms.total for run, off in pairs)
    positions = _signs(about_position(_by(c, skew), _by(c, Skew.OFF)) for c in judged)
    profits = _signs(about_profit(_by(c, skew), _by(c, Skew.OFF)) for c in judged)
    return (
        f"`{skew.value}` against off: a smaller mean position in {lower} of {len(traded)}, less time at the cap in "
        f"{capped}, a higher change of equity in {richer}. Where there are bands ({len(judged)}): position lower in "
        f"{positions[0]}, higher in {positions[1]}, not told apart in {positions[2]}; change of equity lower in "
        f"{profits[0]}, higher in {profits[1]}, not told apart in {profits[2]}."
    )


def _signs(differences: Iterable[Difference | None]) -> tuple[int, int, int]:
    known = [one for one in differences if one is not None]
    lower = sum(one.is_apart and one.mean < 0 for one in known)
    higher = sum(one.is_apart and one.mean > 0 for one in known)
    return lower, higher, len(known) - lower - higher


def _by(comparison: Sequence[SkewRun], skew: Skew) -> SkewRun:
    return next(run for run in comparison if run.skew is skew)


def _listed(differences: Iterable[tuple[SkewRun, Difference | None, float, str]]) -> str:
    return ", ".join(
        f"{run.skew.value} {_shown(difference, scale, style)}" for run, difference, scale, style in differences
    )


def _shown(difference: Difference | None, scale: float, style: str) -> str:
    if difference is None or difference.half_width is None:
        return "unknown"
    note = "" if difference.is_apart else " (zero lies within)"
    return f"{difference.mean * scale:+{style}} ± {difference.half_width * scale:{style}}{note}"


def _hours(count: int) -> str:
    return "There is no whole hour of data" if count == 0 else f"There are {count} whole hours of data"
