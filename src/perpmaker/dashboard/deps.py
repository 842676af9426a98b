"""What the parts of the dashboard share, and who may call them.

A router is made by ``router(deps) -> APIRouter``. Its handlers say who may call them by the type of a parameter::

    def router(deps: Deps) -> APIRouter:
        routes = APIRouter()

        @routes.get("/api/runs")
        async def runs(_: Viewer) -> Response:                       # anybody who is logged in
            return json_answer(await deps.in_thread(list_of_runs, deps.journal))

        @routes.post("/api/start", dependencies=[OneTime])           # needs a one-time token, too
        async def start(trader: Trader, wanted: Annotated[Start, Depends(json_body(Start))]) -> Response:
            ...                                                      # trader.name is who, for the journal

        return routes

Rules kept here:

1. Host, Origin, content type and size of a request were checked before it came here
   (`perpmaker.dashboard.security.gate`); headers are added and errors worded after it left.
2. The journal is read in threads, `THREADS` at a time. `MOST_WAITING` requests may wait for one; more are refused at
   once, so that a flood of questions ends here.
3. A role is looked up with every request, never taken from what the page says.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Annotated, Any, Final, ParamSpec, TypeVar

from fastapi import Depends
from starlette.requests import HTTPConnection, Request

from perpmaker.dashboard.answers import Refused
from perpmaker.dashboard.registry import Links
from perpmaker.dashboard.security.attempts import Attempts
from perpmaker.dashboard.security.sessions import Session, Sessions
from perpmaker.dashboard.security.tokens import AccessTokens
from perpmaker.dashboard.security.users import Role, Users
from perpmaker.dashboard.settings import DashboardSettings
from perpmaker.journal.writer import Journal
from perpmaker.venues.clock import Clock

THREADS: Final = 4
MOST_WAITING: Final = 64

CSRF_HEADER: Final = "x-csrf-token"

_Asked = ParamSpec("_Asked")
_Told = TypeVar("_Told")


@dataclass(frozen=True, kw_only=True)
class Deps:
    """What the routers use. ``journal`` is synchronous: read it through `in_thread`."""

    settings: DashboardSettings
    journal: Journal
    clock: Clock
    random: Random
    links: Links
    tokens: AccessTokens
    users: Users
    sessions: Sessions
    attempts: Attempts
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="dashboard")
    )
    _waiting: set[asyncio.Future[Any]] = field(default_factory=set)

    async def in_thread(self, work: Callable[_Asked, _Told], *args: _Asked.args, **kwargs: _Asked.kwargs) -> _Told:
        """What ``work`` returns, or raises. Refuses with 503 when too much waits already."""
        if len(self._waiting) >= MOST_WAITING:
            raise Refused(503, "the dashboard is busy; try again in a moment", {"Retry-After": "2"})
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self.threads, lambda: work(*args, **kwargs))
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)
        return await future

    def cookie_of(self, connection: HTTPConnection) -> str:
        """The name of the cookie. One for each port: browsers send the cookies of a host to all its ports."""
        _, port = connection.scope.get("server") or ("", None)
        return f"perpmaker_session_{port or 0}"

    def session_of(self, connection: HTTPConnection) -> Session | None:
        """Who sent this request or opens this websocket, if he is logged in."""
        cookie = connection.cookies.get(self.cookie_of(connection))
        return None if cookie is None else self.sessions.find(cookie)

    def close(self) -> None:
        """Give back threads."""
        self.users.close()
        self.threads.shutdown(wait=False, cancel_futures=True)


def deps_of(connection: HTTPConnection) -> Deps:
    """The shared object, for dependencies."""
    deps = connection.app.state.deps
    assert isinstance(deps, Deps)
    return deps


async def require_session(request: Request) -> Session:
    """Refuses with 401 who is not logged in."""
    session = deps_of(request).session_of(request)
    if session is None:
        raise Refused(401, "log in first")
    return session


Viewer = Annotated[Session, Depends(require_session)]
"""Type of a parameter: anybody who is logged in."""


async def require_trader(session: Viewer) -> Session:
    """Refuses with 403 who may only look."""
    if session.role is not Role.TRADER:
        raise Refused(403, "only a trader may do this")
    return session


Trader = Annotated[Session, Depends(require_trader)]
"""Type of a parameter: a trader who is logged in."""


async def require_csrf(request: Request, session: Viewer) -> None:
    """Refuses with 403 a change without a one-time token of this session; the token is used up."""
    token = request.headers.get(CSRF_HEADER, "")
    if not deps_of(request).sessions.use_token(session, token):
        raise Refused(403, "the page's one-time token is missing, was used or has expired; load the page again")


OneTime: Final = Depends(require_csrf)
"""For the ``dependencies`` of a route that changes something."""
