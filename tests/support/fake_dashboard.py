"""A dashboard without a run behind it: the page's own files, canned answers, a websocket whose words a test decides.

It speaks the contract of the real one (messages are made of `perpmaker.monitor.view`), so a test can show the page what
no run shows at will: a live run, hostile names, budgets, a break of the connection, an outcome that is unknown.
"""

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import WSMsgType, web

import perpmaker.dashboard
from perpmaker.dashboard.security.headers import STRICT
from perpmaker.monitor.view import Hello, Item, News, RunView, Sample
from support.fake_views import ADVICE, FORM, PAST, RUN_ID, Script

STATIC: Final = Path(perpmaker.dashboard.__file__).parent / "static"
TOKENS: Final = {"trader-token": "trader", "viewer-token": "viewer"}
_COOKIE: Final = "perpmaker_session"


@dataclass
class FakeDashboard:
    """Runs in a thread of its own, between `start` and `stop`.

    Attributes:
        script: makes the views; a test may change it.
        posts: what was posted, by path.
        outcome: what the run answers to a control; a number is a status without an answer.
        is_reachable: False makes every request and handshake fail, as a server that is gone would.
    """

    script: Script = field(default_factory=Script)
    can_start_live: bool = False
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    outcome: dict[str, Any] | int = field(default_factory=lambda: {"is_done": True, "text": "quoting is paused"})
    refused: str | None = None
    is_reachable: bool = True
    url: str = ""

    def start(self) -> None:
        self._sockets: list[web.WebSocketResponse] = []
        self._items: list[Item] = []
        self._samples: list[Sample] = []
        self._csrf: set[str] = set()
        self._given = 0
        self.queries: list[dict[str, str]] = []
        self.view: RunView | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self._serve())

    def stop(self) -> None:
        self.cut()
        self._do(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def step(self, count: int = 1) -> None:
        """So many moments of the run, told to every page."""
        for _ in range(count):
            self.view, items, sample = self.script.step()
            self._items += items
            self._samples.append(sample)
            self.say(News(view=self.view, items=items, samples=[sample]))

    def say(self, message: News | dict[str, Any]) -> None:
        text = msgspec.json.encode(message).decode()
        self._do(self._tell(text))

    def cut(self) -> None:
        """Every websocket breaks."""
        self._do(self._cut())

    def _do(self, what: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(what, self._loop)
        return future.result(20)

    async def _serve(self) -> None:
        app = web.Application(middlewares=[self._headers])
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/api/session", self._of_session),
                web.post("/api/login", self._login),
                web.post("/api/logout", self._posted(lambda _: {})),
                web.get("/api/csrf", self._new_csrf),
                web.get("/api/runs", self._runs),
                web.get("/api/compare", self._compare),
                web.get("/api/start/form", self._form),
                web.post("/api/start", self._posted(lambda _: {"run_id": RUN_ID, "text": "the run has started"})),
                web.post("/api/what-if", self._what_if),
                web.post("/api/runs/{run_id}/control", self._posted(lambda _: self.outcome)),
                web.get("/api/runs/{run_id}/stream", self._stream),
                web.static("/static", STATIC),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    @web.middleware
    async def _headers(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        if not self.is_reachable and request.transport is not None:
            request.transport.abort()
        answer: web.StreamResponse = await handler(request)
        if not answer.prepared:
            answer.headers.update(STRICT)
        return answer

    async def _index(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _of_session(self, request: web.Request) -> web.Response:
        role = TOKENS.get(request.cookies.get(_COOKIE, ""))
        if role is None:
            return web.json_response({"error": "log in first"}, status=401)
        about = {"name": f"{role} (token)", "role": role, "can_start_live": self.can_start_live}
        return web.json_response({**about, "version": "0.1.0", "journal": "journal.db"})

    async def _login(self, request: web.Request) -> web.Response:
        token = (await request.json()).get("token", "")
        if token not in TOKENS:
            return web.json_response({"error": "that is not right; nobody was logged in"}, status=401)
        answer = web.json_response({"role": TOKENS[token]})
        answer.set_cookie(_COOKIE, token, httponly=True, samesite="Strict")
        return answer

    async def _new_csrf(self, _: web.Request) -> web.Response:
        self._given += 1
        self._csrf.add(str(self._given))
        return web.json_response({"csrf": str(self._given)})

    async def _runs(self, request: web.Request) -> web.Response:
        running = [] if self.view is None or self.view.is_over else [{"about": self.view.about, "view": self.view}]
        past = [] if "before" in request.query else PAST
        return web.Response(
            body=msgspec.json.encode({"running": running, "past": past}), content_type="application/json"
        )

    async def _compare(self, request: web.Request) -> web.Response:
        names = request.query["runs"].split(",")
        rows = [{"name": "spread", "values": ["0.0005", "0.001", "0.002"][: len(names)]}]
        terms = [{"name": "spread", "values": ["+1.25", "-0.5", "+3"][: len(names)]}]
        found = {"names": names, "runs": rows, "settings": rows, "equal_settings": 17, "figures": rows, "terms": terms}
        return web.json_response(found)

    async def _form(self, _: web.Request) -> web.Response:
        return web.json_response({**FORM, "can_start_live": self.can_start_live})

    async def _what_if(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        was = self.view.settings if self.view else {}
        changed = {name: [was.get(name, ""), value] for name, value in wanted["settings"].items() if "run_id" in wanted}
        return web.json_response({"advice": ADVICE, "changed": changed, "refused": self.refused, "assumed": None})

    def _posted(self, answer: Callable[[dict[str, Any]], dict[str, Any] | int]) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            token = request.headers.get("X-CSRF-Token", "")
            if token not in self._csrf:
                return web.json_response({"error": "the one-time token is missing or used"}, status=403)
            self._csrf.discard(token)
            body = await request.json()
            self.posts.append((request.path, body))
            told = answer(body)
            if isinstance(told, int):
                return web.json_response(
                    {"error": "the run has not answered; what became of it is not known"}, status=told
                )
            return web.json_response(told)

        return handle

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.queries.append(dict(request.query))
        since, samples_since = (int(request.query.get(name, "0")) for name in ("since", "samples_since"))
        assert self.view is not None
        hello = Hello(
            view=self.view,
            items=[item for item in self._items if item.seq > since],
            samples=[sample for sample in self._samples if sample.at_ns > samples_since],
            first_seq=1,
        )
        await socket.send_str(msgspec.json.encode(hello).decode())
        self._sockets.append(socket)
        async for message in socket:
            assert message.type is not WSMsgType.TEXT, "a page has nothing to say"
        return socket

    async def _tell(self, text: str) -> None:
        json.loads(text)
        for socket in self._sockets:
            if not socket.closed:
                await socket.send_str(text)

    async def _cut(self) -> None:
        for socket in self._sockets:
            await socket.close()
        self._sockets.clear()
