"""One websocket connection: what it has asked for, and what is on its way to it.

Rules kept here:

1. Frames go out in the order in which they were given, one writer per connection.
2. What waits is bounded: a client that is `MOST_WAITING` frames behind is cut off, so that it cannot fill our memory.
3. A ping goes out every `PING_S`. One that is not answered within `PONG_S` brings a close frame.
4. On shutdown a close frame goes first; the connection lives on for a grace period, or until the client closes it.
"""

import asyncio
import struct
from collections import deque
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from perpmaker.testnet.stream_names import Stream

PING_S: Final = 60.0
PONG_S: Final = 120.0
GRACE_S: Final = 30.0
MOST_WAITING: Final = 20_000
REMEMBERED: Final = 64

_Control = tuple[int, str]  # a close code and its reason


class Subscriber:
    """A client at the other end of a websocket.

    Args:
        socket: prepared, with its own answering of pings off.
        transport: what it runs over, to be cut.
    """

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self.streams: Final[dict[str, Stream]] = {}
        self.accounts: Final[dict[str, str]] = {}
        """Names of private streams that it has, and the account that each is of."""
        self.is_stale = False
        """Open, and nothing is sent any more: a fault."""
        self.recent: Final[deque[bytes]] = deque(maxlen=REMEMBERED)
        """The last frames that were sent, for a fault that sends them again."""
        self.ended: Final = asyncio.Event()
        self._socket = socket
        self._transport = transport
        self._waiting: deque[bytes | _Control | None] = deque()  # None: a ping
        self._wake = asyncio.Event()
        self._grace_timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._ping_timer = self._loop.call_later(PING_S, self._ping)
        self._pong_timer: asyncio.TimerHandle | None = None
        self._writer = self._loop.create_task(self._write(), name="testnet websocket writer")

    def send(self, frame: bytes) -> None:
        """Put a text frame behind what waits already."""
        if self.is_stale:
            return
        self.recent.append(frame)
        self._put(frame)

    def close(self, code: WSCloseCode, reason: str) -> None:
        """Send a close frame behind what waits, then give the client its grace."""
        if self._grace_timer is None:
            self._grace_timer = self._loop.call_later(GRACE_S, self.cut)
            self._put((code, reason))

    def cut(self) -> None:
        """Cut the connection, at once and without a word."""
        if self._transport is not None:
            self._transport.abort()

    async def read(self) -> str | bytes | None:
        """The next text or binary frame of the client; None when the connection has ended."""
        async for message in self._socket:
            if message.type is WSMsgType.PONG:
                self._answered()
            elif message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                text: str | bytes = message.data
                return text
            else:
                return None
        return None

    async def end(self) -> None:
        """Nothing more will be read: leave no timer and no task behind."""
        self._ping_timer.cancel()
        self._answered()
        if self._grace_timer is not None:
            self._grace_timer.cancel()
        self._writer.cancel()
        await asyncio.wait([self._writer])
        self.ended.set()

    def _put(self, item: "bytes | _Control | None") -> None:
        if len(self._waiting) >= MOST_WAITING:
            self.cut()
            return
        self._waiting.append(item)
        self._wake.set()

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    item = self._waiting.popleft()
                    if isinstance(item, bytes):
                        await self._socket.send_frame(item, WSMsgType.TEXT)
                    elif item is None:
                        await self._socket.ping()
                    else:
                        # Not the socket's own close, which would not wait for a client that is being read from.
                        await self._socket.send_frame(struct.pack("!H", item[0]) + item[1].encode(), WSMsgType.CLOSE)
                        return
        except ConnectionError:
            return  # the reader finds out by itself

    def _ping(self) -> None:
        self._ping_timer = self._loop.call_later(PING_S, self._ping)
        if self._pong_timer is None:
            self._pong_timer = self._loop.call_later(PONG_S, self.close, WSCloseCode.POLICY_VIOLATION, "pong timeout")
        self._put(None)

    def _answered(self) -> None:
        if self._pong_timer is not None:
            self._pong_timer.cancel()
            self._pong_timer = None
