"""A dashboard on loopback in the test's own loop, and clients that are logged in.

    async with dashboard_rig() as rig:
        run = await rig.start_run()                     # a `support.dashboard_runs.FakeRun`
        trader = await rig.log_in(Role.TRADER)
        answer = await trader.post(f"/api/runs/{run.run_id}/control", {"action": "pause"})
        async with trader.stream(run.run_id) as socket: ...

Works in real time and in virtual time (`support.virtual_time`); the clock follows the running loop where that is
virtual.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from ssl import SSLContext
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect

from perpmaker.dashboard.app import PARTS, Part
from perpmaker.dashboard.security.users import Role
from perpmaker.dashboard.serving import DashboardServer
from perpmaker.dashboard.settings import DashboardSettings
from perpmaker.journal.writer import Journal, open_journal
from perpmaker.monitor.places import PLACE
from perpmaker.venues.clock import Clock, SystemClock
from support.dashboard_runs import FakeRun, short_folder
from support.virtual_time import VirtualLoop, virtual_clock


class Client:
    """A browser that is, or is not, logged in. Answers of `get` and `post` are `httpx.Response`."""

    def __init__(self, server: DashboardServer, http: httpx.AsyncClient) -> None:
        self.server = server
        self.http = http

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.http.get(path, **more)

    async def post(self, path: str, content: Any = None, *, csrf: str | None = None, **headers: str) -> httpx.Response:
        """As the page posts: own origin, JSON, and a one-time token that is fetched first unless it is given."""
        token = await self.csrf() if csrf is None else csrf
        given = {"Origin": self.server.url, "Content-Type": "application/json", "X-CSRF-Token": token, **headers}
        body = content if isinstance(content, bytes) else msgspec.json.encode({} if content is None else content)
        return await self.http.post(path, content=body, headers={k: v for k, v in given.items() if v})

    async def csrf(self) -> str:
        answer = await self.http.get("/api/csrf")
        return answer.json()["csrf"] if answer.status_code == 200 else ""

    def stream(
        self, run_id: str, query: str = "", *, origin: str | None = "", ssl: SSLContext | None = None, **headers: str
    ) -> connect:
        """A websocket to a run; ``origin`` is the page's own unless given, None for none."""
        url = f"{self.server.url.replace('http', 'ws', 1)}/api/runs/{run_id}/stream{query}"
        cookies = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        more = {**({"Cookie": cookies} if cookies else {}), **headers}
        own = self.server.url if origin == "" else origin
        return connect(url, origin=own, additional_headers=more, compression=None, proxy=None, ssl=ssl)


class Rig:
    """A dashboard, its journal, and what was started on them."""

    def __init__(self, server: DashboardServer, journal: Journal, clock: Clock, stack: AsyncExitStack) -> None:
        self.server = server
        self.journal = journal
        self.clock = clock
        self._stack = stack

    def token(self, role: Role) -> str:
        return self.server.addresses[role].partition("#token=")[2]

    async def client(self, **more: Any) -> Client:
        """Somebody who is not logged in."""
        made = httpx.AsyncClient(base_url=self.server.url, trust_env=False, timeout=30, **more)
        return Client(self.server, await self._stack.enter_async_context(made))

    async def log_in(self, role: Role = Role.TRADER) -> Client:
        client = await self.client()
        answer = await client.post("/api/login", {"token": self.token(role)}, csrf="")
        assert answer.status_code == 200, answer.text
        return client

    async def start_run(self, *, is_found: bool = True, **about: Any) -> FakeRun:
        """A run that the dashboard has found already."""
        run = await self._stack.enter_async_context(FakeRun(self.journal, self.clock, **about))
        if is_found:
            await self.server.deps.links.scan()
            link = self.server.deps.links.find(run.run_id)
            assert link is not None
            await link.changed(0)
        return run

    def another(self, **settings: Any) -> DashboardServer:
        """A second dashboard over the same journal, to be entered."""
        given = DashboardSettings(**{"port": 0, **settings})
        return DashboardServer(given, self.journal, clock=self.clock, random=Random(2))


@asynccontextmanager
async def dashboard_rig(
    *, parts: Sequence[Part] = PARTS, make_secret: Callable[[], str] | None = None, **settings: Any
) -> AsyncIterator[Rig]:
    """A dashboard with a journal of its own; ``settings`` are fields of `DashboardSettings`."""
    is_virtual = isinstance(asyncio.get_running_loop(), VirtualLoop)
    clock: Clock = virtual_clock() if is_virtual else SystemClock()
    more: dict[str, Any] = {} if make_secret is None else {"make_secret": make_secret}
    before = os.environ.get(PLACE)
    with short_folder() as folder:
        os.environ[PLACE] = str(folder)
        try:
            with open_journal(str(folder / "journal.db")) as journal:
                given = DashboardSettings(**{"port": 0, **settings})
                async with AsyncExitStack() as stack:
                    server = DashboardServer(given, journal, clock=clock, random=Random(1), parts=parts, **more)
                    await stack.enter_async_context(server)
                    yield Rig(server, journal, clock, stack)
        finally:
            os.environ.pop(PLACE)
            if before is not None:
                os.environ[PLACE] = before


async def receive(socket: ClientConnection, within_s: float = 10.0) -> dict[str, Any]:
    """The next message of a stream."""
    async with asyncio.timeout(within_s):
        return msgspec.json.decode(await socket.recv())
