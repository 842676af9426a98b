"""One run as the dashboard follows it: a link that is open while anybody looks, and what came over it.

Rules kept here:

1. There is one link to a run, however many pages look at it. It is open while a page does, and `LINGER_S` longer; a
   run that nobody looks at is not asked to show anything.
2. A link that breaks is opened again, after longer and longer waits. A run that does not listen for `GONE_S` is gone.
3. A run is over with its last view; one that is gone, without.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Final, Protocol

from perpmaker.dashboard.run_state import RunState
from perpmaker.monitor.places import LinkError
from perpmaker.monitor.view import Answer, Hello, News
from perpmaker.venues.backoff import Backoff

LINGER_S: Final = 30.0
GONE_S: Final = 15.0
STEADY_S: Final = 5.0
"""A link that has held so long is opened again at once when it breaks."""

ANSWER_S: Final = 10.0


class OpenLink(Protocol):
    """A link that is open; see `perpmaker.monitor.link_client.Link`."""

    def messages(self) -> AsyncIterator[Hello | News]: ...

    async def ask(
        self, action: str, who: str, settings: Mapping[str, str], *, timeout_s: float = ANSWER_S
    ) -> Answer: ...

    async def close(self) -> None: ...


Opening = Callable[[str], Awaitable[OpenLink]]
"""Opens the link of a run by its id, or raises `LinkError`."""


class NotRunningError(Exception):
    """The run does not listen, so nothing was asked of it."""


class NoAnswerError(Exception):
    """The run was asked and has not answered: what became of the wish is not known."""


class RunLink:
    """Follows one run. Made by `perpmaker.dashboard.registry.Links`; all of it belongs to one event loop.

    Attributes:
        state: what the run has told.
        is_ended: nothing more will come.
    """

    def __init__(self, run_id: str, open_link: Opening, random: Random) -> None:
        self.run_id: Final = run_id
        self.state: Final = RunState()
        self.is_ended = False
        self._open_link = open_link
        self._backoff = Backoff(random)
        self._link: OpenLink | None = None
        self._pages = 0
        self._wanted = asyncio.Event()
        self._changed = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._now_s = loop.time
        self._wanted_until_s = 0.0
        self._silent_since_s: float | None = None
        self.want()
        self._task = loop.create_task(self._follow(), name=f"follow-{run_id}")

    @property
    def is_open(self) -> bool:
        """Whether there is a link to it at this moment."""
        return self._link is not None

    def want(self) -> None:
        """Somebody looks: have the link open now, and `LINGER_S` longer."""
        self._wanted_until_s = self._now_s() + LINGER_S
        self._wanted.set()

    @contextmanager
    def page(self) -> Iterator[None]:
        """A page looks as long as this lasts."""
        self._pages += 1
        self.want()
        try:
            yield
        finally:
            self._pages -= 1
            self.want()

    async def changed(self, version: int) -> None:
        """Return when the state is newer than this version, or the run has ended."""
        while self.state.version <= version and not self.is_ended:
            await self._changed.wait()

    async def ask(self, action: str, who: str, settings: Mapping[str, str]) -> Answer:
        """Ask the run for something; see `perpmaker.monitor.view.Ask`.

        Raises:
            NotRunningError: it does not listen; nothing was asked.
            NoAnswerError: it has not answered in `ANSWER_S`, or has ended before it did.
        """
        self.want()
        while self._link is None and not self.is_ended and self._silent_since_s is None:
            await self._changed.wait()
        link = self._link
        if link is None:
            raise NotRunningError
        try:
            return await link.ask(action, who, settings, timeout_s=ANSWER_S)
        except (LinkError, TimeoutError) as error:
            raise NoAnswerError from error

    async def close(self) -> None:
        """Follow it no longer."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._end()

    async def _follow(self) -> None:
        try:
            while not self.is_ended:
                await self._wanted.wait()
                await self._look()
        finally:
            self._end()

    async def _look(self) -> None:
        """Open the link and take up what comes, until nobody looks any more or it breaks."""
        try:
            self._link = await self._open_link(self.run_id)
        except LinkError:
            await self._wait_after_silence()
            return
        opened_s = self._now_s()
        self._silent_since_s = None
        self._tell()
        try:
            async for message in self._link.messages():
                if self.state.take(message):
                    self._tell()
                if self.state.is_over:
                    break
                if not self._pages and self._now_s() >= self._wanted_until_s:
                    self._wanted.clear()
                    break
        except LinkError:
            pass  # it has broken: as if it had ended
        finally:
            link, self._link = self._link, None
            await link.close()
        if self.state.is_over:
            self._end()
        elif self._wanted.is_set():
            if self._now_s() - opened_s >= STEADY_S:
                self._backoff.reset()
            await asyncio.sleep(self._backoff.next_s())

    async def _wait_after_silence(self) -> None:
        if self._silent_since_s is None:
            self._silent_since_s = self._now_s()
        self._tell()
        if self._now_s() - self._silent_since_s >= GONE_S:
            self._end()
        else:
            await asyncio.sleep(self._backoff.next_s())

    def _end(self) -> None:
        self.is_ended = True
        self._tell()

    def _tell(self) -> None:
        """Wake everybody who waits for a change."""
        self._changed.set()
        self._changed = asyncio.Event()
