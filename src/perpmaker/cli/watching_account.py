"""What `perpmaker watchdog` does for every live run of the journal, those to come included: one `Watchdog` each.

Rules kept here:

1. The journal is read once a second for all of them. One that cannot be read gives no sign of life of any run.
2. Of several runs of one market without an end the newest is watched, and cleaned up after with the orders of all: the
   older ones are dead, and the start of the newest, or cleaning up after it, finishes them.
3. Keys are tried at the start, where the journal has a live run. Where none of them works, nothing is watched and that
   is said; a run whose keys are not here is named, and the others are watched.
4. What breaks in the watch of one run is told and begun again; it does not reach another.
5. It ends by a signal only: the next run of the account may begin at any time.
"""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, NoReturn

from perpmaker.cli.target import Target, opened, say
from perpmaker.cli.watching import Watchdog, check_timeout, nobody, target_of, try_venue
from perpmaker.domain.errors import (
    CredentialsError,
    InvalidSettingError,
    JournalError,
    UnknownNameError,
    UserError,
)
from perpmaker.journal.live import latest_live_run, unfinished_runs
from perpmaker.journal.readers import RunRecord, load_run
from perpmaker.journal.writer import Journal, open_journal
from perpmaker.runtime.live.preflight import answered
from perpmaker.runtime.live.watchdog import STEP_S, Action
from perpmaker.venues.clock import Clock, SystemClock
from perpmaker.venues.errors import VenueError
from perpmaker.venues.port import Venue
from perpmaker.venues.registry import credentials_name

_Place = tuple[str, str | None, str]

TRY_AGAIN_S: Final = 15.0
"""After what broke in the watch of a run."""


def watch_account(
    url: str | None,
    symbol: str | None,
    *,
    timeout_ns: int,
    closes: bool,
    addresses: tuple[str | None, str | None],
    act: Callable[[RunRecord, Action, str], None] = nobody,
) -> None:
    """Watch every live run of the journal, of one market where it is named, until a signal comes.

    Raises:
        UserError: the journal cannot be read, or keys are missing.
        VenueError: the keys do not work.
    """
    check_timeout(timeout_ns)
    with open_journal(url) as journal:
        watch = AccountWatch(journal, symbol, SystemClock(), timeout_ns, closes=closes, addresses=addresses, act=act)
        asyncio.run(watch.watch())


class Roll:
    """The live runs without an end, as the journal had them when it was last read."""

    def __init__(self, journal: Journal, symbol: str | None) -> None:
        self._journal = journal
        self._symbol = symbol
        self._places: dict[_Place, list[RunRecord]] = {}
        self._told = ""

    def read(self) -> None:
        """Rule 1."""
        try:
            runs = unfinished_runs(self._journal, symbol=self._symbol)
        except JournalError as error:
            if self._told != str(error):
                say(f"no sign of life can be read: {error}")
            self._told = str(error)
            return
        self._told = ""
        self._places = {}
        for run in runs:
            self._places.setdefault(_place(run), []).append(run)

    @property
    def newest(self) -> list[RunRecord]:
        """Rule 2."""
        return [runs[-1] for runs in self._places.values()]

    def is_replaced(self, run_id: str) -> bool:
        """Whether a newer run of its market has begun while it has no end."""
        return any(run_id == run.run_id for runs in self._places.values() for run in runs[:-1])

    def row(self, run: RunRecord) -> RunRecord:
        """A run as it is now, with its end where it has one. Raises `JournalError`."""
        found = [each for each in self._places.get(_place(run), []) if each.run_id == run.run_id]
        return found[0] if found else load_run(self._journal, run.run_id)

    def tags(self, run: RunRecord) -> list[int]:
        """Of this run and of older ones of its market."""
        runs = self._places.get(_place(run), [run])
        return [each.tag for each in runs if each.tag is not None]


class AccountWatch:
    """Every live run under watch; for tests in virtual time, too.

    Args:
        journal: where the runs are.
        symbol: of these runs only; None is all.
        clock: the watchdog's own.
        timeout_ns: silence that is too long.
        closes: whether positions are closed, too.
        addresses: REST and websocket, where they are not the run's own.
        act: told of each thing that is done about a run; see `Watchdog`.
        open_venue: opens the account on the market of a run. Raises `UserError`.
    """

    def __init__(
        self,
        journal: Journal,
        symbol: str | None,
        clock: Clock,
        timeout_ns: int,
        *,
        closes: bool,
        addresses: tuple[str | None, str | None] = (None, None),
        act: Callable[[RunRecord, Action, str], None] = nobody,
        open_venue: Callable[[Target, Clock], AbstractAsyncContextManager[Venue]] = opened,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._timeout_ns = timeout_ns
        self._closes = closes
        self._addresses = addresses
        self._act = act
        self._open = open_venue
        self._roll = Roll(journal, symbol)
        self._symbol = symbol
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._left_at_ns: dict[str, int] = {}
        self._not_ours: set[str] = set()
        self._books = asyncio.Lock()

    async def watch(self) -> NoReturn:
        """Until it is cancelled (rule 5).

        Raises:
            UserError: there are live runs, and keys for none of them.
            VenueError: the keys do not work.
        """
        self._roll.read()
        await self._try_keys()
        if not self._roll.newest:
            say(f"no live run of {self._symbol or 'any market'} now: waiting for the next")
        try:
            while True:
                self._attend()
                await asyncio.sleep(STEP_S)
                self._roll.read()
        finally:
            for task in self._watches.values():
                task.cancel()

    async def _try_keys(self) -> None:
        """Rule 3, once for each account."""
        latest = latest_live_run(self._journal, symbol=self._symbol)
        known = self._roll.newest or ([] if latest is None else [latest])
        failures: list[UserError | VenueError] = []
        accounts = {(credentials_name(run.exchange), run.account): run for run in known}
        for run in accounts.values():
            try:
                async with self._open(self._target(run), self._clock) as venue:
                    await _set_clock(venue)
                    await try_venue(venue, run, say)
            except (UserError, VenueError) as error:
                failures.append(error)
        if failures and len(failures) == len(accounts):
            raise failures[0]

    def _attend(self) -> None:
        """Begin with what is new, end with what a newer run has replaced."""
        newest = {run.run_id: run for run in self._roll.newest}
        for run_id, task in list(self._watches.items()):
            if task.done():
                del self._watches[run_id]
            elif self._roll.is_replaced(run_id):
                task.cancel()
        for run_id, run in newest.items():
            is_known = run_id in self._watches or run_id in self._not_ours
            if not is_known and self._left_at_ns.get(run_id) != run.last_alive_ns:
                self._watches[run_id] = asyncio.create_task(self._one(run), name=f"watch {run_id}")

    async def _one(self, run: RunRecord) -> None:
        """One run to its end; what breaks is begun again after a while (rule 4)."""
        while True:
            try:
                async with self._open(self._target(run), self._clock) as venue:
                    await _set_clock(venue)
                    watchdog = self._watchdog(venue, run)
                    await watchdog.watch()
            except (CredentialsError, InvalidSettingError, UnknownNameError) as error:
                self._not_ours.add(run.run_id)
                tell(run, f"run {run.run_id} is not watched: {error}")
                return
            except Exception as error:  # noqa: BLE001 - as it says
                why = f"{type(error).__name__}: {error}"
                tell(run, f"the watch of run {run.run_id} broke off and is begun again: {why}")
                await asyncio.sleep(TRY_AGAIN_S)
            else:
                self._left_at_ns[run.run_id] = watchdog.run.last_alive_ns
                return

    def _watchdog(self, venue: Venue, run: RunRecord) -> Watchdog:
        return Watchdog(
            self._journal,
            run,
            self._target(run),
            venue,
            self._clock,
            self._timeout_ns,
            closes=self._closes,
            look=lambda: self._roll.row(run),
            tags=lambda: self._roll.tags(run),
            say=lambda sentence: tell(run, sentence),
            act=self._act,
            books=self._books,
        )

    def _target(self, run: RunRecord) -> Target:
        return target_of(run, self._addresses)


async def _set_clock(venue: Venue) -> None:
    """Requests carry the venue's time; where it does not tell now, it is asked again when it refuses ours."""
    with contextlib.suppress(VenueError):
        await answered(venue.clock)


def _place(run: RunRecord) -> _Place:
    return run.exchange, run.account, run.symbol


def tell(run: RunRecord, sentence: str) -> None:
    """A sentence about one of several runs."""
    say(f"{run.symbol}: {sentence}")
