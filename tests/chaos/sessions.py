"""One life of a bot: the program's own session, from checklist to exit code, without a terminal.

Rules kept here:

1. Nothing of the session is replaced; the clock, the keys, the addresses and the randomness are given.
2. `die` is what SIGKILL is to a process: from that moment on nothing is sent, nothing is cleaned up, and what the
   journal had not committed is lost.
"""

import asyncio
import contextvars
import subprocess
import sys
import weakref
from decimal import Decimal
from random import Random
from typing import Any

from pydantic import SecretStr
from sqlalchemy import update

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.live_session import LiveSession
from perpmaker.cli.request import Request, View, WireSettings
from perpmaker.journal import schema
from perpmaker.journal.batches import BatchWriter
from perpmaker.journal.current import Current
from perpmaker.journal.writer import Journal, RunJournal, RunStart
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings
from perpmaker.runtime.live.run import LiveRun
from perpmaker.venues.backpack.http import Connections
from perpmaker.venues.backpack.venue import BackpackVenue
from perpmaker.venues.clock import Clock
from perpmaker.venues.credentials import Credentials
from support.live_sessions import SIMULATION

SYMBOL = "SOL_USDC_PERP"
COMMIT_S = 1.0

_life: contextvars.ContextVar["Bot | None"] = contextvars.ContextVar("life", default=None)


class Bot:
    """A bot that lives once.

    Args:
        urls: REST and websocket address.
        keys: API key and secret.
        strategy: what it trades.
        journal: where it records.
        clock: the time of day.
        random: chooses the tag and the waits between attempts to connect.
        is_shared: say that others trade on the account, too.
        commits: flush the journal every `COMMIT_S` of the loop's time, as a batch in real time would.
    """

    def __init__(
        self,
        urls: tuple[str, str],
        keys: tuple[str, str],
        strategy: StrategySettings,
        journal: Journal,
        clock: Clock,
        random: Random | None = None,
        *,
        commits: bool = False,
        is_shared: bool = False,
    ) -> None:
        random = random or Random(1)
        credentials = Credentials(api_key=SecretStr(keys[0]), secret=SecretStr(keys[1]))
        self.venue = BackpackVenue(SYMBOL, credentials, clock, base_url=urls[0], ws_url=urls[1], random=random)
        wires = WireSettings(
            exchange="backpack",
            is_live=True,
            base_url=urls[0],
            ws_url=urls[1],
            max_book_age_ns=5_000_000_000,
            max_daily_loss=Decimal(0),
            record=None,
            is_account_shared=is_shared,
        )
        self._tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self.code: ExitCode | None = None
        self.journal = _KeptJournal(journal)
        self._commits = commits
        self._session = LiveSession(
            _request(strategy, wires),
            wires,
            self.venue,
            clock,
            self.journal,
            random_below=lambda below: random.randrange(min(below, 900)),
        )

    @property
    def run(self) -> LiveRun | None:
        return self._session.run

    @property
    def maker(self) -> MarketMaker | None:
        return None if self._session.run is None else self._session.run.desk.maker

    async def live(self) -> ExitCode:
        """From the checklist to the exit code; raises what the session raises."""
        _life.set(self)
        asyncio.get_running_loop().set_task_factory(_remembered)
        committing = asyncio.create_task(self._commit()) if self._commits else None
        try:
            self.code = await self._session.play()
            return self.code
        finally:
            if committing is not None:
                committing.cancel()
            await self.venue.close()

    async def _commit(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_S)
            if self.journal.recording is not None and not self.journal.recording._writer._closing:
                self.journal.recording.flush()

    async def die(self, task: "asyncio.Task[Any]", *, is_known: bool) -> None:
        """Kill it; ``task`` is the one that runs `live`. ``is_known``: everybody can see that its process is gone."""
        for connections in self._connections():
            connections.request = _never  # type: ignore[method-assign]
        self.journal.tear_off()
        doomed = [each for each in self._tasks if not each.done() and each is not task]
        for each in (*doomed, task):
            each.cancel()
        await asyncio.gather(*doomed, task, return_exceptions=True)
        for connections in self._connections():
            await connections.close()
        if is_known and self.journal.recording is not None:
            its_row = schema.runs.c.run_no == self.journal.recording.run_no
            with self.journal.engine.begin() as connection:
                connection.execute(update(schema.runs).where(its_row).values(pid=_pid_of_nobody()))

    def _connections(self) -> list[Connections]:
        """Everything over which requests leave."""
        holders = (self.venue._http, self.venue._private)
        return [part for holder in holders for part in vars(holder).values() if isinstance(part, Connections)]


class _KeptJournal(Journal):
    """The journal; remembers the run that is recorded, so that it can be torn off in the middle."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal.engine)
        self.recording: RunJournal | None = None

    def begin_run(self, about: RunStart) -> RunJournal:
        self.recording = super().begin_run(about)
        return self.recording

    def tear_off(self) -> None:
        """Lose what was not committed; whatever is recorded from now on is lost, too."""
        if self.recording is None:
            return
        writer: BatchWriter = self.recording._writer
        writer.put = writer.keep = lambda _: None  # type: ignore[method-assign]
        writer._buffer.clear()
        writer._current = Current()
        writer.close()


def _remembered(loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> "asyncio.Task[Any]":
    """Make a task, and remember whose it is: all that come from a bot's own task are the bot's."""
    task = asyncio.Task(work, loop=loop, **more)
    bot = _life.get()
    if bot is not None:
        bot._tasks.add(task)
    return task


def _pid_of_nobody() -> int:
    """The number of a process that was here and is gone."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return gone.pid


async def _never(*_args: Any, **_more: Any) -> Any:
    await asyncio.get_running_loop().create_future()


def _request(strategy: StrategySettings, wires: WireSettings) -> Request:
    return Request(
        symbol=SYMBOL,
        strategy=strategy,
        simulation=SIMULATION,
        wires=wires,
        speed=float("inf"),
        summary=None,
        journal=None,
        view=View.NONE,
        command_line="chaos",
        notes=[],
    )
