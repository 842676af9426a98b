"""docs/journal.md is true: it names every column, and every query in it runs."""

import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from sqlalchemy import text

from perpmaker.domain.commands import Notice, NoticeKind, Place
from perpmaker.domain.events import Filled, OrderAccepted, OrderRejected
from perpmaker.domain.orders import OrderKind, RejectReason, Side
from perpmaker.journal import readers, schema
from perpmaker.journal.batches import BATCH_ROWS, BATCH_S
from perpmaker.journal.budgets import write_budgets
from perpmaker.journal.limits import Latch, set_latch
from perpmaker.journal.writer import Journal, RunStart
from perpmaker.risk.budgets import Step, Use

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "journal.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?);\n```", PAGE, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def recorded(journal: Journal, about_live: RunStart) -> Journal:
    """A journal of one run, in which every query finds something."""
    set_latch(journal, Latch(account="a", symbol=None, kind="loss", text="lost", run_id=None, set_at_ns=1))
    write_budgets(journal, "f", [Use("notional", Fraction(1), Fraction(2), Fraction(2), Fraction(3))], Step.FREE, 1)
    with journal.begin_run(about_live) as run:
        run.daily_result("2026-11-24", Decimal("-0.5"))
        run.command(1_000_000, Place(1, Side.BUY, 9_900, 10, OrderKind.LIMIT, True, False))
        run.event(OrderAccepted(4_000_000, 2, 1))
        run.event(OrderRejected(4_000_000, 2, 2, RejectReason.POST_ONLY_WOULD_CROSS))
        run.event(Filled(5_000_000, 4, 1, 1, Side.BUY, 9_900, 10, True, 198 * 10**11))
        run.command(6_000_000, Notice(NoticeKind.QUOTING, 10, 0, ""))
    return journal


@pytest.mark.parametrize("table", schema.metadata.tables.values(), ids=lambda table: str(table.name))
def test_every_column_is_described(table: object) -> None:
    section = PAGE.split(f"**{table.name}**", 1)[1].split("\n**", 1)[0]  # type: ignore[attr-defined]
    columns = {column.name for column in table.columns}  # type: ignore[attr-defined]
    undescribed = {name for name in columns - {"run_no", "seq"} if f"`{name}`" not in section}
    shared = {"at_ns", "venue_ns", "order_id"} if "as above" in section else set()
    assert undescribed - shared == set()


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_finds_what_it_asks_for(recorded: Journal, query: str) -> None:
    with recorded.engine.connect() as connection:
        assert connection.execute(text(query)).all()


def test_a_fill_in_money_is_what_the_page_says(recorded: Journal) -> None:
    query = next(query for query in QUERIES if "AS fee" in query and "price" in query)
    with recorded.engine.connect() as connection:
        row = connection.execute(text(query)).one()
    assert (row.side, row.price, row.size, row.fee) == pytest.approx(("buy", 99.0, 0.1, 0.00198))


def test_the_python_runs(recorded: Journal, journal_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    for code in PYTHON:
        exec(code.replace("open_journal()", f"open_journal({journal_url!r})"), {})  # noqa: S102
    run = readers.list_runs(recorded)[0]
    assert run.run_id in capsys.readouterr().out


def test_the_size_of_a_batch_is_as_stated() -> None:
    assert f"after {BATCH_ROWS:,} records or one second" in PAGE
    assert BATCH_S == 1.0
