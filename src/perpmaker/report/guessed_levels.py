"""The level of orders in runs whose journal did not keep it (versions before it had ``commands.level``).

It is inferred, a side at a time, whenever orders are sent:

1. The orders of a side that rest or are on their way, cancels asked for left out, are put in order from the innermost
   outwards, equal prices in the order in which they were sent. Neighbours are as many levels apart as half-spreads fit
   between them, one at least.
2. Where that fills the ladder, the innermost is of level 1. Otherwise the innermost level is the one that fits the
   distance to the other side, where that side is full; or else most of the levels given before; or else 1.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from perpmaker.domain.orders import Side


class Quoted(NamedTuple):
    """An order of the ladder."""

    order_id: int
    side: Side
    price_ticks: int


class LevelGuess:
    """Follows which quotes are there, and guesses the level of each new one.

    Args:
        settings: of the run, by flag name.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._levels = int(settings.get("max_orders", 1))
        self._half_spread = float(settings.get("spread", 0))
        self._quoted: dict[Side, dict[int, Quoted]] = {Side.BUY: {}, Side.SELL: {}}
        self._given: dict[int, int] = {}  # the level of each quote that is there

    def placed(self, new: Sequence[Quoted]) -> dict[int, int]:
        """Quotes that were sent in one moment; the level of each, by its number."""
        for order in new:
            self._quoted[order.side][order.order_id] = order
        ladders = {side: self._ladder(side) for side in {order.side for order in new}}
        found: dict[int, int] = {}
        for side, ladder in ladders.items():
            innermost = self._innermost(side, ladder)
            for order, offset in ladder:
                if order.order_id not in self._given:
                    found[order.order_id] = min(innermost + offset, self._levels)
        self._given |= found
        return found

    def gone(self, order_id: int) -> None:
        """It ended, or its cancel is on the way."""
        self._given.pop(order_id, None)
        for quoted in self._quoted.values():
            quoted.pop(order_id, None)

    def _ladder(self, side: Side) -> list[tuple[Quoted, int]]:
        """The orders of a side from the innermost outwards, with their distance from it in levels."""
        outwards = sorted(self._quoted[side].values(), key=lambda order: (-side * order.price_ticks, order.order_id))
        found: list[tuple[Quoted, int]] = []
        for order in outwards:
            offset = 0
            if found:
                inner, inner_offset = found[-1]
                apart = abs(order.price_ticks - inner.price_ticks) / self._step(order)
                offset = inner_offset + max(1, round(apart))
            found.append((order, offset))
        return found

    def _innermost(self, side: Side, ladder: Sequence[tuple[Quoted, int]]) -> int:
        """The level of the innermost order of a ladder, by rule 2."""
        highest = max(1, self._levels - ladder[-1][1])
        if highest == 1:
            return 1
        other = self._ladder(side.opposite)
        if other and other[-1][1] == self._levels - 1:
            inner = ladder[0][0]
            apart = abs(inner.price_ticks - other[0][0].price_ticks) / self._step(inner)
            return min(max(1, round(apart) - 1), highest)
        votes = Counter(
            self._given[order.order_id] - offset for order, offset in ladder if order.order_id in self._given
        )
        return min(max(1, votes.most_common(1)[0][0]), highest) if votes else 1

    def _step(self, order: Quoted) -> float:
        return max(1.0, self._half_spread * order.price_ticks)
