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
from perpmaker.domain.events import BookUpdated
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

_STANCES_KEPT = 4_096
_BUY, _SELL = Side.BUY, Side.SELL


class _Stance(NamedTuple):
    """All that follows from the position alone. Positions come back, so it is made once for each of them."""

    shape: LadderShape
    skew: Fraction  # delta / P
    bids: ApprovedSide  # while margin is not the cap
    asks: ApprovedSide


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
    RejectReason.BUDGET: NotResting.BUDGET,
}


class Quoter:
    """Keeps the ladder's anchor and what stands in the way of each level."""

    __slots__ = (
        "_blocked",
        "_follows",
        "_margin_basis",
        "_prices",
        "_shape",
        "_stances",
        "_state",
        "_trader_cap",
        "anchor_milliticks",
        "is_awaiting_cancel",
        "margin_band",
        "must_refresh",
        "not_resting",
        "only_reducing",
        "retry_ns",
        "skew",
    )

    def __init__(self, state: MakerState) -> None:
        self._state = state
        self._follows = state.terms.recenter is Recenter.INTERVAL
        self._trader_cap = Caps(state.terms.max_position_lots, is_margin=False)
        self._stances: dict[int, _Stance] = {}  # by position, lots
        self._shape: LadderShape | None = None  # of the latest ladder
        self._prices: Prices | None = None
        self._blocked: dict[tuple[Side, int], NotResting] = {}
        self._margin_basis: tuple[int, int] | None = None  # what `margin_band` was computed from
        self.anchor_milliticks: int | None = None
        self.skew = Fraction(0)  # delta / P, as it acts now
        self.is_awaiting_cancel = False
        self.only_reducing = False  # a budget over several markets is used up: rule 7 with the position as the room
        self.margin_band = EVERY_MARK
        self.must_refresh = True
        self.retry_ns: int | None = None
        self.not_resting: dict[tuple[Side, int], NotResting] = {}
        self.explain_all(NotResting.STARTING)

    def requote(self, reference: int, book: BookUpdated, *, recenter: bool) -> list[Command]:
        """Bring our orders to the approved ladder. See `withdraw` for when there is no reference price."""
        state = self._state
        if recenter or self.anchor_milliticks is None:
            self.anchor_milliticks = reference
        position = state.position.lots
        stance = self._stances.get(position) or self._new_stance(position)
        self._shape, self.skew, bids, asks = stance
        prices = self._prices = self._shape.price(self.anchor_milliticks, book)
        cap = self._caps(state.mark_milliticks or reference)
        room_bid, room_ask = cap.lots - position, cap.lots + position
        if cap.is_margin:
            bids, asks = self._approve(cap, room_bid), self._approve(cap, room_ask)
        if self.only_reducing:
            room_bid, room_ask = max(0, -position), max(0, position)
            bids, asks = self._approve_reducing(room_bid), self._approve_reducing(room_ask)
        wanted = self._wanted(prices, bids, asks)
        orders = state.orders
        delta = difference(wanted, orders, room_bid_lots=room_bid, room_ask_lots=room_ask)
        commands: list[Command] = [state.cancel(order) for order in delta.cancels]
        commands += state.place_quotes(delta.places)
        for quote in delta.deferred:
            self.not_resting[quote.side, quote.level] = NotResting.AWAITING_CANCEL
        self.is_awaiting_cancel = bool(delta.deferred)
        self.must_refresh = cap.is_margin or bool(self._blocked) or orders.has_unknown
        return commands

    def take_terms(self) -> None:
        """The settings are others now: what was made from the old ones is made anew."""
        terms = self._state.terms
        self._follows = terms.recenter is Recenter.INTERVAL
        self._trader_cap = Caps(terms.max_position_lots, is_margin=False)
        self._stances.clear()
        self._margin_basis = None
        self.must_refresh = True

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
        if self._follows or self.anchor_milliticks is None:
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
        low, high = shape.reference_band(anchor, prices) if self._follows else self._drift_band(anchor)
        return RefreshBand(low, high, prices.bids[0], prices.asks[0])

    def _caps(self, mark: int) -> Caps:
        """What the position may reach at this mark; `margin_band` is then where margin does not matter."""
        terms, position, balance = self._state.terms, self._state.position, self._state.balance_quanta
        basis = (position.lots, balance + position.profit_quanta(0))
        if basis != self._margin_basis:
            self._margin_basis = basis
            self.margin_band = margin_mark_band(terms.max_position_lots, position, balance, terms.margin_rate_ppb)
        low, high = self.margin_band
        if low <= mark <= high:
            return self._trader_cap
        return caps(terms.max_position_lots, balance + position.profit_quanta(mark), mark, terms.margin_rate_ppb)

    def _approve(self, cap: Caps, room_lots: int) -> ApprovedSide:
        terms = self._state.terms
        return approve(terms.order_lots, terms.levels, room_lots, terms.min_lots, is_margin=cap.is_margin)

    def _approve_reducing(self, room_lots: int) -> ApprovedSide:
        terms = self._state.terms
        return approve(
            terms.order_lots, terms.levels, room_lots, terms.min_lots, is_margin=False, full=NotResting.BUDGET
        )

    def _new_stance(self, position_lots: int) -> _Stance:
        terms, cap = self._state.terms, self._trader_cap
        skew = skew_fraction(
            deviation_lots(position_lots, terms.target_lots),
            threshold_lots=terms.threshold_lots,
            max_position_lots=terms.max_position_lots,
            strength=terms.skew_strength,
            half_spread=terms.half_spread,
        )
        if len(self._stances) >= _STANCES_KEPT:
            self._stances.clear()
        stance = self._stances[position_lots] = _Stance(
            LadderShape.of(terms.half_spread, terms.levels, skew, terms.skew_mode),
            skew,
            self._approve(cap, cap.lots - position_lots),
            self._approve(cap, cap.lots + position_lots),
        )
        return stance

    def _wanted(self, prices: Prices, bids: ApprovedSide, asks: ApprovedSide) -> list[Quote]:
        """Levels that risk allows and the venue has not just refused, innermost first; the others get their reason."""
        wanted: list[Quote] = []
        blocked, not_resting = self._blocked, self.not_resting
        not_resting.clear()
        ask_prices, bid_lots, ask_lots = prices.asks, bids.lots, asks.lots
        for index, bid in enumerate(prices.bids):
            level = index + 1
            for side, price, lots in ((_BUY, bid, bid_lots[index]), (_SELL, ask_prices[index], ask_lots[index])):
                if lots and price > 0 and not (blocked and (side, level) in blocked):
                    wanted.append(Quote(side, level, price, lots))
                else:
                    refusal = (bids if side is _BUY else asks).refusals[index]
                    not_resting[side, level] = refusal or blocked.get((side, level)) or _NO_SUCH_PRICE
        return wanted

    def _drift_band(self, anchor: int) -> tuple[int, int]:
        drift = self._state.terms.max_drift
        if not drift:
            return -ANY_PRICE, ANY_PRICE
        reach = anchor * drift.numerator // drift.denominator
        return anchor - reach, anchor + reach
