"""What reports ask of a market, and one pass over its data for all reports of the same market.

Rules kept here:

1. A report sees the looks that it asked for and no others, so its figures are the same whoever asks beside it.
2. Queues are asked for orders of the ladder that came to rest, of runs whose exchange was simulated: a real exchange
   has our own order in its book already.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from perpmaker.report import attribution, markouts
from perpmaker.report.attribution import Execution
from perpmaker.report.market_path import Entry, MarketPath, walk
from perpmaker.report.orders import OrderLife
from perpmaker.report.rows import LIVE, SIMULATED, RunRows
from perpmaker.report.run_span import Span
from perpmaker.simulation.exchange import MAX_OPEN_ORDERS
from perpmaker.simulation.market_events import MarketFeed

PRICE_POINTS: Final = 3_000
"""Looks at the price, evenly over the run; every fill is one more."""

_CHECKED_SAMPLES: Final = 50


class Questions(NamedTuple):
    """Times at which the market is to be looked at, and orders whose queue is wanted."""

    times: frozenset[int]
    entries: Sequence[Entry]


def questions_of(
    rows: RunRows, span: Span, orders: Mapping[int, OrderLife], executions: Sequence[Execution]
) -> Questions:
    """Everything that a report of this run wants to know."""
    fills = [execution for execution in executions if execution.is_fill]
    times = attribution.times_needed(executions, span.start_ns, span.end_ns, attribution.HORIZON_NS)
    times |= markouts.times_needed(fills, span.end_ns)
    times |= set(range(span.start_ns, span.end_ns, max(1, (span.end_ns - span.start_ns) // PRICE_POINTS)))
    times |= {at_ns for at_ns, _ in marks_to_check(rows)}
    entries: list[Entry] = []
    if rows.run.mode != LIVE:
        entries = [
            Entry(order.accepted_ns, order.order_id, order.side, order.price_ticks, order.lots)
            for order in orders.values()
            if order.accepted_ns is not None and order.level
        ]
    return Questions(frozenset(times), entries)


def marks_to_check(rows: RunRows) -> list[tuple[int, int]]:
    """Marks that a simulated run saw, and when the exchange had them: the market data must show the same.

    None where the feed's latency is no constant: then nobody knows when the exchange had what the maker saw.
    """
    latency = rows.run.settings.get("feed_latency_ns", "0")
    if rows.run.mode not in SIMULATED or not rows.samples or not latency.isdecimal():
        return []
    step = max(1, len(rows.samples) // _CHECKED_SAMPLES)
    return [(sample.ts_ns - int(latency), sample.mark_milliticks) for sample in rows.samples[::step]]


def answers(feed: MarketFeed, asked: Sequence[Questions]) -> list[MarketPath]:
    """To each who asks what it asked for, in one pass over the market for all of them.

    Several passes where more orders came to rest at one instant than the exchange has room for.

    Raises:
        RecordingError: the feed has no rows, or is damaged.
    """
    found: list[MarketPath] = []
    for group in _groups(asked):
        found += _one_pass(feed, group)
    return found


def _groups(asked: Sequence[Questions]) -> Iterator[list[Questions]]:
    group: list[Questions] = []
    room = MAX_OPEN_ORDERS
    for questions in asked:
        at_once = max(Counter(entry.ts_ns for entry in questions.entries).values(), default=0)
        if group and at_once > room:
            yield group
            group, room = [], MAX_OPEN_ORDERS
        group.append(questions)
        room -= at_once
    yield group


def _one_pass(feed: MarketFeed, asked: Sequence[Questions]) -> list[MarketPath]:
    owners = [(index, entry) for index, questions in enumerate(asked) for entry in questions.entries]
    entries = [entry._replace(order_id=number) for number, (_, entry) in enumerate(owners)]
    whole = walk(feed, frozenset[int]().union(*(questions.times for questions in asked)), entries)
    queues: list[dict[int, int]] = [{} for _ in asked]
    for number, (index, entry) in enumerate(owners):
        if number in whole.queues:
            queues[index][entry.order_id] = whole.queues[number]
    return [whole.seen_at(questions.times, known) for questions, known in zip(asked, queues, strict=True)]
