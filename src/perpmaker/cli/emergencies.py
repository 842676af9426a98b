"""What `perpmaker cancel` and `perpmaker close` do.

Rules kept here:

1. First a run that still trades is asked to end, and waited for; only then is anything done in its place.
2. What is cancelled carries a tag of one of our runs on this account, by the journal.
3. The exit code is 0 only when the venue says that nothing of ours rests, nothing of ours runs, and, for `close`, that
   the position is flat.
4. Closing is asked about once, before anything is done; without a terminal it must be agreed to by flag.
"""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import typer

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.rescue import Occasion, Rescue
from perpmaker.cli.running import ask_to_end
from perpmaker.cli.target import Target, at_venue, find_target, say
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.instrument import Instrument
from perpmaker.journal.live import TAGS_KEPT_NS, recent_tags, unfinished_runs
from perpmaker.journal.writer import Journal, open_journal
from perpmaker.runtime.live.emergency import PATIENCE_NS
from perpmaker.runtime.live.preflight import answered
from perpmaker.venues.clock import Clock
from perpmaker.venues.port import Venue

_SLACK_NS: Final = 2 * 10**9
"""A killed run may have sent its last request so long after its last heartbeat in the journal."""


def cancel_ours_of(
    url: str | None, exchange: str | None, symbol: str | None, base_url: str | None, ws_url: str | None
) -> ExitCode:
    """Cancel every order of ours on a market; see `perpmaker.cli.cancel`.

    Raises:
        UserError: it cannot be done as asked; nothing was done.
        VenueError: only a person can mend what the venue says, or it cannot be reached.
    """
    with open_journal(url) as journal:
        target = find_target(journal, exchange, symbol, base_url, ws_url)

        async def work(venue: Venue, clock: Clock) -> ExitCode:
            return await end_and_cancel(journal, target, venue, clock, closes=False)

        return at_venue(target, work)


def close_position_of(
    url: str | None,
    exchange: str | None,
    symbol: str | None,
    base_url: str | None,
    ws_url: str | None,
    *,
    is_agreed: bool,
) -> ExitCode:
    """Cancel every order of ours on a market and close its position; see `perpmaker.cli.close`.

    Raises:
        UserError: it cannot be done as asked; nothing was done.
        VenueError: only a person can mend what the venue says, or it cannot be reached.
    """
    with open_journal(url) as journal:
        target = find_target(journal, exchange, symbol, base_url, ws_url)
        if not is_agreed and not sys.stdin.isatty():
            raise InvalidSettingError(f"closing the position of {target.where} must be agreed to here: say --yes")

        async def work(venue: Venue, clock: Clock) -> ExitCode:
            if not is_agreed and not await _agrees(target, venue):
                say("nothing was done")
                return ExitCode.DURATION
            return await end_and_cancel(journal, target, venue, clock, closes=True)

        return at_venue(target, work)


async def end_and_cancel(journal: Journal, target: Target, venue: Venue, clock: Clock, *, closes: bool) -> ExitCode:
    """End what runs, cancel what rests of ours, close the position if asked to.

    Raises:
        JournalError: the journal cannot be read.
        VenueError: only a person can mend it.
    """
    account = venue.facts.account
    instrument = await _instrument(target, venue)
    target = replace(target, symbol=instrument.symbol)  # as runs are recorded, however it was typed
    say(f"{target.where}, account {account}")
    still_running = await ask_to_end(journal, account, target.symbol, clock.now_ns(), say)
    tags = recent_tags(journal, account, clock.now_ns() - TAGS_KEPT_NS)
    occasion = Occasion(
        mode="close" if closes else "cancel",
        exchange=target.exchange,
        symbol=target.symbol,
        instrument=instrument,
        endpoint=target.base_url,
        command_line=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    )
    with Rescue(journal, occasion, venue, clock, say, PATIENCE_NS) as rescue:
        canceled = await rescue.cancel(tags, _settled_ns(journal, target, venue))
        is_done = canceled.is_clean and not still_running
        if closes:
            is_done &= (await rescue.close()).is_flat
        if not still_running:
            await rescue.finish_books()
    return ExitCode.DURATION if is_done else ExitCode.FAILED


def _settled_ns(journal: Journal, target: Target, venue: Venue) -> int:
    """From when on no request of a run that died can take effect any more."""
    died = [run.last_alive_ns for run in unfinished_runs(journal, venue.facts.account, target.symbol)]
    life_ns = venue.facts.request_life_ns
    return max(died) + life_ns + _SLACK_NS if died and life_ns is not None else 0


async def _agrees(target: Target, venue: Venue) -> bool:
    held = await answered(venue.position)
    instrument = await _instrument(target, venue)
    if held.lots == 0:
        what = "the position is flat"
    else:
        what = f"the position is {instrument.quantity(held.lots):+} {instrument.base} at {held.entry_price}"
    return typer.confirm(
        f"{target.where}: {what}; end our runs there, cancel their orders and close the position at the market price?"
    )


async def _instrument(target: Target, venue: Venue) -> Instrument:
    """As the last run knew it: an emergency does not depend on one more answer."""
    return (await answered(venue.market)).instrument if target.last_run is None else target.last_run.instrument
