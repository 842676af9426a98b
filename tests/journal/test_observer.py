"""A journal that watches a run: every step is recorded, the account is sampled now and then."""

from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from perpmaker.domain.commands import Cancel
from perpmaker.domain.events import Filled, OrderAccepted
from perpmaker.domain.orders import Side
from perpmaker.domain.position import Position
from perpmaker.journal import schema
from perpmaker.journal.observer import SAMPLE_NS, JournalObserver
from perpmaker.journal.writer import Journal, RunStart

FILL = Filled(1, 1, 1, 1, Side.BUY, 10_000, 2, True, 5)


def maker_with(mark_milliticks: int | None) -> Any:
    """Only what an observer looks at."""
    state = SimpleNamespace(mark_milliticks=mark_milliticks, position=Position(), balance_quanta=10**20)
    return SimpleNamespace(state=state)


def sampled(journal: Journal) -> list[tuple[int, int]]:
    with journal.engine.connect() as connection:
        query = select(schema.samples.c.ts_ns, schema.samples.c.equity_quanta).order_by(schema.samples.c.seq)
        return [(row.ts_ns, row.equity_quanta) for row in connection.execute(query)]


def test_events_and_commands_of_a_step_are_recorded(journal: Journal, about: RunStart) -> None:
    with journal.begin_run(about) as run:
        JournalObserver(run, maker_with(None)).on_step(9, [OrderAccepted(1, 1, 1), FILL], [Cancel(1)])
        run.flush()
        assert run.rows_written == 3


def test_the_account_is_sampled_once_an_interval(journal: Journal, about: RunStart) -> None:
    with journal.begin_run(about) as run:
        observer = JournalObserver(run, maker_with(10_000_000))
        for now_ns in (1, 2, SAMPLE_NS, SAMPLE_NS + 1, SAMPLE_NS + 2):
            observer.on_step(now_ns, [], [])
    assert sampled(journal) == [(1, 10**20), (SAMPLE_NS + 1, 10**20)]


def test_every_fill_is_sampled_with_what_it_made_of_the_account(journal: Journal, about: RunStart) -> None:
    with journal.begin_run(about) as run:
        maker = maker_with(10_000_000)
        observer = JournalObserver(run, maker)
        observer.on_step(1, [], [])
        maker.state.position.apply_fill(FILL.side, FILL.price_ticks, FILL.lots, FILL.fee_quanta)
        observer.on_step(2, [FILL], [])
    assert sampled(journal) == [(1, 10**20), (2, 10**20 - 5)]


def test_nothing_is_sampled_without_a_price(journal: Journal, about: RunStart) -> None:
    with journal.begin_run(about) as run:
        JournalObserver(run, maker_with(None)).on_step(1, [FILL], [])
    assert sampled(journal) == []
