"""One websocket to Backpack that is kept open: subscribe, hear, and come back when it breaks.

Rules kept here:

1. It is up once the server has answered a ping behind the subscription, and another behind that answer: an error in
   answer to the subscription would have come by then, and ends the attempt. Everything from then on is heard.
2. It is down when the server closes it, when a frame cannot be read, when nothing at all was heard for `SILENCE_S`
   (we ask for a sign of life before that), and when `restart` is called. Being down is told at once, and once.
3. The next attempt waits as `perpmaker.venues.backoff` says; the wait is short again after a connection that was up.
4. A ping is answered with its pong, so that the server keeps the connection.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Literal

import aiohttp
import msgspec
from yarl import URL

from perpmaker.venues.backoff import Backoff
from perpmaker.venues.backpack.errors import told_stream_error, unreadable
from perpmaker.venues.backpack.wire import Envelope, reader
from perpmaker.venues.errors import VenueError
from perpmaker.venues.network_errors import is_network_error, network_error

WS_URL: Final = "wss://ws.backpack.exchange"

SILENCE_S: Final = 15.0
CONNECT_S: Final = 10.0

_ENVELOPE: Final = reader(Envelope)
_SENT: Final = b"sent"
_SETTLED: Final = b"settled"


class Stream:
    """A connection that is always there, or on its way back.

    Args:
        url: the websocket's address.
        subscription: makes the text of the subscription, anew for every connection (a signature ages).
        on_message: called with the name of a stream and its payload; may raise `msgspec.DecodeError`, `ValueError`,
            `ArithmeticError` or `VenueError`, which end the connection.
        on_up: the subscription stands.
        on_down: it does not stand any more.
        on_failed: an attempt has failed; the next one follows.
        backoff: the waits between attempts.
    """

    def __init__(
        self,
        url: str,
        subscription: Callable[[], bytes],
        on_message: Callable[[str, msgspec.Raw], None],
        on_up: Callable[[], None],
        on_down: Callable[[], None],
        on_failed: Callable[[VenueError], None],
        backoff: Backoff,
    ) -> None:
        self._url = url
        self._subscription = subscription
        self._on_message = on_message
        self._on_up = on_up
        self._on_down = on_down
        self._on_failed = on_failed
        self._backoff = backoff
        self._host = URL(url).host or url
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()  # their connections are being closed
        self.is_up = False

    def start(self) -> None:
        """Begin to connect, in the running loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"stream {self._url}")

    def restart(self) -> None:
        """Drop the connection and make another, at once."""
        self._set_down()
        if self._end() is not None:
            self.start()

    async def close(self) -> None:
        """End it; nothing is told any more."""
        self.is_up = False
        self._end()
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _end(self) -> "asyncio.Task[None] | None":
        """Cancel the running task, if there is one; it closes its connection on its own."""
        task, self._task = self._task, None
        if task is not None:
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            task.cancel()
        return task

    async def _run(self) -> None:
        while True:
            try:
                await self._connection()
            except VenueError as error:
                self._failed(error)
            except Exception as error:
                self._set_down()
                if not is_network_error(error):
                    raise
                self._failed(network_error(self._host, error, is_change=False))
            self._set_down()
            await asyncio.sleep(self._backoff.next_s())

    def _failed(self, error: VenueError) -> None:
        self._set_down()
        self._on_failed(error)

    async def _connection(self) -> None:
        async with aiohttp.ClientSession() as session:
            timeout = aiohttp.ClientWSTimeout(ws_close=1.0)
            async with asyncio.timeout(CONNECT_S):
                socket = await session.ws_connect(
                    self._url, timeout=timeout, autoping=False, decode_text=False, heartbeat=SILENCE_S * 2 / 3
                )
            try:
                await socket.send_frame(self._subscription(), aiohttp.WSMsgType.TEXT)
                await socket.ping(_SENT)
                await self._hear(socket)
            finally:
                await socket.close()

    async def _hear(self, socket: "aiohttp.ClientWebSocketResponse[Literal[False]]") -> None:
        while True:
            message = await socket.receive()
            kind = message.type
            if kind is aiohttp.WSMsgType.TEXT:
                self._read(message.data)
            elif kind is aiohttp.WSMsgType.PING:
                await socket.pong(message.data)
            elif kind is aiohttp.WSMsgType.PONG:
                if message.data == _SENT:
                    await socket.ping(_SETTLED)
                elif message.data == _SETTLED:
                    self._set_up()
            elif kind is aiohttp.WSMsgType.ERROR:
                raise network_error(self._host, message.data, is_change=False)
            else:
                return

    def _read(self, frame: bytes) -> None:
        try:
            envelope: Envelope = _ENVELOPE.decode(frame)
            if envelope.error is not None:
                raise told_stream_error(envelope.error.code, envelope.error.message)
            if envelope.stream:
                self._on_message(envelope.stream, envelope.data)
        except (msgspec.DecodeError, ArithmeticError, ValueError) as error:
            raise unreadable("a stream message", error, is_change=False) from error

    def _set_up(self) -> None:
        if not self.is_up:
            self.is_up = True
            self._backoff.reset()
            self._on_up()

    def _set_down(self) -> None:
        if self.is_up:
            self.is_up = False
            self._on_down()
