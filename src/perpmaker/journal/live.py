"""What a new process must know of the runs before it, and how it finishes what a dead one left unsaid.

Rules kept here:

1. A run is live by its mode, and belongs to an account. Simulated and paper runs are never found here.
2. A run without an end is running or dead; only its heartbeat tells. Who decides is `perpmaker.journal.recover_runs`.
3. What is added to a dead run goes on where its rows stopped, so that replaying it gives the books that it had.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, and_, func, or_, select, update

from perpmaker.domain.errors import JournalError
from perpmaker.domain.position import Position
from perpmaker.journal import schema
from perpmaker.journal.database import translated_errors, writing
from perpmaker.journal.readers import RunRecord, bookings, replay_position, run_of
from perpmaker.journal.records import Sample
from perpmaker.journal.writer import Journal, RunJournal

TAGS_KEPT_NS: Final = 30 * 86_400 * 10**9
"""How long the tag of a run is not used again: venues still tell of its orders. An older run's orders cannot be told
from somebody else's."""

LIVE: Final = "live"
"""The mode of a run that sends orders to a venue, as `perpmaker.journal.writer.RunStart` has it."""

_TIMES: Final = {table: "at_ns" if "at_ns" in table.columns else "ts_ns" for table in schema.RUN_TABLES}


def unfinished_runs(journal: Journal, account: str | None = None, symbol: str | None = None) -> list[RunRecord]:
    """Live runs without an end, the oldest first; of one account and symbol where they are named.

    Raises:
        JournalError: the journal cannot be read.
    """
    return _runs(journal, _live(account, symbol, schema.runs.c.ended_at_ns.is_(None)))


def latest_live_run(
    journal: Journal, account: str | None = None, symbol: str | None = None, *, excluding_run_id: str | None = None
) -> RunRecord | None:
    """The live run that was started last, ended or not; None if there never was one.

    Raises:
        JournalError: the journal cannot be read.
    """
    others = schema.runs.c.id.is_distinct_from(excluding_run_id)
    newest_first = _live(account, symbol, others).order_by(None).order_by(schema.runs.c.run_no.desc()).limit(1)
    return next(iter(_runs(journal, newest_first)), None)


def recent_tags(journal: Journal, account: str, since_ns: int) -> frozenset[int]:
    """Tags that orders of this account may still carry: of every run that has not ended, or lived after ``since_ns``.

    Raises:
        JournalError: the journal cannot be read.
    """
    runs = schema.runs.c
    lived = or_(
        runs.ended_at_ns.is_(None),
        runs.ended_at_ns >= since_ns,
        runs.started_at_ns >= since_ns,
        runs.heartbeat_ns >= since_ns,
    )
    query = select(runs.tag).where(runs.account == account, runs.tag.is_not(None), lived)
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        return frozenset(connection.execute(query).scalars())


def reopen(journal: Journal, run: RunRecord) -> RunJournal:
    """Go on recording a run whose process died: its missed executions, in its own books.

    Raises:
        JournalError: the run has ended, or the journal cannot be read.
    """
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        ended = connection.execute(select(schema.runs.c.ended_at_ns).where(schema.runs.c.run_no == run.run_no)).scalar()
        latest = [_largest(table, "seq", run) for table in schema.RUN_TABLES]
        numbers = [connection.execute(query).scalar() for query in latest]
    if ended is not None:
        raise JournalError(f"run {run.run_id} has ended: nothing can be added to it")
    last_seq = max((number for number in numbers if number is not None), default=-1)
    return RunJournal(journal.engine, run.run_no, run.run_id, account=run.account, first_seq=last_seq + 1)


def end_dead_run(journal: Journal, run: RunRecord, text: str) -> None:
    """Give a run its end, as of its last sign of life; ``text`` says why. A run that has an end keeps it.

    Raises:
        JournalError: the journal cannot be written.
    """
    its_row = and_(schema.runs.c.run_no == run.run_no, schema.runs.c.ended_at_ns.is_(None))
    ended_at_ns = max(run.last_alive_ns, last_event_ns(journal, run) or 0)
    with translated_errors(journal.engine), writing(journal.engine) as connection:
        connection.execute(update(schema.runs).where(its_row).values(ended_at_ns=ended_at_ns, end_reason=text))


def books_of(journal: Journal, run: RunRecord) -> Position:
    """The position of a run and what it has earned, replayed from its journal.

    Raises:
        JournalError: the journal cannot be read.
    """
    return replay_position(bookings(journal, run))


def known_fill_ids(journal: Journal, run: RunRecord) -> frozenset[int]:
    """The executions that the journal has of a run.

    Raises:
        JournalError: the journal cannot be read.
    """
    query = select(schema.fills.c.fill_id).where(schema.fills.c.run_no == run.run_no)
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        return frozenset(connection.execute(query).scalars())


def last_event_ns(journal: Journal, run: RunRecord) -> int | None:
    """The time of the newest row of a run, in the run's own time; None if it has none.

    Raises:
        JournalError: the journal cannot be read.
    """
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        times = [connection.execute(_largest(table, name, run)).scalar() for table, name in _TIMES.items()]
    return max((time_ns for time_ns in times if time_ns is not None), default=None)


def last_sample(journal: Journal, run: RunRecord) -> Sample | None:
    """The account as it was last recorded in a run; None if it never was.

    Raises:
        JournalError: the journal cannot be read.
    """
    table = schema.samples
    columns = [table.columns[name] for name in Sample._fields]
    query = select(*columns).where(table.c.run_no == run.run_no).order_by(table.c.seq.desc()).limit(1)
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Sample(*row)


def _live(account: str | None, symbol: str | None, *also: ColumnElement[bool]) -> Select[Any]:
    runs = schema.runs.c
    wanted = [runs.mode == LIVE, runs.account.is_not(None), *also]
    if account is not None:
        wanted.append(runs.account == account)
    if symbol is not None:
        wanted.append(runs.symbol == symbol)
    return select(schema.runs).where(*wanted).order_by(runs.run_no)


def _runs(journal: Journal, query: Select[Any]) -> list[RunRecord]:
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        return [run_of(row) for row in connection.execute(query)]


def _largest(table: Table, column: str, run: RunRecord) -> Select[Any]:
    return select(func.max(table.columns[column])).where(table.c.run_no == run.run_no)
