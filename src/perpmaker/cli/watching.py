"""What `perpmaker watchdog` does for one run: the eye (`perpmaker.runtime.live.watchdog`) with journal, venue, voice.

Rules kept here:

1. Keys and venue are tried at the start: a watchdog that could do nothing in an emergency says so before there is one.
2. Orders are cancelled until the venue has confirmed it, however long that takes; nothing but the run itself, alive
   again, or a signal ends that.
3. A journal that fails meanwhile is told, and stops nothing.
"""

import asyncio
import shlex
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.rescue import Occasion, Rescue
from perpmaker.cli.target import Target, at_venue, say
from perpmaker.domain.errors import InvalidSettingError, UnknownNameError
from perpmaker.journal.live import LIVE, latest_live_run
from perpmaker.journal.processes import is_gone, this_host
from perpmaker.journal.readers import RunRecord, load_run
from perpmaker.journal.writer import Journal, open_journal
from perpmaker.runtime.live.preflight import answered
from perpmaker.runtime.live.watchdog import Action, Pulse, Verdict, watch
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import Venue

LEAST_TIMEOUT_NS: Final = 5 * 10**9
"""A heartbeat reaches the journal within about a second; a busy machine needs a little more."""

_SLACK_NS: Final = 2 * 10**9


def nobody(_run: RunRecord, _action: Action, _did: str) -> None:
    """Told by default of what is done about a run."""


def watch_run(
    url: str | None,
    run_id: str | None,
    *,
    is_latest: bool,
    timeout_ns: int,
    closes: bool,
    addresses: tuple[str | None, str | None],
    act: Callable[[RunRecord, Action, str], None] = nobody,
) -> ExitCode:
    """Watch one run to its end; see `perpmaker.cli.watchdog`.

    Raises:
        UserError: there is no such run, or its keys are missing.
        VenueError: the keys do not work.
    """
    check_timeout(timeout_ns)
    with open_journal(url) as journal:
        run = _choose(journal, run_id, is_latest=is_latest)
        if run.ended_at_ns is not None:
            say(f"run {run.run_id} has ended ({run.end_reason}): there is nothing to watch")
            return ExitCode.DURATION
        target = target_of(run, addresses)

        async def work(venue: Venue, clock: Clock) -> ExitCode:
            return await Watchdog(journal, run, target, venue, clock, timeout_ns, closes=closes, act=act).watch()

        return at_venue(target, work)


class Watchdog:
    """One run under watch; for tests in virtual time, too.

    Args:
        journal: where its heartbeat is, and what is done about it is recorded.
        run: as the journal has it now.
        target: its market.
        venue: the account there.
        clock: the watchdog's own.
        timeout_ns: silence that is too long.
        closes: whether the position is closed, too.
        look: reads the run again. Raises `JournalError`.
        tags: of runs whose orders are cancelled when it falls silent; its own where not told otherwise.
        say: told in sentences.
        act: told of each thing that is done about the run, and in the end what it was.
        books: held while the books of a dead run are finished. Venues ration questions about the past: of several
            watchdogs that asked at the same time, none would get all of its answers.

    Attributes:
        run: as it was when it was last read.
    """

    def __init__(
        self,
        journal: Journal,
        run: RunRecord,
        target: Target,
        venue: Venue,
        clock: Clock,
        timeout_ns: int,
        *,
        closes: bool,
        look: Callable[[], RunRecord] | None = None,
        tags: Callable[[], Collection[int]] | None = None,
        say: Callable[[str], None] = say,
        act: Callable[[RunRecord, Action, str], None] = nobody,
        books: asyncio.Lock | None = None,
    ) -> None:
        self._journal = journal
        self.run = run
        self._target = target
        self._venue = venue
        self._clock = clock
        self._timeout_ns = timeout_ns
        self._closes = closes
        self._look = look or (lambda: load_run(journal, run.run_id))
        self._tags = tags or (lambda: [] if run.tag is None else [run.tag])
        self.say = say
        self._act = act
        self._books = books or asyncio.Lock()

    async def watch(self) -> ExitCode:
        """Watch to the end, clean up if need be.

        Raises:
            InvalidSettingError: the keys are another account's.
            VenueError: the keys do not work.
        """
        await try_venue(self._venue, self.run, self.say)
        what = "its orders are cancelled and its position is closed" if self._closes else "its orders are cancelled"
        seconds = self._timeout_ns / 10**9
        self.say(f"watching run {self.run.run_id} on {self._target.where}: after {seconds:g} s of silence {what}")
        verdict = await watch(
            self._pulse,
            self._rescue,
            self._may_return,
            self.say,
            self._clock,
            self._timeout_ns,
            lambda action: self._act(self.run, action, ""),
        )
        if verdict is Verdict.ENDED:
            self.say(f"run {self.run.run_id} has ended: nothing was done")
            return ExitCode.DURATION
        return ExitCode.RESCUED

    def _pulse(self) -> Pulse:
        self.run = run = self._look()
        return Pulse(run.last_alive_ns, run.ended_at_ns is not None)

    def _may_return(self) -> bool:
        """Its process is on this machine, and still there."""
        return self.run.host == this_host() and self.run.pid is not None and not is_gone(self.run)

    async def _rescue(self) -> None:
        run, life_ns = self.run, self._venue.facts.request_life_ns or 0
        occasion = Occasion(
            mode="watchdog",
            exchange=run.exchange,
            symbol=run.symbol,
            instrument=run.instrument,
            endpoint=self._target.base_url,
            command_line=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        )
        with Rescue(self._journal, occasion, self._venue, self._clock, self.say, None, persists=True) as rescue:
            rescue.tell(f"run {run.run_id} fell silent")
            await rescue.cancel(self._tags(), run.last_alive_ns + life_ns + _SLACK_NS)
            if self._closes:
                await rescue.close()
            self._act(run, Action.DONE, "; ".join(rescue.did))
            if self._may_return():
                rescue.tell(f"its process {run.pid} is still there: watching on; `kill -9 {run.pid}` if it hangs")
            else:
                async with self._books:
                    await rescue.finish_books()


async def try_venue(venue: Venue, run: RunRecord, say: Callable[[str], None]) -> None:
    """Rule 1.

    Raises:
        InvalidSettingError: the keys are another account's.
        VenueError: the keys do not work.
    """
    account = venue.facts.account
    if run.account != account:
        raise InvalidSettingError(
            f"the keys here are of account {account}, the run trades on {run.account}: set that account's"
        )
    try:
        await answered(venue.account)
    except VenueError as error:
        if error.reaction in (Reaction.STOP, Reaction.REFUSE):
            raise
        say(f"the venue cannot be asked at the moment, watching all the same: {error}")


def check_timeout(timeout_ns: int) -> None:
    """Raise `InvalidSettingError` where so short a silence says nothing."""
    if timeout_ns < LEAST_TIMEOUT_NS:
        raise InvalidSettingError(f"--timeout {timeout_ns / 10**9:g}s: is too short for a heartbeat, give at least 5s")


def target_of(run: RunRecord, addresses: tuple[str | None, str | None]) -> Target:
    """The market of a run; addresses that are not given are the run's own."""
    base_url, ws_url = addresses
    endpoint = run.endpoint if run.endpoint is not None and run.endpoint.startswith("http") else None
    return Target(exchange=run.exchange, symbol=run.symbol, base_url=base_url or endpoint, ws_url=ws_url, last_run=run)


def _choose(journal: Journal, run_id: str | None, *, is_latest: bool) -> RunRecord:
    if (run_id is None) == (not is_latest):
        raise InvalidSettingError("say which run to watch: either --run ID or --latest")
    if run_id is not None:
        run = load_run(journal, run_id)
        if run.mode != LIVE or run.tag is None:
            raise InvalidSettingError(
                f"--run {run_id}: is a run of mode {run.mode}; only live runs have orders to cancel"
            )
        return run
    latest = latest_live_run(journal)
    if latest is None:
        raise UnknownNameError(f"--latest: the journal {journal.name} has no live run; start one first")
    return latest
