"""The position and its profit, by the average-cost method, exact to the last quantum.

Invariant, at every moment, whatever the fills::

    equity - starting balance == realized + unrealized - fees + funding

Reducing a position takes its share of the cost out of the book; that share is rounded half up to a whole quantum and
the remainder stays with what is left, so nothing is ever lost between realized and unrealized.
"""

from dataclasses import dataclass

from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT, notional_quanta
from perpmaker.domain.orders import Side


@dataclass(slots=True)
class Position:
    """Signed lots with their cost, and what trading them has earned. All money in quanta.

    ``cost_quanta`` has the sign of the position: what was paid for a long, minus what was received for a short.
    """

    lots: int = 0
    cost_quanta: int = 0
    realized_quanta: int = 0
    fees_quanta: int = 0
    funding_quanta: int = 0

    def apply_fill(self, side: Side, price_ticks: int, lots: int, fee: int) -> int:
        """Book one execution; returns the profit that it realized (before its fee)."""
        self.fees_quanta += fee
        signed = lots if side is Side.BUY else -lots
        return self._trade(signed, notional_quanta(price_ticks, 1))

    def apply_correction(self, change_lots: int, price_milliticks: int) -> int:
        """Book a change that no fill of ours explains, as if executed at this price; returns what it realized."""
        return self._trade(change_lots, price_milliticks * QUANTA_PER_MILLITICK_LOT)

    def _trade(self, signed: int, quanta_per_lot: int) -> int:
        if self.lots == 0 or (self.lots > 0) == (signed > 0):
            self.lots += signed
            self.cost_quanta += quanta_per_lot * signed
            return 0
        closed = min(abs(signed), abs(self.lots))
        closed_signed = closed if signed > 0 else -closed
        released = self._cost_share(closed)
        realized = -quanta_per_lot * closed_signed - released
        self.realized_quanta += realized
        self.lots += closed_signed
        self.cost_quanta -= released
        opened = signed - closed_signed
        if opened:
            self.lots = opened
            self.cost_quanta = quanta_per_lot * opened
        return realized

    def apply_funding(self, amount: int) -> None:
        """Book a funding payment: positive was received."""
        self.funding_quanta += amount

    def unrealized_quanta(self, mark_milliticks: int) -> int:
        """Profit of the open position at a mark price: (mark - average entry) x position."""
        return mark_milliticks * self.lots * QUANTA_PER_MILLITICK_LOT - self.cost_quanta

    def profit_quanta(self, mark_milliticks: int) -> int:
        """Everything: equity minus the balance that the run started with."""
        unrealized = mark_milliticks * self.lots * QUANTA_PER_MILLITICK_LOT - self.cost_quanta
        return self.realized_quanta + unrealized - self.fees_quanta + self.funding_quanta

    def _cost_share(self, closed: int) -> int:
        size = abs(self.lots)
        if closed == size:
            return self.cost_quanta
        return (2 * self.cost_quanta * closed + size) // (2 * size)
