"""The two-sided ladder: prices of all levels around a reference price, in whole ticks, exactly.

Rules kept here (numbers as in docs/strategy.md):

1. Level i = 1..N: ``bid_i = P (1 - i s)``, ``ask_i = P (1 + i s)``; bids round down to the tick, asks up.
2. Maker only: a price that would take liquidity is moved to one tick behind the opposite best. Our own two sides
   never meet either: where they would, the side that adds to the deviation steps back behind the other.
5. Mode `shift`: every price moves by -delta. 6. Mode `printed`: bids by -delta, asks by +delta.

A ladder is P times a shape. The shape depends on the position only, so it is made once per fill; pricing it is a few
integer multiplications, and its inverse says within which reference prices no quote would move by a tick.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from perpmaker.domain.commands import ANY_PRICE
from perpmaker.domain.events import BookUpdated
from perpmaker.domain.money import MILLITICKS_PER_TICK
from perpmaker.quoting.skew import SkewMode


class Prices(NamedTuple):
    """Level prices in ticks, innermost first. ``is_clamped``: some price was moved away from what rule 1 gives."""

    bids: tuple[int, ...]
    asks: tuple[int, ...]
    is_clamped: bool


@dataclass(frozen=True, slots=True)
class LadderShape:
    """Every level as a multiple of the reference price: ``ticks = milliticks * numerator / denominator``."""

    bid_numerators: tuple[int, ...]
    ask_numerators: tuple[int, ...]
    denominator: int
    is_buying_preferred: bool

    @classmethod
    def of(cls, half_spread: Fraction, levels: int, skew: Fraction, mode: SkewMode) -> "LadderShape":
        """The shape for one position.

        Args:
            half_spread: s, distance of level 1 as a fraction of the price, 0 < s.
            levels: N, orders per side, >= 1.
            skew: delta / P from `skew_fraction`.
            mode: how the skew moves the asks.
        """
        ask_skew = -skew if mode is SkewMode.SHIFT else skew
        bids = [1 - i * half_spread - skew for i in range(1, levels + 1)]
        asks = [1 + i * half_spread + ask_skew for i in range(1, levels + 1)]
        scale = lcm(*(multiple.denominator for multiple in bids + asks))
        return cls(
            bid_numerators=tuple(int(multiple * scale) for multiple in bids),
            ask_numerators=tuple(int(multiple * scale) for multiple in asks),
            denominator=scale * MILLITICKS_PER_TICK,
            is_buying_preferred=skew < 0,
        )

    def price(self, reference_milliticks: int, book: BookUpdated) -> Prices:
        """Prices of all levels at this reference, kept behind the opposite best and behind each other (rules 1, 2)."""
        denominator = self.denominator
        bids = tuple([reference_milliticks * numerator // denominator for numerator in self.bid_numerators])
        asks = tuple([-(-reference_milliticks * numerator // denominator) for numerator in self.ask_numerators])
        top_bid, top_ask = bids[0], asks[0]
        highest_bid = book.ask_ticks - 1 if book.ask_lots else ANY_PRICE
        lowest_ask = book.bid_ticks + 1 if book.bid_lots else -ANY_PRICE
        if top_bid <= highest_bid and top_ask >= lowest_ask and top_bid < top_ask:
            return Prices(bids, asks, False)
        if self.is_buying_preferred:
            lowest_ask = max(lowest_ask, min(top_bid, highest_bid) + 1)
        else:
            highest_bid = min(highest_bid, max(top_ask, lowest_ask) - 1)
        return Prices(
            tuple(min(bid, highest_bid) for bid in bids), tuple(max(ask, lowest_ask) for ask in asks), is_clamped=True
        )

    def reference_band(self, reference_milliticks: int, prices: Prices) -> tuple[int, int]:
        """The reference prices (milliticks, inclusive) at which the unclamped prices of this one come out again.

        The way down to the next tick, and the way up, of the level that has the least of it.
        """
        denominator, bids, asks = self.denominator, prices.bids, prices.asks
        down = up = ANY_PRICE
        for index, numerator in enumerate(self.bid_numerators):
            rounded_off = reference_milliticks * numerator - bids[index] * denominator
            room_down, room_up = rounded_off // numerator, (denominator - 1 - rounded_off) // numerator
            if room_down < down:
                down = room_down
            if room_up < up:
                up = room_up
        for index, numerator in enumerate(self.ask_numerators):
            rounded_on = asks[index] * denominator - reference_milliticks * numerator
            room_down, room_up = (denominator - 1 - rounded_on) // numerator, rounded_on // numerator
            if room_down < down:
                down = room_down
            if room_up < up:
                up = room_up
        return reference_milliticks - down, reference_milliticks + up
