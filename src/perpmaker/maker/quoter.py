"""One decision: what would we quote, what does risk allow, what differs from our orders.

Rules kept here (numbers as in docs/strategy.md):

10. A decision that changes nothing sends nothing.
11. A level that the venue refused is left alone until the next refresh (a post-only refusal: for `POST_ONLY_RETRY_NS`),
    so no refusal can become a loop.
15. `recenter` moves the ladder to the reference price; otherwise it stays where it was anchored.
"""

from fractions import Fraction
from typing import NamedTuple

from perpmaker.domain.commands import ANY_PRICE, Command
from perpmaker.domain.orders import RejectReason, Side
from perpmaker.domain.reasons import NotResting
from perpmaker.execution.difference import Quote, difference
from perpmaker.execution.own_orders import Order
from perpmaker.maker.settings import Recenter
from perpmaker.maker.state import MakerState
from perpmaker.quoting.ladder import LadderShape, Prices
from perpmaker.quoting.skew import deviation_lots, skew_fraction
from perpmaker.risk.capacity import ApprovedSide, Caps, approve, caps, margin_mark_band
from perpmaker.risk.protection import EVERY_MARK

POST_ONLY_RETRY_NS = 250_000_000
"""Wait after a post-only refusal: the book that we saw was older than the one that refused."""

_SHAPES_KEPT = 4_096


class RefreshBand(NamedTuple):
    """Reference prices (milliticks, inclusive) and book guards (ticks) within which a refresh would change nothing."""

    low: int
    high: int
    bid_guard_ticks: int
    ask_guard_ticks: int


ALWAYS_REFRESH = RefreshBand(1, 0, -ANY_PRICE, ANY_PRICE)
_NO_SUCH_PRICE = NotResting.NO_SUCH_PRICE
_REFUSALS = {
    RejectReason.POST_ONLY_WOULD_CROSS: NotResting.POST_ONLY_WOULD_CROSS,
    RejectReason.INSUFFICIENT_MARGIN: NotResting.NO_MARGIN,
    RejectReason.BELOW_MINIMUM: NotResting.BELOW_MINIMUM,
}


class Quoter:
    """Keeps the ladder's anchor and what stands in the way of each level."""

    __slots__ = (
        "_blocked",
        "_prices",
        "_shape",
        "_shapes",
        "_state",
        "anchor_milliticks",
        "is_awaiting_cancel",
        "margin_band",
        "must_refresh",
        "not_resting",
        "retry_ns",
        "skew",
    )

    def __init__(self, state: MakerState) -> None:
        self._state = state
        self._shape: LadderShape | None = None  # of the latest ladder
        self._shapes: dict[int, tuple[LadderShape, Fraction]] = {}  # by position, lots
        self._prices: Prices | None = None
        self._blocked: dict[tuple[Side, int], NotResting] = {}
        self.anchor_milliticks: int | None = None
        self.skew = Fraction(0)  # delta / P, as it acts now
        self.is_awaiting_cancel = False
        self.margin_band = EVERY_MARK
        self.must_refresh = True
        self.retry_ns: int | None = None
        self.not_resting: dict[tuple[Side, int], NotResting] = {}
        self.explain_all(NotResting.STARTING)

    def requote(self, *, recenter: bool) -> list[Command]:
        """Bring our orders to the approved ladder. Needs a reference price: see `withdraw` for when there is none."""
        state, terms = self._state, self._state.terms
        reference = state.reference()
        book = state.book
        assert reference is not None
        assert book is not None
        if recenter or self.anchor_milliticks is None:
            self.anchor_milliticks = reference
        self._shape = self._shape_now()
        prices = self._shape.price(self.anchor_milliticks, book)
        cap = self._caps(state.mark_milliticks or reference)
        room_bid, room_ask = cap.lots - state.position.lots, cap.lots + state.position.lots
        self.not_resting.clear()
        wanted = self._wanted(
            Side.BUY,
            prices.bids,
            approve(terms.order_lots, terms.levels, room_bid, terms.min_lots, is_margin=cap.is_margin),
        )
        wanted += self._wanted(
            Side.SELL,
            prices.asks,
            approve(terms.order_lots, terms.levels, room_ask, terms.min_lots, is_margin=cap.is_margin),
        )
        delta = difference(wanted, state.orders, room_bid_lots=room_bid, room_ask_lots=room_ask)
        commands: list[Command] = [state.cancel(order) for order in delta.cancels]
        commands += [state.place_quote(*quote) for quote in delta.places]
        for quote in delta.deferred:
            self.not_resting[quote.side, quote.level] = NotResting.AWAITING_CANCEL
        self.is_awaiting_cancel = bool(delta.deferred)
        self._prices = prices
        self.must_refresh = cap.is_margin or bool(self._blocked) or state.orders.has_unknown
        return commands

    def withdraw(self, reason: NotResting, *, also_unknown: bool) -> list[Command]:
        """Take every quote off, and say why."""
        self.stand_down(reason)
        return list[Command](self._state.cancel_quotes(also_unknown=also_unknown))

    def stand_down(self, reason: NotResting) -> None:
        """Forget the ladder: somebody else takes the quotes off. The next one starts at the price of that moment."""
        self.explain_all(reason)
        self.anchor_milliticks = None
        self._prices = None
        self.is_awaiting_cancel = False
        self.must_refresh = True

    def explain_all(self, reason: NotResting) -> None:
        """One reason for every level."""
        levels = range(1, self._state.terms.levels + 1)
        self.not_resting = {(side, level): reason for side in Side for level in levels}

    def refused(self, order: Order, reason: RejectReason) -> None:
        """The venue refused a quote: leave its level alone for a while."""
        key = (order.side, order.level)
        self._blocked[key] = self.not_resting[key] = _REFUSALS.get(reason, NotResting.REFUSED_BY_VENUE)
        self.must_refresh = True
        if reason is RejectReason.POST_ONLY_WOULD_CROSS:
            self.retry_ns = self._state.now_ns + POST_ONLY_RETRY_NS

    def retry_post_only(self) -> None:
        """The wait after a post-only refusal is over."""
        self.retry_ns = None
        self._blocked = {key: why for key, why in self._blocked.items() if why is not NotResting.POST_ONLY_WOULD_CROSS}

    def unblock(self) -> None:
        """A refresh gives every refused level another chance."""
        self._blocked.clear()
        self.retry_ns = None

    def must_recenter(self) -> bool:
        """Whether a refresh moves the ladder (rule 15)."""
        terms = self._state.terms
        if terms.recenter is Recenter.INTERVAL or self.anchor_milliticks is None:
            return True
        low, high = self._drift_band(self.anchor_milliticks)
        reference = self._state.reference()
        return reference is not None and not low <= reference <= high

    def refresh_band(self) -> RefreshBand:
        """Where the next refresh can be passed over."""
        prices, shape, anchor = self._prices, self._shape, self.anchor_milliticks
        if self.must_refresh or self.is_awaiting_cancel or prices is None or shape is None or anchor is None:
            return ALWAYS_REFRESH
        if prices.is_clamped:
            return ALWAYS_REFRESH
        follows = self._state.terms.recenter is Recenter.INTERVAL
        low, high = shape.reference_band(prices) if follows else self._drift_band(anchor)
        return RefreshBand(low, high, prices.bids[0], prices.asks[0])

    def _caps(self, mark: int) -> Caps:
        """What the position may reach at this mark; `margin_band` is then where margin does not matter."""
        terms, position = self._state.terms, self._state.position
        cap, balance, rate = terms.max_position_lots, self._state.balance_quanta, terms.margin_rate_ppb
        self.margin_band = margin_mark_band(cap, position, balance, rate)
        if self.margin_band.low <= mark <= self.margin_band.high:
            return Caps(cap, is_margin=False)
        return caps(cap, balance + position.profit_quanta(mark), mark, rate)

    def _shape_now(self) -> LadderShape:
        """The ladder's shape at this position, and the skew in it; positions come back, so both are kept."""
        position = self._state.position.lots
        if position not in self._shapes:
            terms = self._state.terms
            skew = skew_fraction(
                deviation_lots(position, terms.target_lots),
                threshold_lots=terms.threshold_lots,
                max_position_lots=terms.max_position_lots,
                strength=terms.skew_strength,
                half_spread=terms.half_spread,
            )
            if len(self._shapes) >= _SHAPES_KEPT:
                self._shapes.clear()
            self._shapes[position] = (LadderShape.of(terms.half_spread, terms.levels, skew, terms.skew_mode), skew)
        shape, self.skew = self._shapes[position]
        return shape

    def _wanted(self, side: Side, prices: tuple[int, ...], approved: ApprovedSide) -> list[Quote]:
        """The levels of one side that risk allows and the venue has not just refused; the others get their reason."""
        wanted: list[Quote] = []
        for index, price in enumerate(prices):
            key = (side, index + 1)
            reason = approved.refusals[index] or self._blocked.get(key) or (None if price > 0 else _NO_SUCH_PRICE)
            if reason is None:
                wanted.append(Quote(side, index + 1, price, approved.lots[index]))
            else:
                self.not_resting[key] = reason
        return wanted

    def _drift_band(self, anchor: int) -> tuple[int, int]:
        drift = self._state.terms.max_drift
        if not drift:
            return -ANY_PRICE, ANY_PRICE
        reach = anchor * drift.numerator // drift.denominator
        return anchor - reach, anchor + reach
