"""Everything that the journal has of one run, read once, in the order in which it was told.

Times are those of the run's market: venue time in a simulation and on paper, where the venue's clock is the market's.
On a real exchange it is our own clock at reception, the one that a recording made beside the run is stamped with.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, Table, select

from perpmaker.domain.events import BalanceCorrected, Filled, FundingPaid, PositionCorrected
from perpmaker.domain.orders import Side
from perpmaker.journal import schema
from perpmaker.journal.database import translated_errors
from perpmaker.journal.readers import Booking, RunRecord, bookings
from perpmaker.journal.records import SIDE_NAMES, Sample
from perpmaker.journal.writer import Journal

LIVE: Final = "live"
SIMULATED: Final = frozenset({"simulation", "backtest"})
"""Modes of runs that traded on market data of which they say what it was."""


_PAGE_ROWS: Final = 10_000
_SIDES: Final = {name: side for side, name in SIDE_NAMES.items()}


class Placed(NamedTuple):
    """An order that was sent; ``level`` is None where the journal did not keep it."""

    ts_ns: int
    order_id: int
    side: Side
    price_ticks: int
    lots: int
    rests: bool
    reduce_only: bool
    level: int | None


class CancelAsked(NamedTuple):
    ts_ns: int
    order_id: int


class OrderNews(NamedTuple):
    """What the venue said of an order; ``kind`` and ``reason`` as in the journal."""

    ts_ns: int
    venue_ns: int
    kind: str
    order_id: int
    reason: str | None


class ReasonRow(NamedTuple):
    """Why something was done; position and unrealized profit where the maker gave the reason."""

    ts_ns: int
    kind: str
    text: str
    position_lots: int | None
    unrealized_quanta: int | None


Story = Placed | CancelAsked | OrderNews | Filled
"""What became of orders."""


@dataclass(frozen=True, slots=True)
class RunRows:
    """One run as recorded. ``story`` is everything about orders, ``seq`` order."""

    run: RunRecord
    story: list[Story]
    bookings: list[Booking]
    samples: list[Sample]
    reasons: list[ReasonRow]

    def time_of(self, news: Booking | OrderNews) -> int:
        """When it happened, on the clock of the run's market; see the module."""
        if isinstance(news, OrderNews):
            return news.ts_ns if self.run.mode == LIVE else news.venue_ns
        return news.at_ns if self.run.mode == LIVE else news.venue_ns

    @property
    def knows_levels(self) -> bool:
        """Whether the journal has the level of every order."""
        return all(entry.level is not None for entry in self.story if isinstance(entry, Placed))

    @property
    def fills(self) -> list[Filled]:
        return [booking for booking in self.bookings if isinstance(booking, Filled)]

    @property
    def funding(self) -> list[FundingPaid]:
        return [booking for booking in self.bookings if isinstance(booking, FundingPaid)]

    @property
    def corrections(self) -> list[PositionCorrected]:
        return [booking for booking in self.bookings if isinstance(booking, PositionCorrected)]

    @property
    def transfers(self) -> list[BalanceCorrected]:
        return [booking for booking in self.bookings if isinstance(booking, BalanceCorrected)]


def read_rows(journal: Journal, run: RunRecord) -> RunRows:
    """Read a run.

    Raises:
        JournalError: the journal cannot be read.
    """
    booked = list(bookings(journal, run))
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        told: list[tuple[int, Story]] = []
        told += _commands(connection, run)
        told += _order_news(connection, run)
        told += _fills(connection, run)
        samples = [
            Sample(*(getattr(row, name) for name in Sample._fields)) for row in _rows(connection, run, schema.samples)
        ]
        reasons = [
            ReasonRow(*(getattr(row, name) for name in ReasonRow._fields))
            for row in _rows(connection, run, schema.reasons)
        ]
    told.sort(key=lambda entry: entry[0])
    return RunRows(run, [entry for _, entry in told], booked, samples, reasons)


def _rows(connection: Connection, run: RunRecord, table: Table) -> Iterator[Row[Any]]:
    query = select(table).where(table.c.run_no == run.run_no).order_by(table.c.seq)
    yield from connection.execution_options(yield_per=_PAGE_ROWS).execute(query)


def _commands(connection: Connection, run: RunRecord) -> Iterator[tuple[int, Story]]:
    for row in _rows(connection, run, schema.commands):
        if row.kind == "place":
            rests = row.order_kind == "limit"
            placed = Placed(
                row.ts_ns, row.order_id, _SIDES[row.side], row.price_ticks, row.lots, rests, row.reduce_only, row.level
            )
            yield row.seq, placed
        elif row.kind == "cancel":
            yield row.seq, CancelAsked(row.ts_ns, row.order_id)


def _order_news(connection: Connection, run: RunRecord) -> Iterator[tuple[int, Story]]:
    for row in _rows(connection, run, schema.order_events):
        yield row.seq, OrderNews(row.at_ns, row.venue_ns or row.at_ns, row.kind, row.order_id, row.reason)


def _fills(connection: Connection, run: RunRecord) -> Iterator[tuple[int, Story]]:
    for row in _rows(connection, run, schema.fills):
        yield (
            row.seq,
            Filled(
                row.at_ns, row.venue_ns, row.fill_id, row.order_id, _SIDES[row.side],
                row.price_ticks, row.lots, row.is_maker, row.fee_quanta,
            ),
        )  # fmt: skip
