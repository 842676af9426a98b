"""Before a live run sends anything: what the runs before it left is finished, and what it continues from is known.

Rules kept here:

1. A run of this account and symbol that still lives is a reason not to start. It is known by a heartbeat younger than
   the limit, unless its process is known to be gone. Begin the new run in the journal first: of two that start at once
   each then sees the other, and at most one goes on.
2. What a dead run missed is booked into its own journal, then it is ended. Interrupted in between, all of it can be
   done again: what was booked is known.
3. The result of the day follows: the dead run's own counts up to the mark at which it is handed over.
4. The new run takes over the venue's position. Where the books of the run before agree with it, its entry price is
   theirs, otherwise the venue's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from perpmaker.domain.errors import JournalError, StillRunningError
from perpmaker.domain.events import Event, FundingPaid, OrderCanceled, PositionCorrected
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT
from perpmaker.domain.orders import CancelReason
from perpmaker.domain.position import Position
from perpmaker.journal import live, readers
from perpmaker.journal.limits import run_day_profit
from perpmaker.journal.processes import is_gone
from perpmaker.journal.readers import RunRecord
from perpmaker.journal.writer import Journal, RunJournal
from perpmaker.runtime.live.daily_loss import utc_day
from perpmaker.runtime.live.recovery import DeadRun, Recovered, recover
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import Venue, VenuePosition

HEARTBEAT_LIMIT_NS: Final = 15_000_000_000
"""A run whose heartbeat is older is dead: it is written every second, and a request lives five."""

SLACK_NS: Final = 60_000_000_000
"""The clocks of venue and journal may differ by so much: executions of a run are looked for from before its start."""

_HEARTBEAT_LAG_NS: Final = 2_000_000_000
"""A process may have lived so much longer than its last heartbeat says: that is written once a second, and late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """What a new run starts from.

    ``opening`` is what its maker is told first (None: flat), ``notes`` say in a sentence each what was done for runs
    that died, ``recovered`` has it in full by run id.
    """

    position: VenuePosition
    opening: PositionCorrected | None
    notes: tuple[str, ...] = ()
    recovered: dict[str, Recovered] = field(default_factory=dict)


def refuse_while_running(
    journal: Journal,
    account: str,
    symbol: str,
    *,
    excluding_run_id: str,
    now_ns: int,
    limit_ns: int = HEARTBEAT_LIMIT_NS,
    is_gone: Callable[[RunRecord], bool] = is_gone,
) -> list[RunRecord]:
    """The dead runs of this account and symbol, the oldest first.

    Raises:
        StillRunningError: one of them is alive.
        JournalError: the journal cannot be read.
    """
    dead = [run for run in live.unfinished_runs(journal, account, symbol) if run.run_id != excluding_run_id]
    for run in dead:
        age_ns = now_ns - run.last_alive_ns
        if age_ns < limit_ns and not is_gone(run):
            host = (run.host or "an unknown host").partition(" ")[0]
            raise StillRunningError(
                f"run {run.run_id} already trades {symbol} on this account (process {run.pid} on {host}, alive "
                f"{max(0, age_ns) / 1e9:.0f} s ago): stop it, or wait {limit_ns / 1e9:.0f} s after it died"
            )
    return dead


async def recover_runs(
    journal: Journal,
    venue: Venue,
    instrument: Instrument,
    *,
    symbol: str,
    run_id: str,
    clock: Clock,
    limit_ns: int = HEARTBEAT_LIMIT_NS,
    is_gone: Callable[[RunRecord], bool] = is_gone,
) -> Continuation:
    """Finish every dead run of the venue's account and this symbol, and take over the position.

    Args:
        journal: has the new run's row already.
        venue: its streams need not be open.
        instrument: as the venue describes it now.
        symbol: as the runs are recorded under.
        run_id: the new run.
        clock: our time.
        limit_ns: the age from which a heartbeat is that of a dead run.
        is_gone: knows better of a process that is proven dead.

    Raises:
        StillRunningError: a run is alive; nothing was done.
        VenueError: the venue did not answer; what was done stays done, and can be tried again.
        JournalError: the journal cannot be read or written.
    """
    account = venue.facts.account
    dead = refuse_while_running(
        journal, account, symbol, excluding_run_id=run_id, now_ns=clock.now_ns(), limit_ns=limit_ns, is_gone=is_gone
    )
    before = live.latest_live_run(journal, account, symbol, excluding_run_id=run_id)
    recovered: dict[str, Recovered] = {}
    notes: list[str] = []
    books: list[Position] = []  # the newest run first
    for run in dead:
        known_funding = {_identity(payment) for each in dead for payment in readers.funding(journal, each)}
        dead_run = _dead_run(journal, run, known_funding, clock.now_ns())
        left = recovered[run.run_id] = await recover(venue, dead_run)
        if _is_same_market(run.instrument, instrument):
            notes.append(_note(run, left))
            _book(journal, run, dead_run.position, left, clock.now_ns())
            books.insert(0, left.books)
        else:
            notes.append(f"run {run.run_id} died: what it missed is not booked, since tick or lot has changed")
        live.end_dead_run(journal, run, f"its process died; recovered by run {run_id}")
    position = await venue.position()
    if before is not None and before.run_id not in recovered and _is_same_market(before.instrument, instrument):
        books.append(live.books_of(journal, before))
    opening = _opening(position, books, instrument, clock.now_ns())
    return Continuation(position=position, opening=opening, notes=tuple(notes), recovered=recovered)


def _dead_run(journal: Journal, run: RunRecord, known_funding: set[tuple[int, int]], now_ns: int) -> DeadRun:
    if run.tag is None:
        raise JournalError(f"run {run.run_id} has no tag in the journal {journal.name}: its orders cannot be told")
    return DeadRun(
        tag=run.tag,
        since_ns=run.started_at_ns - SLACK_NS,
        funding_since_ns=run.started_at_ns,
        known_fill_ids=live.known_fill_ids(journal, run),
        known_funding=known_funding,
        position=live.books_of(journal, run),
        silent_ns=now_ns - run.last_alive_ns - _HEARTBEAT_LAG_NS,
    )


def _book(journal: Journal, run: RunRecord, before: Position, left: Recovered, now_ns: int) -> None:
    with live.reopen(journal, run) as its_journal:
        its_journal.reason(now_ns, "recovery", _note(run, left))
        for event in _events(left, now_ns):
            its_journal.event(event)
        _settle_day(journal, its_journal, run, before, left, now_ns)


def _events(left: Recovered, now_ns: int) -> list[Event]:
    """What its journal missed, as its maker would have been told."""
    events: list[Event] = [fill._replace(at_ns=now_ns) for fill in left.fills]
    for order in left.canceled:
        if order.order_id is not None and order.filled_lots < order.lots:
            reason = CancelReason.REQUESTED
            events.append(OrderCanceled(now_ns, order.venue_ns, order.order_id, order.filled_lots, reason))
    return events + [payment._replace(at_ns=now_ns) for payment in left.funding]


def _settle_day(
    journal: Journal, its_journal: RunJournal, run: RunRecord, before: Position, left: Recovered, now_ns: int
) -> None:
    """Carry sample and result of the day on to the mark of now: the new run counts from there."""
    last = live.last_sample(journal, run)
    mark = left.position.mark_milliticks
    if mark is None and last is not None:
        mark = last.mark_milliticks
    if mark is None:
        return  # it never had a price: it has not traded
    old_mark = mark if last is None else last.mark_milliticks
    change = left.books.profit_quanta(mark) - before.profit_quanta(old_mark)
    if last is not None:
        its_journal.sample(now_ns, left.books, mark, last.equity_quanta + change)
    day = utc_day(now_ns)
    its_journal.daily_result(day, run_day_profit(journal, run, day) + run.instrument.money(change))


def _opening(
    position: VenuePosition, books: list[Position], instrument: Instrument, now_ns: int
) -> PositionCorrected | None:
    if position.lots == 0:
        return None
    agreeing = next((own for own in books if own.lots == position.lots), None)
    if agreeing is not None:
        per_lot = agreeing.lots * QUANTA_PER_MILLITICK_LOT
        price = (2 * agreeing.cost_quanta + per_lot) // (2 * per_lot)
    else:
        price = instrument.price_to_milliticks(position.entry_price)
    if price <= 0:
        raise VenueError(
            f"the venue holds a position of {instrument.quantity(position.lots)} {instrument.base} and gives "
            f"{position.entry_price} as its entry price: start again, or close it there",
            Reaction.RETRY,
        )
    return PositionCorrected(now_ns, now_ns, position.lots, price)


def _identity(payment: FundingPaid) -> tuple[int, int]:
    return payment.venue_ns, payment.amount_quanta


def _is_same_market(one: Instrument, other: Instrument) -> bool:
    """Whether ticks and lots mean the same: only then can executions be booked together."""
    return (one.tick_size, one.lot_size) == (other.tick_size, other.lot_size)


def _note(run: RunRecord, left: Recovered) -> str:
    note = (
        f"run {run.run_id} died: cancelled {len(left.canceled)} orders of it, booked {len(left.fills)} executions "
        f"and {len(left.funding)} funding payments that it missed"
    )
    if left.books.lots == left.position.lots:
        return note
    quantity = run.instrument.quantity
    explained, held = quantity(left.books.lots), quantity(left.position.lots)
    return f"{note}; its executions explain a position of {explained}, the venue holds {held}"
