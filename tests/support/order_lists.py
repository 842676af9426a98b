"""The orders and cancels of a run as plain columns: what another engine needs to be told to do the very same.

Rules kept here:

1. Requests stand in the order in which the maker sent them, at the time at which it sent them.
2. What is compared is what the maker knew: a fill counts from its delivery, one order latency after it happened.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perpmaker.domain.commands import Cancel, Command, Place
from perpmaker.domain.events import Event, Filled, OrderRejected
from perpmaker.domain.orders import OrderKind

PLACE: Final = 1
CANCEL: Final = 2


class OrderList(NamedTuple):
    """Columns of equal length; of a cancel only ``order_id`` means anything. ``side`` is +1 for a buy."""

    at_ns: NDArray[np.int64]
    code: NDArray[np.int64]
    order_id: NDArray[np.int64]
    side: NDArray[np.int64]
    price_ticks: NDArray[np.int64]
    lots: NDArray[np.int64]

    def before(self, end_ns: int) -> "OrderList":
        """The requests sent before this time."""
        return OrderList(*(column[self.at_ns < end_ns] for column in self))

    def without_stillborn(self) -> "OrderList":
        """Without the orders that were cancelled at the very time at which they were sent.

        They arrive and go at one instant, so no trade can meet them. The maker sends some, when two fills reach it at
        one time: it answers each.
        """
        is_place = self.code == PLACE
        sent = dict(zip(self.order_id[is_place].tolist(), self.at_ns[is_place].tolist(), strict=True))
        is_cancel = self.code == CANCEL
        cancels = zip(self.order_id[is_cancel].tolist(), self.at_ns[is_cancel].tolist(), strict=True)
        stillborn = [order_id for order_id, at_ns in cancels if sent.get(order_id) == at_ns]
        return OrderList(*(column[~np.isin(self.order_id, stillborn)] for column in self))


class OrderRecorder:
    """An observer of a run: keeps its requests, its fills and which orders were rejected."""

    def __init__(self) -> None:
        self._requests: list[tuple[int, int, int, int, int, int]] = []
        self.fills: list[Filled] = []
        self.rejected_ids: set[int] = set()

    def on_step(self, now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None:
        for event in events:
            if isinstance(event, Filled):
                self.fills.append(event)
            elif isinstance(event, OrderRejected):
                self.rejected_ids.add(event.order_id)
        # Replay hands places and cancels over in the order of the commands.
        for command in commands:
            if isinstance(command, Cancel):
                self._requests.append((now_ns, CANCEL, command.order_id, 0, 0, 0))
            elif isinstance(command, Place):
                if command.kind is not OrderKind.LIMIT or not command.post_only or command.reduce_only:
                    raise ValueError(f"only post-only limit orders can be listed, got {command}")
                row = (now_ns, PLACE, command.order_id, int(command.side), command.price_ticks, command.lots)
                self._requests.append(row)

    def orders(self) -> OrderList:
        columns = np.array(self._requests, np.int64).reshape(-1, len(OrderList._fields)).T
        return OrderList(*(np.ascontiguousarray(column) for column in columns))

    def positions(self, at_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """The position in lots that the maker knew of at each of these times."""
        delivered = np.array([fill.at_ns for fill in self.fills], np.int64)
        signed = np.array([fill.side * fill.lots for fill in self.fills], np.int64)
        after = np.concatenate((np.zeros(1, np.int64), np.cumsum(signed, dtype=np.int64)))
        return after[np.searchsorted(delivered, at_ns, side="right")]
