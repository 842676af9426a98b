"""What `perpmaker status` shows and `perpmaker clear` lifts.

Rules kept here:

1. What the journal knows is shown without keys and without the venue; the rest needs both, and what is missing is said.
2. A question that the venue does not answer is shown as unknown, never as nothing.
3. Orders are ours by their tag; which run a tag is of, the journal knows. All others are somebody else's.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

from rich.console import Console
from rich.text import Text

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.run_figures import ask_runs, figures_at_the_end, figures_of_now
from perpmaker.cli.running import age_s, is_running
from perpmaker.cli.target import Target, at_venue, find_target, say, who
from perpmaker.domain.errors import CredentialsError, InvalidSettingError
from perpmaker.domain.instrument import Instrument
from perpmaker.journal.budgets import budget_uses
from perpmaker.journal.limits import active_latches, clear_latches, day_profit
from perpmaker.journal.live import LIVE, unfinished_runs
from perpmaker.journal.processes import this_host
from perpmaker.journal.readers import RunRecord, list_runs
from perpmaker.journal.writer import Journal, open_journal
from perpmaker.monitor.places import LinkError
from perpmaker.monitor.view import RunView
from perpmaker.risk.budgets import Step
from perpmaker.runtime.live.daily_loss import utc_day
from perpmaker.runtime.live.preflight import answered
from perpmaker.venues.clock import Clock, SystemClock
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import Venue, VenueOrder
from perpmaker.venues.redaction import redact

_RECENT: Final = 5
_IN_REAL_TIME: Final = frozenset({LIVE, "paper"})
_STEPS: Final = {Step.FREE: "both sides are quoted", Step.REDUCING: "only what reduces is quoted", Step.HALT: "ended"}
_Answer = TypeVar("_Answer")


def show_status(
    url: str | None,
    exchange: str | None,
    symbol: str | None,
    base_url: str | None,
    ws_url: str | None,
    *,
    is_offline: bool,
) -> ExitCode:
    """Show what the journal knows, and what the account holds.

    Raises:
        UserError: the journal cannot be read, or there is no such exchange or symbol.
        VenueError: the venue refuses the keys, or cannot be reached.
    """
    console = Console(highlight=False)
    now_ns = SystemClock().now_ns()
    with open_journal(url) as journal:
        every_run = list_runs(journal)
        runs = [run for run in every_run if run.mode == LIVE]
        _show_runs(console, _worth_showing(every_run, now_ns), now_ns)
        show_fleets(console, journal, every_run, now_ns)
        for account in _accounts(runs):
            _show_account(console, journal, account, runs, now_ns)
        if is_offline or (exchange is None and not runs):
            return ExitCode.DURATION
        target = find_target(journal, exchange, symbol, base_url, ws_url)
        tags = {run.tag: run.run_id for run in runs if run.tag is not None}

        async def work(venue: Venue, _clock: Clock) -> None:
            await show_venue(console, target, venue, tags)

        try:
            at_venue(target, work)
        except CredentialsError as error:
            say(f"position and orders are not shown: {error}")
    return ExitCode.DURATION


async def show_venue(console: Console, target: Target, venue: Venue, tags: dict[int, str]) -> None:
    """Account, position and orders, by the venue's own count.

    Raises:
        VenueError: only a person can mend what it says.
    """
    account, held = await _asked(venue.account), await _asked(venue.position)
    orders = await _asked(venue.open_orders)
    instrument = (await answered(venue.market)).instrument
    _line(console, f"{target.where}, by the venue's own count", "bold")
    if isinstance(account, VenueError):
        _unknown(console, "equity", account)
    else:
        _line(console, f"  equity     {account.equity:f} {instrument.quote}, free margin {account.free_margin:f}")
    if isinstance(held, VenueError):
        _unknown(console, "position", held)
    elif held.lots:
        _line(console, f"  position   {instrument.quantity(held.lots):+} {instrument.base} at {held.entry_price:f}")
    else:
        _line(console, "  position   flat")
    if isinstance(orders, VenueError):
        _unknown(console, "orders", orders)
    else:
        _show_orders(console, orders, instrument, tags)


def _show_orders(console: Console, orders: list[VenueOrder], instrument: Instrument, tags: dict[int, str]) -> None:
    ours = [order for order in orders if order.tag in tags]
    others = [order for order in orders if order.tag not in tags]
    _line(console, f"  orders     {len(ours)} of our runs, {len(others)} of somebody else")
    for order in ours:
        _line(console, f"    ours     {_order(order, instrument)}  run {tags.get(order.tag or 0, '')}")
    for order in others:
        _line(console, f"    foreign  {_order(order, instrument)}  {order.client_id or order.venue_id}")


def _unknown(console: Console, what: str, error: VenueError) -> None:
    _line(console, f"  {what:9}  unknown: {error}", "bold red")


async def _asked(question: Callable[[], Awaitable[_Answer]]) -> _Answer | VenueError:
    """The answer, or why there is none; what only a person can mend is raised."""
    try:
        return await answered(question)
    except VenueError as error:
        if error.reaction in (Reaction.STOP, Reaction.REFUSE):
            raise
        return error


def clear_stops(url: str | None, account: str | None, symbol: str | None) -> ExitCode:
    """Lift stops, and say which; see `perpmaker.cli.clear`.

    Raises:
        InvalidSettingError: the journal knows of no such account.
        JournalError: the journal cannot be read or written.
    """
    now_ns = SystemClock().now_ns()
    with open_journal(url) as journal:
        known = _accounts(list_runs(journal))
        if account is not None and account not in known:
            raise InvalidSettingError(
                f"--account {account}: the journal has no run of it; it has {', '.join(known) or 'no live run at all'}"
            )
        cleared = [
            latch
            for name in ([account] if account is not None else known)
            for latch in clear_latches(journal, name, symbol, cleared_at_ns=now_ns, cleared_by=who())
        ]
    for latch in cleared:
        say(f"cleared for {latch.account}, {latch.symbol or 'every market'}: {latch.text}")
    if not cleared:
        say("no stop is in force")
    return ExitCode.DURATION


def _worth_showing(runs: Iterable[RunRecord], now_ns: int) -> list[RunRecord]:
    """Every live run without an end, what is running on paper, and the last few of both that have ended.

    A run on paper that died has left nothing behind.
    """
    unfinished: list[RunRecord] = []
    ended: list[RunRecord] = []
    for run in runs:
        if run.mode not in _IN_REAL_TIME:
            continue
        if run.ended_at_ns is not None:
            ended.append(run)
        elif run.mode == LIVE or is_running(run, now_ns):
            unfinished.append(run)
    return unfinished + ended[: max(0, _RECENT - len(unfinished))]


def _show_runs(console: Console, runs: list[RunRecord], now_ns: int) -> None:
    """A line for each, and its figures."""
    if not runs:
        _line(console, "no live run is in the journal")
        return
    here = {run.run_id for run in runs if is_running(run, now_ns) and run.host == this_host()}
    views = ask_runs(here)
    for run in runs:
        state, style = _state(run, now_ns)
        mode = "" if run.mode == LIVE else f" ({run.mode})"
        _line(console, f"{state:7}  {run.run_id}  {run.symbol} on {run.exchange}{mode}  {_life(run, now_ns)}", style)
        view = views.get(run.run_id)
        figures = figures_of_now(view) if isinstance(view, RunView) else figures_at_the_end(run)
        if figures is not None:
            _line(console, f"         {figures}")
        elif isinstance(view, LinkError):
            _line(console, f"         figures unknown: {view}", "dim")


def show_fleets(console: Console, journal: Journal, runs: Iterable[RunRecord], now_ns: int) -> None:
    """The budgets of every fleet that is running, on paper and simulated, too."""
    fleets: dict[str, list[str]] = {}
    for run in runs:
        if "fleet" in run.provenance and run.ended_at_ns is None and is_running(run, now_ns):
            fleets.setdefault(run.provenance["fleet"], []).append(run.provenance["name"])
    for fleet, names in fleets.items():
        uses = budget_uses(journal, fleet)
        if len(names) == 1 and not uses:
            continue  # one run in real time, which is shown already
        _line(console, f"fleet {fleet}: {', '.join(sorted(names))}", "bold")
        for name, used, allowed, step, _ in uses:
            style = {Step.FREE: "", Step.REDUCING: "yellow", Step.HALT: "bold red"}[step]
            share = f" ({used / allowed:.0%})" if allowed else ""
            _line(console, f"  {name:10} {used:.2f} of {allowed:.2f}{share}, {_STEPS[step]}", style)


def _state(run: RunRecord, now_ns: int) -> tuple[str, str]:
    """What it is doing, and in which colour to say so."""
    if run.ended_at_ns is not None:
        return "ended", "dim"
    return ("running", "green") if is_running(run, now_ns) else ("died", "bold red")


def _life(run: RunRecord, now_ns: int) -> str:
    if run.ended_at_ns is not None:
        return run.end_reason or ""
    host = (run.host or "an unknown machine").partition(" ")[0]
    return f"heartbeat {age_s(run, now_ns):.0f} s ago, process {run.pid} on {host}"


def _show_account(console: Console, journal: Journal, account: str, runs: list[RunRecord], now_ns: int) -> None:
    day = utc_day(now_ns)
    profit = day_profit(journal, account, day, excluding_run_no=None)
    limit = _daily_limit(runs, account)
    against = "no daily limit" if limit is None else f"limit {limit}"
    _line(console, f"account {account}", "bold")
    _line(console, f"  {day}   {profit:+f} ({against})")
    latches = active_latches(journal, account)
    for latch in latches:
        where = latch.symbol or "every market"
        _line(console, f"  stopped    {where}: {latch.text}; `perpmaker clear` lifts it", "bold red")
    if not latches:
        _line(console, "  no stop is in force")
    died = [run for run in unfinished_runs(journal, account) if not is_running(run, now_ns)]
    if died:
        _line(console, "  a run died: its orders may still rest; `perpmaker cancel`, or the next start, cleans up")


def _daily_limit(runs: Iterable[RunRecord], account: str) -> str | None:
    """The limit that the newest run of the account was given."""
    newest = next((run for run in runs if run.account == account), None)
    limit = None if newest is None else newest.settings.get("max_daily_loss")
    return None if limit in (None, "0") else limit


def _accounts(runs: Iterable[RunRecord]) -> list[str]:
    """In the order of the runs, each once."""
    return list(dict.fromkeys(run.account for run in runs if run.account is not None))


def _order(order: VenueOrder, instrument: Instrument) -> str:
    left = instrument.quantity(order.lots - order.filled_lots)
    return f"{order.side.name.lower():4} {left} at {instrument.price(order.price_ticks)}"


def _line(console: Console, text: str, style: str = "") -> None:
    """One line, however long: other programs read it, too."""
    console.print(Text(redact(text), style=style), soft_wrap=True)
