"""Real against simulated execution of the same orders, one by one.

Rules kept here:

1. An order counts as filled when anything of it traded while it rested. What took on arrival is not compared: no order
   that is compared may take (they are post-only).
2. ``lag`` is how much later the simulation first filled an order than the venue did, of orders that both filled, by the
   recording's line. Above zero the simulation is pessimistic.
3. The distance is, first, the lots by which the fills of each order differ, added up; then, where that is equal, the
   lags added up without their sign.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

from perpmaker.research.fidelity_forced import Simulated
from perpmaker.research.fidelity_orders import SentOrder

QUEUE_CLASSES: Final = 4


class Distance(NamedTuple):
    """Rule 3; compared in this order."""

    lots: int
    lag_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """How the same orders fared. Lots, ns; ``median_lag_ns`` is None where no order was filled by both."""

    orders: int
    both: int
    only_real: int
    only_simulated: int
    real_lots: int
    simulated_lots: int
    refused_only_real: int
    refused_only_simulated: int
    median_lag_ns: float | None
    distance: Distance

    @property
    def verdict(self) -> str:
        """Which way the simulation errs."""
        if self.distance == Distance(0, 0):
            return "every order was filled alike, to the lot and the nanosecond"
        if self.simulated_lots != self.real_lots:
            how = "optimistic: it fills more" if self.simulated_lots > self.real_lots else "pessimistic: it fills less"
            return f"the simulation is {how} than the venue did"
        if not self.median_lag_ns:
            return "the same lots were filled, at about the same times"
        return (
            f"the simulation fills the same lots, {'later' if self.median_lag_ns > 0 else 'earlier'} than the venue did"
        )


class QueueClass(NamedTuple):
    """Orders by the lots that were ahead of them when they came to rest, as the simulation counts them."""

    low_lots: int
    high_lots: int
    orders: int
    real_filled: int
    simulated_filled: int
    real_wait_ns: float | None
    simulated_wait_ns: float | None


def compare(orders: Sequence[SentOrder], simulated: Mapping[int, Simulated]) -> Execution:
    """Put both executions of these orders side by side."""
    lags: list[int] = []
    both = only_real = only_simulated = apart = 0
    for order in orders:
        other = simulated[order.order_id]
        apart += abs(order.filled_lots - other.filled_lots)
        both += bool(order.parts) and bool(other.parts)
        only_real += bool(order.parts) and not other.parts
        only_simulated += bool(other.parts) and not order.parts
        if order.first_fill_ns is not None and other.first_fill_ns is not None:
            lags.append(other.first_fill_ns - order.first_fill_ns)
    return Execution(
        orders=len(orders),
        both=both,
        only_real=only_real,
        only_simulated=only_simulated,
        real_lots=sum(order.filled_lots for order in orders),
        simulated_lots=sum(simulated[order.order_id].filled_lots for order in orders),
        refused_only_real=sum(
            order.refusal is not None and not simulated[order.order_id].is_refused for order in orders
        ),
        refused_only_simulated=sum(
            order.refusal is None and simulated[order.order_id].is_refused for order in orders
        ),
        median_lag_ns=median(lags) if lags else None,
        distance=Distance(apart, sum(map(abs, lags))),
    )  # fmt: skip


def queue_classes(orders: Sequence[SentOrder], simulated: Mapping[int, Simulated]) -> list[QueueClass]:
    """At most `QUEUE_CLASSES` classes of about the same number of orders, the shortest queues first."""
    known = [(queue, order) for order in orders if (queue := simulated[order.order_id].queue_lots) is not None]
    known.sort(key=lambda pair: (pair[0], pair[1].order_id))
    found = []
    for index in range(QUEUE_CLASSES):
        part = known[len(known) * index // QUEUE_CLASSES : len(known) * (index + 1) // QUEUE_CLASSES]
        if part:
            found.append(_queue_class(part, simulated))
    return found


def _queue_class(part: Sequence[tuple[int, SentOrder]], simulated: Mapping[int, Simulated]) -> QueueClass:
    real = [wait for _, order in part if (wait := _real_wait(order)) is not None]
    other = [wait for _, order in part if (wait := _wait(simulated[order.order_id])) is not None]
    return QueueClass(
        part[0][0], part[-1][0], len(part), len(real), len(other),
        median(real) if real else None, median(other) if other else None,
    )  # fmt: skip


def _real_wait(order: SentOrder) -> int | None:
    if order.first_fill_ns is None:
        return None
    return order.first_fill_ns - (order.sent_ns if order.arrived_ns is None else order.arrived_ns)


def _wait(simulated: Simulated) -> int | None:
    return None if simulated.first_fill_ns is None else simulated.first_fill_ns - simulated.arrived_ns
