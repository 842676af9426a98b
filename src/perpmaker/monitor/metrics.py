"""What Prometheus is told of the runs of this process: their newest views, and how long things took.

Rules kept here:

1. A scrape reads what was shown last, which nothing changes any more. It never waits for a run, and no run for it.
2. One market has one set of series, whatever was shown how often; a run that is over stays as it ended.
3. A family without a sample is not told; names, kinds and meanings are those of `metric_families` and of this module.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    StateSetMetricFamily,
)
from prometheus_client.registry import Collector

from perpmaker.monitor.metric_families import COMMON, FAMILIES, Family, number
from perpmaker.monitor.view import RunView
from perpmaker.risk.budgets import Step
from perpmaker.runtime.live.vital_signs import BOUNDS_NS, Histogram, VitalSigns

SHOW_S: Final = 1.0
"""Between two views that are shown."""

_NS_PER_S: Final = 1_000_000_000

_BOUNDS: Final = tuple(
    index for index, bound in enumerate(BOUNDS_NS) if str(bound)[0] in "125" and not int(str(bound)[1:])
)
"""Of the run's buckets those at 1, 2 and 5 of every decade: a third of the series, and still a factor of 2.5."""

BUCKETS_S: Final = tuple(BOUNDS_NS[index] / _NS_PER_S for index in _BOUNDS)
"""Upper bounds of the buckets that are told, seconds; one without a bound comes after them."""

_BUCKET_NAMES: Final = (*(f"{bound:g}" for bound in BUCKETS_S), "+Inf")


class Described(NamedTuple):
    """A metric that is not of a `RunView` alone; as `Family`."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]


DECISION: Final = Described(
    "perpmaker_decision_latency_seconds",
    "histogram",
    "From the arrival of an event to its decision having been handed on.",
    COMMON,
)
WIRE: Final = Described(
    "perpmaker_wire_latency_seconds", "histogram", "From sending a request to its answer.", (*COMMON, "request")
)
RUN_QUEUE: Final = Described("perpmaker_queue_depth", "gauge", "What waits in a queue of the run.", (*COMMON, "queue"))
BUILD: Final = Described("perpmaker_build_info", "info", "The version of the program.", ("version",))
PROCESS_QUEUE: Final = Described(
    "perpmaker_process_queue_depth", "gauge", "What waits in a queue of the process.", ("queue",)
)
DROPPED: Final = Described(
    "perpmaker_dropped_total", "counter", "What a full queue of the process has lost.", ("queue",)
)
BUDGET_USED: Final = Described(
    "perpmaker_budget_used_quote", "gauge", "What is used of a budget over all markets.", ("budget",)
)
BUDGET_LIMIT: Final = Described("perpmaker_budget_limit_quote", "gauge", "What that budget allows.", ("budget",))
BUDGET_STEP: Final = Described(
    "perpmaker_budget_step", "stateset", "What the budgets have all markets do: 1 for the step that is on.", ()
)

DESCRIBED: Final = (
    *(Described(one.name, one.kind, one.help, (*COMMON, *one.labels)) for one in FAMILIES),
    DECISION,
    WIRE,
    RUN_QUEUE,
    BUILD,
    PROCESS_QUEUE,
    DROPPED,
    BUDGET_USED,
    BUDGET_LIMIT,
    BUDGET_STEP,
)
"""Everything that there is."""


class Timings(NamedTuple):
    """A histogram at one moment: how many took no longer than each of `BUCKETS_S`, and in all; and their sum."""

    cumulative: tuple[int, ...]
    sum_s: float

    @classmethod
    def of(cls, histogram: Histogram) -> Self:
        whole = histogram.cumulative()
        return cls((*(whole[index] for index in _BOUNDS), whole[-1]), histogram.sum_ns / _NS_PER_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One market at one moment; ``wire`` by kind of request, ``queues`` by name."""

    view: RunView
    decision: Timings
    wire: Mapping[str, Timings]
    queues: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, view: RunView, signs: VitalSigns, queues: Mapping[str, int] | None = None) -> Self:
        """Taken in the run's own loop: what others read must not change while they do."""
        wire = {kind: Timings.of(timed) for kind, timed in signs.wire.items()}
        return cls(view=view, decision=Timings.of(signs.decision), wire=wire, queues=dict(queues or {}))

    @property
    def labels(self) -> tuple[str, ...]:
        """By `COMMON`. A market without a name of its own is called by its symbol."""
        about = self.view.about
        return about.exchange, about.symbol, about.market or about.symbol, about.mode


_Markets = Mapping[tuple[str, ...], Snapshot]


class RunMetrics(Collector):
    """Collects for Prometheus; one a process.

    Args:
        version: of the program.
        queues: what waits in queues of the process, by name; asked by the scrape, from its thread.
        dropped: what was lost of it because they were full, the same way.
    """

    def __init__(
        self,
        version: str,
        queues: Mapping[str, Callable[[], int]] | None = None,
        dropped: Mapping[str, Callable[[], int]] | None = None,
    ) -> None:
        self._version = version
        self._queues = dict(queues or {})
        self._dropped = dict(dropped or {})
        self._markets: _Markets = {}

    def show(self, snapshot: Snapshot) -> None:
        """The newest of its market; for the thread of the runs."""
        self._markets = {**self._markets, snapshot.labels: snapshot}

    def registry(self) -> CollectorRegistry:
        """A registry of its own, with what the system knows of the process."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        ProcessCollector(registry=registry)
        return registry

    def describe(self) -> Iterable[Metric]:
        """Every family, empty."""
        return [_family(one) for one in DESCRIBED]

    def collect(self) -> Iterator[Metric]:
        """Every family with its samples, as of now."""
        markets = self._markets
        for family in FAMILIES:
            yield _of_views(family, markets)
        yield from _of_times(markets)
        yield from self._of_process()
        yield from _of_budgets(markets.values())

    def _of_process(self) -> Iterator[Metric]:
        yield InfoMetricFamily(BUILD.name.removesuffix("_info"), BUILD.help, value={"version": self._version})
        for described, read in ((PROCESS_QUEUE, self._queues), (DROPPED, self._dropped)):
            metric = _plain(described)
            for name, ask in read.items():
                metric.add_metric((name,), ask())
            yield metric


async def keep_showing(metrics: RunMetrics, look: Callable[[], Snapshot | None], every_s: float = SHOW_S) -> None:
    """Show a market anew every second, until cancelled; then once more, as it is at the end.

    ``look`` returns None while there is nothing to be seen.
    """
    try:
        while True:
            _show(metrics, look())
            await asyncio.sleep(every_s)
    finally:
        _show(metrics, look())


def _show(metrics: RunMetrics, snapshot: Snapshot | None) -> None:
    if snapshot is not None:
        metrics.show(snapshot)


def _family(described: Described) -> Metric:
    """An empty one."""
    name, kind, told, labels = described
    match kind:
        case "info":
            return InfoMetricFamily(name.removesuffix("_info"), told, labels=labels)
        case "stateset":
            return StateSetMetricFamily(name, told, labels=labels)
        case "histogram":
            return HistogramMetricFamily(name, told, labels=labels)
        case _:
            return _plain(described)


def _plain(described: Described) -> GaugeMetricFamily | CounterMetricFamily:
    """An empty one of numbers."""
    of_kind = CounterMetricFamily if described.kind == "counter" else GaugeMetricFamily
    return of_kind(described.name, described.help, labels=described.labels)


def _of_views(family: Family, markets: _Markets) -> Metric:
    """What a family reads in the views."""
    if family.kind == "info":
        info = InfoMetricFamily(family.name.removesuffix("_info"), family.help, labels=COMMON)
        for labels, snapshot in markets.items():
            for told, _ in family.read(snapshot.view):
                info.add_metric(labels, dict(zip(family.labels, told, strict=True)))
        return info
    if family.kind == "stateset":
        states = StateSetMetricFamily(family.name, family.help, labels=COMMON)
        for labels, snapshot in markets.items():
            states.add_metric(labels, {name: bool(is_on) for (name,), is_on in family.read(snapshot.view)})
        return states
    numbers = _plain(Described(family.name, family.kind, family.help, (*COMMON, *family.labels)))
    for labels, snapshot in markets.items():
        for own, value in family.read(snapshot.view):
            known = number(value)
            if known is not None:
                numbers.add_metric((*labels, *own), known)
    return numbers


def _of_times(markets: _Markets) -> Iterator[Metric]:
    """Histograms, and the queues of the runs."""
    decision = HistogramMetricFamily(DECISION.name, DECISION.help, labels=DECISION.labels)
    wire = HistogramMetricFamily(WIRE.name, WIRE.help, labels=WIRE.labels)
    queues = _plain(RUN_QUEUE)
    for labels, snapshot in markets.items():
        decision.add_metric(labels, _buckets(snapshot.decision), snapshot.decision.sum_s)
        for kind, timings in snapshot.wire.items():
            wire.add_metric((*labels, kind), _buckets(timings), timings.sum_s)
        for name, depth in snapshot.queues.items():
            queues.add_metric((*labels, name), depth)
    yield from (decision, wire, queues)


def _buckets(timings: Timings) -> list[tuple[str, float]]:
    return list(zip(_BUCKET_NAMES, timings.cumulative, strict=True))


def _of_budgets(snapshots: Iterable[Snapshot]) -> Iterator[Metric]:
    """Of all markets together: as the one that was looked at last has them."""
    used, limit = _plain(BUDGET_USED), _plain(BUDGET_LIMIT)
    step = StateSetMetricFamily(BUDGET_STEP.name, BUDGET_STEP.help)
    newest = max(snapshots, key=lambda snapshot: snapshot.view.at_ns, default=None)
    if newest is not None and newest.view.budgets:
        for budget in newest.view.budgets:
            used.add_metric((budget.name,), float(budget.used))
            limit.add_metric((budget.name,), float(budget.limit))
        now = (newest.view.budget_step or "").lower()
        step.add_metric((), {name: now == name for name in (one.name.lower() for one in Step)})
    yield from (used, limit, step)
