"""What a run met, and what the simulation says it should have met: from journal and recording to one comparison.

Rules kept here:

1. A run is replayed in two ways. Forced: the very orders that it sent, so that what differs is execution. Free: its
   maker decides again, so that what differs is everything.
2. First with the terms that were assumed; then, where there is enough to measure by, with the terms that fit best. Both
   are told, with the differences that remain.
3. What the recording holds of the run itself is taken out first (`perpmaker.research.fidelity_own`).
4. What cannot be known is said in `Fidelity.warnings`, and never guessed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from perpmaker.data.reader import Recording
from perpmaker.domain.errors import InvalidSettingError, UnknownNameError
from perpmaker.journal.readers import LATEST, RunRecord, find_run, list_runs
from perpmaker.journal.writer import Journal
from perpmaker.report.market_source import open_market
from perpmaker.report.rows import LIVE, RunRows, read_rows
from perpmaker.research.fidelity_clock import SAME, VenueLine, line_of
from perpmaker.research.fidelity_execution import Distance, Execution, QueueClass, compare, queue_classes
from perpmaker.research.fidelity_figures import Course, Figures, Matches, Span, figures, look, match
from perpmaker.research.fidelity_fit import LEAST_FILLS, QueueFit, fit_queue
from perpmaker.research.fidelity_forced import ForcedPlan, comparable, force
from perpmaker.research.fidelity_free import FreeRun, replay_free
from perpmaker.research.fidelity_latency import Latency, measure, place_unstamped
from perpmaker.research.fidelity_orders import SentOrder, sent_orders
from perpmaker.research.fidelity_own import WithoutOwn
from perpmaker.research.fidelity_terms import Account, Assumed, account_of, assumed_of, strategy_of
from perpmaker.research.fidelity_warnings import warnings_of
from perpmaker.research.own_orders import OwnOrders

PAPER: Final = "paper"

_NS_PER_S: Final = 10**9


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the simulation says with one set of terms."""

    assumed: Assumed
    forced: Execution
    queues: Sequence[QueueClass]
    free: Figures
    matches: Matches


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """A run against its simulation. ``latency``, ``fit`` and ``after`` are None where there is too little to go by."""

    run: RunRecord
    market_name: str
    span: Span
    own: OwnOrders
    own_rows: int
    real: Figures
    left_out: Mapping[str, int]
    latency: Latency | None
    before: Replayed
    fit: QueueFit | None
    after: Replayed | None
    warnings: Sequence[str]

    @property
    def fitted(self) -> Assumed | None:
        """The terms to go on with; None where nothing could be measured."""
        return None if self.after is None else self.after.assumed


def choose_run(journal: Journal, name: str, data: Path | None) -> RunRecord:
    """The run that is meant; ``latest`` is the latest live or paper run with a recording (or any of them, with data).

    Raises:
        UnknownNameError: there is none, or it cannot be compared with anything.
        JournalError: the journal cannot be read.
    """
    if name == LATEST:
        for run in list_runs(journal):
            if run.mode in (LIVE, PAPER) and run.has_made_market and (data or run.settings.get("record") != "None"):
                return run
        raise UnknownNameError(f"the journal {journal.name} has no live or paper run with --record: make one first")
    run = find_run(journal, name)
    if run.mode not in (LIVE, PAPER):
        raise UnknownNameError(
            f"run {run.run_id} is a {run.mode}: nothing happened that a simulation could be held against; name a live "
            "or paper run"
        )
    return run


def own_orders_of(run: RunRecord) -> OwnOrders:
    """What a recording made beside this run knows of its orders: a loopback address is the testnet's."""
    if run.mode != LIVE:
        return OwnOrders.ABSENT
    host = urlsplit(run.endpoint or "").hostname or ""
    return OwnOrders.BESIDE if _is_loopback(host) else OwnOrders.IN_BOOK


def read_fidelity(
    journal: Journal, run: RunRecord, data: Path | None, given: Mapping[str, Any], own: OwnOrders | None
) -> Fidelity:
    """Compare a run with its simulation.

    Args:
        journal: where the run is.
        run: a live or paper run.
        data: its recording, if not the one that it names.
        given: terms to assume instead of the run's own, see `assumed_of`.
        own: what the recording knows of the run's orders; None: as `own_orders_of` says.

    Raises:
        JournalError: the journal cannot be read.
        UserError: there is no recording, it cannot be read, or the run's settings cannot be.
    """
    source = open_market(run, data)
    if not isinstance(source.feed, Recording):
        raise UnknownNameError(f"run {run.run_id} cannot be replayed: {source.name}")
    return _Comparison(read_rows(journal, run), source.feed, source.name, given, own).make()


class _Comparison:
    def __init__(
        self, rows: RunRows, recording: Recording, name: str, given: Mapping[str, Any], own: OwnOrders | None
    ) -> None:
        self._rows = rows
        self._name = name
        self._recording = recording
        self._span = _span(rows)
        self._line = _line(rows, recording, self._span)
        self._assumed = assumed_of(rows.run, given)
        self._account: Account = account_of(rows)
        self._own = own or own_orders_of(rows.run)
        sent = sent_orders(rows, self._line)
        self._never_sent = sent.left_out
        self._orders = list(sent.orders.values())
        if not self._orders:
            raise InvalidSettingError(f"run {rows.run.run_id} sent no order: there is nothing to compare")
        self._latency = measure(self._orders)
        if self._latency is not None:
            place_unstamped(self._orders, self._latency)
        self._feed = WithoutOwn(recording, self._orders, self._own)
        interval_ns = int(strategy_of(rows.run.settings).interval_s * _NS_PER_S)
        measured_ns = None if self._latency is None else self._latency.delay_ns
        self._plan = ForcedPlan(self._orders, measured_ns, interval_ns, self._span.end_ns)

    def make(self) -> Fidelity:
        first_ns, gaps = self._recording.info.first_ns, self._recording.gaps
        compared, left_out = comparable(self._orders, gaps, first_ns, self._span.end_ns)
        before_free = self._replay_free(self._assumed)
        filled = sum(bool(order.parts) for order in compared)
        fit, fitted = self._fit(compared) if filled >= LEAST_FILLS else (None, self._measured(self._assumed))
        after_free = None if fitted is None else self._replay_free(fitted)
        real = Course(self._orders, self._rows.funding, self._rows.corrections)
        courses = [real] + [_course(free, real) for free in (before_free, after_free) if free is not None]
        path = look(self._feed, self._span, courses)
        counted = [figures(course, path, self._span) for course in courses]
        before = self._replayed(self._assumed, compared, before_free, counted[1])
        after = None
        if fitted is not None and after_free is not None:
            after = self._replayed(fitted, compared, after_free, counted[2])
        return Fidelity(
            run=self._rows.run,
            market_name=self._name,
            span=self._span,
            own=self._own,
            own_rows=self._feed.changed,
            real=counted[0],
            left_out=Counter(self._never_sent) + Counter(left_out),
            latency=self._latency,
            before=before,
            fit=fit,
            after=after,
            warnings=warnings_of(
                self._rows,
                Span(min(order.sent_ns for order in self._orders), self._span.end_ns),
                self._recording,
                gaps,
                self._line,
                self._latency,
                filled,
                self._feed.doubtful,
            ),
        )

    def _measured(self, assumed: Assumed) -> Assumed | None:
        """The terms that were assumed, with the latency that was measured."""
        if self._latency is None:
            return None
        return replace(assumed, order_latency_ns=self._latency.order_ns, feed_latency_ns=self._latency.feed_ns)

    def _fit(self, compared: Sequence[SentOrder]) -> tuple[QueueFit, Assumed]:
        start = self._measured(self._assumed) or self._assumed

        def distance_of(assumed: Assumed) -> Distance:
            return compare(compared, force(self._feed, self._plan, assumed)).distance

        fit = fit_queue(start, distance_of)
        return fit, fit.assumed

    def _replay_free(self, assumed: Assumed) -> FreeRun:
        return replay_free(self._rows, self._feed, self._account, assumed, self._span.start_ns)

    def _replayed(self, assumed: Assumed, compared: Sequence[SentOrder], free: FreeRun, counted: Figures) -> Replayed:
        simulated = force(self._feed, self._plan, assumed)
        matches = match(self._orders, free.orders.values())
        return Replayed(assumed, compare(compared, simulated), queue_classes(compared, simulated), counted, matches)


def _course(free: FreeRun, real: Course) -> Course:
    return Course(list(free.orders.values()), free.funding, real.corrections)


def _span(rows: RunRows) -> Span:
    """From the maker's start to its end; of a run without a summary as far as the journal goes."""
    summary = rows.run.summary
    if summary is not None:
        return Span(summary["start_ns"], summary["end_ns"])
    times = [sample.ts_ns for sample in rows.samples] + [booking.at_ns for booking in rows.bookings]
    return Span(rows.run.started_at_ns, max(times, default=rows.run.last_alive_ns))


def _line(rows: RunRows, recording: Recording, span: Span) -> VenueLine | None:
    return SAME if rows.run.mode != LIVE else line_of(recording, span.start_ns, span.end_ns)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
