"""What the rows of a recording lack where its source had less than an order book, added while they are written.

Rules kept here:

1. A recording of the grade ``best`` or ``none`` begins with a row DEPTH, so that the simulated exchange knows which
   queues nobody has stated.
2. Trades alone (``none``) get a best bid and offer inferred from them: the price of the last trade that a seller made
   is the bid, of the last that a buyer made the ask. Where a trade comes to the other side's price or beyond it, that
   side is put one tick behind the trade. There is no bid or ask before a first trade has shown one.
3. The inferred size is that of the trade: how much is left nobody knows, and no queue is told by it (`NO_QUEUES`).
4. In a gap, and after it, nothing is inferred from trades before it.
"""

from collections.abc import Sequence
from typing import Final

from perpmaker.data.format import DepthGrade
from perpmaker.data.snapshots import Row
from perpmaker.simulation import market_events as me

_DEPTHS: Final = {"best": me.BEST_ONLY, "none": me.NO_QUEUES}
_TRADES: Final = (me.BUY_TRADE, me.SELL_TRADE)


class GradedRows:
    """Completes one message after another of a recording of this grade."""

    def __init__(self, depth: DepthGrade) -> None:
        self._infers = depth == "none"
        self._opening: list[Row] = [(me.DEPTH, 0, _DEPTHS[depth])] if depth in _DEPTHS else []
        self._bid: tuple[int, int] | None = None
        self._ask: tuple[int, int] | None = None

    @property
    def adds_nothing(self) -> bool:
        """Whether messages are to be written as they are."""
        return not (self._opening or self._infers)

    def completed(self, rows: Sequence[Row]) -> Sequence[Row]:
        """A message with what belongs to it."""
        if not rows or self.adds_nothing:
            return rows
        opening, self._opening = self._opening, []
        found = [*opening, *rows]
        if self._infers:
            for kind, price, lots in rows:
                if kind in _TRADES:
                    found += self._after_trade(kind, price, lots)
        return found

    def forget(self) -> None:
        """A gap begins."""
        self._bid = self._ask = None

    def _after_trade(self, kind: int, price: int, lots: int) -> list[Row]:
        before = (self._bid, self._ask)
        if kind == me.SELL_TRADE:
            self._bid = (price, lots)
            if self._ask is not None and self._ask[0] <= price:
                self._ask = (price + 1, lots)
        else:
            self._ask = (price, lots)
            if self._bid is not None and self._bid[0] >= price:
                self._bid = (price - 1, lots) if price > 1 else None
        rows: list[Row] = []
        if self._bid != before[0]:
            rows.append((me.BEST_BID, *(self._bid or (0, 0))))
        if self._ask != before[1]:
            rows.append((me.BEST_ASK, *(self._ask or (0, 0))))
        return rows
