"""A live run over a `ScriptedVenue` in virtual time: the test decides what the venue does, when, and what it tells.

    async def story(bench):
        await bench.start()                       # opened, reconciled, and quoting one bid and one ask
        bid = bench.resting(Side.BUY)
        bench.execute(bid.venue_id, 10)           # and the stream tells it
        await bench.wait(0.1)
    play(story, max_orders=2)

The book stands at 99.99 / 100.01 with a mark of 100 and is told again every second, unless ``bench.is_silent``.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any

from perpmaker.domain.commands import Place
from perpmaker.domain.events import BookUpdated, EndReason, MarkUpdated, OrderCanceled
from perpmaker.domain.orders import CancelReason, Side
from perpmaker.runtime.live.settings import LiveSettings
from perpmaker.runtime.outcome import Outcome
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import AccountState, CancelResult, OrderState, PlaceResult, VenueFill, VenueOrder
from support.live_runs import Rig, rig
from support.scripted_venue import FACTS, ScriptedVenue
from support.virtual_time import run_virtual, virtual_clock

TAG = 7
MARK = 10_000_000  # milliticks
QUIET: dict[str, Any] = {
    "spread": Decimal("0.01"),
    "quantity": Decimal("0.1"),
    "max_orders": 1,
    "max_position": Decimal("0.3"),
    "position_threshold": Decimal("0.3"),
    "inventory_skew": Decimal(0),
    "interval_s": Decimal(5),
    "duration_s": Decimal(0),
}

DOWN = VenueError("the venue is down", Reaction.RETRY)
REVOKED = VenueError("the keys were revoked: make new ones", Reaction.STOP)


class TimedVenue(ScriptedVenue):
    """A scripted venue on a clock, whose answers can take their time: before it acts, or after."""

    def __init__(self, clock: Clock, **given: Any) -> None:
        self._clock = clock
        super().__init__(**given)
        self._pauses: dict[str, deque[tuple[float, float]]] = defaultdict(deque)
        self.always: dict[str, Exception] = {}

    @property
    def now_ns(self) -> int:
        return self._clock.now_ns()

    @now_ns.setter
    def now_ns(self, _value: int) -> None:
        pass  # time is the clock's

    def take_time(self, method: str, before_s: float = 0.0, after_s: float = 0.0) -> None:
        """The next call of this method waits before it acts, and after."""
        self._pauses[method].append((before_s, after_s))

    def break_down(self, error: Exception = DOWN) -> None:
        """From now on nothing is answered."""
        questions = ("clock", "account", "position", "open_orders", "order", "fills", "funding", "resnapshot")
        for method in (*questions, "cancel_venue_order", "cancel_all"):
            self.always[method] = error

    async def account(self) -> AccountState:
        await self._begin("account")
        books, money = self.books, self.terms.instrument.money
        settled = money(books.realized_quanta - books.fees_quanta + books.funding_quanta)
        account = await super().account()
        return AccountState(
            equity=account.equity + settled,
            balance=account.balance + settled,
            free_margin=account.free_margin,
            maker_fee=account.maker_fee,
            taker_fee=account.taker_fee,
            leverage=account.leverage,
            can_trade=account.can_trade,
        )

    async def place(self, orders: Sequence[Place]) -> list[PlaceResult]:
        return await self._timed("place", super().place, orders)

    async def cancel(self, order_id: int) -> CancelResult:
        return await self._timed("cancel", super().cancel, order_id)

    async def cancel_all(self) -> bool:
        return await self._timed("cancel_all", super().cancel_all)

    async def cancel_venue_order(self, venue_id: str) -> bool:
        return await self._timed("cancel_venue_order", super().cancel_venue_order, venue_id)

    async def open_orders(self) -> list[VenueOrder]:
        return await self._timed("open_orders", super().open_orders)

    async def order(self, order_id: int) -> VenueOrder | None:
        return await self._timed("order", super().order, order_id)

    async def fills(self, since_ns: int) -> list[VenueFill]:
        return await self._timed("fills", super().fills, since_ns)

    async def position(self) -> Any:
        return await self._timed("position", super().position)

    async def funding(self, since_ns: int) -> Any:
        return await self._timed("funding", super().funding, since_ns)

    async def clock(self) -> Any:
        return await self._timed("clock", super().clock)

    async def resnapshot(self) -> None:
        await self._timed("resnapshot", super().resnapshot)

    async def _begin(self, method: str) -> float:
        if method in self.always:
            raise self.always[method]
        before_s, after_s = self._pauses[method].popleft() if self._pauses[method] else (0.0, 0.0)
        await asyncio.sleep(before_s)
        return after_s

    async def _timed(self, method: str, call: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any) -> Any:
        after_s = await self._begin(method)
        answer = await call(*arguments)
        await asyncio.sleep(after_s)
        return answer


class Bench:
    """See the module."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.clock = virtual_clock()
        self.venue = TimedVenue(self.clock, **settings.pop("venue", {}))
        self._settings = settings
        self.is_silent = False
        self.bid, self.ask = 9_999, 10_001
        self.rig: Rig = None  # type: ignore[assignment]
        self.task: asyncio.Task[Outcome] = None  # type: ignore[assignment]
        self._feed: asyncio.Task[None] | None = None

    async def start(self, *, settle_s: float = 1.0) -> None:
        """Open, and wait until it quotes."""
        await self.build()
        self.task = asyncio.create_task(self.rig.run.run())
        self._feed = asyncio.create_task(self._tell_market())
        await self.wait(settle_s)

    async def build(self) -> None:
        """Make the run."""
        self.rig = await rig(self.venue, self.clock, tag=TAG, **{**QUIET, **self._settings})

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def end(self, reason: EndReason = EndReason.INTERRUPTED) -> Outcome:
        """Ask for the end, and wait for it."""
        self.rig.run.request_stop(reason)
        return await self.task

    # --- the market ---

    async def _tell_market(self) -> None:
        await asyncio.sleep(0.001)  # until the venue was opened
        while True:
            if not self.is_silent and self.market is not None:
                self.tell_book()
                self.tell_mark()
            await asyncio.sleep(1)

    def tell_book(self) -> None:
        now_ns = self.clock.now_ns()
        self.market.on_market(BookUpdated(now_ns, now_ns, self.bid, 10, self.ask, 10), (), now_ns, now_ns)

    async def move(self, ticks: int) -> None:
        """The market moves, and the next refresh moves the ladder."""
        self.bid, self.ask = self.bid + ticks, self.ask + ticks
        self.tell_book()
        await self.wait(5)

    def tell_mark(self, mark: int = MARK) -> None:
        now_ns = self.clock.now_ns()
        self.market.on_market(MarkUpdated(now_ns, now_ns, mark), (), now_ns, now_ns)

    # --- the account ---

    @property
    def market(self) -> Any:
        return self.venue.market_listener

    @property
    def account(self) -> Any:
        return self.venue.account_listener

    @property
    def run(self) -> Any:
        return self.rig.run

    @property
    def maker(self) -> Any:
        return self.rig.maker

    def ours(self, side: Side | None = None) -> list[VenueOrder]:
        """Our orders that rest at the venue."""
        return [each for each in self.venue.resting.values() if each.tag == TAG and side in (None, each.side)]

    def resting(self, side: Side) -> VenueOrder:
        """Our only order on this side."""
        (order,) = self.ours(side)
        return order

    def execute(self, venue_id: str, lots: int, *, is_told: bool = True) -> VenueFill:
        """The venue executes an order of ours; the fee is 1 quantum a lot."""
        execution = self.venue.execute(venue_id, lots, fee_quanta=lots)
        if is_told:
            self.account.on_own(execution.fill)
        return execution

    def drop(self, order: VenueOrder, *, is_told: bool = True) -> None:
        """The venue cancels an order of ours."""
        self.venue.end(order.venue_id, OrderState.CANCELED)
        if is_told:
            now_ns = self.clock.now_ns()
            assert order.order_id is not None
            self.account.on_own(OrderCanceled(now_ns, now_ns, order.order_id, order.filled_lots, CancelReason.VENUE))

    def trade_elsewhere(self, lots: int) -> None:
        """Somebody else's execution on this account moves the position; nothing is told."""
        side = Side.BUY if lots > 0 else Side.SELL
        self.venue.books.apply_fill(side, 10_000, abs(lots), 0)

    def count(self, name: str) -> int:
        """What the run has counted."""
        return self.rig.run.desk.counts[name]

    @property
    def notes(self) -> list[tuple[str, str]]:
        return self.rig.told.notes

    def check_agreement(self) -> None:
        """Our books are the venue's."""
        ours, theirs = self.maker.position, self.venue.books
        assert ours.lots == theirs.lots
        assert ours.fees_quanta == theirs.fees_quanta
        assert ours.realized_quanta == theirs.realized_quanta


def play(
    story: Callable[[Bench], Coroutine[Any, Any, None]],
    *,
    is_ended: bool = True,
    live: LiveSettings | None = None,
    **given: Any,
) -> Bench:
    """Tell a story in virtual time; afterwards the run is ended, and nothing of it may rest."""

    async def whole() -> Bench:
        bench = Bench({**given, "live": live})
        await story(bench)
        if bench.task is not None and not bench.task.done():
            if is_ended:
                await bench.end()
                assert not bench.ours()
            else:
                bench.task.cancel()
        return bench

    return run_virtual(whole)


def facts(**changes: Any) -> dict[str, Any]:
    """A venue with other facts: ``play(story, venue=facts(can_cancel_all=False))``."""
    values = {name: getattr(FACTS, name) for name in FACTS.__slots__}
    return {"facts": type(FACTS)(**{**values, **changes})}
