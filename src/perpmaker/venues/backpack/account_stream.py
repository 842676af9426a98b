"""The private stream: orders and position of one account on one market of Backpack.

Rules kept here:

1. It counts as open when the exchange has answered behind the signed subscription, see
   `perpmaker.venues.backpack.stream`; every later loss and return is told. Markets of one account share its connection.
2. A message that cannot be read, or that our books cannot hold, counts as a loss: what it said must be asked for.
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
from perpmaker.venues.backpack.shared_stream import SharedStream, Subscription
from perpmaker.venues.backpack.signing import Signer
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
        stream: the account's connection.
        backoff: waits between attempts.
    """

    def __init__(
        self,
        symbol: str,
        news: OwnNews,
        signer: Signer,
        listener: AccountListener,
        measure: Callable[[], Awaitable[None]],
        stream: SharedStream,
        backoff: Backoff,
    ) -> None:
        self._news = news
        self._listener = GuardedAccount(listener)
        self._measure = measure
        self._opening = Opening("the private stream of Backpack")
        self._measuring: asyncio.Task[None] | None = None
        self._orders = f"account.orderUpdate.{symbol}"
        self._position = f"account.positionUpdate.{symbol}"
        self.last_error: VenueError | None = None
        self._stream = stream
        self._subscription = Subscription(
            names=(self._orders, self._position),
            on_message=self._on_message,
            on_up=self._on_up,
            on_down=lambda: self._listener.on_account_stream(is_up=False),
            on_failed=self._on_failed,
            backoff=backoff,
            signature=signer.subscription,
        )

    async def open(self) -> None:
        """Returns when it is open. Raises `VenueError` when it cannot be opened."""
        self._stream.join(self._subscription)
        await self._opening.wait()

    def restart(self, *, alone: bool) -> None:
        """See `perpmaker.venues.backpack.shared_stream.SharedStream.restart`."""
        self._stream.restart(self._subscription, alone=alone)

    async def close(self) -> None:
        if self._measuring is not None:
            self._measuring.cancel()
        await self._stream.leave(self._subscription)

    def _on_message(self, stream: str, data: msgspec.Raw) -> None:
        if stream == self._orders:
            self._news.tell_order(_ORDER_UPDATE.decode(data), self._listener)
        else:
            self._news.tell_position(_POSITION_UPDATE.decode(data), self._listener)

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
