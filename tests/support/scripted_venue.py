"""A venue that does as it is told: a complete fake of `perpmaker.venues.port.Venue` for tests of its callers.

It keeps plain state, which a test reads and sets, and behaves well by default: orders are accepted and rest, cancels
work, questions are answered from the state. Nothing happens by itself and nothing is told to the listeners unless the
test does it (``venue.market_listener.on_market(...)``, ``venue.account_listener.on_own(...)``).

    venue = ScriptedVenue()
    venue.rest(order_id=1, side=Side.BUY, price_ticks=9_900, lots=10, tag=7)   # an order of run 7
    venue.rest(side=Side.SELL, price_ticks=10_100, lots=5)                     # a foreign one
    venue.execute("v1", lots=4, fee_quanta=3)                                  # the venue executes; position moves

Three ways to misbehave, each by the name of the method of the port, each used up in order:

    venue.fail("fills", VenueError("down", Reaction.RETRY))       # the next call raises this
    venue.answer("cancel", Unknown(1, "no answer"))               # the next call returns this, and does nothing
    venue.before("cancel", lambda: venue.execute("v1", lots=6))   # something happens just before the next call

Every call is in ``venue.calls`` as (method, arguments), in order.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from perpmaker.domain.commands import Place
from perpmaker.domain.events import Filled
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import CancelReason, Side
from perpmaker.domain.position import Position
from perpmaker.venues.port import (
    Accepted,
    AccountListener,
    AccountState,
    Canceled,
    CancelResult,
    ClockReading,
    MarketListener,
    MarketTerms,
    NotOpen,
    OrderState,
    PlaceResult,
    VenueFacts,
    VenueFill,
    VenueFunding,
    VenueOrder,
    VenuePosition,
)

INSTRUMENT = Instrument("SOL_USDC_PERP", "SOL", "USDC", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))

TERMS = MarketTerms(
    instrument=INSTRUMENT,
    max_lots=None,
    initial_margin_ppb=20_000_000,
    maintenance_margin_ppb=10_000_000,
    is_tradable=True,
    status="open",
)

FACTS = VenueFacts(
    name="scripted",
    account="scripted-account",
    can_place_batch=True,
    can_cancel_all=True,
    request_life_ns=5_000_000_000,
    requests_per_minute=2_000,
    max_tag=1_023,
    max_order_id=4_194_303,
)

ACCOUNT = AccountState(
    equity=Decimal(10_000),
    balance=Decimal(10_000),
    free_margin=Decimal(10_000),
    maker_fee=Decimal("0.0002"),
    taker_fee=Decimal("0.0005"),
    leverage=Decimal(10),
    can_trade=True,
)


class ScriptedVenue:
    """See the module. ``now_ns`` stamps what happens at the venue; it moves only when a test moves it."""

    def __init__(self, *, terms: MarketTerms = TERMS, facts: VenueFacts = FACTS) -> None:
        self.now_ns = 1
        self.terms = terms
        self.facts = facts
        self.account_state = ACCOUNT
        self.mark_milliticks: int | None = None
        self.resting: dict[str, VenueOrder] = {}
        self.ended: list[VenueOrder] = []
        self.executions: list[VenueFill] = []
        self.payments: list[VenueFunding] = []
        self.books = Position()
        """The position as the venue counts it; set ``books.lots`` and ``books.cost_quanta`` to hold something."""
        self.tag: int | None = None
        self.market_listener: MarketListener | None = None
        self.account_listener: AccountListener | None = None
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self._script: dict[str, deque[tuple[str, Any]]] = defaultdict(deque)
        self._orders_made = 0

    # --- what a test says ---

    def fail(self, method: str, *errors: Exception) -> None:
        """The next calls of this method raise these, one each."""
        self._script[method] += [("raise", error) for error in errors]

    def answer(self, method: str, *answers: Any) -> None:
        """The next calls of this method return these, one each, and do nothing."""
        self._script[method] += [("return", answer) for answer in answers]

    def before(self, method: str, *actions: Callable[[], Any]) -> None:
        """The next calls of this method find that this has happened just before, one each; then they work as ever."""
        self._script[method] += [("do", action) for action in actions]

    def rest(
        self,
        *,
        side: Side,
        price_ticks: int,
        lots: int,
        order_id: int | None = None,
        tag: int | None = None,
        reduce_only: bool = False,
    ) -> str:
        """An order rests here, foreign unless it has a tag and an order_id; returns the venue's id: v1, v2, ..."""
        self._orders_made += 1
        venue_id = f"v{self._orders_made}"
        client_id = f"foreign-{self._orders_made}" if tag is None else f"{tag}-{order_id}"
        self.resting[venue_id] = VenueOrder(
            venue_id=venue_id,
            tag=tag,
            order_id=order_id,
            client_id=client_id,
            side=side,
            price_ticks=price_ticks,
            lots=lots,
            filled_lots=0,
            state=OrderState.OPEN,
            cancel_reason=CancelReason.REQUESTED,
            reduce_only=reduce_only,
            venue_ns=self.now_ns,
        )
        return venue_id

    def execute(self, venue_id: str, lots: int, fee_quanta: int = 0) -> VenueFill:
        """Execute some of a resting order at its price; fill ids count 1, 2, ..."""
        order = self.resting[venue_id]
        assert 0 < lots <= order.lots - order.filled_lots
        fill = Filled(
            self.now_ns,
            self.now_ns,
            len(self.executions) + 1,
            order.order_id or 0,
            order.side,
            order.price_ticks,
            lots,
            True,
            fee_quanta,
        )
        self.executions.append(VenueFill(order.tag, venue_id, fill))
        self.books.apply_fill(fill.side, fill.price_ticks, fill.lots, fill.fee_quanta)
        self.resting[venue_id] = order._replace(filled_lots=order.filled_lots + lots)
        if self.resting[venue_id].filled_lots == order.lots:
            self.end(venue_id, OrderState.FILLED)
        return self.executions[-1]

    def end(self, venue_id: str, state: OrderState = OrderState.CANCELED) -> VenueOrder:
        """A resting order rests no more."""
        order = self.resting.pop(venue_id)._replace(state=state, venue_ns=self.now_ns)
        self.ended.append(order)
        return order

    def called(self, method: str) -> list[tuple[Any, ...]]:
        """The arguments of every call of this method."""
        return [arguments for name, arguments in self.calls if name == method]

    # --- MarketSource ---

    @property
    def name(self) -> str:
        return self.facts.name

    async def market(self) -> MarketTerms:
        is_answered, answer = self._scripted("market")
        return answer if is_answered else self.terms

    async def clock(self) -> ClockReading:
        is_answered, answer = self._scripted("clock")
        return answer if is_answered else ClockReading(self.now_ns, self.now_ns, self.now_ns)

    async def mark(self) -> int:
        is_answered, answer = self._scripted("mark")
        return answer if is_answered else self.mark_milliticks or 10_000_000

    async def open(self, listener: MarketListener) -> None:
        self._scripted("open", listener)
        self.market_listener = listener

    async def resnapshot(self) -> None:
        self._scripted("resnapshot")

    async def restart(self) -> None:
        self._scripted("restart")

    async def close(self) -> None:
        self._scripted("close")

    # --- Venue ---

    async def open_account(self, listener: AccountListener) -> None:
        self._scripted("open_account", listener)
        self.account_listener = listener

    def begin_run(self, tag: int) -> None:
        self._scripted("begin_run", tag)
        self.tag = tag

    async def account(self) -> AccountState:
        is_answered, answer = self._scripted("account")
        return answer if is_answered else self.account_state

    async def position(self) -> VenuePosition:
        is_answered, answer = self._scripted("position")
        if is_answered:
            return answer
        lots, instrument = self.books.lots, self.terms.instrument
        entry = instrument.money(self.books.cost_quanta) / instrument.quantity(lots) if lots else Decimal(0)
        return VenuePosition(lots, entry, self.mark_milliticks)

    async def open_orders(self) -> list[VenueOrder]:
        is_answered, answer = self._scripted("open_orders")
        return answer if is_answered else list(self.resting.values())

    async def order(self, order_id: int) -> VenueOrder | None:
        is_answered, answer = self._scripted("order", order_id)
        return answer if is_answered else self._own(order_id)

    async def fills(self, since_ns: int) -> list[VenueFill]:
        is_answered, answer = self._scripted("fills", since_ns)
        return answer if is_answered else [each for each in self.executions if each.fill.venue_ns >= since_ns]

    async def funding(self, since_ns: int) -> list[VenueFunding]:
        is_answered, answer = self._scripted("funding", since_ns)
        return answer if is_answered else [each for each in self.payments if each.payment.venue_ns >= since_ns]

    async def place(self, orders: Sequence[Place]) -> list[PlaceResult]:
        is_answered, answer = self._scripted("place", *orders)
        if is_answered:
            return answer
        for order in orders:
            self.rest(
                side=order.side,
                price_ticks=order.price_ticks,
                lots=order.lots,
                order_id=order.order_id,
                tag=self.tag,
                reduce_only=order.reduce_only,
            )
        return [Accepted(order.order_id, self.now_ns) for order in orders]

    async def cancel(self, order_id: int) -> CancelResult:
        is_answered, answer = self._scripted("cancel", order_id)
        if is_answered:
            return answer
        order = self._own(order_id)
        if order is None or order.state is not OrderState.OPEN:
            return NotOpen(order_id)
        self.end(order.venue_id)
        return Canceled(order_id, self.now_ns, order.filled_lots)

    async def cancel_venue_order(self, venue_id: str) -> bool:
        is_answered, answer = self._scripted("cancel_venue_order", venue_id)
        if is_answered:
            return answer
        if venue_id in self.resting:
            self.end(venue_id)
        return True

    async def cancel_all(self) -> bool:
        is_answered, answer = self._scripted("cancel_all")
        if is_answered:
            return answer
        for venue_id in list(self.resting):
            self.end(venue_id)
        return True

    def _own(self, order_id: int) -> VenueOrder | None:
        every = [*self.resting.values(), *self.ended]
        return next((order for order in every if (order.tag, order.order_id) == (self.tag, order_id)), None)

    def _scripted(self, method: str, *arguments: Any) -> tuple[bool, Any]:
        """Note the call; then what was scripted for it: (whether to return it, what)."""
        self.calls.append((method, arguments))
        if not self._script[method]:
            return False, None
        what, value = self._script[method].popleft()
        if what == "raise":
            raise value
        if what == "return":
            return True, value
        value()
        return False, None
