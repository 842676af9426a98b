"""The last checks before an order leaves, independent of what decided it: one ordered list.

    1. running     a run that is ending sends nothing but reduce-only orders
    2. identity    its number fits the venue's client id, and was never used before
    3. size        at least the minimum, at most the venue's maximum; a whole number of lots
    4. price       above zero, and no further from the book than the ladder can reach
    5. book        quotes need a book that is known and not stale
    6. crossing    a post-only order must not meet the best price on the other side
    7. cap         position and everything that could fill, this order included, stay within the cap
    8. budget      it fits into the budgets over all markets of a fleet, where there are any
    9. rate        the request fits under the venue's rate limit, with headroom for cancels

The first check that fails refuses the order; it is never sent, the maker is told so, and the refusal is counted by the
name of the check. Closing orders (reduce-only) pass 5, 7, 8 and 9: they can only make the position smaller. One that is
larger than the venue takes is not refused but shrunk: the rest of the position is closed by the next.
"""

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Final

from perpmaker.domain.commands import Place
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategyTerms

BUDGET: Final = "budget"

REACH_MARGIN: Final = Fraction(3, 2)
"""A price further away than the whole ladder, this many times over, is not one that the strategy can want."""


class PreTradeChecks:
    """Examines orders one by one.

    Args:
        maker: whose position, orders and book are looked at.
        max_order_id: the largest number that the venue's client id carries.
        max_lots: the venue's largest order, None for no bound.
        fits_budget: whether the budgets over all markets have room for an order.
    """

    def __init__(
        self,
        maker: MarketMaker,
        max_order_id: int,
        max_lots: int | None,
        fits_budget: Callable[[Place], bool] = lambda _: True,
    ) -> None:
        self._maker = maker
        self._max_order_id = max_order_id
        self._max_lots = max_lots
        self._last_order_id = 0
        self._reach_of: StrategyTerms | None = None
        self._reach = self._reach_scale = 0
        self._checks: tuple[tuple[str, Callable[[Place], bool]], ...] = (
            ("running", self._is_allowed_now),
            ("identity", self._is_new),
            ("size", self._is_sized),
            ("price", self._is_within_reach),
            ("book", self._has_book),
            ("crossing", self._rests),
            ("cap", self._fits_cap),
            (BUDGET, lambda order: order.reduce_only or fits_budget(order)),
        )
        self.refusals: Counter[str] = Counter()

    def refusal(self, order: Place) -> str | None:
        """The name of the first check that this order fails; None where it may be sent."""
        for name, passes in self._checks:
            if not passes(order):
                self.refusals[name] += 1
                return name
        self._last_order_id = order.order_id
        return None

    def shrunk(self, order: Place) -> Place:
        """The order, or as much of it as the venue takes at once."""
        if self._max_lots is None or order.lots <= self._max_lots:
            return order
        return order._replace(lots=self._max_lots)

    def rate_refused(self) -> str:
        """Count check 9, which belongs to a whole request."""
        self.refusals["rate"] += 1
        return "rate"

    def _is_allowed_now(self, order: Place) -> bool:
        return order.reduce_only or not self._maker.is_ending

    def _is_new(self, order: Place) -> bool:
        return self._last_order_id < order.order_id <= self._max_order_id

    def _is_sized(self, order: Place) -> bool:
        if order.reduce_only:
            return order.lots >= 1
        return order.lots >= self._maker.state.terms.min_lots and (
            self._max_lots is None or order.lots <= self._max_lots
        )

    def _is_within_reach(self, order: Place) -> bool:
        if order.kind is OrderKind.MARKET:
            return True
        if order.price_ticks < 1:
            return False
        book = self._maker.state.book
        if book is None:
            return True
        if self._reach_of is not self._maker.state.terms:
            self._take_reach(self._maker.state.terms)
        # In whole numbers: price >= bid x (1 - reach) - 1 tick, and price <= ask x (1 + reach) + 1 tick.
        scale, reach, price = self._reach_scale, self._reach, order.price_ticks
        low, high = book.bid_ticks * (scale - reach) - scale, book.ask_ticks * (scale + reach) + scale
        if low <= price * scale <= high:
            return True
        anchor = self._maker.quoter.anchor_milliticks
        if anchor is None:
            return False
        # A ladder that follows fills only may have been left behind by the price.
        low, high = min(low * 1_000, anchor * (scale - reach)), max(high * 1_000, anchor * (scale + reach))
        return low <= price * scale * 1_000 <= high

    def _take_reach(self, terms: StrategyTerms) -> None:
        """How far from the book the ladder of these settings can reach."""
        reach = REACH_MARGIN * (terms.levels + 2 * terms.skew_strength) * terms.half_spread
        self._reach_of, self._reach, self._reach_scale = terms, reach.numerator, reach.denominator

    def _has_book(self, order: Place) -> bool:
        state = self._maker.state
        return order.reduce_only or (state.book is not None and not state.is_blind)

    def _rests(self, order: Place) -> bool:
        book = self._maker.state.book
        if not order.post_only or book is None:
            return True
        if order.side is Side.BUY:
            return not book.ask_lots or order.price_ticks < book.ask_ticks
        return not book.bid_lots or order.price_ticks > book.bid_ticks

    def _fits_cap(self, order: Place) -> bool:
        """The maker has counted this order already: what it sends is exposure from that moment on."""
        if order.reduce_only:
            return True
        state = self._maker.state
        exposure = state.orders.exposure_lots(order.side)
        return order.side * state.position.lots + exposure <= state.terms.max_position_lots
