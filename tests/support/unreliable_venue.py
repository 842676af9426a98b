"""Any venue behind bad wires: requests and answers are lost, late or hang, news is late, twice or missing.

What it wraps keeps working truly; nothing that it does contradicts `perpmaker.venues.port`. Everything is drawn from
one seed, and happens for as long as `misbehave` says. `last_fault_ns` is when the last of it is over, hanging requests
included.

- A request arrives, late, or never; its answer comes, late, not at all (`Unknown`), or hangs; a batch may be split.
- A question fails, takes long, or hangs. The history of executions is behind by up to three seconds.
- The private stream tells late (and so in another order), twice, or never; it is lost and comes back.
- The public stream is silent, and after that tells a gap and the book.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from perpmaker.domain.commands import Place
from perpmaker.domain.events import BookUpdated, GapEnded, GapStarted
from perpmaker.domain.orders import RejectReason
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import (
    AccountListener,
    AccountState,
    CancelResult,
    ClockReading,
    MarketEvent,
    MarketListener,
    MarketTerms,
    OwnEvent,
    PlaceResult,
    Refused,
    Row,
    Unknown,
    Venue,
    VenueFacts,
    VenueFill,
    VenueFunding,
    VenueOrder,
    VenuePosition,
)

LIFE_S = 4.0
"""How long a request may be on its way before it takes effect."""

LATEST_ARRIVAL_S = 3.5
LONGEST_HANG_S = 12.0
HISTORY_LAG_S = 3.0

_Answer = TypeVar("_Answer")


class UnreliableVenue:
    """See the module. ``facts`` replace those of the venue."""

    def __init__(self, inner: Venue, clock: Clock, seed: int, **facts: Any) -> None:
        self._inner = inner
        self._clock = clock
        self._draw = random.Random(seed)
        self._facts = facts
        self._until_ns = clock.now_ns()
        self._rate = 0.0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._market: MarketListener | None = None
        self._account: AccountListener | None = None
        self._book: BookUpdated | None = None
        self._is_silent = False
        self._is_deaf = False  # the private stream is lost
        self.last_fault_ns = self._until_ns
        self.faults: dict[str, int] = {}
        self.on_arrival: Callable[[], None] = lambda: None
        """Called whenever something may have changed at the venue itself."""

    def misbehave(self, seconds: float, rate: float) -> None:
        """From now on for so long; ``rate`` is the chance of a fault at each occasion."""
        self._until_ns = self.last_fault_ns = self._clock.now_ns() + round(seconds * 1e9)
        self._rate = rate

    # --- chance ---

    def _is_on(self) -> bool:
        return self._clock.now_ns() < self._until_ns

    def _strikes(self, what: str, share: float = 1.0) -> bool:
        if not self._is_on() or self._draw.random() >= self._rate * share:
            return False
        self.faults[what] = self.faults.get(what, 0) + 1
        return True

    async def _wait(self, seconds: float) -> None:
        self.last_fault_ns = max(self.last_fault_ns, self._clock.now_ns() + round(seconds * 1e9))
        await asyncio.sleep(seconds)

    def _apart(self, work: Coroutine[Any, Any, _Answer]) -> "asyncio.Task[_Answer]":
        """Goes on even if nobody waits for the answer any more."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _asked(self, name: str, question: Callable[[], Awaitable[_Answer]]) -> _Answer:
        if self._strikes(f"{name} fails", 0.5):
            raise VenueError(f"{name}: bad gateway", Reaction.RETRY, "BadGateway")
        if self._strikes(f"{name} hangs", 0.1):
            await self._wait(self._draw.uniform(4, LONGEST_HANG_S))
        elif self._strikes(f"{name} is slow", 0.3):
            await self._wait(self._draw.uniform(0, 1.5))
        answer = await question()
        if self._strikes(f"the answer to {name} is slow", 0.3):
            await self._wait(self._draw.uniform(0, 1.5))
        return answer

    # --- the market ---

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def facts(self) -> VenueFacts:
        usual = {"request_life_ns": round(LIFE_S * 1e9), "signs_at_once": False}
        return replace(self._inner.facts, **{**usual, **self._facts})

    async def market(self) -> MarketTerms:
        return await self._inner.market()

    async def clock(self) -> ClockReading:
        return await self._asked("the time", self._inner.clock)

    async def mark(self) -> int:
        return await self._asked("the mark", self._inner.mark)

    async def open(self, listener: MarketListener) -> None:
        self._market = listener
        self._apart(self._make_silences())
        self._apart(self._lose_streams())
        await self._inner.open(self)

    async def resnapshot(self) -> None:
        await self._asked("the book", self._inner.resnapshot)

    async def restart(self) -> None:
        if self._is_deaf or self._is_silent:
            return  # it is being connected already
        self._apart(self._reconnect(0.1))

    async def close(self) -> None:
        self._market = self._account = None
        for task in list(self._tasks):
            task.cancel()
        await self._inner.close()

    def on_market(self, event: MarketEvent | None, rows: Sequence[Row], received_ns: int, venue_ns: int) -> None:
        self.on_arrival()
        if isinstance(event, BookUpdated):
            self._book = event
        if self._market is not None and not self._is_silent:
            self._market.on_market(event, rows, received_ns, venue_ns)

    async def _make_silences(self) -> None:
        while True:
            await asyncio.sleep(self._draw.uniform(3, 12))
            if not self._is_silent and self._strikes("the market is silent"):
                self._is_silent = True
                await self._wait(self._draw.uniform(1, 10))
                self._tell_gap_and_book()

    def _tell_gap_and_book(self) -> None:
        self._is_silent = False
        now_ns = self._clock.now_ns()
        if self._market is not None and self._book is not None:
            self._market.on_market(GapStarted(now_ns, now_ns), (), now_ns, now_ns)
            self._market.on_market(GapEnded(now_ns, now_ns), (), now_ns, now_ns)
            self._market.on_market(self._book._replace(at_ns=now_ns), (), now_ns, now_ns)

    # --- the private stream ---

    async def open_account(self, listener: AccountListener) -> None:
        self._account = listener
        await self._inner.open_account(self)

    async def _lose_streams(self) -> None:
        while True:
            await asyncio.sleep(self._draw.uniform(3, 12))
            if not self._is_deaf and self._strikes("the private stream is lost"):
                await self._reconnect(self._draw.uniform(0.1, 6))

    async def _reconnect(self, seconds: float) -> None:
        if self._account is not None:
            self._is_deaf = True
            self._account.on_account_stream(is_up=False)
        await self._wait(seconds)
        if self._account is not None:
            self._is_deaf = False
            self._account.on_account_stream(is_up=True)
        self._tell_gap_and_book()

    def on_own(self, event: OwnEvent) -> None:
        self.on_arrival()
        if self._is_deaf or self._strikes("news is lost", 0.5):
            return
        times = 2 if self._strikes("news comes twice", 0.5) else 1
        for _ in range(times):
            if self._strikes("news is late"):
                self._apart(self._tell_late(event))
            elif self._account is not None:
                self._account.on_own(event)

    async def _tell_late(self, event: OwnEvent) -> None:
        await self._wait(self._draw.uniform(0, 4))
        if self._account is not None:
            self._account.on_own(event._replace(at_ns=self._clock.now_ns()))

    def on_foreign_order(self, client_id: str | None, *, is_open: bool) -> None:
        if self._account is not None and not self._is_deaf:
            self._account.on_foreign_order(client_id, is_open=is_open)

    def on_position(self, lots: int, venue_ns: int) -> None:
        if self._account is not None and not self._is_deaf and not self._strikes("the position is not told"):
            self._account.on_position(lots, venue_ns)

    def on_account_stream(self, *, is_up: bool) -> None:
        if self._account is not None:
            self._account.on_account_stream(is_up=is_up)

    # --- questions ---

    def begin_run(self, tag: int) -> None:
        self._inner.begin_run(tag)

    async def account(self) -> AccountState:
        return await self._asked("the account", self._inner.account)

    async def position(self) -> VenuePosition:
        return await self._asked("the position", self._inner.position)

    async def open_orders(self) -> list[VenueOrder]:
        return await self._asked("the open orders", self._inner.open_orders)

    async def order(self, order_id: int) -> VenueOrder | None:
        return await self._asked("an order", lambda: self._inner.order(order_id))

    async def fills(self, since_ns: int) -> list[VenueFill]:
        async def ask() -> list[VenueFill]:
            shown = await self._inner.fills(since_ns)
            if not self._strikes("the history is behind"):
                return shown
            until_ns = self._clock.now_ns() - round(self._draw.uniform(0, HISTORY_LAG_S) * 1e9)
            return [each for each in shown if each.fill.venue_ns <= until_ns]

        return await self._asked("the executions", ask)

    async def funding(self, since_ns: int) -> list[VenueFunding]:
        return await self._asked("the funding", lambda: self._inner.funding(since_ns))

    # --- requests ---

    async def place(self, orders: Sequence[Place]) -> list[PlaceResult]:
        if len(orders) > 1 and self._strikes("a batch is split", 0.5):
            middle = self._draw.randint(1, len(orders) - 1)
            return await self._place(orders[:middle]) + await self._place(orders[middle:])
        return await self._place(orders)

    async def _place(self, orders: Sequence[Place]) -> list[PlaceResult]:
        lost: list[PlaceResult] = [Unknown(order.order_id, "the connection broke") for order in orders]
        if self._strikes("orders are refused", 0.2):
            reason = self._draw.choice(
                (RejectReason.RATE_LIMITED, RejectReason.OTHER, RejectReason.POST_ONLY_WOULD_CROSS)
            )
            return [Refused(order.order_id, reason, "not now") for order in orders]
        if self._strikes("orders never arrive", 0.3):
            return lost
        late = self._arrival("orders")
        arrival = self._apart(self._arrive(late, lambda: self._inner.place(orders)))
        if self._strikes("the answer to orders is lost", 0.5):
            return lost
        await self._hang("orders")
        return await asyncio.shield(arrival)

    async def cancel(self, order_id: int) -> CancelResult:
        lost = Unknown(order_id, "the connection broke")
        if self._strikes("a cancel never arrives", 0.3):
            return lost
        late = self._arrival("a cancel")
        arrival = self._apart(self._arrive(late, lambda: self._inner.cancel(order_id)))
        if self._strikes("the answer to a cancel is lost", 0.5):
            return lost
        await self._hang("a cancel")
        return await asyncio.shield(arrival)

    async def cancel_venue_order(self, venue_id: str) -> bool:
        return await self._asked("a cancel by number", lambda: self._inner.cancel_venue_order(venue_id))

    async def cancel_all(self) -> bool:
        lost = VenueError("cancel all: the connection broke", Reaction.UNKNOWN)
        if self._strikes("a cancel of everything never arrives", 0.3):
            raise lost
        late = self._arrival("a cancel of everything")
        arrival = self._apart(self._arrive(late, self._inner.cancel_all))
        if self._strikes("the answer to a cancel of everything is lost", 0.5):
            raise lost
        await self._hang("a cancel of everything")
        return await asyncio.shield(arrival)

    def _arrival(self, what: str) -> float:
        return self._draw.uniform(0, LATEST_ARRIVAL_S) if self._strikes(f"{what} is late", 0.3) else 0.0

    async def _arrive(self, late_s: float, request: Callable[[], Awaitable[_Answer]]) -> _Answer:
        if late_s:
            await self._wait(late_s)
        answer = await request()
        self.on_arrival()
        return answer

    async def _hang(self, what: str) -> None:
        if self._strikes(f"{what} hangs", 0.1):
            await self._wait(self._draw.uniform(4, LONGEST_HANG_S))
