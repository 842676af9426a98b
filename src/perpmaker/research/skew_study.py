"""The comparison of skews on many recordings: which runs there are, on how many processors, and what the data is.

Rules kept here:

1. A recording is one market on its own, never joined with another.
2. The work is cut into (recording, half-spread), each of which is independent of all others: on several processors the
   figures are the same as on one, in the same order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from perpmaker.data.format import DepthGrade
from perpmaker.data.reader import Recording
from perpmaker.domain.instrument import Instrument
from perpmaker.research.skew import SkewPlan, SkewRun, compare_skews, order_lots
from perpmaker.runtime.parallel import carried_out
from perpmaker.simulation.first_mark import needed_first_mark


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFacts:
    """What a recording is. ``blind_ns`` is how much of it lies in gaps; ``mid_milliticks`` is its first price."""

    instrument: Instrument
    importer: str
    depth: DepthGrade
    period: str
    span_ns: int
    blind_ns: int
    mid_milliticks: int
    order_lots: int


@dataclass(frozen=True, slots=True)
class MarketStudy:
    """A recording and its runs: for each half-spread one of every skew."""

    facts: MarketFacts
    comparisons: Sequence[Sequence[SkewRun]]


class _Task(NamedTuple):
    path: Path
    plan: SkewPlan
    half_spread: Decimal
    order_lots: int


def study(paths: Sequence[Path], plan: SkewPlan, processes: int = 1) -> list[MarketStudy]:
    """Every skew at every half-spread on every recording.

    Args:
        paths: folders of recordings.
        plan: what all runs share.
        processes: on how many to spread the work; 1 stays in this one.

    Raises:
        RecordingError: a recording cannot be read, or shows no price.
        InvalidSettingError: a setting does not fit an instrument.
    """
    facts = [facts_of(Recording.open(path), plan) for path in paths]
    tasks = [
        _Task(path, plan, half_spread, one.order_lots)
        for path, one in zip(paths, facts, strict=True)
        for half_spread in plan.half_spreads
    ]
    found = iter(carried_out(_carry_out, tasks, processes))
    return [MarketStudy(one, [next(found) for _ in plan.half_spreads]) for one in facts]


def facts_of(recording: Recording, plan: SkewPlan) -> MarketFacts:
    """Raises `RecordingError` where there is no price in the first hour."""
    info = recording.info
    mid = needed_first_mark(recording)
    return MarketFacts(
        instrument=recording.instrument,
        importer=info.provenance.importer,
        depth=info.provenance.depth,
        period=info.period,
        span_ns=info.last_ns - info.first_ns,
        blind_ns=sum((gap.end_ns or info.last_ns) - gap.start_ns for gap in info.gaps),
        mid_milliticks=mid,
        order_lots=order_lots(recording.instrument, mid, plan.order_value),
    )


def _carry_out(path: Path, plan: SkewPlan, half_spread: Decimal, lots: int) -> list[SkewRun]:
    return compare_skews(Recording.open(path), plan, half_spread, lots)
