"""What every request passes before anything else looks at it.

Rules kept here:

1. The host that the client names is one of ours (`perpmaker.dashboard.security.hosts`).
2. What changes something, and every websocket, comes from our own page: the browser says so in Origin, which a page
   cannot forge. Absent is refused. Where the browser says how it came to ask (Sec-Fetch-Site), that must fit, too; not
   for websockets, of which browsers do not all say the truth.
3. Nothing under ``/api`` is answered to a page of somebody else's, not even where only reading is meant.
4. A change is JSON, and of `MOST_BODY` bytes at most: as declared, and as counted while it comes in.
5. GET, HEAD and POST are all there is.
6. A failure inside becomes one sentence outside. What failed stands in the log: where, never what was sent.
"""

import logging
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from perpmaker.dashboard.answers import MOST_BODY, Refused, error_answer
from perpmaker.dashboard.security.hosts import Hosts

_SAFE: Final = frozenset({"GET", "HEAD"})
_OWN_PAGE: Final = frozenset({"same-origin"})
_OWN_PAGE_OR_PERSON: Final = frozenset({"same-origin", "none"})
_CLOSE: Final = {"Connection": "close"}

_log = logging.getLogger(__name__)


class Gate:
    """Middleware: refuses what breaks a rule, passes on the rest."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._check(scope)
        if refused is not None:
            await refused(scope, receive, send)
            return
        has_started = False

        async def note_start(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, _counted(receive), note_start)
        except Exception as error:  # noqa: BLE001 - rule 6
            _log_failure(scope, error)
            if has_started:
                return  # the server cuts the connection: half an answer is none
            failed = error_answer(500, "something went wrong inside the dashboard; its log says where", _CLOSE)
            await failed(scope, receive, send)

    def _check(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        method: str = scope["method"]
        if not self._is_host_ours(headers):
            return error_answer(421, "this is not a name of this dashboard; use the address that it printed", _CLOSE)
        if method in _SAFE:
            is_api = scope["path"].startswith("/api")
            if is_api and headers.get("sec-fetch-site", "none") not in _OWN_PAGE_OR_PERSON:
                return error_answer(403, "only this dashboard's own page may ask", _CLOSE)
            return None
        if method != "POST":
            return error_answer(405, "there is no such method here", {"Allow": "GET, HEAD, POST", **_CLOSE})
        if not self._is_origin_own(headers) or headers.get("sec-fetch-site", "same-origin") not in _OWN_PAGE:
            return error_answer(403, "only this dashboard's own page may change anything", _CLOSE)
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return error_answer(415, "a change is sent as application/json", _CLOSE)
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > MOST_BODY:
            return error_answer(413, f"a request has {MOST_BODY} bytes at most", _CLOSE)
        return None

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if not (self._is_host_ours(headers) and self._is_origin_own(headers)):
            await receive()  # the wish to connect
            await send({"type": "websocket.close", "code": 1008, "reason": ""})  # before it is accepted: a 403
            return
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - rule 6; the server cuts the connection
            _log_failure(scope, error)

    def _is_host_ours(self, headers: Headers) -> bool:
        given = headers.getlist("host")
        return len(given) == 1 and self._hosts.is_ours(given[0])

    def _is_origin_own(self, headers: Headers) -> bool:
        given = headers.getlist("origin")
        return len(given) == 1 and self._hosts.is_own_origin(given[0], headers["host"])


def _counted(receive: Receive) -> Receive:
    """The same body, until it is too long."""
    size = 0

    async def receive_counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MOST_BODY:
            raise Refused(413, f"a request has {MOST_BODY} bytes at most", _CLOSE)
        return message

    return receive_counted


def _log_failure(scope: Scope, error: Exception) -> None:
    """The kind of error and the way to it; messages of errors may repeat what was sent, so they stay out."""
    _log.error("a request to %s failed: %s", scope["path"], _where(error))


def _where(error: BaseException) -> str:
    steps = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        steps.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return f"{type(error).__name__} at {' > '.join(steps[-6:])}"
