"""What became of every order of a run, and on which level of the ladder it stood.

The level is the journal's. A journal of a version that did not keep it has none: there it is guessed, see
`perpmaker.report.guessed_levels`, for the whole run.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from perpmaker.domain.events import Filled
from perpmaker.domain.orders import Side
from perpmaker.report.guessed_levels import LevelGuess, Quoted
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
        self._guess = None if rows.knows_levels else LevelGuess(rows.run.settings)
        self._seen_fills: set[int] = set()

    def take(self, batch: Sequence[Story]) -> None:
        """Consecutive commands of one moment, or consecutive news."""
        quotes: list[Quoted] = []
        for entry in batch:
            match entry:
                case Placed():
                    self._place(entry)
                    if entry.rests and not entry.reduce_only:
                        quotes.append(Quoted(entry.order_id, entry.side, entry.price_ticks))
                case CancelAsked():
                    self._gone(entry.order_id)
                case OrderNews():
                    self._hear(entry)
                case Filled():
                    self._fill(entry)
        if self._guess is not None:
            for order_id, level in self._guess.placed(quotes).items():
                self.orders[order_id].level = level

    def _place(self, placed: Placed) -> None:
        self.orders[placed.order_id] = OrderLife(
            placed.order_id, placed.side, placed.level or 0, placed.price_ticks, placed.lots, placed.rests,
            placed.reduce_only, placed.ts_ns,
        )  # fmt: skip

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
            self._gone(news.order_id)

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
            self._gone(fill.order_id)

    def _gone(self, order_id: int) -> None:
        if self._guess is not None:
            self._guess.gone(order_id)
