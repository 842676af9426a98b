"""One websocket to Backpack that is kept open: ask for streams, hear, and come back when it breaks.

Rules kept here:

1. Questions (subscriptions) go out one after another. One is answered once the server has answered a ping behind it,
   and another behind that answer: an error in answer to it would have come by then, and so is known to be its own.
   Everything from then on is heard. The connection is up with the first answer.
2. It is down when the server closes it, when a frame cannot be read, when nothing at all was heard for `SILENCE_S`
   (we ask for a sign of life before that), and when `restart` is called. Being down is told at once, and once.
3. The next attempt waits as `perpmaker.venues.backoff` says; the wait is short again after a connection that was up.
4. A ping is answered with its pong, so that the server keeps the connection.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

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

_Socket = aiohttp.ClientWebSocketResponse[Literal[False]]


class Question(NamedTuple):
    """A frame that is answered or refused.

    ``text`` makes it when it goes out (a signature ages). ``refused`` may raise the error, which ends the connection.
    """

    text: Callable[[], bytes]
    answered: Callable[[], None]
    refused: Callable[[VenueError], None]


class Stream:
    """A connection that is always there, or on its way back.

    Args:
        url: the websocket's address.
        on_open: there is a new connection: what is wanted on it must be asked for.
        on_message: called with the name of a stream and its payload; may raise `msgspec.DecodeError`, `ValueError`,
            `ArithmeticError` or `VenueError`, which end the connection.
        on_down: it does not stand any more.
        on_failed: an attempt has failed; the next one follows.
        backoff: the waits between attempts.
    """

    def __init__(
        self,
        url: str,
        on_open: Callable[[], None],
        on_message: Callable[[str, msgspec.Raw], None],
        on_down: Callable[[], None],
        on_failed: Callable[[VenueError], None],
        backoff: Backoff,
    ) -> None:
        self._url = url
        self._on_open = on_open
        self._on_message = on_message
        self._on_down = on_down
        self._on_failed = on_failed
        self._backoff = backoff
        self._host = URL(url).host or url
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()  # their connections are being closed
        self._socket: _Socket | None = None
        self._questions: deque[Question] = deque()  # the first of them is being asked
        self._asked = 0  # how many have been, on all connections
        self._sending: set[asyncio.Task[None]] = set()
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

    def ask(self, question: Question) -> None:
        """Ask behind what is being asked; it is forgotten when the connection ends, and at once where there is none."""
        if self._socket is None:
            return
        self._questions.append(question)
        if len(self._questions) == 1:
            self._ask_first()

    def say(self, text: bytes) -> None:
        """Send a frame that needs no answer, if there is a connection."""
        if self._socket is not None:
            self._send(self._socket, text, None)

    def _end(self) -> "asyncio.Task[None] | None":
        """Cancel the running task, if there is one; it closes its connection on its own."""
        task, self._task = self._task, None
        self._forget_connection()
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
            self._socket = socket
            try:
                self._on_open()
                await self._hear(socket)
            finally:
                if self._socket is socket:
                    self._forget_connection()
                await socket.close()

    def _forget_connection(self) -> None:
        self._socket = None
        self._questions.clear()
        for task in self._sending:
            task.cancel()

    async def _hear(self, socket: _Socket) -> None:
        while True:
            message = await socket.receive()
            kind = message.type
            if kind is aiohttp.WSMsgType.TEXT:
                self._read(message.data)
            elif kind is aiohttp.WSMsgType.PING:
                await socket.pong(message.data)
            elif kind is aiohttp.WSMsgType.PONG:
                await self._on_pong(socket, message.data)
            elif kind is aiohttp.WSMsgType.ERROR:
                raise network_error(self._host, message.data, is_change=False)
            else:
                return

    def _read(self, frame: bytes) -> None:
        try:
            envelope: Envelope = _ENVELOPE.decode(frame)
            if envelope.error is not None:
                self._refused(told_stream_error(envelope.error.code, envelope.error.message))
            elif envelope.stream:
                self._on_message(envelope.stream, envelope.data)
        except (msgspec.DecodeError, ArithmeticError, ValueError) as error:
            raise unreadable("a stream message", error, is_change=False) from error

    # --- questions ---

    def _ask_first(self) -> None:
        assert self._socket is not None, "a question without a connection"
        self._asked += 1
        self._send(self._socket, self._questions[0].text(), self._ping_sent)

    @property
    def _ping_sent(self) -> bytes:
        return b"%d sent" % self._asked

    @property
    def _ping_settled(self) -> bytes:
        return b"%d settled" % self._asked

    async def _on_pong(self, socket: _Socket, payload: bytes) -> None:
        if not self._questions:
            return
        if payload == self._ping_sent:
            await socket.ping(self._ping_settled)
        elif payload == self._ping_settled:
            self._set_up()
            self._next_question().answered()

    def _refused(self, error: VenueError) -> None:
        if not self._questions:
            raise error
        self._next_question().refused(error)

    def _next_question(self) -> Question:
        """The one that was being asked; the next one goes out."""
        done = self._questions.popleft()
        if self._questions:
            self._ask_first()
        return done

    def _send(self, socket: _Socket, text: bytes, ping: bytes | None) -> None:
        async def send() -> None:
            try:
                await socket.send_frame(text, aiohttp.WSMsgType.TEXT)
                if ping is not None:
                    await socket.ping(ping)
            except Exception as error:
                if not is_network_error(error):
                    raise  # otherwise the end of the connection is heard where it is read

        task = asyncio.create_task(send(), name=f"question to {self._url}")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def _set_up(self) -> None:
        if not self.is_up:
            self.is_up = True
            self._backoff.reset()

    def _set_down(self) -> None:
        if self.is_up:
            self.is_up = False
            self._on_down()
