"""A run in time and money: when it began and ended, with what, and the mark at which its position was valued.

Rules kept here:

1. Figures are the summary's. A run without one (killed, or still running) is told by its journal, as far as that goes.
2. The mark at the end is the one that makes the summary's equity come out of the journal's bookings. If there is none,
   the journal does not explain the result: what is missing is said (`Span.unexplained_quanta`), never spread out.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT
from perpmaker.domain.position import Position
from perpmaker.report.rows import RunRows

_MARK_TOLERANCE: Final = 10
"""A mark further than a tenth from the last sample's is no mark: the journal lacks something."""


@dataclass(frozen=True, slots=True)
class Span:
    """Times are those of the run's market. Equities are None where the journal does not know them."""

    start_ns: int
    end_ns: int
    equity_start_quanta: int | None
    equity_end_quanta: int | None
    end_mark_milliticks: int
    unexplained_quanta: int


def span_of(rows: RunRows, position: Position) -> Span:
    """By the summary where there is one, else as far as the journal goes; ``position`` is what its bookings make."""
    summary, to_quanta = rows.run.summary, rows.run.instrument.money_to_quanta
    last_mark = rows.samples[-1].mark_milliticks if rows.samples else 0
    if summary is None:
        return _by_the_journal(rows, position, last_mark)
    start = to_quanta(Decimal(summary["equity_start"]))
    end = to_quanta(Decimal(summary["equity_end"]))
    mark, rest = _solved_mark(position, end - start, last_mark)
    return Span(summary["start_ns"], summary["end_ns"], start, end, mark, rest)


def _by_the_journal(rows: RunRows, position: Position, last_mark: int) -> Span:
    times = [sample.ts_ns for sample in rows.samples] + [rows.time_of(booking) for booking in rows.bookings]
    start = end = None
    if rows.samples:
        first = rows.samples[0]
        is_fresh = not (first.position_lots or first.realized_quanta or first.fees_quanta or first.funding_quanta)
        profit = position.profit_quanta(last_mark)
        start = first.equity_quanta if is_fresh else rows.samples[-1].equity_quanta - profit
        end = start + profit
    begun = rows.run.started_at_ns
    return Span(min(times, default=begun), max(times, default=begun), start, end, last_mark, 0)


def _solved_mark(position: Position, profit: int, otherwise: int) -> tuple[int, int]:
    """The mark at which the position has made this profit, and what no mark explains (0 as a rule)."""
    if not position.lots:
        return otherwise, profit - position.profit_quanta(otherwise)
    unit = position.lots * QUANTA_PER_MILLITICK_LOT
    excess = profit - position.profit_quanta(0)
    mark = (2 * excess + unit) // (2 * unit)  # the nearest; exact where the journal is whole
    if abs(mark - otherwise) > otherwise // _MARK_TOLERANCE:
        return otherwise, profit - position.profit_quanta(otherwise)
    return mark, excess - mark * unit
