"""Reading a journal back: runs, their fills, and the position that these fills make."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Row, Select, select

from perpmaker.domain.errors import UnknownNameError
from perpmaker.domain.events import Filled, FundingPaid
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.position import Position
from perpmaker.journal import schema
from perpmaker.journal.database import translated_errors
from perpmaker.journal.records import SIDE_NAMES
from perpmaker.journal.writer import Journal

_PAGE_ROWS: Final = 10_000
_SIDES: Final = {name: side for side, name in SIDE_NAMES.items()}


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the journal has it; without an end while it runs, and for ever if its process was killed."""

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


def list_runs(journal: Journal) -> list[RunRecord]:
    """Every run, the newest first.

    Raises:
        JournalError: the journal cannot be read.
    """
    query = select(schema.runs).order_by(schema.runs.c.run_no.desc())
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        return [_run(row) for row in connection.execute(query)]


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
    return _run(row)


def fills(journal: Journal, run: RunRecord) -> Iterator[Filled]:
    """The executions of a run in the order in which they were told, each once, however often it was told.

    Raises:
        JournalError: the journal cannot be read.
    """
    table = schema.fills
    seen: set[int] = set()
    for row in _rows(journal, select(table).where(table.c.run_no == run.run_no).order_by(table.c.seq)):
        if row.fill_id not in seen:
            seen.add(row.fill_id)
            yield Filled(
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


def funding(journal: Journal, run: RunRecord) -> Iterator[FundingPaid]:
    """The funding payments of a run, in the order in which they were told.

    Raises:
        JournalError: the journal cannot be read.
    """
    table = schema.funding
    for row in _rows(journal, select(table).where(table.c.run_no == run.run_no).order_by(table.c.seq)):
        yield FundingPaid(row.at_ns, row.venue_ns, row.amount_quanta)


def replay_position(executions: Iterable[Filled], payments: Iterable[FundingPaid] = ()) -> Position:
    """The position that these executions and funding payments make, from flat: exactly the run's own books."""
    position = Position()
    for fill in executions:
        position.apply_fill(fill.side, fill.price_ticks, fill.lots, fill.fee_quanta)
    for payment in payments:
        position.apply_funding(payment.amount_quanta)
    return position


def _rows(journal: Journal, query: Select[Any]) -> Iterator[Row[Any]]:
    """Rows page by page, so that a long run needs no more memory than a short one."""
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        yield from connection.execution_options(yield_per=_PAGE_ROWS).execute(query)


def _run(row: Row[Any]) -> RunRecord:
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
    )
