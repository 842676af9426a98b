"""Everything that a report shows of one run, computed once: charts, pages and terminal only lay it out.

Rules kept here:

1. Figures that the run's summary has are the summary's. A run without one (killed, or still running) is told by its
   journal, as far as that goes, and the report says so.
2. The mark at the end is the one that makes the summary's equity come out of the journal's fills. If there is none, the
   journal does not explain the result: what is missing is said (`RunReport.unexplained_quanta`), never spread out.
3. What needs market data is None where there is none, with the reason in `RunReport.warnings`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from perpmaker import __version__
from perpmaker.domain.events import Filled, PositionCorrected
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import MILLITICKS_PER_TICK, QUANTA_PER_MILLITICK_LOT
from perpmaker.domain.position import Position
from perpmaker.journal.readers import RunRecord, replay_position
from perpmaker.journal.writer import Journal
from perpmaker.report import attribution, markouts
from perpmaker.report.attribution import Attribution, Execution, attribute
from perpmaker.report.estimates import Ratio, performance
from perpmaker.report.market_path import Entry, MarketPath, walk
from perpmaker.report.market_source import MarketSource, open_market
from perpmaker.report.markouts import Curve
from perpmaker.report.orders import LevelRow, OrderLife, level_rows, read_orders
from perpmaker.report.rows import LIVE, ReasonRow, RunRows, read_rows
from perpmaker.report.series import Line, time_shares

PRICE_POINTS: Final = 3_000
"""Looks at the price, evenly over the run; every fill is one more."""

FEW_FILLS: Final = 30
_MARK_TOLERANCE: Final = 10
"""A mark further than a tenth from the last sample's is no mark: the journal lacks something."""

_CHECKED_SAMPLES: Final = 50
_STOPS: Final = frozenset({"stop loss", "take profit", "maximum drawdown", "maximum loss"})


@dataclass(frozen=True, slots=True)
class Span:
    """The run in time and money. Equities are None where the journal does not know them."""

    start_ns: int
    end_ns: int
    equity_start_quanta: int | None
    equity_end_quanta: int | None
    end_mark_milliticks: int
    unexplained_quanta: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run, ready to be shown. Lines are in quote and base currency, exact figures in quanta and lots."""

    run: RunRecord
    instrument: Instrument
    span: Span
    position: Position
    market_name: str
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
    rows = read_rows(journal, run)
    return build_report(rows, source)


def build_report(rows: RunRows, source: MarketSource) -> RunReport:
    """`read_report` of what was read already."""
    run, instrument = rows.run, rows.run.instrument
    orders = read_orders(rows)
    executions = _executions(rows, orders)
    position = replay_position(rows.bookings)
    span = _span(rows, position)
    path = None if source.feed is None else _look(rows, source, span, orders, executions)
    if path is not None and not path.has_prices:
        path = None
    fills = [execution for execution in executions if execution.is_fill]
    split = None
    if path is not None and not span.unexplained_quanta:
        split = attribute(
            executions, rows.funding, path,
            start_ns=span.start_ns, end_ns=span.end_ns, end_mark_milliticks=span.end_mark_milliticks,
        )  # fmt: skip
    equity = _equity_line(rows, span)
    positions = _position_line(executions, span, instrument)
    return RunReport(
        run=run,
        instrument=instrument,
        span=span,
        position=position,
        market_name=source.name,
        path=path,
        attribution=split,
        curves=[] if path is None else markouts.measure(fills, path, span.end_ns),
        levels=level_rows(orders.values(), {} if path is None else path.queues, span.end_ns),
        orders=orders,
        executions=executions,
        equity=equity,
        positions=positions,
        price=[] if path is None else _price_line(path, span, instrument),
        inventory=time_shares(positions, span.end_ns),
        ratio=performance(equity, span.start_ns, span.end_ns),
        stops=[reason for reason in rows.reasons if reason.kind in _STOPS],
        reasons=rows.reasons,
        warnings=_warnings(rows, source, span, path, fills),
    )


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


def _span(rows: RunRows, position: Position) -> Span:
    """By the summary where there is one, else as far as the journal goes."""
    summary, to_quanta = rows.run.summary, rows.run.instrument.money_to_quanta
    last_mark = rows.samples[-1].mark_milliticks if rows.samples else 0
    if summary is None:
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
    start = to_quanta(Decimal(summary["equity_start"]))
    end = to_quanta(Decimal(summary["equity_end"]))
    mark, rest = _solved_mark(position, end - start, last_mark)
    return Span(summary["start_ns"], summary["end_ns"], start, end, mark, rest)


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


def _look(
    rows: RunRows,
    source: MarketSource,
    span: Span,
    orders: Mapping[int, OrderLife],
    executions: Sequence[Execution],
) -> MarketPath:
    """One pass over the market data, with every question that anything here has."""
    assert source.feed is not None
    fills = [execution for execution in executions if execution.is_fill]
    times = attribution.times_needed(executions, span.start_ns, span.end_ns, attribution.HORIZON_NS)
    times |= markouts.times_needed(fills, span.end_ns)
    times |= set(range(span.start_ns, span.end_ns, max(1, (span.end_ns - span.start_ns) // PRICE_POINTS)))
    times |= {at_ns for at_ns, _ in _checks(rows)}
    entries = []
    if rows.run.mode != LIVE:
        entries = [
            Entry(order.accepted_ns, order.order_id, order.side, order.price_ticks, order.lots)
            for order in orders.values()
            if order.accepted_ns is not None and order.level
        ]
    return walk(source.feed, times, entries)


def _checks(rows: RunRows) -> list[tuple[int, int]]:
    """Marks that a simulated run saw, and when the exchange had them: the market data must show the same."""
    latency_ns = int(rows.run.settings.get("feed_latency_ns", 0))
    if rows.run.mode != "simulation" or not rows.samples:
        return []
    step = max(1, len(rows.samples) // _CHECKED_SAMPLES)
    return [(sample.ts_ns - latency_ns, sample.mark_milliticks) for sample in rows.samples[::step]]


def _equity_line(rows: RunRows, span: Span) -> Line:
    if span.equity_start_quanta is None or span.equity_end_quanta is None:
        return []
    money = rows.run.instrument.money
    line = [(span.start_ns, float(money(span.equity_start_quanta)))]
    line += [(sample.ts_ns, float(money(sample.equity_quanta))) for sample in rows.samples]
    return [*line, (max(span.end_ns, line[-1][0]), float(money(span.equity_end_quanta)))]


def _position_line(executions: Sequence[Execution], span: Span, instrument: Instrument) -> Line:
    lots = 0
    line: Line = [(span.start_ns, 0.0)]
    for execution in executions:
        lots += execution.signed_lots
        line.append((execution.ts_ns, float(instrument.quantity(lots))))
    return line


def _price_line(path: MarketPath, span: Span, instrument: Instrument) -> Line:
    known = zip(path.times, path.mids, strict=True)
    return [
        (at_ns, float(instrument.price_from_milliticks(mid)))
        for at_ns, mid in known
        if mid is not None and span.start_ns <= at_ns <= span.end_ns
    ]


def _warnings(
    rows: RunRows, source: MarketSource, span: Span, path: MarketPath | None, fills: Sequence[Execution]
) -> list[str]:
    run, found = rows.run, []
    if run.summary is None:
        found.append(
            "This run has no summary: it is still running, or its process was killed. Figures are those of its journal."
        )
    if span.unexplained_quanta:
        missing = run.instrument.money(span.unexplained_quanta)
        found.append(
            f"The journal does not explain {missing} {run.instrument.quote} of the change of equity: fills or funding "
            "are missing in it, so there is no attribution."
        )
    if path is None:
        found.append(f"No market data: {source.name}. Attribution, markouts, the price chart and queues need it.")
    if len(fills) < FEW_FILLS:
        found.append(f"Only {len(fills)} fills: none of the averages below means anything yet.")
    if path is not None:
        found += _market_warnings(rows, span, path)
    if run.version != __version__:
        found.append(f"Made by version {run.version}, reported by {__version__}.")
    return found


def _market_warnings(rows: RunRows, span: Span, path: MarketPath) -> list[str]:
    found = []
    gaps = [gap for gap in path.gaps if gap.start_ns <= span.end_ns and (gap.end_ns or span.end_ns) >= span.start_ns]
    if gaps:
        blind_s = sum((gap.end_ns or span.end_ns) - gap.start_ns for gap in gaps) / 10**9
        found.append(f"The market data has {len(gaps)} gaps, {blind_s:,.1f} s in all; prices are unknown there.")
    checks = _checks(rows)
    wrong = sum(path.mark(at_ns) != mark for at_ns, mark in checks)
    if wrong > len(checks) // 10:
        found.append(
            f"The market data is not what the run traded on: {wrong} of {len(checks)} marks differ. Attribution and "
            "markouts are about another market."
        )
    if rows.run.mode == LIVE:
        found.append(
            "Times of fills are those at which we heard of them: the mid just before may know of the fill already."
        )
    return found
