"""What a comparison of a run with its simulation cannot say, in sentences."""

from collections.abc import Sequence
from typing import Final

from perpmaker import __version__
from perpmaker.data.format import Gap
from perpmaker.data.reader import Recording
from perpmaker.report.rows import LIVE, RunRows
from perpmaker.report.wording import span as in_words
from perpmaker.research.fidelity_clock import VenueLine
from perpmaker.research.fidelity_figures import Span
from perpmaker.research.fidelity_fit import LEAST_FILLS
from perpmaker.research.fidelity_latency import LEAST_ANSWERS, Latency

WIDE_NS: Final = 10**9
"""Delays of the market's messages that vary by more than this place the venue's clock badly."""


def warnings_of(
    rows: RunRows,
    span: Span,
    recording: Recording,
    gaps: Sequence[Gap],
    line: VenueLine | None,
    latency: Latency | None,
    filled: int,
    doubtful: int,
) -> list[str]:
    """Everything that a reader should know before believing the figures."""
    run, found = rows.run, []
    if run.summary is None:
        found.append(
            "This run has no summary: it is still running, or was killed. It is compared as far as its journal goes."
        )
    info = recording.info
    if info.first_ns > span.start_ns + WIDE_NS or info.last_ns < span.end_ns - WIDE_NS:
        found.append(
            "The recording does not cover the whole run: what happened outside of it is in what happened only."
        )
    inside = [gap for gap in gaps if gap.start_ns <= span.end_ns and (gap.end_ns or span.end_ns) >= span.start_ns]
    if inside:
        found.append(f"The recording has {len(inside)} gaps during the run: the simulation kills all orders in a gap.")
    found += _of_clocks(run.mode, line, latency)
    if filled < LEAST_FILLS:
        found.append(
            f"Only {filled} orders were filled at rest: no queue model is fitted to fewer than {LEAST_FILLS}. Let the "
            "run trade longer, or quote closer."
        )
    if doubtful:
        found.append(
            f"{doubtful} levels of the recording held less than our own orders there: the clocks differ by more than a "
            "message now and then, or the orders are not in this book (--own-orders)."
        )
    if run.version != __version__:
        found.append(f"Made by version {run.version}, replayed by {__version__}: what differs may be the program.")
    return found


def _of_clocks(mode: str, line: VenueLine | None, latency: Latency | None) -> list[str]:
    found = []
    if latency is None:
        found.append(
            f"Latency is not measured: fewer than {LEAST_ANSWERS} orders cannot have waited for a cancel before theirs."
        )
    if mode != LIVE:
        return found
    if line is None:
        found.append(
            "The recording has too few stamps of the venue's clock: orders are placed by when they were sent, fills by "
            "when we heard of them."
        )
    elif line.spread_ns > WIDE_NS:
        found.append(
            f"The delay of market data varies by {in_words(line.spread_ns)}: where an order stood among the messages "
            "is known no better than that."
        )
    return found
