"""The parts of a page that say what the run traded on, and how to do it again."""

from typing import Any

from perpmaker.data.grades import Grade
from perpmaker.report.markup import Content, Markup, joined, table, tag
from perpmaker.report.rows import LIVE
from perpmaker.report.run_data import RunReport
from perpmaker.report.wording import plain, utc

REAL_FILLS = "Fills are the exchange's own; the market data is what they are looked at through."


def market_data(report: RunReport) -> Markup:
    """Where the market data is, its grade, in which direction results on it err, and what fills an order on it."""
    parts: list[Content] = [tag("p", report.market_name)]
    if report.run.mode == LIVE:
        parts.append(tag("p", REAL_FILLS))
    parts += [_grade(grade, fills_are_simulated=report.run.mode != LIVE) for grade in report.grades]
    return joined(parts)


def _grade(grade: Grade, *, fills_are_simulated: bool) -> Markup:
    title = tag("p", tag("strong", f"Data grade {grade.name}: "), f"{grade.title}.")
    if not fills_are_simulated:
        return title
    bias = tag("p", tag("strong", "Known bias: "), grade.bias)
    rules = tag("ul", *(tag("li", rule) for rule in grade.fill_rules))
    return joined([title, bias, tag("details", tag("summary", "What fills an order here"), rules)])


def repeat(report: RunReport) -> Markup:
    """Everything that is needed to do the run again."""
    run, instrument = report.run, report.instrument
    steps = f"tick {instrument.tick_size} {instrument.quote}, lot {instrument.lot_size} {instrument.base}"
    known: list[tuple[str, Any]] = [
        ("run", run.run_id), ("version", run.version), ("mode", run.mode), ("exchange", run.exchange),
        ("symbol", run.symbol), ("steps", steps),
        ("seed", "none" if run.seed is None else run.seed), ("market data", report.market_name),
        *((f"provenance: {name}", value) for name, value in run.provenance.items()),
        ("started", f"{utc(run.started_at_ns)} UTC (wall clock)"), ("ended", run.end_reason or "has not ended"),
    ]  # fmt: skip
    about = table(["run", ""], [[name, plain(value)] for name, value in known], words=[1])
    settings = table(["setting", "value"], [[name, value] for name, value in run.settings.items()], words=[1])
    return joined([tag("pre", run.command_line), about, tag("details", tag("summary", "Every setting"), settings)])
