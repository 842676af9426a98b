"""The books of one account: its orders, fills, payments, position and money.

Invariants, at every moment, to the last quantum:

1. balance == start + transfers + realized - fees + funding.
2. The executed size of an order is the sum of its fills; the position is the sum of all fills.
3. A client id names at most one open order.

Open orders are all kept; of what has ended, the newest `KEPT` orders and fills. Liquidation fees are fees.
"""

from collections import deque
from typing import Final

from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT
from perpmaker.domain.orders import Side
from perpmaker.domain.position import Position
from perpmaker.testnet.notices import (
    FillRecord,
    FundingRecord,
    OrderRecord,
    PositionEvent,
    PositionView,
)

KEPT: Final = 50_000


class AccountBooks:
    """Everything that the exchange remembers of an account. Money in quanta.

    Args:
        start_quanta: balance at the beginning.
    """

    def __init__(self, start_quanta: int) -> None:
        self.start_quanta: Final = start_quanta
        self.transfers_quanta = 0
        self.position = Position()
        self.position_id = 0
        self.opened_ns = 0
        self.orders: Final[dict[int, OrderRecord]] = {}
        """Every order that is still known, oldest first."""
        self.open_ids: Final[dict[int, None]] = {}
        """Ids of the open ones, oldest first."""
        self.fills: Final[deque[FillRecord]] = deque(maxlen=KEPT)
        self.funding: Final[deque[FundingRecord]] = deque(maxlen=KEPT)
        self._open_by_client: Final[dict[int, int]] = {}
        self._ended: Final[deque[int]] = deque()
        self.before_opening = Position()
        """Profit, fees and funding as they were when the position was opened."""

    @property
    def balance_quanta(self) -> int:
        """Cash: everything but unrealized profit."""
        position = self.position
        return (
            self.start_quanta
            + self.transfers_quanta
            + position.realized_quanta
            - position.fees_quanta
            + position.funding_quanta
        )

    def equity_quanta(self, mark_milliticks: int) -> int:
        """Balance and unrealized profit."""
        return self.balance_quanta + self.position.unrealized_quanta(mark_milliticks)

    def open_orders(self) -> list[OrderRecord]:
        """Oldest first."""
        return [self.orders[order_id] for order_id in self.open_ids]

    def open_by_client(self, client_id: int) -> OrderRecord | None:
        """The open order with this client id."""
        order_id = self._open_by_client.get(client_id)
        return None if order_id is None else self.orders[order_id]

    def open_lots(self, side: Side) -> int:
        """What the open orders of a side may still fill."""
        orders = self.orders
        return sum(orders[order_id].left_lots for order_id in self.open_ids if orders[order_id].side is side)

    def write(self, order: OrderRecord) -> None:
        """Enter a new order, or what has become of one."""
        order_id, client_id = order.order_id, order.client_id
        self.orders[order_id] = order
        if order.status.is_open:
            self.open_ids[order_id] = None
            if client_id is not None:
                self._open_by_client[client_id] = order_id
            return
        if order_id in self.open_ids:
            del self.open_ids[order_id]
            if client_id is not None:
                self._open_by_client.pop(client_id, None)
        self._ended.append(order_id)
        if len(self._ended) > KEPT:
            del self.orders[self._ended.popleft()]

    def book_fill(self, fill: FillRecord, position_id: int) -> PositionEvent:
        """Enter an execution; ``position_id`` names the position if it opens one. Returns what it did to it."""
        self.fills.append(fill)
        position = self.position
        was_flat = position.lots == 0
        if was_flat:
            self.position_id = position_id
            self.opened_ns = fill.at_ns
            self.before_opening = Position(
                realized_quanta=position.realized_quanta,
                fees_quanta=position.fees_quanta,
                funding_quanta=position.funding_quanta,
            )
        position.apply_fill(fill.side, fill.price_ticks, fill.lots, fill.fee_quanta)
        if was_flat:
            return PositionEvent.OPENED
        return PositionEvent.CLOSED if position.lots == 0 else PositionEvent.ADJUSTED

    def book_funding(self, payment: FundingRecord) -> None:
        self.funding.append(payment)
        self.position.apply_funding(payment.amount_quanta)

    def book_fee(self, quanta: int) -> None:
        """A fee that belongs to no single fill."""
        self.position.fees_quanta += quanta

    def exposure_lots(self) -> int:
        """The position as it would be at its largest if the open orders of one side filled."""
        lots = self.position.lots
        longest, shortest = lots + self.open_lots(Side.BUY), lots - self.open_lots(Side.SELL)
        return longest if abs(longest) >= abs(shortest) else shortest

    def view(self, mark_milliticks: int, initial_margin_ppb: int, maintenance_margin_ppb: int) -> PositionView:
        """The position as the wire shows it."""
        position, before = self.position, self.before_opening
        return PositionView(
            self.position_id,
            position.lots,
            position.cost_quanta,
            self.exposure_lots(),
            position.realized_quanta - before.realized_quanta,
            position.unrealized_quanta(mark_milliticks),
            position.fees_quanta - before.fees_quanta,
            position.funding_quanta - before.funding_quanta,
            mark_milliticks,
            initial_margin_ppb,
            maintenance_margin_ppb,
            self.opened_ns,
        )

    def value_quanta(self, lots: int, mark_milliticks: int) -> int:
        """Value of so many lots at the mark, without a sign."""
        return abs(lots) * mark_milliticks * QUANTA_PER_MILLITICK_LOT
