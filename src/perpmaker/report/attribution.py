"""Where the money came from: the change of equity split into named terms, exactly, to the last quantum.

For an execution of ``s`` signed lots at price ``p`` and time ``t``, with ``m(t-)`` the mid just before it, ``h`` the
horizon and ``T`` the end of the run (mids and marks in milliticks, every product in whole quanta):

1. ``spread``     s x (m(t-) - p): how far from the mid we traded. A fill as taker pays here.
2. ``adverse``    s x (m(t+h) - m(t-)), to T at most: how the mid moved in the first ``h`` after the fill. Below zero
   when it went against us.
3. ``inventory``  what the mid did to the position after that. Each fill becomes inventory ``h`` after it happened; a
   fill that reduces takes out the oldest inventory (first in, first out), and what this had gained is its opener's.
4. ``mark``       x(T) x (mark(T) - m(T)): equity is valued at the mark, the terms above at the mid. x is the position.
5. ``takeover``   s x (m(t-) - p) of a position that came without a fill of ours (a correction).
6. ``funding``, ``maker_fees``, ``taker_fees``: as booked; what is paid is negative.

Written out, 1 to 5 telescope to ``x(T) x mark(T) - sum(s x p)``, so the sum of all terms is the profit of the run,
whatever the mids are: integers, no rounding. Every term is cut at whole hours (UTC), so each hour's terms are that
hour's change of equity, too. Terms that belong to no fill (4 and funding) are kept apart by side and level.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeVar

from perpmaker.domain.events import FundingPaid
from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT
from perpmaker.domain.orders import Side

HORIZON_NS: Final = 5 * 10**9
"""After so long, what the price does counts as carried inventory, no longer as adverse selection."""

HOUR_NS: Final = 3_600 * 10**9

CLOSING: Final = 0
"""The level of orders that close the position, and of what is of no level."""


_Key = TypeVar("_Key")


class Terms(NamedTuple):
    """Parts of a change of equity, quanta, positive is gained; see the module for what each is."""

    spread: int = 0
    adverse: int = 0
    inventory: int = 0
    mark: int = 0
    takeover: int = 0
    funding: int = 0
    maker_fees: int = 0
    taker_fees: int = 0

    @property
    def total(self) -> int:
        return sum(self)


class Execution(NamedTuple):
    """A change of the position: a fill, or (``is_fill`` False) a correction. ``fee_quanta`` is paid above zero."""

    ts_ns: int
    signed_lots: int
    price_milliticks: int
    fee_quanta: int
    level: int
    is_maker: bool
    is_fill: bool = True

    @property
    def side(self) -> Side:
        return Side.BUY if self.signed_lots > 0 else Side.SELL


class Prices(Protocol):
    """The market at the times of `times_needed`, in milliticks; the last known where there is none just then."""

    def mid(self, ts_ns: int) -> int: ...

    def mark(self, ts_ns: int) -> int: ...


class Group(NamedTuple):
    """Whose terms: of fills on a side and level, or (None, 0) of the account as a whole."""

    side: Side | None
    level: int


WHOLE: Final = Group(None, CLOSING)


@dataclass(frozen=True, slots=True)
class Attribution:
    """The terms by (group, hour); ``hours`` are the starts of the hours, ns, the first at or before the run's start."""

    horizon_ns: int
    hours: Sequence[int]
    cells: Mapping[tuple[Group, int], Terms]

    @property
    def total(self) -> Terms:
        return add(self.cells.values())

    def by_side(self) -> dict[Side | None, Terms]:
        """Per side, buys first; None is the account as a whole, and last."""
        found = self._by(lambda group, _: group.side)
        return {side: found[side] for side in (Side.BUY, Side.SELL, None) if side in found}

    def by_level(self) -> dict[Group, Terms]:
        """Per side and level, the account as a whole last."""
        by_group = self._by(lambda group, _: group)
        order = sorted(by_group, key=lambda group: (group.side is None, -(group.side or 0), group.level))
        return {group: by_group[group] for group in order}

    def by_hour(self) -> dict[int, Terms]:
        """Per hour, every hour of the run."""
        found = self._by(lambda _, hour: hour)
        return {hour: found.get(hour, Terms()) for hour in self.hours}

    def _by(self, key: Callable[[Group, int], _Key]) -> dict[_Key, Terms]:
        parts: dict[_Key, list[Terms]] = defaultdict(list)
        for (group, hour), terms in self.cells.items():
            parts[key(group, hour)].append(terms)
        return {name: add(terms) for name, terms in parts.items()}


def add(terms: Iterable[Terms]) -> Terms:
    """Term by term."""
    return Terms(*(sum(column) for column in zip(*terms, strict=True)))


def times_needed(executions: Iterable[Execution], start_ns: int, end_ns: int, horizon_ns: int) -> set[int]:
    """The times at which `attribute` will ask for prices."""
    needed = {*_hour_starts(start_ns, end_ns)[1:], end_ns}
    for execution in executions:
        needed |= {execution.ts_ns - 1, min(execution.ts_ns + horizon_ns, end_ns)}
    return needed


def attribute(
    executions: Iterable[Execution],
    funding: Iterable[FundingPaid],
    prices: Prices,
    *,
    start_ns: int,
    end_ns: int,
    end_mark_milliticks: int,
    horizon_ns: int = HORIZON_NS,
) -> Attribution:
    """Split the profit of a run into its terms.

    Args:
        executions: from flat, in any order; later than ``end_ns`` counts as at the end.
        funding: as booked, by its venue's time.
        prices: mids and marks at `times_needed`.
        start_ns: when the run started.
        end_ns: when it ended.
        end_mark_milliticks: at which the position was valued at the end.
        horizon_ns: see the module; above 0.
    """
    sweep = _Sweep(prices, _hour_starts(start_ns, end_ns), end_ns, horizon_ns)
    for execution in sorted(executions, key=lambda one: one.ts_ns):
        sweep.pass_to(min(execution.ts_ns, end_ns))
        sweep.execute(execution)
    sweep.finish(end_mark_milliticks)
    for payment in funding:
        sweep.credit(WHOLE, "funding", payment.amount_quanta, at_ns=payment.venue_ns)
    cells = {key: Terms(**terms) for key, terms in sweep.cells.items()}
    return Attribution(horizon_ns, sweep.hours, cells)


def _hour_starts(start_ns: int, end_ns: int) -> list[int]:
    return list(range(start_ns // HOUR_NS * HOUR_NS, max(end_ns, start_ns + 1), HOUR_NS))


@dataclass(slots=True)
class _Held:
    """Lots whose worth is known up to ``mid``; what the mid does next is still to be credited to ``group``."""

    group: Group
    lots: int
    mid: int
    ages_ns: int


class _Sweep:
    """Walks through a run once; what is held is credited at every hour, when it ages, and at the end."""

    def __init__(self, prices: Prices, hours: list[int], end_ns: int, horizon_ns: int) -> None:
        self.hours = hours
        self.cells: defaultdict[tuple[Group, int], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._prices = prices
        self._end_ns = end_ns
        self._horizon_ns = horizon_ns
        self._hour = 0  # index into hours
        self._young: deque[_Held] = deque()
        self._aged: deque[_Held] = deque()
        self._position_lots = 0
        self._mark_quanta = 0  # the position at the mark less the position at the mid, at the last hour

    def credit(self, group: Group, term: str, quanta: int, *, at_ns: int | None = None) -> None:
        """Add to a term, in the current hour or that of ``at_ns``."""
        hour = self.hours[self._hour]
        if at_ns is not None:
            hour = min(max(at_ns // HOUR_NS * HOUR_NS, self.hours[0]), self.hours[-1])
        self.cells[group, hour][term] += quanta

    def execute(self, execution: Execution) -> None:
        group = Group(execution.side, execution.level)
        lots, before = execution.signed_lots, self._prices.mid(execution.ts_ns - 1)
        gained = lots * (before - execution.price_milliticks) * QUANTA_PER_MILLITICK_LOT
        self._position_lots += lots
        if not execution.is_fill:
            self.credit(group, "takeover", gained)
            self._become_inventory(_Held(group, lots, before, execution.ts_ns))
            return
        self.credit(group, "spread", gained)
        self.credit(group, "maker_fees" if execution.is_maker else "taker_fees", -execution.fee_quanta)
        self._young.append(_Held(group, lots, before, execution.ts_ns + self._horizon_ns))

    def pass_to(self, now_ns: int) -> None:
        """Let time pass: what ages by then becomes inventory, and every hour on the way is closed."""
        while True:
            ages_ns = self._young[0].ages_ns if self._young else now_ns + 1
            is_last = self._hour + 1 == len(self.hours)
            next_hour_ns = now_ns + 1 if is_last else self.hours[self._hour + 1]
            if min(ages_ns, next_hour_ns) > now_ns:
                return
            if next_hour_ns <= ages_ns:
                self._revalue(next_hour_ns, self._prices.mark(next_hour_ns))
                self._hour += 1
            else:
                held = self._young.popleft()
                self._credit_move(held, "adverse", self._prices.mid(ages_ns))
                self._become_inventory(held)

    def finish(self, end_mark_milliticks: int) -> None:
        self.pass_to(self._end_ns)
        self._revalue(self._end_ns, end_mark_milliticks)

    def _revalue(self, now_ns: int, mark: int) -> None:
        mid = self._prices.mid(now_ns)
        for held in self._young:
            self._credit_move(held, "adverse", mid)
        for held in self._aged:
            self._credit_move(held, "inventory", mid)
        mark_quanta = self._position_lots * (mark - mid) * QUANTA_PER_MILLITICK_LOT
        self.credit(WHOLE, "mark", mark_quanta - self._mark_quanta)
        self._mark_quanta = mark_quanta

    def _credit_move(self, held: _Held, term: str, mid: int) -> None:
        self.credit(held.group, term, held.lots * (mid - held.mid) * QUANTA_PER_MILLITICK_LOT)
        held.mid = mid

    def _become_inventory(self, held: _Held) -> None:
        """Take out the oldest inventory of the other sign; what is left of the new is inventory itself."""
        while held.lots and self._aged and (self._aged[0].lots > 0) != (held.lots > 0):
            oldest = self._aged[0]
            gone = min(abs(oldest.lots), abs(held.lots)) * (1 if oldest.lots > 0 else -1)
            moved = gone * (held.mid - oldest.mid) * QUANTA_PER_MILLITICK_LOT
            self.credit(oldest.group, "inventory", moved)
            oldest.lots -= gone
            held.lots += gone
            if not oldest.lots:
                self._aged.popleft()
        if held.lots:
            self._aged.append(held)
