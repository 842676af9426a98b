"""The viewer's end of a link: what a run shows of itself, and what may be asked of it.

Rules kept here:

1. The link is read all the time, so that an answer is never behind news that nobody took; what is not taken is bounded
   (`perpmaker.monitor.outbox`).
2. A link that has ended stays ended: who wants more opens another one.
3. No answer is not "no": after `TimeoutError` it is not known what became of the wish.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final

import msgspec

from perpmaker.monitor.outbox import Outbox
from perpmaker.monitor.places import LinkError, link_path
from perpmaker.monitor.view import Answer, Ask, Hello, News, ToViewer

__all__ = ["Link", "LinkError"]

MOST_LINE_BYTES: Final = 16 * 1024 * 1024
"""Of one message of a run; a `Hello` with all that is kept has less than a tenth of it."""

_DECODER: Final = msgspec.json.Decoder(ToViewer)


class Link:
    """An open link; made by `open`. All of it belongs to one event loop."""

    def __init__(self, run_id: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._run_id = run_id
        self._reader = reader
        self._writer = writer
        self._inbox = Outbox()
        self._asked: dict[str, asyncio.Future[Answer]] = {}
        self._count = 0
        self._broke: LinkError | None = None
        self._reading = asyncio.get_running_loop().create_task(self._read(), name=f"link-{run_id}")

    @classmethod
    async def open(cls, run_id: str) -> "Link":
        """Connect to a run of this user on this machine.

        Raises:
            LinkError: nobody listens there: the run is over, was never, or shows nothing of itself.
        """
        path = link_path(run_id)
        try:
            reader, writer = await asyncio.open_unix_connection(path, limit=MOST_LINE_BYTES)
        except OSError as error:
            raise LinkError(f"run {run_id} does not listen: it is over, or runs on another machine") from error
        return cls(run_id, reader, writer)

    async def messages(self) -> AsyncIterator[Hello | News]:
        """Everything that is told, a `Hello` first; ends when the run closes the link. For one taker.

        Raises:
            LinkError: what came was no message, or they were not taken for too long.
        """
        while True:
            message = await self._inbox.take()
            if message is None:
                break
            if not isinstance(message, Answer):
                yield message
        if self._broke is not None:
            raise self._broke

    async def ask(self, action: str, who: str, settings: Mapping[str, str], *, timeout_s: float = 10.0) -> Answer:
        """Ask for something, and wait for what becomes of it.

        Args:
            action: see `perpmaker.monitor.view.Ask`.
            who: wants it, for the journal.
            settings: flags by name with underscores, as they would be typed.
            timeout_s: how long to wait for the answer, seconds.

        Raises:
            LinkError: the link has ended; where that was while waiting, the outcome is not known.
            TimeoutError: no answer in time; the outcome is not known.
        """
        self._count += 1
        ask = Ask(ask_id=str(self._count), action=action, who=who, settings=dict(settings))
        if self._reading.done():
            raise LinkError(f"the link to run {self._run_id} has ended: {action} was not asked for")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked[ask.ask_id] = answer
        try:
            async with asyncio.timeout(timeout_s):
                self._writer.write(msgspec.json.encode(ask) + b"\n")
                return await answer
        finally:
            del self._asked[ask.ask_id]

    async def close(self) -> None:
        """End it; the run goes on."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._end()  # where it was cancelled before it had begun

    async def _read(self) -> None:
        try:
            while (line := await self._reader.readline()).endswith(b"\n") and not self._inbox.is_lost:
                self._take(_DECODER.decode(line))
            if self._inbox.is_lost:
                self._broke = LinkError(f"news of run {self._run_id} were not taken for too long")
        except OSError:
            pass  # the run is gone: as if it had closed the link
        except (msgspec.MsgspecError, ValueError) as error:
            self._broke = LinkError(f"run {self._run_id} sent what is no message: is it of another version? {error}")
        finally:
            self._end()

    def _take(self, message: Hello | News | Answer) -> None:
        if not isinstance(message, Answer):
            self._inbox.put(message)
            return
        waiting = self._asked.get(message.ask_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    def _end(self) -> None:
        self._inbox.close()
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_exception(LinkError(f"the link to run {self._run_id} ended before its answer came"))
        self._writer.close()
