"""The same figures for what happened and for what a simulation says: orders, fills, position, money.

Rules kept here:

1. Both are counted by the same functions over the same span, and valued at the same mark: that of the market data at
   the end.
2. The money is split as `perpmaker.report.attribution` does it, so the terms of each add up to its profit exactly.
3. Filled orders of both are the same fill when side and price agree to `MATCH_TICKS` and the first executions are at
   most `MATCH_NS` apart; each is matched once, the nearest first.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from perpmaker.domain.events import FundingPaid, PositionCorrected
from perpmaker.domain.money import MILLITICKS_PER_TICK
from perpmaker.report.attribution import HORIZON_NS, Execution, Group, Terms, attribute, times_needed
from perpmaker.report.market_path import MarketPath, walk
from perpmaker.research.fidelity_orders import SentOrder, fills_of
from perpmaker.simulation.market_events import MarketFeed

MATCH_NS: Final = 10**9
MATCH_TICKS: Final = 1

_HOUR_NS: Final = 3_600 * 10**9


class LevelFigures(NamedTuple):
    """Orders of one side and level that the exchange took, how many of them traded, and how much."""

    orders: int
    filled_orders: int
    lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One course of events. Sizes in lots, money in quanta, times in ns."""

    orders: int
    refused: int
    cancelled: int
    filled_orders: int
    fills: int
    maker_lots: int
    taker_lots: int
    resting_ns: int
    abs_position_lots: float
    position_lots: int
    levels: Mapping[Group, LevelFigures]
    terms: Terms

    @property
    def fills_per_hour(self) -> float:
        """Orders that traded per hour at rest of one order."""
        return self.filled_orders * _HOUR_NS / self.resting_ns if self.resting_ns else 0.0


class Matches(NamedTuple):
    """Filled orders that both have, and that only one has."""

    both: int
    only_real: int
    only_simulated: int


class Course(NamedTuple):
    """What there is to count: of the run itself, or of a simulation of it."""

    orders: Sequence[SentOrder]
    funding: Sequence[FundingPaid]
    corrections: Sequence[PositionCorrected]

    def executions(self) -> list[Execution]:
        """Every change of the position, by time."""
        found = [
            Execution(
                part.at_ns, order.side * part.lots, part.price_ticks * MILLITICKS_PER_TICK, part.fee_quanta,
                order.level, part.is_maker,
            )
            for order, part in fills_of(self.orders)
        ]  # fmt: skip
        found += [
            Execution(each.at_ns, each.change_lots, each.price_milliticks, 0, 0, is_maker=False, is_fill=False)
            for each in self.corrections
        ]
        return sorted(found, key=lambda execution: execution.ts_ns)


class Span(NamedTuple):
    start_ns: int
    end_ns: int


def look(feed: MarketFeed, span: Span, courses: Iterable[Course]) -> MarketPath:
    """The market at every time that the figures of these courses need.

    Raises:
        RecordingError: the feed is damaged.
    """
    times = {span.start_ns}
    for course in courses:
        times |= times_needed(course.executions(), *span, HORIZON_NS)
    return walk(feed, times)


def figures(course: Course, path: MarketPath, span: Span) -> Figures:
    """Count a course of events. ``path`` is that of `look`."""
    executions = course.executions()
    split = attribute(
        executions, course.funding, path,
        start_ns=span.start_ns, end_ns=span.end_ns, end_mark_milliticks=path.mark(span.end_ns),
    )  # fmt: skip
    parts = [part for order in course.orders for part in order.parts]
    return Figures(
        orders=len(course.orders),
        refused=sum(order.refusal is not None for order in course.orders),
        cancelled=sum(order.was_cancelled for order in course.orders),
        filled_orders=sum(bool(order.parts) for order in course.orders),
        fills=len(parts),
        maker_lots=sum(part.lots for part in parts if part.is_maker),
        taker_lots=sum(part.lots for part in parts if not part.is_maker),
        resting_ns=sum(_rested_ns(order, span.end_ns) for order in course.orders),
        abs_position_lots=_mean_position(executions, span),
        position_lots=sum(execution.signed_lots for execution in executions),
        levels=_levels(course.orders),
        terms=split.total,
    )


def match(real: Iterable[SentOrder], simulated: Iterable[SentOrder]) -> Matches:
    """Rule 3."""
    filled = [order for order in real if order.parts]
    others = sorted((order for order in simulated if order.parts), key=_first_fill_ns)
    times = [_first_fill_ns(order) for order in others]
    near = [
        (abs(_first_fill_ns(one) - times[theirs]), mine, theirs)
        for mine, one in enumerate(filled)
        for theirs in range(
            bisect_left(times, _first_fill_ns(one) - MATCH_NS), bisect_right(times, _first_fill_ns(one) + MATCH_NS)
        )
        if _may_be_same(one, others[theirs])
    ]
    taken: set[int] = set()
    given: set[int] = set()
    for _, mine, theirs in sorted(near):
        if mine not in taken and theirs not in given:
            taken.add(mine)
            given.add(theirs)
    return Matches(len(taken), len(filled) - len(taken), len(others) - len(taken))


def _may_be_same(one: SentOrder, other: SentOrder) -> bool:
    return one.side is other.side and abs(one.parts[0].price_ticks - other.parts[0].price_ticks) <= MATCH_TICKS


def _first_fill_ns(order: SentOrder) -> int:
    return order.parts[0].at_ns


def _rested_ns(order: SentOrder, end_ns: int) -> int:
    if order.arrived_ns is None or order.refusal is not None or not order.rests:
        return 0
    last_ns = order.last_ns
    return max(0, (end_ns if last_ns is None else last_ns) - order.arrived_ns)


def _mean_position(executions: Sequence[Execution], span: Span) -> float:
    """|position| by time."""
    lots, since_ns, area = 0, span.start_ns, 0
    for execution in executions:
        at_ns = min(max(execution.ts_ns, since_ns), span.end_ns)
        area += abs(lots) * (at_ns - since_ns)
        lots, since_ns = lots + execution.signed_lots, at_ns
    area += abs(lots) * (span.end_ns - since_ns)
    return area / (span.end_ns - span.start_ns) if span.end_ns > span.start_ns else 0.0


def _levels(orders: Iterable[SentOrder]) -> dict[Group, LevelFigures]:
    found: dict[Group, LevelFigures] = {}
    for order in orders:
        if order.refusal is not None:
            continue
        group = Group(order.side, order.level)
        count, filled, lots = found.get(group, LevelFigures(0, 0, 0))
        found[group] = LevelFigures(count + 1, filled + bool(order.parts), lots + order.filled_lots)
    return {group: found[group] for group in sorted(found, key=lambda group: (-(group.side or 0), group.level))}
