"""The run's end of its link: tells whoever connects what there is, and hands on what they ask for.

Rules kept here:

1. Nobody is waited for. A viewer that does not read gets one message of news for all that he missed, and is dropped
   when that grows too large (`perpmaker.monitor.outbox`); at the end all together are given `LAST_WORDS_S`.
2. News are made every `PERIOD_S` while somebody listens, and not at all while nobody does.
3. A wish that was begun is finished, also when the viewer who had it leaves. One viewer has `MOST_WISHES` at a time; a
   line that is no wish, or too long, ends the connection.
4. The link is only this user's: a socket of mode 0600 in a folder of mode 0700. What a dead run left is replaced.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

from perpmaker.domain.errors import UserError
from perpmaker.monitor.outbox import Outbox
from perpmaker.monitor.places import LinkError, link_path, remove_dead
from perpmaker.monitor.view import Answer, Ask, Hello, News
from perpmaker.venues.redaction import redact

PERIOD_S: Final = 0.25
LAST_WORDS_S: Final = 0.8
MOST_VIEWERS: Final = 32
MOST_WISHES: Final = 4
MOST_LINE_BYTES: Final = 64 * 1024

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Ask)


class LinkServer:
    """Serves one run, in its event loop.

    Args:
        run_id: whose link it is.
        hello: everything that is kept.
        news: what is new since it was last called.
        ask: carries out a wish.
        failed: told what broke in any of these; the run goes on.
    """

    def __init__(
        self,
        run_id: str,
        hello: Callable[[], Hello],
        news: Callable[[], News],
        ask: Callable[[Ask], Awaitable[Answer]],
        failed: Callable[[Exception], None],
    ) -> None:
        self._run_id = run_id
        self._hello = hello
        self._news = news
        self._ask = ask
        self._failed = failed
        self._path: Path | None = None
        self._server: asyncio.Server | None = None
        self._publishing: asyncio.Task[None] | None = None
        self._sending: dict[Outbox, asyncio.Task[None]] = {}
        self._wishes: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin to listen.

        Raises:
            LinkError: there is no place for a link.
        """
        path = link_path(self._run_id)
        try:
            self._server = await asyncio.start_unix_server(self._attend, path, limit=MOST_LINE_BYTES)
            path.chmod(0o600)
        except OSError as error:
            raise LinkError(f"the link {path} cannot be opened: {error.strerror or error}") from error
        self._path = path
        remove_dead(path)

    async def close(self) -> None:
        """Tell the last news, and end every connection; takes no longer than `LAST_WORDS_S`."""
        if self._server is None:
            return
        self._server.close()
        self._forget_path()
        if self._publishing is not None:
            self._publishing.cancel()
        await _end_of(self._wishes, LAST_WORDS_S / 2)
        self._publish()
        for outbox in self._sending:
            outbox.close()
        await _end_of(self._sending.values(), LAST_WORDS_S / 2)
        self.abandon()

    def abandon(self) -> None:
        """End it at once, without a word."""
        if self._server is not None:
            self._server.close()
        self._forget_path()
        for task in (*self._wishes, *self._sending.values(), self._publishing):
            if task is not None:
                task.cancel()

    def _forget_path(self) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None

    # --- telling ---

    async def _keep_publishing(self) -> None:
        await asyncio.sleep(PERIOD_S)
        while self._sending:
            self._publish()
            await asyncio.sleep(PERIOD_S)
        self._publishing = None

    def _publish(self) -> None:
        if not self._sending:
            return
        try:
            news = self._news()
        except Exception as error:  # noqa: BLE001 - whoever looks on must not be able to break a run
            self._failed(error)
            return
        for outbox, sending in self._sending.items():
            outbox.put(news)
            if outbox.is_lost:
                sending.cancel()  # it may be waiting for him to read

    async def _send(self, outbox: Outbox, writer: asyncio.StreamWriter) -> None:
        """Until nothing will come any more, or the viewer is lost."""
        try:
            while (message := await outbox.take()) is not None:
                writer.write(_ENCODER.encode(message) + b"\n")
                await writer.drain()
            if not outbox.is_lost:
                writer.close()
                await writer.wait_closed()
        except OSError:
            pass  # he is gone
        finally:
            writer.transport.abort()

    # --- one viewer ---

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A viewer has connected."""
        outbox = self._welcome()
        if outbox is None:
            writer.close()
            return
        sending = asyncio.get_running_loop().create_task(self._send(outbox, writer), name=f"show-{self._run_id}")
        self._sending[outbox] = sending
        if self._publishing is None:
            self._publishing = asyncio.get_running_loop().create_task(self._keep_publishing(), name="publish")
        try:
            await self._listen(reader, outbox)
        finally:
            outbox.close()
            sending.cancel()
            del self._sending[outbox]

    def _welcome(self) -> Outbox | None:
        """With all that is kept; None for one who cannot be shown anything."""
        if len(self._sending) >= MOST_VIEWERS:
            return None
        self._publish()  # to the others: what they have not heard yet, this one finds in his hello
        outbox = Outbox()
        try:
            outbox.put(self._hello())
        except Exception as error:  # noqa: BLE001 - as in `_publish`
            self._failed(error)
            return None
        return outbox

    async def _listen(self, reader: asyncio.StreamReader, outbox: Outbox) -> None:
        """Until the viewer leaves, or says something that he must not."""
        under_way: set[asyncio.Task[None]] = set()
        try:
            while (line := await reader.readline()).endswith(b"\n"):
                ask = _DECODER.decode(line)
                if len(under_way) >= MOST_WISHES:
                    outbox.put(Answer(ask_id=ask.ask_id, is_done=False, text="too many wishes at the same time"))
                    continue
                task = asyncio.get_running_loop().create_task(self._answer(ask, outbox), name="wish")
                for held in (under_way, self._wishes):
                    held.add(task)
                    task.add_done_callback(held.discard)
        except (OSError, ValueError, msgspec.MsgspecError):
            pass

    async def _answer(self, ask: Ask, outbox: Outbox) -> None:
        try:
            answer = await self._ask(ask)
        except UserError as error:
            answer = Answer(ask_id=ask.ask_id, is_done=False, text=redact(str(error)))
        except Exception as error:  # noqa: BLE001 - a wish that fails must not fail the run
            answer = Answer(ask_id=ask.ask_id, is_done=False, text=redact(f"it failed: {error!r}"))
        outbox.put(answer)


async def _end_of(tasks: Iterable["asyncio.Task[None]"], patience_s: float) -> None:
    """Wait for their end, for so long at most."""
    waited_for = set(tasks)
    if waited_for:
        await asyncio.wait(waited_for, timeout=patience_s)
