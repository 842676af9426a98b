"""Everything that a report shows of one run, computed once: charts, pages and terminal only lay it out.

Rules kept here:

1. Figures that the run's summary has are the summary's; see `perpmaker.report.run_span` for runs that have none.
2. What needs market data is None where there is none, with the reason in `RunReport.warnings`.
3. Runs that traded on the same market are looked at in one pass over it. A report is the same alone and beside others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from perpmaker.data.grades import Grade
from perpmaker.domain.events import Filled, PositionCorrected
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import MILLITICKS_PER_TICK
from perpmaker.domain.position import Position
from perpmaker.journal.readers import RunRecord, replay_position
from perpmaker.journal.writer import Journal
from perpmaker.report import markouts
from perpmaker.report.attribution import Attribution, Execution, attribute
from perpmaker.report.estimates import Ratio, performance
from perpmaker.report.market_path import MarketPath
from perpmaker.report.market_source import MarketSource, open_market
from perpmaker.report.markouts import Curve
from perpmaker.report.orders import LevelRow, OrderLife, level_rows, read_orders
from perpmaker.report.questions import Questions, answers, questions_of
from perpmaker.report.remarks import remarks
from perpmaker.report.rows import ReasonRow, RunRows, read_rows
from perpmaker.report.run_lines import equity_line, position_line, price_line
from perpmaker.report.run_span import Span, span_of
from perpmaker.report.series import Line, time_shares

_STOPS: Final = frozenset({"stop loss", "take profit", "maximum drawdown", "maximum loss", "liquidated"})
"""Kinds of reasons that close the position or end the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run, ready to be shown. Lines are in quote and base currency, exact figures in quanta and lots."""

    run: RunRecord
    instrument: Instrument
    span: Span
    position: Position
    market_name: str
    grades: Sequence[Grade]
    path: MarketPath | None
    attribution: Attribution | None
    curves: Sequence[Curve]
    levels: Sequence[LevelRow]
    orders: Mapping[int, OrderLife]
    executions: Sequence[Execution]
    equity: Line
    positions: Line
    price: Line
    inventory: Mapping[float, float]
    ratio: Ratio | None
    stops: Sequence[ReasonRow]
    reasons: Sequence[ReasonRow]
    warnings: Sequence[str]

    @property
    def summary(self) -> Mapping[str, Any] | None:
        return self.run.summary

    @property
    def fills(self) -> list[Execution]:
        return [execution for execution in self.executions if execution.is_fill]


def read_report(journal: Journal, run: RunRecord, data: Path | None = None) -> RunReport:
    """Everything about a run.

    Raises:
        JournalError: the journal cannot be read.
        RecordingError: the recording is damaged.
        UnknownNameError: ``data`` does not exist, or is of another symbol.
    """
    source = open_market(run, data)
    return build_report(read_rows(journal, run), source)


def read_reports(journal: Journal, runs: Sequence[RunRecord]) -> list[RunReport]:
    """The same of several runs, each on the market that it names.

    Raises:
        JournalError: the journal cannot be read.
        RecordingError: a recording is damaged.
    """
    return build_reports([(read_rows(journal, run), open_market(run)) for run in runs])


def build_report(rows: RunRows, source: MarketSource) -> RunReport:
    """`read_report` of what was read already."""
    return build_reports([(rows, source)])[0]


def build_reports(known: Sequence[tuple[RunRows, MarketSource]]) -> list[RunReport]:
    """`read_reports` of what was read already: sources of one name are one market."""
    studies = [_Study(rows, source) for rows, source in known]
    by_market: dict[tuple[str, str], list[_Study]] = {}
    for study in studies:
        by_market.setdefault((study.rows.run.symbol, study.source.name), []).append(study)
    for sharing in by_market.values():
        feed = sharing[0].source.feed
        if feed is not None:
            for study, path in zip(sharing, answers(feed, [one.questions for one in sharing]), strict=True):
                study.path = path if path.has_prices else None
    return [study.report() for study in studies]


class _Study:
    """A run on its way to its report: what it asks of the market, and what it makes of the answers."""

    def __init__(self, rows: RunRows, source: MarketSource) -> None:
        self.rows = rows
        self.source = source
        self.path: MarketPath | None = None
        self._orders = read_orders(rows)
        self._executions = _executions(rows, self._orders)
        self._position = replay_position(rows.bookings)
        self._span = span_of(rows, self._position)

    @property
    def questions(self) -> Questions:
        return questions_of(self.rows, self._span, self._orders, self._executions)

    def report(self) -> RunReport:
        rows, span, path, executions = self.rows, self._span, self.path, self._executions
        instrument = rows.run.instrument
        fills = [execution for execution in executions if execution.is_fill]
        equity = equity_line(rows, span)
        positions = position_line(executions, span, instrument)
        return RunReport(
            run=rows.run,
            instrument=instrument,
            span=span,
            position=self._position,
            market_name=self.source.name,
            grades=self.source.grades,
            path=path,
            attribution=self._attribution(),
            curves=[] if path is None else markouts.measure(fills, path, span.end_ns),
            levels=level_rows(self._orders.values(), {} if path is None else path.queues, span.end_ns),
            orders=self._orders,
            executions=executions,
            equity=equity,
            positions=positions,
            price=[] if path is None else price_line(path, span, instrument),
            inventory=time_shares(positions, span.end_ns),
            ratio=performance(equity, span.start_ns, span.end_ns),
            stops=[reason for reason in rows.reasons if reason.kind in _STOPS],
            reasons=rows.reasons,
            warnings=remarks(rows, self.source, span, path, fills),
        )

    def _attribution(self) -> Attribution | None:
        span = self._span
        if self.path is None or span.unexplained_quanta:
            return None
        return attribute(
            self._executions, self.rows.funding, self.path,
            start_ns=span.start_ns, end_ns=span.end_ns, end_mark_milliticks=span.end_mark_milliticks,
        )  # fmt: skip


def _executions(rows: RunRows, orders: Mapping[int, OrderLife]) -> list[Execution]:
    found: list[Execution] = []
    for booking in rows.bookings:
        match booking:
            case Filled():
                order = orders.get(booking.order_id)
                found.append(
                    Execution(
                        rows.time_of(booking), booking.side * booking.lots, booking.price_ticks * MILLITICKS_PER_TICK,
                        booking.fee_quanta, 0 if order is None else order.level, booking.is_maker,
                    )
                )  # fmt: skip
            case PositionCorrected():
                found.append(
                    Execution(
                        rows.time_of(booking), booking.change_lots, booking.price_milliticks, 0, 0,
                        is_maker=False, is_fill=False,
                    )
                )  # fmt: skip
            case _:
                pass
    return sorted(found, key=lambda execution: execution.ts_ns)
