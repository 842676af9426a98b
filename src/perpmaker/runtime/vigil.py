"""Looks after a public stream that nobody trades on: silence is looked into, and a dead stream is opened anew.

Rules kept here:

1. After ``silence_ns`` without a message the book is looked up. A quiet market answers that with a sign of life.
2. Where there is no answer, or none that counts as life, the stream is opened anew; so it goes on, once every
   ``silence_ns``, until there is life again.
"""

import asyncio
from collections.abc import Sequence

from perpmaker.venues.alarm import Alarm
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import VenueError
from perpmaker.venues.port import MarketEvent, MarketSource, Row


class Vigil:
    """A `perpmaker.venues.port.MarketListener` that hears only whether there is life.

    Args:
        source: whose stream it is; this listener must be among those that it tells.
        clock: our clock.
        silence_ns: how long nothing may be heard.
    """

    def __init__(self, source: MarketSource, clock: Clock, silence_ns: int) -> None:
        self._source = source
        self._clock = clock
        self._silence_ns = silence_ns
        self._heard_ns = clock.now_ns()
        self._alarm = Alarm(clock, self._look)
        self._looking: asyncio.Task[None] | None = None
        self.restarts = 0
        """How often the stream had to be opened anew."""

    def on_market(self, _event: MarketEvent | None, _rows: Sequence[Row], received_ns: int, _venue_ns: int) -> None:
        self._heard_ns = received_ns
        if not self._alarm.is_set:
            self._alarm.set(received_ns + self._silence_ns)

    async def close(self) -> None:
        self._alarm.set(None)
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def _look(self) -> None:
        """The time is over that was set at some message; later ones put it off."""
        due_ns = self._heard_ns + self._silence_ns
        if self._clock.now_ns() < due_ns:
            self._alarm.set(due_ns)
        elif self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._revive(), name="vigil")

    async def _revive(self) -> None:
        before_ns = self._heard_ns
        try:
            async with asyncio.timeout(self._silence_ns / 1e9):
                await self._source.resnapshot()
        except (VenueError, TimeoutError):
            pass
        if self._heard_ns == before_ns:
            self.restarts += 1
            await self._source.restart()
        self._alarm.set(self._clock.now_ns() + self._silence_ns)
