"""The connections of the server: how many there may be, and how long each may take over what.

uvicorn's own limit counts a connection that has said nothing like any other, and has no time for one that says it
slowly. A thousand of those would keep everybody else out, so the limits are kept here, in subclasses of its protocols.

Rules kept here:

1. There are `MOST` connections at most. When one more comes, the one that has been without a whole request for longest
   gives way: who asks properly is among the last to go, so a flood of slow connections keeps nobody out. Where every
   one is at work, the new one is turned away.
2. A request is there, head and body, `REQUEST_S` after its first byte (the first one after the connection was made), or
   the connection is cut. Between two requests it may be idle for uvicorn's keep-alive time.
3. An answer that is not taken for `TAKE_S` is cut off; so is a connection that was closed and has not gone by then.
4. A websocket is closed by uvicorn when it answers no ping. One that does not take what it is told is not listened to.
5. Cutting is `abort`: a close that waits for the other side to read is no defence against one that does not.
"""

import asyncio
from typing import Any, Final, cast

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from perpmaker.dashboard.security.headers import STRICT

MOST: Final = 512
REQUEST_S: Final = 10.0
TAKE_S: Final = 30.0

_WAITS_FOR_CLIENT: Final = frozenset({h11.IDLE, h11.SEND_BODY})
_STRICT: Final = [(name.lower().encode(), value.encode()) for name, value in STRICT.items()]


class Crowd:
    """The connections of one server that have no whole request, the one that waits longest first."""

    def __init__(self) -> None:
        self._waiting: dict[HttpConnection, None] = {}

    def add(self, connection: "HttpConnection") -> None:
        """It waits from now on, or goes on waiting."""
        self._waiting.setdefault(connection)

    def discard(self, connection: "HttpConnection") -> None:
        """It waits no longer."""
        self._waiting.pop(connection, None)

    def cut_oldest(self) -> bool:
        """Cut the one that has waited longest; false where none waits."""
        oldest = next(iter(self._waiting), None)
        if oldest is None:
            return False
        oldest.cut()
        return True


class HttpConnection(H11Protocol):
    """A connection with requests and answers, until it becomes a websocket."""

    def __init__(
        self,
        crowd: Crowd,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._crowd = crowd
        self._asking: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        if len(self.connections) > MOST and not self._crowd.cut_oldest():
            self.cut()
        else:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._has_request()
        self._await_taking(is_on=False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        is_websocket = self.transport.get_protocol() is not self
        if self.conn.their_state in _WAITS_FOR_CLIENT and not is_websocket:
            self._await_request()
        else:
            self._has_request()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_taking(is_on=True)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._await_taking(is_on=self.transport.is_closing())

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._await_taking(is_on=True)
        elif self.conn.their_state in _WAITS_FOR_CLIENT:
            self._crowd.add(self)  # idle; uvicorn's own timer runs

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._await_taking(is_on=True)

    def send_400_response(self, msg: str) -> None:
        head = [*_STRICT, (b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        answer = h11.Response(status_code=400, headers=head, reason=b"Bad Request")
        for event in (answer, h11.Data(data=msg.encode("ascii")), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        self._await_taking(is_on=True)

    def cut(self) -> None:
        """End it now, whatever the other side does."""
        self._has_request()
        self.transport.abort()

    def _await_request(self) -> None:
        self._crowd.add(self)
        if self._asking is None:
            self._asking = self.loop.call_later(REQUEST_S, self.cut)

    def _has_request(self) -> None:
        self._crowd.discard(self)
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def _await_taking(self, *, is_on: bool) -> None:
        if is_on and self._taking is None:
            self._taking = self.loop.call_later(TAKE_S, self.cut)
        elif not is_on and self._taking is not None:
            self._taking.cancel()
            self._taking = None


class WebsocketConnection(WebSocketsSansIOProtocol):
    """A connection that has become a websocket."""

    _ending: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ending is not None:
            self._ending.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.transport.pause_reading()  # every ping that comes would make a pong that waits

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()

    async def run_asgi(self) -> None:
        await super().run_asgi()
        if self in self.connections:
            self._ending = self.loop.call_later(TAKE_S, self.transport.abort)
