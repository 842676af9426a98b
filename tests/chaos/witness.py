"""What the venue itself has seen of a bot: its own count of exposure, foreign orders, executions, and when it quotes.

Rules kept here:

1. Everything is read from the testnet's books, never from what it told the bot.
2. Beyond the cap means: position and all resting orders of the run on one side together are more than the cap, with at
   least one such order resting. A position that others made is no fault of the run; its orders on top of it are.
3. Somebody else's trade changes what a run risks behind its back. It has `GRACE_NS` to learn of it, from the trade or
   from the end of the last fault that was on meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from perpmaker.domain.orders import Side
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.notices import (
    FillRecord,
    Notice,
    OrderChanged,
    OrderRecord,
    OrderStatus,
    OrderType,
    PositionChanged,
)
from perpmaker.venues.client_ids import UINT32, OwnId

GRACE_NS = 10 * 10**9


@dataclass
class Witness:
    """Watches one account.

    Args:
        testnet: the exchange.
        cap_lots: the run's largest position.
        is_ours: whether a tag is that of one of our runs.
        is_disturbed: whether a fault is on now.
    """

    testnet: Testnet
    cap_lots: int
    is_ours: Callable[[int], bool]
    is_disturbed: Callable[[], bool]
    account: str = "1"
    beyond: list[str] = field(default_factory=list)
    excused: int = 0
    others_traded: bool = False
    foreign: dict[int, OrderRecord] = field(default_factory=dict)
    _doubtful_until_ns: int = -(2**62)

    def __post_init__(self) -> None:
        self.testnet.listeners.append(self._on_notice)

    def fault_ended(self) -> None:
        """What could not be learnt while it was on can be from now on."""
        now_ns = self.testnet.clock.now_ns()
        if now_ns < self._doubtful_until_ns:
            self._doubtful_until_ns = now_ns + GRACE_NS

    def _is_excused(self, at_ns: int) -> bool:
        if at_ns < self._doubtful_until_ns:
            return True
        if self._doubtful_until_ns > 0 and self.is_disturbed():  # on ever since: see `fault_ended`
            self._doubtful_until_ns = at_ns + GRACE_NS
            return True
        return False

    def own_id(self, client_id: int | None) -> OwnId | None:
        own = None if client_id is None else UINT32.decode(str(client_id))
        return own if own is not None and self.is_ours(own.tag) else None

    def our_orders(self) -> list[OrderRecord]:
        """Orders of ours that rest."""
        books = self.testnet.accounts[self.account].books
        return [order for order in books.open_orders() if self.own_id(order.client_id) is not None]

    def our_fills(self) -> list[tuple[OwnId, FillRecord]]:
        """Executions of ours."""
        found = []
        for fill in self.testnet.accounts[self.account].books.fills:
            own = self.own_id(fill.client_id)
            if own is not None:
                found.append((own, fill))
        return found

    def foreign_touched(self) -> list[str]:
        """Foreign orders that the account has cancelled; what the exchange ended or filled is nobody's fault."""
        orders = self.testnet.accounts[self.account].books.orders
        touched = []
        for order_id in self.foreign:
            order = orders[order_id]
            if order.status is not OrderStatus.CANCELLED:
                continue
            touched.append(f"{order_id}, {(order.updated_ns - order.created_ns) / 1e9:.3f} s after it was placed")
        return touched

    def is_quoting(self) -> bool:
        """Whether every side that the cap leaves room for has an order of ours."""
        lots = self.testnet.accounts[self.account].books.position.lots
        sides = {order.side for order in self.our_orders()}
        return all(side in sides for side in Side if side * lots < self.cap_lots)

    def _on_notice(self, notice: Notice) -> None:
        if isinstance(notice, OrderChanged) and notice.order.account == self.account:
            if self.own_id(notice.order.client_id) is None:
                self._other(notice)
            self._look(notice.at_ns)
        elif isinstance(notice, PositionChanged) and notice.account == self.account:
            self._look(notice.at_ns)

    def _other(self, notice: OrderChanged) -> None:
        if notice.order.order_type is OrderType.LIMIT:
            self.foreign[notice.order.order_id] = notice.order
        if notice.fill is not None:
            self.others_traded = True
            self._doubtful_until_ns = notice.at_ns + GRACE_NS

    def _look(self, at_ns: int) -> None:
        orders = self.our_orders()
        position = self.testnet.accounts[self.account].books.position.lots
        for side in Side:
            adding = sum(order.left_lots for order in orders if order.side is side and not order.reduce_only)
            if adding and side * position + adding > self.cap_lots:
                if self._is_excused(at_ns):
                    self.excused += 1
                else:
                    text = f"{at_ns}: position {position}, {side.name} {adding}, cap {self.cap_lots}"
                    self.beyond.append(text)
