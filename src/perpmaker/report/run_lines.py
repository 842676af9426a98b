"""The lines of a run over time, for charts: equity, position and price, in quote and base currency."""

from collections.abc import Sequence

from perpmaker.domain.instrument import Instrument
from perpmaker.report.attribution import Execution
from perpmaker.report.market_path import MarketPath
from perpmaker.report.rows import RunRows
from perpmaker.report.run_span import Span
from perpmaker.report.series import Line


def equity_line(rows: RunRows, span: Span) -> Line:
    if span.equity_start_quanta is None or span.equity_end_quanta is None:
        return []
    money = rows.run.instrument.money
    line = [(span.start_ns, float(money(span.equity_start_quanta)))]
    line += [(sample.ts_ns, float(money(sample.equity_quanta))) for sample in rows.samples]
    return [*line, (max(span.end_ns, line[-1][0]), float(money(span.equity_end_quanta)))]


def position_line(executions: Sequence[Execution], span: Span, instrument: Instrument) -> Line:
    lots = 0
    line: Line = [(span.start_ns, 0.0)]
    for execution in executions:
        lots += execution.signed_lots
        line.append((execution.ts_ns, float(instrument.quantity(lots))))
    return line


def price_line(path: MarketPath, span: Span, instrument: Instrument) -> Line:
    known = zip(path.times, path.mids, strict=True)
    return [
        (at_ns, float(instrument.price_from_milliticks(mid)))
        for at_ns, mid in known
        if mid is not None and span.start_ns <= at_ns <= span.end_ns
    ]
