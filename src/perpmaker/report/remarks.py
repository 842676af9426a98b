"""What a reader must know before believing a report: said at its top.

Each remark is one sentence with its figures, and says what it means for the rest. Nothing is said of a run in order.
"""

from collections.abc import Sequence
from typing import Final

from perpmaker import __version__
from perpmaker.data.grades import BARS
from perpmaker.report.attribution import Execution
from perpmaker.report.market_path import Gap, MarketPath
from perpmaker.report.market_source import MarketSource
from perpmaker.report.questions import marks_to_check
from perpmaker.report.rows import LIVE, RunRows
from perpmaker.report.run_span import Span

FEW_FILLS: Final = 30


def remarks(
    rows: RunRows, source: MarketSource, span: Span, path: MarketPath | None, fills: Sequence[Execution]
) -> list[str]:
    """In the order of their weight; ``path`` is None where there is no market data."""
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
    if not rows.knows_levels:
        found.append(
            "The journal was written by a version that did not keep the level of orders: levels are inferred from "
            "prices, about one in a hundred wrongly."
        )
    if path is not None and BARS in source.grades:
        found.append(
            "On bars the mid changes at each close only: spread captured holds the way from the last close to our "
            "price, and what the price did after it lies in inventory carried; markouts shorter than a bar say nothing."
        )
    if path is not None:
        found += _about_the_market(rows, span, path, has_bars=BARS in source.grades)
    if run.version != __version__:
        found.append(f"Made by version {run.version}, reported by {__version__}.")
    return found


def _about_the_market(rows: RunRows, span: Span, path: MarketPath, *, has_bars: bool) -> list[str]:
    found = []
    gaps = [gap for gap in path.gaps if gap.start_ns <= span.end_ns and (gap.end_ns or span.end_ns) >= span.start_ns]
    if gaps:
        blind_s = sum(_blind_ns(gap, span) for gap in gaps) / 10**9
        found.append(f"The market data has {len(gaps)} gaps, {blind_s:,.1f} s in all; prices are unknown there.")
    checks = [] if has_bars else marks_to_check(rows)  # inside of a bar the mark follows the position of the run
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


def _blind_ns(gap: Gap, span: Span) -> int:
    """How much of a run lies in a gap."""
    end_ns = span.end_ns if gap.end_ns is None else min(gap.end_ns, span.end_ns)
    return end_ns - max(gap.start_ns, span.start_ns)
