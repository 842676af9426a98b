"""What `perpmaker watchdog` does: the eye (`perpmaker.runtime.live.watchdog`) with journal, venue and voice.

Rules kept here:

1. Keys and venue are tried at the start: a watchdog that could do nothing in an emergency says so before there is one.
2. Orders are cancelled until the venue has confirmed it, however long that takes; nothing but the run itself, alive
   again, or a signal ends that.
3. A journal that fails meanwhile is told, and stops nothing.
"""

import shlex
import sys
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
from perpmaker.runtime.live.watchdog import Pulse, Verdict, watch
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import Venue

LEAST_TIMEOUT_NS: Final = 5 * 10**9
"""A heartbeat reaches the journal within about a second; a busy machine needs a little more."""

_SLACK_NS: Final = 2 * 10**9


def watch_run(
    url: str | None,
    run_id: str | None,
    *,
    is_latest: bool,
    timeout_ns: int,
    closes: bool,
    addresses: tuple[str | None, str | None],
) -> ExitCode:
    """Watch one run to its end; see `perpmaker.cli.watchdog`.

    Raises:
        UserError: there is no such run, or its keys are missing.
        VenueError: the keys do not work.
    """
    if timeout_ns < LEAST_TIMEOUT_NS:
        raise InvalidSettingError(f"--timeout {timeout_ns / 10**9:g}s: is too short for a heartbeat, give at least 5s")
    with open_journal(url) as journal:
        run = _choose(journal, run_id, is_latest=is_latest)
        if run.ended_at_ns is not None:
            say(f"run {run.run_id} has ended ({run.end_reason}): there is nothing to watch")
            return ExitCode.DURATION
        base_url, ws_url = addresses
        endpoint = run.endpoint if run.endpoint is not None and run.endpoint.startswith("http") else None
        target = Target(
            exchange=run.exchange, symbol=run.symbol, base_url=base_url or endpoint, ws_url=ws_url, last_run=run
        )

        async def work(venue: Venue, clock: Clock) -> ExitCode:
            return await Watchdog(journal, run, target, venue, clock, timeout_ns, closes=closes).watch()

        return at_venue(target, work)


class Watchdog:
    """One run under watch; for tests in virtual time, too."""

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
    ) -> None:
        self._journal = journal
        self._run = run
        self._target = target
        self._venue = venue
        self._clock = clock
        self._timeout_ns = timeout_ns
        self._closes = closes

    async def watch(self) -> ExitCode:
        """Watch to the end, clean up if need be.

        Raises:
            InvalidSettingError: the keys are another account's.
            VenueError: the keys do not work.
        """
        await self._try_venue()
        what = "its orders are cancelled and its position is closed" if self._closes else "its orders are cancelled"
        seconds = self._timeout_ns / 10**9
        say(f"watching run {self._run.run_id} on {self._target.where}: after {seconds:g} s of silence {what}")
        verdict = await watch(self._pulse, self._rescue, self._may_return, say, self._clock, self._timeout_ns)
        if verdict is Verdict.ENDED:
            say(f"run {self._run.run_id} has ended: nothing was done")
            return ExitCode.DURATION
        return ExitCode.RESCUED

    async def _try_venue(self) -> None:
        account = self._venue.facts.account
        if self._run.account != account:
            raise InvalidSettingError(
                f"the keys here are of account {account}, the run trades on {self._run.account}: set that account's"
            )
        try:
            await answered(self._venue.account)
        except VenueError as error:
            if error.reaction in (Reaction.STOP, Reaction.REFUSE):
                raise
            say(f"the venue cannot be asked at the moment, watching all the same: {error}")

    def _pulse(self) -> Pulse:
        run = load_run(self._journal, self._run.run_id)
        self._run = run
        return Pulse(run.last_alive_ns, run.ended_at_ns is not None)

    def _may_return(self) -> bool:
        """Its process is on this machine, and still there."""
        return self._run.host == this_host() and self._run.pid is not None and not is_gone(self._run)

    async def _rescue(self) -> None:
        run, life_ns = self._run, self._venue.facts.request_life_ns or 0
        occasion = Occasion(
            mode="watchdog",
            exchange=run.exchange,
            symbol=run.symbol,
            instrument=run.instrument,
            endpoint=self._target.base_url,
            command_line=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        )
        with Rescue(self._journal, occasion, self._venue, self._clock, say, None, persists=True) as rescue:
            rescue.tell(f"run {run.run_id} fell silent")
            await rescue.cancel([run.tag] if run.tag is not None else [], run.last_alive_ns + life_ns + _SLACK_NS)
            if self._closes:
                await rescue.close()
            if self._may_return():
                rescue.tell(f"its process {run.pid} is still there: watching on; `kill -9 {run.pid}` if it hangs")
            else:
                await rescue.finish_books()


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
