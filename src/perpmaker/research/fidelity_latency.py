"""How far away the exchange was, from the times in the journal.

Rules kept here:

1. The round trip is from the decision to the answer, both by our own clock, so no clock needs to be right. The order
   latency of the simulated exchange is half of it: one way, the same in and out.
2. The delay is from the decision to the order's place among the market's messages, as the recording has them. It holds
   the latency of the order and that of the market data, since a recording shows the market when we heard of it: what is
   more than the order latency is the feed latency.
3. Only orders that cannot have waited for a cancel of everything count. The middle one of them stands for all (a
   median). A feed latency of less than `ROUNDING_NS` is the rounding of stamps: none.
"""

from collections.abc import Iterable
from statistics import median, quantiles
from typing import Final, NamedTuple

from perpmaker.research.fidelity_orders import SentOrder

LEAST_ANSWERS: Final = 10
"""With fewer orders nothing is said about latency."""

ROUNDING_NS: Final = 1_000_000


class Latency(NamedTuple):
    """Measured, ns. ``low`` and ``high`` are the tenth and the ninetieth part of half the round trips."""

    order_ns: int
    feed_ns: int
    low_ns: int
    high_ns: int
    answers: int

    @property
    def delay_ns(self) -> int:
        """From a decision to the order's place among the recording's messages, as far as it is measured."""
        return self.order_ns + self.feed_ns


def measure(orders: Iterable[SentOrder]) -> Latency | None:
    """The latency of a run; None with fewer than `LEAST_ANSWERS` orders to measure it by."""
    trips, delays = [], []
    for order in orders:
        if not order.is_alone or order.answered_ns is None or order.is_unknown:
            continue
        trips.append(order.answered_ns - order.sent_ns)
        if order.arrived_ns is not None:
            delays.append(order.arrived_ns - order.sent_ns)
    if len(trips) < LEAST_ANSWERS:
        return None
    one_way = round(median(trips) / 2)
    delay = round(median(delays)) if len(delays) >= LEAST_ANSWERS else one_way
    parts = quantiles(trips, n=10)
    feed = delay - one_way if delay - one_way >= ROUNDING_NS else 0
    return Latency(one_way, feed, round(parts[0] / 2), round(parts[-1] / 2), len(trips))


def place_unstamped(orders: Iterable[SentOrder], latency: Latency) -> None:
    """What the venue did not stamp (refusals never are) arrived half a round trip before it was answered."""
    for order in orders:
        if order.arrived_ns is None and order.answered_ns is not None:
            order.arrived_ns = order.answered_ns - 2 * latency.order_ns + latency.delay_ns
