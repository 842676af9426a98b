"""From a depth message to an order on the wire, against the testnet in another process on this machine.

    python benchmarks/live.py [--seconds 40] [--profile]

Measured is the time from the bytes of a depth message in our hands (asyncio hands them to aiohttp) to the bytes of the
order request given to the transport (what the kernel then does with them depends on who else wants the processor). The
floor is the same path with nothing in it: a websocket frame comes, a text is signed, an empty POST is written, with the
same libraries on the same machine in the same minute.

Refreshes are not left to the timer here: a message that comes after the interval decides, so that every order has a
message that caused it.
"""

import argparse
import asyncio
import base64
import cProfile
import io
import multiprocessing
import pstats
import re
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import aiohttp
from aiohttp import web
from aiohttp.client_proto import ResponseHandler
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chaos.processes import record_market, testnet_process
from chaos.sessions import Bot
from perpmaker.domain.commands import Cancel, Command, Place
from perpmaker.journal.writer import open_journal
from perpmaker.maker.settings import StrategySettings
from perpmaker.runtime.live.executor import Executor
from perpmaker.runtime.live.run import LiveRun
from perpmaker.simulation.synthetic_profiles import PROFILES
from perpmaker.venues.backpack.stream import Stream
from perpmaker.venues.client_ids import UINT32
from perpmaker.venues.clock import SystemClock

PROFILE = replace(PROFILES["SOL_USDC_PERP"], volatility_bp=25.0, touch_lots=8_000.0)
STRATEGY: dict[str, Any] = {
    "spread": Decimal("0.0006"),
    "quantity": Decimal("0.1"),
    "max_position": Decimal(5),
    "position_threshold": Decimal("0.1"),
    "inventory_skew": Decimal("0.5"),
    "interval_s": Decimal("0.1"),
}
FLOOR_ROUNDS = 400
FLOOR_PAUSE_S = 0.02
"""Between two rounds: a process that sleeps in between, as the bot does, finds its caches cold."""


class Stopwatch:
    """Hooks into the libraries and into the run.

    ``first_ns`` is until the first request of a decision is on the wire (mostly a cancel), ``placed_ns`` until its new
    orders are.
    """

    def __init__(self) -> None:
        self.first_ns: list[int] = []
        self.placed_ns: list[int] = []
        self.parts_ns: dict[str, list[int]] = defaultdict(list)
        self._read_ns = 0
        self._decided_ns = 0
        self.requests: dict[str, list[int]] = defaultdict(list)
        self._is_first_due = 0
        self._bytes_ns = 0
        self._frame_ns = 0
        self._caused_by: dict[int, int] = {}
        self._spawned = 0

    def install(self) -> None:
        watch = self
        received, read, carried = ResponseHandler.data_received, Stream._read, Executor.carry_out

        def data_received(handler: Any, data: bytes) -> None:
            watch._bytes_ns = time.perf_counter_ns()
            received(handler, data)

        def _read(stream: Any, frame: bytes) -> None:
            watch._frame_ns = watch._bytes_ns if b'"e":"depth"' in frame else 0
            watch._read_ns = time.perf_counter_ns()
            read(stream, frame)
            watch._frame_ns = 0

        def carry_out(executor: Any, commands: Sequence[Command]) -> None:
            decided_ns = time.perf_counter_ns()
            before = watch._count_spawns(executor)
            carried(executor, commands)
            held = 1 if executor._held else 0  # the new orders follow in a request of their own
            watch._decided(executor, commands, watch._spawned - before + held, decided_ns)

        ResponseHandler.data_received = data_received  # type: ignore[method-assign]
        Stream._read = _read  # type: ignore[method-assign]
        Executor.carry_out = carry_out  # type: ignore[method-assign]
        LiveRun._set_timer = lambda _: None  # type: ignore[method-assign]
        for transport in _transport_classes():
            self._hook_writes(transport)

    def _hook_writes(self, transport: type) -> None:
        write: Any = transport.write  # type: ignore[attr-defined]
        writelines: Any = transport.writelines  # type: ignore[attr-defined]

        def written(that: Any, data: bytes) -> None:
            self._written(bytes(data))
            write(that, data)

        def written_lines(that: Any, lines: Sequence[bytes]) -> None:
            lines = list(lines)
            self._written(b"".join(lines))
            writelines(that, lines)

        transport.write = written  # type: ignore[attr-defined]
        transport.writelines = written_lines  # type: ignore[attr-defined]

    def _written(self, data: bytes) -> None:
        if b"X-Signature" not in data and b'"orderType"' not in data:
            return
        now_ns = time.perf_counter_ns()
        if self._is_first_due and data.startswith((b"POST", b"DELETE")):
            self.first_ns.append(now_ns - self._is_first_due)
            self.parts_ns["decision made -> first request written"].append(now_ns - self._decided_ns)
            self._is_first_due = 0
        found = re.search(rb'"clientId":(\d+)', data) if b'"orderType"' in data else None
        own = UINT32.decode(found[1].decode()) if found else None
        came_ns = self._caused_by.pop(own.order_id, 0) if own else 0
        if came_ns:
            self.placed_ns.append(now_ns - came_ns)

    def _count_spawns(self, executor: Any) -> int:
        if not hasattr(executor, "spawn_before"):
            executor.spawn_before = executor._spawn

            def spawn(work: Any, name: str) -> Any:
                self._spawned += 1
                return executor.spawn_before(work, name)

            executor._spawn = spawn
        return self._spawned

    def _decided(self, executor: Any, commands: Sequence[Command], requests: int, decided_ns: int) -> None:
        orders = executor._desk.maker.orders
        sides = {orders.get(each.order_id).side for each in commands if isinstance(each, (Place, Cancel))}
        if sides and self._frame_ns:
            self._is_first_due = self._frame_ns
            self._decided_ns = decided_ns
            self.parts_ns["bytes -> frame handed to us"].append(self._read_ns - self._frame_ns)
            self.parts_ns["frame -> decision made"].append(decided_ns - self._read_ns)
        cancels = any(isinstance(each, Cancel) for each in commands)
        if cancels and any(isinstance(each, Place) for each in commands):
            self.requests["one side" if len(sides) == 1 else "both sides"].append(requests)
        for each in commands:
            if isinstance(each, Place) and self._frame_ns:
                self._caused_by[each.order_id] = self._frame_ns


def _transport_classes() -> list[type]:
    from asyncio import selector_events  # noqa: PLC0415 - only here

    return [selector_events._SelectorSocketTransport]  # type: ignore[attr-defined]


# --- the floor ---


def _serve_floor(told: Connection) -> None:
    """In another process: a websocket that sends a frame for each one that comes, and an address that takes posts."""

    async def echo(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async def post(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=b"{}")

    async def serve() -> None:
        app = web.Application()
        app.router.add_get("/ws", echo)
        app.router.add_post("/post", post)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        told.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(serve())


async def _measure_floor(port: int) -> tuple[list[int], list[int]]:
    """From a frame to an empty signed post on the wire, and the round trip of echo and post together."""
    key = Ed25519PrivateKey.generate()
    stamps: dict[str, int] = {}
    received = ResponseHandler.data_received
    transport = _transport_classes()[0]
    write: Any = transport.write  # type: ignore[attr-defined]

    def data_received(handler: Any, data: bytes) -> None:
        stamps["came"] = time.perf_counter_ns()
        received(handler, data)

    def written(that: Any, data: bytes) -> None:
        if bytes(data[:4]) == b"POST":
            stamps["left"] = time.perf_counter_ns()
        write(that, data)

    delays, trips = [], []
    frame = "x" * 300
    text = b"instruction=orderExecute&" + b"y" * 250
    session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
    async with session, session.ws_connect(f"http://127.0.0.1:{port}/ws") as socket:
        ResponseHandler.data_received = data_received  # type: ignore[method-assign]
        transport.write = written  # type: ignore[attr-defined]
        try:
            for _ in range(FLOOR_ROUNDS):
                await asyncio.sleep(FLOOR_PAUSE_S)
                began_ns = time.perf_counter_ns()
                await socket.send_str(frame)
                await socket.receive()
                came_ns = stamps["came"]
                signature = base64.b64encode(key.sign(text)).decode()
                url = f"http://127.0.0.1:{port}/post"
                async with session.post(url, headers={"X-Signature": signature}) as answer:
                    await answer.read()
                delays.append(stamps["left"] - came_ns)
                trips.append(time.perf_counter_ns() - began_ns)
        finally:
            ResponseHandler.data_received = received  # type: ignore[method-assign]
            transport.write = write  # type: ignore[attr-defined]
    return delays, trips


def floor() -> tuple[list[int], list[int]]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve_floor, args=(theirs,), daemon=True)
    process.start()
    try:
        return asyncio.run(_measure_floor(ours.recv()))
    finally:
        process.terminate()
        process.join()


# --- the run ---


async def _trade(testnet: Any, folder: Path, seconds: float, levels: int) -> Bot:
    with open_journal(str(folder / f"journal-{levels}.db")) as journal:
        strategy = StrategySettings(**STRATEGY, max_orders=levels, duration_s=Decimal(int(seconds)))
        urls, keys = (testnet.base_url, testnet.ws_url), (testnet.key, testnet.secret)
        bot = Bot(urls, keys, strategy, journal, SystemClock(), Random(levels))  # noqa: S311 - a tag, no secret
        await bot.live()
        return bot


def percentile(values: Sequence[int], share: float) -> float:
    """In ms."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1e6


def show(name: str, values: Sequence[int], base: Sequence[int] | None = None) -> None:
    middle, high = percentile(values, 0.5), percentile(values, 0.99)
    line = f"{name:44} p50 {middle:7.3f} ms   p99 {high:7.3f} ms   ({len(values)})"
    if base is not None:
        line += f"   {middle / percentile(base, 0.5):5.2f} x / {high / percentile(base, 0.99):5.2f} x the floor"
    sys.stdout.write(line + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    base, trips = floor()
    show("floor: frame read -> sign -> empty post written", base)
    show("(round trips of echo, signature and post)", trips)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        feed = record_market(folder / "market", 1, given.seconds + 60, PROFILE)
        with testnet_process(folder, "--feed", str(feed)) as testnet:
            for levels in (1, 2):
                _one(testnet, folder, given.seconds / 2, levels, base, is_profiled=given.profile)


def _one(testnet: Any, folder: Path, seconds: float, levels: int, base: list[int], *, is_profiled: bool) -> None:
    watch = Stopwatch()
    watch.install()
    profile = cProfile.Profile()
    if is_profiled:
        profile.enable()
    bot = asyncio.run(_trade(testnet, folder, seconds, levels))
    profile.disable()
    assert bot.run is not None
    show(f"{levels} a side: depth message -> first request", watch.first_ns, base)
    show(f"{levels} a side: depth message -> new orders", watch.placed_ns, base)
    for part, values in sorted(watch.parts_ns.items()):
        show(f"    {part}", values)
    counts = Counter(bot.run.desk.counts)
    for what in ("one side", "both sides"):
        sent = watch.requests[what]
        if sent:
            sys.stdout.write(f"    requests per requote of {what}: {statistics.fmean(sent):.2f} ({len(sent)})\n")
    unchanged = bot.run.market_messages - sum(len(sent) for sent in watch.requests.values())
    sys.stdout.write(f"    requests for a market message that changes nothing: 0 ({unchanged}; only decisions send)\n")
    sys.stdout.write(f"    market messages {bot.run.market_messages}, requests {bot.run.requests}: {dict(counts)}\n")
    if is_profiled:
        text = io.StringIO()
        pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(35)
        sys.stdout.write(text.getvalue())


if __name__ == "__main__":
    main()
