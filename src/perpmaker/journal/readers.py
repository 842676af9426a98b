"""Reading a journal back: runs, what moved their money, and the position that this makes."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from heapq import merge
from operator import itemgetter
from typing import Any, Final, cast

from sqlalchemy import Connection, Row, Table, select

from perpmaker.domain.errors import UnknownNameError
from perpmaker.domain.events import BalanceCorrected, Filled, FundingPaid, PositionCorrected
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.position import Position
from perpmaker.journal import schema
from perpmaker.journal.database import translated_errors
from perpmaker.journal.records import SIDE_NAMES
from perpmaker.journal.writer import Journal

_PAGE_ROWS: Final = 10_000
_SIDES: Final = {name: side for side, name in SIDE_NAMES.items()}

LATEST: Final = "latest"
"""The name under which `find_run` gives the newest run of a market maker."""

NOT_STARTED: Final = "not started"
"""The end of a live run that was refused before it sent anything."""

_EMERGENCIES: Final = frozenset({"cancel", "close", "watchdog"})

Booking = Filled | FundingPaid | PositionCorrected | BalanceCorrected
"""What moves the position or the money of a run."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the journal has it; without an end while it runs, and until it is recovered if its process was killed.

    ``account``, ``tag``, ``pid``, ``host``, ``endpoint`` and ``heartbeat_ns`` are those of live runs, see
    `perpmaker.journal.writer.RunStart`; ``heartbeat_ns`` is the last sign of life.
    """

    run_no: int
    run_id: str
    started_at_ns: int
    ended_at_ns: int | None
    end_reason: str | None
    version: str
    exchange: str
    symbol: str
    market_type: str
    mode: str
    seed: int | None
    command_line: str
    settings: Mapping[str, str]
    instrument: Instrument
    provenance: Mapping[str, str]
    summary: Mapping[str, Any] | None
    account: str | None
    tag: int | None
    pid: int | None
    host: str | None
    endpoint: str | None
    heartbeat_ns: int | None

    @property
    def has_made_market(self) -> bool:
        """Whether a market maker ran: not the record of a command for emergencies, nor of a start that was refused."""
        return self.mode not in _EMERGENCIES and self.end_reason != NOT_STARTED

    @property
    def last_alive_ns(self) -> int:
        """When its process was last known to live: its heartbeat, or its start."""
        return max(self.started_at_ns, self.heartbeat_ns or 0)


def list_runs(journal: Journal) -> list[RunRecord]:
    """Every run, the newest first.

    Raises:
        JournalError: the journal cannot be read.
    """
    query = select(schema.runs).order_by(schema.runs.c.run_no.desc())
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        return [run_of(row) for row in connection.execute(query)]


def load_run(journal: Journal, run_id: str) -> RunRecord:
    """One run.

    Raises:
        UnknownNameError: the journal has no run of this id.
        JournalError: the journal cannot be read.
    """
    query = select(schema.runs).where(schema.runs.c.id == run_id)
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise UnknownNameError(f"the journal {journal.name} has no run {run_id}; list the runs to see their ids")
    return run_of(row)


def find_run(journal: Journal, name: str) -> RunRecord:
    """The run that a person means: its id, the beginning of it if no other begins so, or `LATEST`.

    Raises:
        UnknownNameError: there is none, or more than one.
        JournalError: the journal cannot be read.
    """
    runs = list_runs(journal)
    latest = next((run for run in runs if run.has_made_market), None)
    if name == LATEST and latest is not None:
        return latest
    exact = [run for run in runs if run.run_id == name]
    fitting = exact or [run for run in runs if name and run.run_id.startswith(name)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UnknownNameError(f"{len(fitting)} runs of the journal {journal.name} begin with {name}: give more of it")
    others = "; no market maker has run yet" if latest is None else f"; the latest is {latest.run_id}"
    raise UnknownNameError(f"the journal {journal.name} has no run {name}{others}")


def fills(journal: Journal, run: RunRecord) -> Iterator[Filled]:
    """The executions of a run in the order in which they were told, each once, however often it was told.

    Raises:
        JournalError: the journal cannot be read.
    """
    return cast(Iterator[Filled], _booked(journal, run, schema.fills))


def funding(journal: Journal, run: RunRecord) -> Iterator[FundingPaid]:
    """The funding payments of a run, in the order in which they were told.

    Raises:
        JournalError: the journal cannot be read.
    """
    return cast(Iterator[FundingPaid], _booked(journal, run, schema.funding))


def bookings(journal: Journal, run: RunRecord) -> Iterator[Booking]:
    """Fills (each once), funding and corrections of a run together, in the order in which they were told.

    Raises:
        JournalError: the journal cannot be read.
    """
    return _booked(journal, run, *_READ)


def replay_position(*booked: Iterable[Booking]) -> Position:
    """The position that these bookings make, from flat; of `bookings` exactly the run's own books.

    Several series are booked one after the other: fills, then funding. Corrections are right only in their place
    among the fills.
    """
    position = Position()
    for series in booked:
        for booking in series:
            match booking:
                case Filled():
                    position.apply_fill(booking.side, booking.price_ticks, booking.lots, booking.fee_quanta)
                case FundingPaid():
                    position.apply_funding(booking.amount_quanta)
                case PositionCorrected():
                    position.apply_correction(booking.change_lots, booking.price_milliticks)
                case BalanceCorrected():
                    pass  # neither profit nor loss
    return position


def _booked(journal: Journal, run: RunRecord, *tables: Table) -> Iterator[Booking]:
    seen: set[int] = set()
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        for _, booking in merge(*(_rows(connection, run, table) for table in tables), key=itemgetter(0)):
            if isinstance(booking, Filled):
                if booking.fill_id in seen:
                    continue
                seen.add(booking.fill_id)
            yield booking


def _rows(connection: Connection, run: RunRecord, table: Table) -> Iterator[tuple[int, Booking]]:
    """Page by page, so that a long run needs no more memory than a short one; each with its seq."""
    query = select(table).where(table.c.run_no == run.run_no).order_by(table.c.seq)
    read = _READ[table]
    for row in connection.execution_options(yield_per=_PAGE_ROWS).execute(query):
        yield row.seq, read(row)


def _filled(row: Row[Any]) -> Filled:
    return Filled(
        row.at_ns,
        row.venue_ns,
        row.fill_id,
        row.order_id,
        _SIDES[row.side],
        row.price_ticks,
        row.lots,
        row.is_maker,
        row.fee_quanta,
    )


def _corrected(row: Row[Any]) -> PositionCorrected | BalanceCorrected:
    if row.kind == "balance":
        return BalanceCorrected(row.at_ns, row.venue_ns, row.change_quanta)
    return PositionCorrected(row.at_ns, row.venue_ns, row.change_lots, row.price_milliticks)


_READ: Final[dict[Table, Callable[[Row[Any]], Booking]]] = {
    schema.fills: _filled,
    schema.funding: lambda row: FundingPaid(row.at_ns, row.venue_ns, row.amount_quanta),
    schema.corrections: _corrected,
}


def run_of(row: Row[Any]) -> RunRecord:
    """A row of ``runs``."""
    stated: Mapping[str, str] = row.instrument
    steps = {name: Decimal(stated[name]) for name in ("tick_size", "lot_size", "min_quantity")}
    return RunRecord(
        run_no=row.run_no,
        run_id=row.id,
        started_at_ns=row.started_at_ns,
        ended_at_ns=row.ended_at_ns,
        end_reason=row.end_reason,
        version=row.version,
        exchange=row.exchange,
        symbol=row.symbol,
        market_type=row.market_type,
        mode=row.mode,
        seed=row.seed,
        command_line=row.command_line,
        settings=row.settings,
        instrument=Instrument(stated["symbol"], stated["base"], stated["quote"], **steps),
        provenance=row.provenance,
        summary=row.summary,
        account=row.account,
        tag=row.tag,
        pid=row.pid,
        host=row.host,
        endpoint=row.endpoint,
        heartbeat_ns=row.heartbeat_ns,
    )
