"""One websocket to Backpack for several markets: each hears its own streams, and is told of gaps that are its own.

Rules kept here:

1. The connection is made for the first subscription that joins, and closed with the last that leaves. One that joins
   later is asked for on the connection that is there, and nobody else notices.
2. When the connection breaks, everybody is told, and on the next one all are asked for anew.
3. What is wrong with one subscription (it is refused, a message of it cannot be read or booked) is told to that one
   alone: it counts as down, and is asked for anew after a wait. Where it is the only one, the connection ends.
4. Who listens and fails loses its streams; the others go on. The error goes to the loop's handler.
5. A doubt about a subscription that others do not share is answered by asking for it anew (``restart``, alone); a doubt
   about the connection, by making another.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

import msgspec

from perpmaker.venues.backoff import Backoff
from perpmaker.venues.backpack.errors import unreadable
from perpmaker.venues.backpack.stream import Question, Stream
from perpmaker.venues.errors import VenueError
from perpmaker.venues.guarded import ListenerFailedError

VOUCH_S: Final = 3.0
"""A subscription that was heard so lately proves that the connection speaks."""


@dataclass(eq=False, kw_only=True)
class Subscription:
    """Streams of one market, and who hears them.

    Args:
        names: of the streams.
        on_message: called with the name of a stream and its payload; may raise `msgspec.DecodeError`, `ValueError`,
            `ArithmeticError` or `VenueError` where it cannot be read or booked.
        on_up: the streams stand.
        on_down: they do not stand any more.
        on_failed: an attempt has failed; the next one follows.
        backoff: waits before it is asked for anew.
        signature: signs it, if it is private.
    """

    names: Sequence[str]
    on_message: Callable[[str, msgspec.Raw], None]
    on_up: Callable[[], None]
    on_down: Callable[[], None]
    on_failed: Callable[[VenueError], None]
    backoff: Backoff
    signature: Callable[[], list[str]] | None = None
    is_up: bool = field(default=False, init=False)
    heard_s: float = field(default=float("-inf"), init=False)
    retry: asyncio.TimerHandle | None = field(default=None, init=False)

    def frame(self) -> bytes:
        """What asks for the streams."""
        asked: dict[str, object] = {"method": "SUBSCRIBE", "params": list(self.names)}
        if self.signature is not None:
            asked["signature"] = self.signature()
        return msgspec.json.encode(asked)


class SharedStream:
    """A connection for as long as anybody wants to hear something on it.

    Args:
        url: the websocket's address.
        random: for the waits between attempts to connect.
    """

    def __init__(self, url: str, random: Random) -> None:
        self._url = url
        self._random = random
        self._stream: Stream | None = None
        self._members: dict[Subscription, None] = {}
        self._hears: dict[str, Subscription] = {}
        self._left: set[str] = set()  # names that may still be on their way, and that nobody wants any more

    def join(self, subscription: Subscription) -> None:
        """Hear its streams from now on, and again after every interruption, until it leaves."""
        assert not self._hears.keys() & set(subscription.names), "two who want to hear the same stream"
        self._members[subscription] = None
        if self._stream is None:
            self._stream = Stream(
                self._url, self._on_open, self._on_message, self._on_down, self._on_failed, Backoff(self._random)
            )
            self._stream.start()
        else:
            self._ask(subscription)

    async def leave(self, subscription: Subscription) -> None:
        """The end of `join`; nothing is told any more. Whoever has left may leave again."""
        if subscription in self._members:
            self._remove(subscription)
        if not self._members and self._stream is not None:
            stream, self._stream = self._stream, None
            await stream.close()

    def speaks_to_others(self, subscription: Subscription) -> bool:
        """Whether anybody else was heard lately: then the connection is not to blame for a silence."""
        since_s = asyncio.get_running_loop().time() - VOUCH_S
        return any(member.heard_s >= since_s for member in self._members if member is not subscription)

    def restart(self, subscription: Subscription, *, alone: bool) -> None:
        """Hear its streams anew; alone, or with a new connection for all. What is lost and back is told as always."""
        if self._stream is None or subscription not in self._members:
            return
        if not alone:
            self._stream.restart()
        elif subscription.is_up:  # otherwise it is being asked for already
            self._silence(subscription)
            self._set_down(subscription)
            self._ask(subscription)

    # --- one of them ---

    def _ask(self, subscription: Subscription) -> None:
        assert self._stream is not None
        for name in subscription.names:
            self._hears[name] = subscription

        def answered() -> None:
            if subscription in self._members:
                subscription.is_up = True
                subscription.backoff.reset()
                self._tell(subscription, subscription.on_up)

        def refused(error: VenueError) -> None:
            if subscription in self._members:
                self._forget(subscription)
                self._went_wrong(subscription, error)

        self._stream.ask(Question(subscription.frame, answered, refused))

    def _went_wrong(self, subscription: Subscription, error: VenueError) -> None:
        """Rule 3."""
        if len(self._members) == 1:
            raise error
        self._silence(subscription)
        self._set_down(subscription)
        self._tell(subscription, lambda: subscription.on_failed(error))
        loop = asyncio.get_running_loop()
        subscription.retry = loop.call_later(subscription.backoff.next_s(), self._ask_again, subscription)

    def _ask_again(self, subscription: Subscription) -> None:
        subscription.retry = None
        if subscription in self._members:
            self._ask(subscription)

    def _set_down(self, subscription: Subscription) -> None:
        if subscription.is_up:
            subscription.is_up = False
            self._tell(subscription, subscription.on_down)

    def _silence(self, subscription: Subscription) -> None:
        """Its messages mean nothing until it is asked for anew."""
        _stop_waiting(subscription)
        if self._forget(subscription) and self._stream is not None:
            self._stream.say(msgspec.json.encode({"method": "UNSUBSCRIBE", "params": list(subscription.names)}))

    def _forget(self, subscription: Subscription) -> bool:
        """Nobody hears its streams; returns whether somebody did."""
        self._left.update(subscription.names)
        heard = [self._hears.pop(name, None) for name in subscription.names]
        return subscription in heard

    def _remove(self, subscription: Subscription) -> None:
        del self._members[subscription]
        subscription.is_up = False
        self._silence(subscription)

    def _tell(self, subscription: Subscription, tell: Callable[[], None]) -> None:
        try:
            tell()
        except ListenerFailedError as error:
            self._listener_failed(subscription, error)

    def _listener_failed(self, subscription: Subscription, error: ListenerFailedError) -> None:
        """Rule 4; where it is the only one, nothing goes on."""
        if subscription not in self._members or len(self._members) == 1:
            raise error
        self._remove(subscription)
        said = {"message": f"the streams of {', '.join(subscription.names)} have ended", "exception": error}
        asyncio.get_running_loop().call_exception_handler(said)

    # --- the connection ---

    def _on_open(self) -> None:
        self._hears.clear()
        self._left.clear()
        for subscription in self._members:
            _stop_waiting(subscription)
            self._ask(subscription)

    def _on_message(self, name: str, data: msgspec.Raw) -> None:
        subscription = self._hears.get(name)
        if subscription is None:
            if name in self._left:
                return
            raise ValueError(f"a stream {name!r} that nobody asked for")
        subscription.heard_s = asyncio.get_running_loop().time()
        try:
            subscription.on_message(name, data)
        except ListenerFailedError as error:
            self._listener_failed(subscription, error)
        except VenueError as error:
            self._went_wrong(subscription, error)
        except (msgspec.DecodeError, ArithmeticError, ValueError) as error:
            self._went_wrong(subscription, unreadable("a stream message", error, is_change=False))

    def _on_down(self) -> None:
        for subscription in list(self._members):
            self._set_down(subscription)

    def _on_failed(self, error: VenueError) -> None:
        for subscription in list(self._members):
            self._tell(subscription, lambda told=subscription: told.on_failed(error))  # type: ignore[misc]


def _stop_waiting(subscription: Subscription) -> None:
    if subscription.retry is not None:
        subscription.retry.cancel()
        subscription.retry = None
