"""The live driver without wires: how long an event takes in it, and how long until the venue is asked to do something.

Run: ``python benchmarks/live_driver.py``. The venue answers without delay, the clock is moved by hand, and both sides
of the ladder (two levels each) move at every decision. What a real venue adds is `make bench-live`'s to measure.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from statistics import median, quantiles
from typing import Any

from perpmaker.domain.commands import Place
from perpmaker.domain.events import BookUpdated, EndReason, MarkUpdated
from perpmaker.domain.instrument import Instrument
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.runtime.live.run import LiveRun
from perpmaker.runtime.live.settings import LiveSettings
from perpmaker.runtime.statistics import RunStatistics
from perpmaker.venues.port import (
    Accepted,
    AccountState,
    Canceled,
    ClockReading,
    MarketTerms,
    PlaceResult,
    VenueFacts,
    VenuePosition,
)

QUIET_EVENTS = 200_000
DECISIONS = 3_000
INTERVAL_NS = 10**9
INSTRUMENT = Instrument("SOL_USDC_PERP", "SOL", "USDC", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))
ACCOUNT = AccountState(
    equity=Decimal(10**6), balance=Decimal(10**6), free_margin=Decimal(10**6), maker_fee=Decimal(0),
    taker_fee=Decimal(0), leverage=Decimal(10), can_trade=True,
)  # fmt: skip


class HandClock:
    def __init__(self) -> None:
        self.now = 1_790_000_000 * 10**9

    def now_ns(self) -> int:
        return self.now


class InstantVenue:
    """Does what it is asked to at once, and notes when that was."""

    name = "instant"

    def __init__(self, clock: HandClock, *, can_cancel_all: bool) -> None:
        self._clock = clock
        self.facts = VenueFacts(
            name="instant", account="benchmark", can_place_batch=True, can_cancel_all=can_cancel_all,
            request_life_ns=10**9, requests_per_minute=10**9, max_tag=1_000, max_order_id=2**40,
        )  # fmt: skip
        self.first_s = 0.0
        self.placed_s = 0.0

    def begin_run(self, _tag: int) -> None:
        pass

    async def open(self, _listener: Any) -> None:
        pass

    async def open_account(self, _listener: Any) -> None:
        pass

    async def close(self) -> None:
        pass

    async def restart(self) -> None:
        pass

    resnapshot = restart

    async def clock(self) -> ClockReading:
        return ClockReading(self._clock.now, self._clock.now, self._clock.now)

    async def account(self) -> AccountState:
        return ACCOUNT

    async def position(self) -> VenuePosition:
        return VenuePosition(0, Decimal(0), None)

    async def open_orders(self) -> list[Any]:
        return []

    async def fills(self, _since_ns: int) -> list[Any]:
        return []

    funding = fills

    async def order(self, _order_id: int) -> None:
        return None

    async def place(self, orders: Sequence[Place]) -> list[PlaceResult]:
        self.placed_s = time.perf_counter()
        self.first_s = self.first_s or self.placed_s
        return [Accepted(order.order_id, self._clock.now) for order in orders]

    async def cancel(self, order_id: int) -> Canceled:
        self.first_s = self.first_s or time.perf_counter()
        await asyncio.sleep(0)  # no answer before everything was asked for
        return Canceled(order_id, self._clock.now, 0)

    async def cancel_all(self) -> bool:
        self.first_s = self.first_s or time.perf_counter()
        return True

    async def cancel_venue_order(self, _venue_id: str) -> bool:
        return True


class Rig:
    def __init__(self, *, can_cancel_all: bool) -> None:
        self.clock = HandClock()
        self.venue = InstantVenue(self.clock, can_cancel_all=can_cancel_all)
        market = MarketTerms(
            instrument=INSTRUMENT, max_lots=None, initial_margin_ppb=0, maintenance_margin_ppb=0, is_tradable=True,
            status="open",
        )  # fmt: skip
        strategy = StrategySettings(
            spread=Decimal("0.001"), quantity=Decimal("0.1"), max_orders=2, max_position=Decimal(5),
            inventory_skew=Decimal("0.5"), stop_loss=Decimal(10), duration_s=Decimal(0), interval_s=Decimal(1),
        )  # fmt: skip
        terms = StrategyTerms.of(strategy, INSTRUMENT, Decimal(10**6), Decimal(10))
        maker = MarketMaker(terms, self.clock.now)
        statistics = RunStatistics(INSTRUMENT, terms.max_position_lots, self.clock.now)
        venue: Any = self.venue
        settings = LiveSettings(max_book_age_ns=2**60, reconcile_ns=2**60, clock_ns=2**60)
        self.run = LiveRun(maker, venue, market, 1, self.clock, [statistics], lambda _kind, _text: None, settings)
        self.bid = 15_000

    def tell_book(self, lots: int) -> None:
        now = self.clock.now
        self.run.on_market(BookUpdated(now, now, self.bid, lots, self.bid + 1, lots), (), now, now)

    def tell_mark(self, milliticks: int) -> None:
        now = self.clock.now
        self.run.on_market(MarkUpdated(now, now, milliticks), (), now, now)


async def started(*, can_cancel_all: bool) -> tuple[Rig, "asyncio.Task[Any]"]:
    rig = Rig(can_cancel_all=can_cancel_all)
    task = asyncio.create_task(rig.run.run())
    await asyncio.sleep(0.01)
    rig.tell_mark(15_000_500)
    rig.tell_book(1)
    await asyncio.sleep(0.01)
    return rig, task


async def ended(rig: Rig, task: "asyncio.Task[Any]") -> None:
    rig.run.request_stop(EndReason.INTERRUPTED)
    for lots in range(1_000):  # a cancel of everything is told by the stream, which is not there: the search finds it
        if task.done():
            break
        rig.clock.now += 10**8
        rig.tell_book(lots + 1)
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def quiet(tell: Callable[[Rig, int], None]) -> float:
    """Microseconds per event when nothing changes, observers included."""
    rig, task = await started(can_cancel_all=False)
    started_s = time.perf_counter()
    for count in range(QUIET_EVENTS):
        rig.clock.now += 1_000
        tell(rig, count)
        if count % 10 == 0:
            await asyncio.sleep(0)
    passed_s = time.perf_counter() - started_s
    await ended(rig, task)
    return passed_s / QUIET_EVENTS * 1e6


async def decisions() -> tuple[list[float], list[float]]:
    """Microseconds from an event that makes both sides move to the first request, and to the new orders."""
    rig, task = await started(can_cancel_all=False)
    first, placed = [], []
    for count in range(DECISIONS):
        rig.clock.now += INTERVAL_NS
        rig.bid += 20 if count % 2 else -20
        rig.venue.first_s = 0.0
        started_s = time.perf_counter()
        rig.tell_book(count + 2)  # the refresh that is due comes first, and sees the book of before
        for _ in range(5):
            await asyncio.sleep(0)
        first.append((rig.venue.first_s - started_s) * 1e6)
        placed.append((rig.venue.placed_s - started_s) * 1e6)
    await ended(rig, task)
    return first, placed


def show(name: str, microseconds: Sequence[float]) -> None:
    print(f"{name:<44} p50 {median(microseconds):7.1f} us   p99 {quantiles(microseconds, n=100)[98]:7.1f} us")


def main() -> None:
    for name, tell in (
        ("best sizes change, nothing to do", lambda rig, count: rig.tell_book(count % 50 + 1)),
        ("mark changes, nothing to do", lambda rig, count: rig.tell_mark(15_000_000 + count % 100)),
        ("sign of life", lambda rig, _: rig.run.on_market(None, (), rig.clock.now, rig.clock.now)),
    ):
        print(f"{name:<44} {asyncio.run(quiet(tell)):7.2f} us an event")
    first, placed = asyncio.run(decisions())
    show("event to the first cancel asked for", first[100:])
    show("event to venue.place called", placed[100:])


if __name__ == "__main__":
    main()
