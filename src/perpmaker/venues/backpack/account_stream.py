"""The private stream: orders and position of one account on one market of Backpack.

Rules kept here:

1. It counts as open when the exchange has answered behind the signed subscription, see
   `perpmaker.venues.backpack.stream`; every later loss and return is told.
2. A message that cannot be read, or that our books cannot hold, breaks the connection: what it said must be asked for.
3. A signature that was too late or too early is made anew after the clock was measured.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from perpmaker.venues.backoff import Backoff
from perpmaker.venues.backpack import wire
from perpmaker.venues.backpack.errors import EXPIRED
from perpmaker.venues.backpack.own_news import OwnNews
from perpmaker.venues.backpack.signing import Signer
from perpmaker.venues.backpack.stream import Stream
from perpmaker.venues.errors import VenueError
from perpmaker.venues.guarded import GuardedAccount
from perpmaker.venues.opening import Opening
from perpmaker.venues.port import AccountListener

_ORDER_UPDATE: Final = wire.reader(wire.OrderUpdate)
_POSITION_UPDATE: Final = wire.reader(wire.PositionUpdate)


class AccountStream:
    """Tells a listener what the exchange tells of its account.

    Args:
        symbol: the market.
        news: reads the messages.
        signer: signs the subscription.
        listener: who is told.
        measure: measures the exchange's clock.
        url: websocket address.
        backoff: waits between attempts.
    """

    def __init__(
        self,
        symbol: str,
        news: OwnNews,
        signer: Signer,
        listener: AccountListener,
        measure: Callable[[], Awaitable[None]],
        url: str,
        backoff: Backoff,
    ) -> None:
        self._news = news
        self._signer = signer
        self._listener = GuardedAccount(listener)
        self._measure = measure
        self._opening = Opening("the private stream of Backpack")
        self._measuring: asyncio.Task[None] | None = None
        self._orders = f"account.orderUpdate.{symbol}"
        self._position = f"account.positionUpdate.{symbol}"
        self.last_error: VenueError | None = None
        self._stream = Stream(
            url,
            self._subscription,
            self._on_message,
            on_up=self._on_up,
            on_down=lambda: self._listener.on_account_stream(is_up=False),
            on_failed=self._on_failed,
            backoff=backoff,
        )

    async def open(self) -> None:
        """Returns when it is open. Raises `VenueError` when it cannot be opened."""
        self._stream.start()
        await self._opening.wait()

    def restart(self) -> None:
        self._stream.restart()

    async def close(self) -> None:
        if self._measuring is not None:
            self._measuring.cancel()
        await self._stream.close()

    def _subscription(self) -> bytes:
        request = {
            "method": "SUBSCRIBE",
            "params": [self._orders, self._position],
            "signature": self._signer.subscription(),
        }
        return msgspec.json.encode(request)

    def _on_message(self, stream: str, data: msgspec.Raw) -> None:
        if stream == self._orders:
            self._news.tell_order(_ORDER_UPDATE.decode(data), self._listener)
        elif stream == self._position:
            self._news.tell_position(_POSITION_UPDATE.decode(data), self._listener)
        else:
            raise ValueError(f"a stream {stream!r} that nobody asked for")

    def _on_up(self) -> None:
        if self._opening.is_done:
            self._listener.on_account_stream(is_up=True)
        self._opening.succeeded()

    def _on_failed(self, error: VenueError) -> None:
        self.last_error = error
        if error.code == EXPIRED and (self._measuring is None or self._measuring.done()):
            self._measuring = asyncio.create_task(self._measured(), name="clock of Backpack")
        self._opening.failed(error)

    async def _measured(self) -> None:
        await self._measure()
