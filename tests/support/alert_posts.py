"""Where alerts arrive in tests: a service that keeps them, one that is dead, and a webhook on loopback."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from aiohttp import web

from perpmaker.domain.events import EndReason, Filled
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import Side
from perpmaker.monitor.alerts.alerts import Alerts
from perpmaker.monitor.alerts.channel import Channel
from perpmaker.monitor.alerts.wording import Message
from perpmaker.monitor.view import About
from perpmaker.runtime.statistics import RunStatistics
from perpmaker.runtime.summary import RunFacts, Summary, summarize
from perpmaker.venues.clock import Clock

TOKEN = "MARKEDtoken0123456789MARKED"  # noqa: S105 - opens nothing
"""Part of the webhook's address: must be seen nowhere."""

SOL = Instrument("SOL_USDC_PERP", "SOL", "USDC", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))


def about(**changes: Any) -> About:
    values: dict[str, Any] = {
        "run_id": "3f2a", "exchange": "backpack", "symbol": "SOL_USDC_PERP", "market": None, "mode": "live",
        "base": "SOL", "quote": "USDC", "tick_size": "0.01", "lot_size": "0.01", "started_at_ns": 0,
        "ends_at_ns": None, "version": "1", "fleet_id": None,
    }  # fmt: skip
    return About(**{**values, **changes})


def fill(
    number: int, side: Side = Side.BUY, ticks: int = 10_000, lots: int = 10, at_ns: int = 0, fee: int = 0
) -> Filled:
    return Filled(at_ns, at_ns, number, number, side, ticks, lots, True, fee)


def summary(reason: EndReason = EndReason.DURATION, fills: tuple[Filled, ...] = ()) -> Summary:
    """Of a run that did nothing but these, with a mark of 100."""
    statistics = RunStatistics(SOL, 1_000, 0)
    for each in fills:
        statistics.on_event(each)
    facts = RunFacts(reason, "live", "backpack", SOL.symbol, None, "1", {}, [])
    return summarize(
        statistics,
        equity_start_quanta=SOL.money_to_quanta(Decimal(1_000)),
        mark_milliticks=10_000_000,
        max_drawdown_quanta=0,
        requests=0,
        end_ns=3 * 3_600 * 10**9,
        events=0,
        wall_s=1.0,
        run=facts,
    )


class Post:
    """A channel without a thread: what is put is there."""

    name = "post"

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.is_closing = False

    def put(self, message: Message) -> None:
        self.messages.append(message)

    def start_closing(self) -> None:
        self.is_closing = True

    def join(self, _patience_s: float) -> int:
        return 0

    @property
    def titles(self) -> list[str]:
        return [message.title for message in self.messages]


def posted(clock: Clock) -> tuple[Alerts, Post, list[str]]:
    """Alerts that arrive at once, where they arrive, and what was told about them."""
    post, told = Post(), []
    channel: Any = post
    return Alerts([channel], clock, told.append), post, told


class Box:
    """A service that takes everything, or gives the answers that it was told to give first."""

    name = "box"

    def __init__(self, *answers: str | Exception | None) -> None:
        self.offered: list[Message] = []
        self._answers = list(answers)
        self.changed = threading.Condition()

    def deliver(self, message: Message) -> str | None:
        with self.changed:
            self.offered.append(message)
            answer = self._answers.pop(0) if self._answers else None
            self.changed.notify_all()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, timeout=10), "nothing more came"


class Silent:
    """A service that takes the message and never answers, until `release`."""

    name = "silent"

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.release = threading.Event()

    def deliver(self, _message: Message) -> str | None:
        self.has_begun.set()
        self.release.wait()
        return None


def opened(service: Any, tell: Callable[[str], None], **given: Any) -> Channel:
    """A channel whose pauses are short."""
    return Channel(service, tell, **{"pauses_s": (0.001, 0.001), **given})


@dataclass
class Webhook:
    """A server on loopback: what was posted to it, and what it answers."""

    port: int = 0
    status: int = 200
    bodies: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """For apprise, with a token that must not be seen."""
        return f"json://127.0.0.1:{self.port}/{TOKEN}?cto=2&rto=2"

    async def until(self, count: int) -> None:
        """Wait until so many messages have come."""
        async with asyncio.timeout(10):
            while len(self.bodies) < count:  # noqa: ASYNC110 - what comes is counted in a handler
                await asyncio.sleep(0.005)

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(json.loads(await request.text()))
        return web.Response(status=self.status)


@asynccontextmanager
async def served_webhook() -> AsyncIterator[Webhook]:
    hook = Webhook()
    application = web.Application()
    application.router.add_post("/{token}", hook.take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook.port = runner.addresses[0][1]
    try:
        yield hook
    finally:
        await runner.cleanup()


@asynccontextmanager
async def served_silence() -> AsyncIterator[int]:
    """A port that accepts, and never answers."""
    held: list[asyncio.StreamWriter] = []

    def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in held:
            writer.transport.abort()
