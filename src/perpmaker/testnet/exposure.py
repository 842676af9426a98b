"""The venue's own count of what a run has risked: the largest position, and the largest that it could have come to.

Rules kept here:

1. Looked at after every change of an order or a position, from the account's books.
2. What a side could come to is the position and all open orders of that side with the run's tag together. Reduce-only
   orders count up to the position that they reduce, as the exchange fills them no further.
3. A run is told by its tag, see `perpmaker.venues.client_ids`; `ALL_RUNS` stands for all of them together. A run counts
   while it has open orders, and when one of its orders changes.
4. Executions without a tag are somebody else's: they change what a run risks behind its back. For `SETTLE_NS` after one
   the run may not know of it, so next to the largest of all there is the largest while nobody had meddled for so long.
"""

from dataclasses import dataclass
from typing import Final

from perpmaker.domain.orders import Side
from perpmaker.testnet.books import AccountBooks
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.notices import Notice, OrderChanged, PositionChanged
from perpmaker.venues.client_ids import client_ids

SETTLE_NS: Final = 10 * 10**9

ALL_RUNS: Final = 0

_IDS: Final = client_ids("backpack")


@dataclass(slots=True)
class Exposure:
    """Largest magnitudes in lots, of the long side and of the short one."""

    position_long: int = 0
    position_short: int = 0
    possible_long: int = 0
    possible_short: int = 0
    settled_long: int = 0
    settled_short: int = 0


class _Watched:
    """What is remembered of an account."""

    def __init__(self) -> None:
        self.runs: dict[int, Exposure] = {}
        self.now: dict[int, tuple[int, int]] = {}  # what each run could come to since the last change
        self.meddled_ns: int | None = None

    def is_settled(self, at_ns: int) -> bool:
        return self.meddled_ns is None or at_ns - self.meddled_ns >= SETTLE_NS

    def note_settled(self, at_ns: int) -> None:
        if not self.is_settled(at_ns):
            return
        for tag, (longest, shortest) in self.now.items():
            run = self.runs[tag]
            run.settled_long = max(run.settled_long, longest)
            run.settled_short = max(run.settled_short, shortest)


class ExposureWatch:
    """Watches every account of a testnet."""

    def __init__(self, testnet: Testnet) -> None:
        self._testnet = testnet
        self._accounts = {name: _Watched() for name in testnet.accounts}
        testnet.listeners.append(self._on_notice)

    def runs(self, account: str) -> dict[int, Exposure]:
        """By tag, for every run that has ever had an order on the account, and for all together."""
        watched = self._accounts[account]
        watched.note_settled(self._testnet.clock.now_ns())
        return watched.runs

    def _on_notice(self, notice: Notice) -> None:
        if isinstance(notice, OrderChanged):
            self._changed(notice.order.account, notice)
        elif isinstance(notice, PositionChanged):
            self._changed(notice.account, notice)

    def _changed(self, account: str, notice: OrderChanged | PositionChanged) -> None:
        watched = self._accounts[account]
        watched.note_settled(notice.at_ns)  # what stood until now
        tag = _tag(notice.order.client_id) if isinstance(notice, OrderChanged) else None
        if isinstance(notice, OrderChanged) and notice.fill is not None and tag is None:
            watched.meddled_ns = notice.at_ns
        books = self._testnet.accounts[account].books
        changed = {ALL_RUNS} if tag is None else {ALL_RUNS, tag}
        watched.now = {}
        for run_tag in changed | {_tag(order.client_id) or ALL_RUNS for order in books.open_orders()}:
            _count(watched, run_tag, books)
        watched.note_settled(notice.at_ns)


def _count(watched: _Watched, tag: int, books: AccountBooks) -> None:
    run, lots = watched.runs.setdefault(tag, Exposure()), books.position.lots
    longest, shortest = _possible(books, tag, Side.BUY), _possible(books, tag, Side.SELL)
    watched.now[tag] = longest, shortest
    run.position_long = max(run.position_long, lots)
    run.position_short = max(run.position_short, -lots)
    run.possible_long = max(run.possible_long, longest)
    run.possible_short = max(run.possible_short, shortest)


def _possible(books: AccountBooks, tag: int, side: Side) -> int:
    """How far the run's open orders of a side could take the position that way."""
    orders = [order for order in books.open_orders() if order.side is side and _is_of(tag, order.client_id)]
    reducing = sum(order.left_lots for order in orders if order.reduce_only)
    adding = sum(order.left_lots for order in orders if not order.reduce_only)
    towards = books.position.lots * side
    reduced = min(0, towards + reducing) if towards < 0 else towards
    return reduced + adding


def _is_of(tag: int, client_id: int | None) -> bool:
    own = _tag(client_id)
    return own is not None and tag in (ALL_RUNS, own)


def _tag(client_id: int | None) -> int | None:
    own = None if client_id is None else _IDS.decode(str(client_id))
    return None if own is None else own.tag
