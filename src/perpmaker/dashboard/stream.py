"""The websocket of a page: what a run shows of itself, as it happens.

Rules kept here:

1. Who opens it is logged in, and stays so: a session that ends, ends its websockets within `CHECK_S`.
2. First comes ``hello``, with what the page does not have yet, then ``news``, at the end ``over``.
3. A page that reads slowly is told less often, never later (`perpmaker.dashboard.run_state`). One that takes nothing
   for `SEND_S` is let go; one that answers no ping is cut by the server.
4. A page has nothing to say: what it sends is dropped, and after `MOST_SAID` messages so is the page.
5. A session has `MOST_EACH` pages, all together have `MOST_PAGES`.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from perpmaker.dashboard.answers import error_answer
from perpmaker.dashboard.deps import Deps
from perpmaker.dashboard.run_link import RunLink
from perpmaker.dashboard.run_state import Place
from perpmaker.dashboard.security.sessions import Session

CHECK_S: Final = 15.0
SEND_S: Final = 30.0
HELLO_S: Final = 10.0
MOST_SAID: Final = 64
MOST_EACH: Final = 24
MOST_PAGES: Final = 96

OVER: Final = '{"type":"over"}'

_NORMAL: Final = 1000
_NOT_ALLOWED: Final = 1008
_TRY_AGAIN: Final = 1013


class Pages:
    """Counts the pages that look on."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._of.total()

    def has_room(self, session: Session) -> bool:
        """Whether this session may open one more."""
        return self._of[session.key] < MOST_EACH and len(self) < MOST_PAGES

    @contextmanager
    def one_more(self, session: Session) -> Iterator[None]:
        """A page of this session, as long as this lasts."""
        self._of[session.key] += 1
        try:
            yield
        finally:
            self._of[session.key] -= 1
            if not self._of[session.key]:
                del self._of[session.key]


def router(deps: Deps) -> APIRouter:
    """``/api/runs/{run_id}/stream``."""
    routes = APIRouter()
    pages = Pages()

    @routes.websocket("/api/runs/{run_id}/stream")
    async def stream(socket: WebSocket, run_id: str, since: int = 0, samples_since: int = 0) -> None:
        session = deps.session_of(socket)
        link = deps.links.find(run_id)
        if session is None:
            await socket.send_denial_response(error_answer(403, "log in first"))
        elif link is None:
            await socket.send_denial_response(error_answer(404, "this run is not running"))
        elif not pages.has_room(session):
            await socket.send_denial_response(error_answer(429, "too many pages are open; close some"))
        else:
            with pages.one_more(session), link.page():
                await socket.accept()
                place = Place(seq=max(0, since), sampled_ns=max(0, samples_since))
                await _serve(deps, socket, session, link, place)

    return routes


async def _serve(deps: Deps, socket: WebSocket, session: Session, link: RunLink, place: Place) -> None:
    """Until either side has enough."""
    telling = asyncio.create_task(_tell(socket, link, place))
    hearing = asyncio.create_task(_hear(socket))
    try:
        while not (telling.done() or hearing.done()) and deps.sessions.is_open(session):
            await asyncio.wait({telling, hearing}, timeout=CHECK_S, return_when=asyncio.FIRST_COMPLETED)
        is_there = not (hearing.done() and hearing.result())
        code = telling.result() if telling.done() else _NOT_ALLOWED
    except (WebSocketDisconnect, TimeoutError):  # of who tells: the page is gone, or takes nothing any more
        is_there, code = False, _NORMAL
    finally:
        for task in (telling, hearing):
            task.cancel()
        await asyncio.gather(telling, hearing, return_exceptions=True)
    if is_there:
        with suppress(WebSocketDisconnect):  # it was faster
            await socket.close(code)


async def _tell(socket: WebSocket, link: RunLink, place: Place) -> int:
    """Tell the page all there is. Returns the code to close with."""
    try:
        async with asyncio.timeout(HELLO_S):
            await link.changed(0)
    except TimeoutError:
        return _TRY_AGAIN
    if link.state.view is None:
        return _TRY_AGAIN
    await _send(socket, link.state.hello(place))
    while True:
        await link.changed(place.version)
        if link.state.version > place.version:
            await _send(socket, link.state.news(place))
        elif link.is_ended:
            await _send(socket, OVER)
            return _NORMAL


async def _send(socket: WebSocket, text: str) -> None:
    async with asyncio.timeout(SEND_S):
        await socket.send_text(text)


async def _hear(socket: WebSocket) -> bool:
    """Return when the page is gone (true), or has said too much (false)."""
    for _ in range(MOST_SAID):
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return True
    return False
