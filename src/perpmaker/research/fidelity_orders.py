"""What became of every order that a run sent, with its times on the recording's line.

Rules kept here:

1. ``sent_ns`` is when the run decided; ``arrived_ns`` is when the venue had the order, by the venue's own stamp. Where
   the venue gave no stamp it is None here, and `perpmaker.research.fidelity_latency` reckons it from the answer.
2. Of several stamps for one thing the earliest counts; stamps within one millisecond of it are the same one, more or
   less rounded down, and the latest of those counts.
3. Orders that never left are left out and counted: held back by our own checks, or withdrawn while they waited for the
   end of a cancel of everything.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from perpmaker.domain.events import Filled
from perpmaker.domain.orders import RejectReason, Side
from perpmaker.report.orders import read_orders
from perpmaker.report.rows import CancelAsked, OrderNews, Placed, RunRows
from perpmaker.research.fidelity_clock import VenueLine

_NEVER_SENT: Final = frozenset(
    {RejectReason.PRE_TRADE.value, RejectReason.BUDGET.value, RejectReason.RATE_LIMITED.value}
)
_ROUNDING_NS: Final = 1_000_000


class Part(NamedTuple):
    """One execution of an order; ``at_ns`` on the recording's line."""

    at_ns: int
    price_ticks: int
    lots: int
    is_maker: bool
    fee_quanta: int


@dataclass(slots=True)
class SentOrder:
    """One order. Times in ns on the recording's line; None where it never came to that, or is not known.

    ``is_alone`` says that no two cancels of one moment were under way when it was sent, so that it cannot have waited
    for the answer to a cancel of everything.
    ``answered_ns`` is when we heard of its acceptance or refusal, by our clock.
    """

    order_id: int
    side: Side
    level: int
    price_ticks: int
    lots: int
    rests: bool
    sent_ns: int
    is_alone: bool = True
    answered_ns: int | None = None
    arrived_ns: int | None = None
    ended_ns: int | None = None
    was_cancelled: bool = False
    refusal: str | None = None
    is_unknown: bool = False
    parts: list[Part] = field(default_factory=list)

    @property
    def filled_lots(self) -> int:
        return sum(part.lots for part in self.parts)

    @property
    def first_fill_ns(self) -> int | None:
        return self.parts[0].at_ns if self.parts else None

    @property
    def last_ns(self) -> int | None:
        """When nothing of it rested any more; None while it rests."""
        if self.ended_ns is not None:
            return self.ended_ns
        return self.parts[-1].at_ns if self.filled_lots >= self.lots else None


@dataclass(frozen=True, slots=True)
class SentOrders:
    """All orders of a run by number, and how many there were that never left, by why."""

    orders: dict[int, SentOrder]
    left_out: Counter[str]


def sent_orders(rows: RunRows, line: VenueLine | None) -> SentOrders:
    """Read the orders of a run.

    Args:
        rows: the run.
        line: the venue's clock; None where it is not known, then fills and ends are placed by when we heard of them.
    """
    levels = {order.order_id: order.level for order in read_orders(rows).values()}
    story = _Story(levels, line)
    for entry in rows.story:
        story.take(entry)
    return story.finish()


class _Story:
    def __init__(self, levels: dict[int, int], line: VenueLine | None) -> None:
        self._levels = levels
        self._line = line
        self._orders: dict[int, SentOrder] = {}
        self._accepts: dict[int, list[int]] = {}
        self._ends: dict[int, list[int]] = {}
        self._together: set[int] = set()
        self._gone_ones: set[int] = set()
        self._last_cancel = CancelAsked(0, 0)
        self._seen_fills: set[int] = set()
        self._never_sent: Counter[str] = Counter()

    def take(self, entry: Placed | CancelAsked | OrderNews | Filled) -> None:
        match entry:
            case Placed():
                level = self._levels.get(entry.order_id, 0)
                self._orders[entry.order_id] = SentOrder(
                    entry.order_id, entry.side, level, entry.price_ticks, entry.lots, entry.rests, entry.ts_ns,
                    is_alone=not self._together,
                )  # fmt: skip
            case CancelAsked():
                if entry.ts_ns == self._last_cancel.ts_ns and self._last_cancel.order_id not in self._gone_ones:
                    self._together |= {entry.order_id, self._last_cancel.order_id}
                self._last_cancel = entry
            case OrderNews() if entry.order_id in self._orders:
                self._hear(self._orders[entry.order_id], entry)
            case Filled() if entry.order_id in self._orders and entry.fill_id not in self._seen_fills:
                self._seen_fills.add(entry.fill_id)
                self._fill(self._orders[entry.order_id], entry)
            case _:
                pass

    def finish(self) -> SentOrders:
        for order_id, stamps in self._accepts.items():
            self._orders[order_id].arrived_ns = None if self._line is None else self._line.place(_one_of(stamps))
        for order_id, stamps in self._ends.items():
            self._orders[order_id].ended_ns = _one_of(stamps)
        for order in self._orders.values():
            order.parts.sort()
        left = {number: order for number, order in self._orders.items() if not self._is_held(order)}
        return SentOrders(left, self._never_sent)

    def _hear(self, order: SentOrder, news: OrderNews) -> None:
        match news.kind:
            case "accepted":
                self._accepts.setdefault(order.order_id, []).append(news.venue_ns)
                order.answered_ns = order.answered_ns or news.ts_ns
            case "rejected":
                order.answered_ns = order.answered_ns or news.ts_ns
                order.refusal = order.refusal or news.reason or "no reason"
                self._gone(order.order_id)
            case "canceled":
                order.was_cancelled = True
                at_ns = news.ts_ns if self._line is None else self._line.place(news.venue_ns)
                self._ends.setdefault(order.order_id, []).append(at_ns)
                self._gone(order.order_id)
            case "outcome_unknown":
                order.is_unknown = True
            case _:
                self._gone(order.order_id)

    def _fill(self, order: SentOrder, fill: Filled) -> None:
        at_ns = fill.at_ns if self._line is None else self._line.place_fill(fill.venue_ns)
        order.parts.append(Part(at_ns, fill.price_ticks, fill.lots, fill.is_maker, fill.fee_quanta))
        if order.filled_lots >= order.lots:
            self._gone(order.order_id)

    def _gone(self, order_id: int) -> None:
        self._together.discard(order_id)
        self._gone_ones.add(order_id)

    def _is_held(self, order: SentOrder) -> bool:
        """Rule 3."""
        if order.refusal in _NEVER_SENT:
            self._never_sent[str(order.refusal)] += 1
            return True
        if order.was_cancelled and order.order_id not in self._accepts and not order.parts and not order.is_unknown:
            self._never_sent["withdrawn before it was sent"] += 1
            return True
        return False


def _one_of(stamps: Sequence[int]) -> int:
    """Rule 2."""
    first = min(stamps)
    return max(stamp for stamp in stamps if stamp - first < _ROUNDING_NS)


def fills_of(orders: Iterable[SentOrder]) -> list[tuple[SentOrder, Part]]:
    """Every execution with its order, by time."""
    found = [(order, part) for order in orders for part in order.parts]
    return sorted(found, key=lambda pair: (pair[1].at_ns, pair[0].order_id))
