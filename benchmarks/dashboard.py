"""A dashboard with twenty pages beside a run: its memory and its share of a processor, and whether the run notices.

    python benchmarks/dashboard.py [--minutes 0.5] [--pages 20] [--slow 1000]

Three processes: the run (the synthetic SOL in real time, 50 to 65 messages a second), the dashboard, and this one,
which is the pages. In turn: the run alone, a dashboard beside it, the pages open (``--minutes``), and the pages with a
flood of slow connections, which are opened again whenever they are cut. Measured in the run is, for each message of
the market, the time from the moment in which it was due until the maker has decided and what it commands is on its
way. What the event loop was late by is in it, and so is what the other processes take where there are few cores.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

PAGES: Final = 20
SLOW: Final = 1_000
PHASE_S: Final = 10.0
"""Of each part but that with the pages."""

WARM_UP_S: Final = 8.0
SETTLED_S: Final = 5.0
GUEST_ASKS: Final = 100
OPEN_FILES: Final = 8_192
_TICKS: Final = os.sysconf("SC_CLK_TCK")

CONFIG: Final = """
[markets.sol]
exchange = "sim"
symbol = "SOL_USDC_PERP"
spread = "6bp"
quantity = 0.1
max_orders = 2
max_position = 5
position_threshold = 0.1
inventory_skew = 0.5
interval = 0.25
seed = 7

[budgets]
max_drawdown = 100000
"""


# --- the run, in a process of its own ---


def be_the_run(arguments: Sequence[str]) -> None:
    """`perpmaker` with a stopwatch around every message; what it measured is written at the end."""
    from perpmaker.cli.main import main as perpmaker  # noqa: PLC0415 - only in this process
    from perpmaker.runtime.live.run import LiveRun  # noqa: PLC0415

    file, *words = arguments
    measured = array("q")  # time of day and delay, ns, in turn
    on_market = LiveRun.on_market

    def timed(run: LiveRun, event: Any, rows: Sequence[Any], received_ns: int, venue_ns: int) -> None:
        on_market(run, event, rows, received_ns, venue_ns)
        now_ns = run._clock.now_ns()
        measured.append(now_ns)
        measured.append(now_ns - venue_ns)

    LiveRun.on_market = timed  # type: ignore[method-assign]
    sys.argv = ["perpmaker", *words]
    try:
        perpmaker()
    finally:
        Path(file).write_bytes(measured.tobytes())


# --- processes ---


class Watched:
    """A process whose memory and processor time are read."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    @property
    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def process(words: Sequence[str], folder: Path, log: str) -> Iterator[Watched]:
    """A program of ours; ended by a signal, as a person would."""
    environment = {**os.environ, "PERPMAKER_RUNTIME_DIR": str(folder), "XDG_STATE_HOME": str(folder / "state")}
    with (folder / log).open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out, env=environment) as started:
        try:
            yield Watched(started)
        finally:
            started.send_signal(signal.SIGTERM)
            started.wait(60)


def run_words(folder: Path) -> list[str]:
    (folder / "perpmaker.toml").write_text(CONFIG, encoding="utf-8")
    (folder / "perpmaker.toml").chmod(0o600)
    journal = f"--journal={folder / 'journal.db'}"
    config = f"--config={folder / 'perpmaker.toml'}"
    measured = str(folder / "measured")
    return [sys.executable, __file__, "--be-the-run", measured, "run", config, journal, "--duration=0", "--view=none"]


def dashboard_words(folder: Path) -> list[str]:
    journal = f"--journal={folder / 'journal.db'}"
    return [sys.executable, "-m", "perpmaker", "dashboard", journal, f"--port={free_port()}"]


def free_port() -> int:
    import socket  # noqa: PLC0415 - only here

    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


# --- pages ---


async def token_address(folder: Path) -> tuple[str, str]:
    """Where the dashboard is, and the viewer's token, as soon as it has said so."""
    for _ in range(300):
        for file in (folder / "state").rglob("dashboard-addresses-*.txt"):
            for line in file.read_text(encoding="utf-8").splitlines():
                if line.strip().startswith("viewer:"):
                    url, _, token = line.split()[1].partition("/#token=")
                    return url, token
        await asyncio.sleep(0.1)
    raise SystemExit(f"the dashboard has not started: {(folder / 'dashboard.log').read_text(encoding='utf-8')}")


class Visitor:
    """Logged in as the viewer."""

    def __init__(self, url: str, cookie: str, run_id: str) -> None:
        self.url = url
        self.port = int(url.rpartition(":")[2])
        self.cookie = cookie
        self.messages = 0
        self.bytes = 0
        self._stream = f"{url.replace('http', 'ws', 1)}/api/runs/{run_id}/stream"

    async def page(self) -> None:
        """One page that reads what it is told."""
        from websockets.asyncio.client import connect  # noqa: PLC0415 - not in the process of the run

        more = {"Cookie": self.cookie}
        options: dict[str, Any] = {"compression": None, "proxy": None, "max_size": None}
        async with connect(self._stream, origin=self.url, additional_headers=more, **options) as socket:  # type: ignore[arg-type]
            async for message in socket:
                self.messages += 1
                self.bytes += len(message)


async def log_in(folder: Path) -> Visitor:
    import httpx  # noqa: PLC0415 - not in the process of the run

    url, token = await token_address(folder)
    async with httpx.AsyncClient(base_url=url, trust_env=False, headers={"Origin": url}, timeout=30) as client:
        answer = await client.post("/api/login", json={"token": token})
        answer.raise_for_status()
        cookie = answer.headers["set-cookie"].partition(";")[0]
        for _ in range(300):
            running = (await client.get("/api/runs")).json()["running"]
            if running:
                return Visitor(url, cookie, running[0]["about"]["run_id"])
            await asyncio.sleep(0.1)
    raise SystemExit("the dashboard has not found the run")


@asynccontextmanager
async def pages(visitor: Visitor, count: int) -> AsyncIterator[None]:
    open_pages = [asyncio.create_task(visitor.page()) for _ in range(count)]
    try:
        yield
        for page in open_pages:
            if page.done():
                page.result()
                raise SystemExit("a page was closed by the dashboard")
    finally:
        for page in open_pages:
            page.cancel()
        await asyncio.gather(*open_pages, return_exceptions=True)


class Flood:
    """Connections that begin a request and never finish it, a byte a second each; opened again when they are cut."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count
        self.opened = 0
        self.cut = 0

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        slow = []
        for _ in range(self._count):
            slow.append(asyncio.create_task(self._one()))
            await asyncio.sleep(0.001)
        try:
            yield
        finally:
            for each in slow:
                each.cancel()
            await asyncio.gather(*slow, return_exceptions=True)

    async def _one(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                self.opened += 1
                try:
                    await self._trickle(reader, writer)
                finally:
                    writer.close()
            self.cut += 1
            await asyncio.sleep(1)

    async def _trickle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nX-A: ".encode())
        ending = asyncio.create_task(reader.read())
        try:
            while not ending.done():
                writer.write(b"x")
                await asyncio.wait({ending}, timeout=1)
        finally:
            ending.cancel()


# --- a good client, in a process of its own ---


def be_the_guest(url: str, cookie: str) -> None:
    """Asks, each time over a new connection, and says how long the answers took and how often there was none."""
    from http.client import HTTPConnection, HTTPException  # noqa: PLC0415 - only in this process

    waited_s, in_vain = [], 0
    for _ in range(GUEST_ASKS):
        connection = HTTPConnection(url.removeprefix("http://"), timeout=10)
        began_s = time.perf_counter()
        try:
            connection.request("GET", "/api/session", headers={"Cookie": cookie})
            in_vain += connection.getresponse().status != 200
        except (OSError, HTTPException):
            in_vain += 1
        waited_s.append(time.perf_counter() - began_s)
        connection.close()
    waited_s.sort()
    median_ms, longest_ms = waited_s[len(waited_s) // 2] * 1e3, waited_s[-1] * 1e3
    print(f"{in_vain} of {GUEST_ASKS} without an answer, p50 {median_ms:.1f} ms, longest {longest_ms:.0f} ms")


async def ask_as_guest(visitor: Visitor) -> str:
    words = [__file__, "--be-the-guest", visitor.url, visitor.cookie]
    guest = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=subprocess.PIPE)
    told, _ = await guest.communicate()
    return told.decode().strip()


# --- figures ---


class Measured:
    """What the run has measured, by time of day."""

    def __init__(self, file: Path) -> None:
        held = array("q")
        held.frombytes(file.read_bytes())
        self._times, self._delays = held[0::2], held[1::2]

    def show(self, name: str, part: tuple[int, int]) -> None:
        began_ns, ended_ns = part
        delays = sorted(d for t, d in zip(self._times, self._delays, strict=True) if began_ns <= t < ended_ns)
        if not delays:
            raise SystemExit(f"nothing was measured for: {name}")
        middle, high = (delays[int(len(delays) * share)] / 1e6 for share in (0.5, 0.99))
        rate = len(delays) / (ended_ns - began_ns) * 1e9
        print(f"{name:32} p50 {middle:6.2f} ms   p99 {high:6.2f} ms   ({len(delays)} messages, {rate:.0f} a second)")


async def lasting(seconds: float) -> tuple[int, int]:
    began_ns = time.time_ns()
    await asyncio.sleep(seconds)
    return began_ns, time.time_ns()


async def measure(given: argparse.Namespace, folder: Path) -> None:
    parts: dict[str, tuple[int, int]] = {}
    with process(run_words(folder), folder, "run.log") as run:
        await asyncio.sleep(WARM_UP_S)
        parts["the run alone"] = await lasting(PHASE_S)
        with process(dashboard_words(folder), folder, "dashboard.log") as dashboard:
            visitor = await log_in(folder)
            await asyncio.sleep(SETTLED_S)
            parts["a dashboard, no page"] = await lasting(PHASE_S)
            async with pages(visitor, given.pages):
                await asyncio.sleep(SETTLED_S)
                before, cpu_s, run_cpu_s = dashboard.memory_mb, dashboard.cpu_s, run.cpu_s
                messages, size, began_s = visitor.messages, visitor.bytes, time.perf_counter()
                parts[f"{given.pages} pages"] = await lasting(given.minutes * 60)
                passed_s = time.perf_counter() - began_s
                share, run_share = (dashboard.cpu_s - cpu_s) / passed_s, (run.cpu_s - run_cpu_s) / passed_s
                rate, size = (visitor.messages - messages) / passed_s / given.pages, visitor.bytes - size
                after = dashboard.memory_mb
                flood = Flood(visitor.port, given.slow)
                cpu_s = dashboard.cpu_s
                async with flood.going_on():
                    parts[f"{given.pages} pages, {given.slow} slow ones"] = await lasting(PHASE_S)
                    flooded_share = (dashboard.cpu_s - cpu_s) / PHASE_S
                    told = await ask_as_guest(visitor)
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}; delay of decisions:")
    measured = Measured(folder / "measured")
    for name, part in parts.items():
        measured.show(f"  {name}", part)
    print(f"memory of the dashboard          {before:.1f} MB, after {passed_s:.0f} s with the pages {after:.1f} MB")
    print(f"processor, dashboard             {share:.1%} of a core, {share / given.pages * 5:.2%} for five pages")
    print(f"processor, run                   {run_share:.1%} of a core")
    print(
        f"each page                        {rate:.1f} messages a second, {size / 1e3 / passed_s / given.pages:.1f} kB/s"
    )
    cut = f"{flood.opened} opened, {flood.cut} cut"
    print(f"slow connections                 {cut}, dashboard at {flooded_share:.1%} of a core meanwhile")
    print(f"a good client beside them        {told}")


def main() -> None:
    if sys.argv[1:2] == ["--be-the-run"]:
        be_the_run(sys.argv[2:])
        return
    if sys.argv[1:2] == ["--be-the-guest"]:
        be_the_guest(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=0.5)
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--slow", type=int, default=SLOW)
    given = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard), hard))
    with tempfile.TemporaryDirectory(prefix="pm") as name:
        asyncio.run(measure(given, Path(name)))


if __name__ == "__main__":
    main()
