"""What became of every order of a run, and on which level of the ladder it stood.

The journal does not keep the level of an order, so it is inferred, a side at a time, whenever orders are sent:

1. Orders that close the position (reduce-only, or such as never rest) are of level 0.
2. The orders of a side that rest or are on their way, cancels asked for left out, are put in order from the innermost
   outwards, equal prices in the order in which they were sent. Neighbours are as many levels apart as half-spreads fit
   between them, one at least.
3. Where that fills the ladder, the innermost is of level 1. Otherwise the innermost level is the one that fits the
   distance to the other side, where that side is full; or else most of the levels given before; or else 1.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from perpmaker.domain.events import Filled
from perpmaker.domain.orders import Side
from perpmaker.report.rows import CancelAsked, OrderNews, Placed, RunRows, Story


@dataclass(slots=True)
class OrderLife:
    """One order. Times are of the run's market, see `perpmaker.report.rows`; None where it never came to that."""

    order_id: int
    side: Side
    level: int
    price_ticks: int
    lots: int
    rests: bool
    reduce_only: bool
    placed_ns: int
    accepted_ns: int | None = None
    first_fill_ns: int | None = None
    ended_ns: int | None = None
    filled_lots: int = 0
    is_rejected: bool = False

    def resting_ns(self, end_ns: int) -> int:
        """How long it rested, to its end or that of the run."""
        if self.accepted_ns is None or not self.rests:
            return 0
        until_ns = end_ns if self.ended_ns is None else self.ended_ns
        return max(0, until_ns - self.accepted_ns)


@dataclass(frozen=True, slots=True)
class LevelRow:
    """How the orders of one side and level did; durations in ns, queues in lots, None where nothing is known."""

    side: Side
    level: int
    accepted: int
    filled_orders: int
    lots: int
    filled_lots: int
    resting_ns: int
    median_fill_ns: float | None
    median_queue_lots: float | None
    queues_known: int

    @property
    def fill_share(self) -> float:
        """Orders that traded at all, of those accepted."""
        return self.filled_orders / self.accepted if self.accepted else 0.0

    @property
    def fills_per_hour(self) -> float:
        """Orders that traded per hour of resting."""
        return self.filled_orders * 3.6e12 / self.resting_ns if self.resting_ns else 0.0


def read_orders(rows: RunRows) -> dict[int, OrderLife]:
    """Every order of the run by its number."""
    tracker = _Tracker(rows)
    for _, batch in groupby(rows.story, key=_batch_of):
        tracker.take(list(batch))
    return tracker.orders


def level_rows(orders: Iterable[OrderLife], queues: dict[int, int], end_ns: int) -> list[LevelRow]:
    """Per side and level; orders that never rested are left out."""
    by_level: dict[tuple[int, Side], list[OrderLife]] = {}
    for order in orders:
        if order.rests and order.level and order.accepted_ns is not None:
            by_level.setdefault((order.level, order.side), []).append(order)
    return [_level_row(by_level[key], queues, end_ns) for key in sorted(by_level, key=lambda key: (-key[1], key[0]))]


def _level_row(orders: Sequence[OrderLife], queues: dict[int, int], end_ns: int) -> LevelRow:
    waits = [
        o.first_fill_ns - o.accepted_ns for o in orders if o.first_fill_ns is not None and o.accepted_ns is not None
    ]
    ahead = [queues[order.order_id] for order in orders if order.order_id in queues]
    return LevelRow(
        side=orders[0].side,
        level=orders[0].level,
        accepted=len(orders),
        filled_orders=len(waits),
        lots=sum(order.lots for order in orders),
        filled_lots=sum(order.filled_lots for order in orders),
        resting_ns=sum(order.resting_ns(end_ns) for order in orders),
        median_fill_ns=median(waits) if waits else None,
        median_queue_lots=median(ahead) if ahead else None,
        queues_known=len(ahead),
    )


def _batch_of(entry: Story) -> tuple[bool, int]:
    is_command = isinstance(entry, Placed | CancelAsked)
    return is_command, entry.ts_ns if isinstance(entry, Placed | CancelAsked) else 0


class _Tracker:
    def __init__(self, rows: RunRows) -> None:
        self._rows = rows
        self.orders: dict[int, OrderLife] = {}
        self._quoted: dict[Side, dict[int, OrderLife]] = {Side.BUY: {}, Side.SELL: {}}
        self._seen_fills: set[int] = set()
        settings = rows.run.settings
        self._levels = int(settings.get("max_orders", 1))
        self._half_spread = float(settings.get("spread", 0))

    def take(self, batch: Sequence[Story]) -> None:
        """Consecutive commands of one moment, or consecutive news."""
        new: list[OrderLife] = []
        for entry in batch:
            match entry:
                case Placed():
                    new.append(self._place(entry))
                case CancelAsked():
                    self._forget(entry.order_id)
                case OrderNews():
                    self._hear(entry)
                case Filled():
                    self._fill(entry)
        self._give_levels([order for order in new if order.level])

    def _place(self, placed: Placed) -> OrderLife:
        closes = placed.reduce_only or not placed.rests
        order = OrderLife(
            placed.order_id, placed.side, 0 if closes else 1, placed.price_ticks, placed.lots, placed.rests,
            placed.reduce_only, placed.ts_ns,
        )  # fmt: skip
        self.orders[placed.order_id] = order
        return order

    def _give_levels(self, new: Sequence[OrderLife]) -> None:
        known = {order.order_id for quoted in self._quoted.values() for order in quoted.values()}
        for order in new:
            self._quoted[order.side][order.order_id] = order
        ladders = {side: self._ladder(side) for side in {order.side for order in new}}
        for side, ladder in ladders.items():
            innermost = self._innermost(side, ladder, known)
            for order, offset in ladder:
                if order.order_id not in known:
                    order.level = min(innermost + offset, self._levels)

    def _ladder(self, side: Side) -> list[tuple[OrderLife, int]]:
        """The orders of a side from the innermost outwards, with their distance from it in levels."""
        outwards = sorted(self._quoted[side].values(), key=lambda order: (-side * order.price_ticks, order.order_id))
        found: list[tuple[OrderLife, int]] = []
        for order in outwards:
            offset = 0
            if found:
                inner, inner_offset = found[-1]
                apart = abs(order.price_ticks - inner.price_ticks) / self._step(order)
                offset = inner_offset + max(1, round(apart))
            found.append((order, offset))
        return found

    def _innermost(self, side: Side, ladder: Sequence[tuple[OrderLife, int]], known: set[int]) -> int:
        """The level of the innermost order of a ladder, by rule 3."""
        highest = max(1, self._levels - ladder[-1][1])
        if highest == 1:
            return 1
        other = self._ladder(side.opposite)
        if other and other[-1][1] == self._levels - 1:
            inner = ladder[0][0]
            apart = abs(inner.price_ticks - other[0][0].price_ticks) / self._step(inner)
            return min(max(1, round(apart) - 1), highest)
        votes = Counter(order.level - offset for order, offset in ladder if order.order_id in known)
        return min(max(1, votes.most_common(1)[0][0]), highest) if votes else 1

    def _step(self, order: OrderLife) -> float:
        return max(1.0, self._half_spread * order.price_ticks)

    def _hear(self, news: OrderNews) -> None:
        order = self.orders.get(news.order_id)
        if order is None:
            return
        now_ns = self._rows.time_of(news)
        if news.kind == "accepted":
            order.accepted_ns = now_ns if order.accepted_ns is None else order.accepted_ns
        elif news.kind in ("rejected", "canceled"):
            order.is_rejected = news.kind == "rejected"
            order.ended_ns = now_ns if order.ended_ns is None else order.ended_ns
            self._forget(news.order_id)

    def _fill(self, fill: Filled) -> None:
        order = self.orders.get(fill.order_id)
        if order is None or fill.fill_id in self._seen_fills:
            return
        self._seen_fills.add(fill.fill_id)
        now_ns = self._rows.time_of(fill)
        order.first_fill_ns = now_ns if order.first_fill_ns is None else order.first_fill_ns
        order.filled_lots += fill.lots
        if order.filled_lots >= order.lots:
            order.ended_ns = now_ns
            self._forget(fill.order_id)

    def _forget(self, order_id: int) -> None:
        order = self.orders.get(order_id)
        if order is not None:
            self._quoted[order.side].pop(order_id, None)
