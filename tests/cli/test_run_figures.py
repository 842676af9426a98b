"""Page, status and journal tell the same figures of a run, to the last digit, at its end and while it goes on."""

import asyncio
import contextlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.main import _run
from perpmaker.cli.run_figures import ask_runs, figures_at_the_end, figures_of_now
from perpmaker.journal.readers import list_runs
from perpmaker.journal.writer import Journal, open_journal
from perpmaker.monitor.link_client import Link, LinkError
from perpmaker.monitor.view import RunView
from support.fleets import fleet_of, sim_market
from support.virtual_time import run_virtual, virtual_clock


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "journal.db")


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    with open_journal(url) as opened:
        yield opened


def played(journal: Journal) -> list[RunView]:
    """Every view that a page saw of a minute's run on the simulated market, the last one at its end."""

    async def play() -> list[RunView]:
        clock = virtual_clock()
        fleet = fleet_of([sim_market("sol", clock)], clock, journal)
        running = asyncio.create_task(fleet.play())
        link = await _link(journal)
        views = [message.view async for message in link.messages() if message.view is not None]
        await link.close()
        assert await running is ExitCode.DURATION
        return views

    return run_virtual(play)


async def _link(journal: Journal) -> Link:
    """As soon as the run is there."""
    for _ in range(10_000):
        with contextlib.suppress(IndexError, LinkError):
            return await Link.open(list_runs(journal)[0].run_id)
        await asyncio.sleep(0.01)
    raise AssertionError("the run has no link")


def test_the_last_view_the_journal_and_the_status_are_the_same_figures(
    url: str, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    last = played(journal)[-1]
    (run,) = list_runs(journal)
    assert run.summary is not None
    assert last.is_over
    assert last.counts.fills > 0
    assert last.position.quantity == run.summary["position"]
    assert last.profit.equity == run.summary["equity_end"]
    assert last.profit.realized == run.summary["realized_pnl"]
    assert last.profit.unrealized == run.summary["unrealized_pnl"]
    assert Decimal(last.profit.fees) == -Decimal(run.summary["fees"])
    assert last.profit.funding == run.summary["funding"]
    assert last.profit.max_drawdown == run.summary["max_drawdown"]
    assert last.counts.volume == run.summary["volume_quote"]
    assert last.counts.fills == run.summary["fills"]
    assert sum(map(Decimal, last.profit.terms.values())) == Decimal(last.profit.net)
    figures = figures_at_the_end(run)
    assert figures is not None
    assert figures_of_now(last) == f"{figures}; {last.phase}"
    capsys.readouterr()
    assert _run(["status", "--offline", "--journal", url]) == 0
    out = capsys.readouterr().out
    assert figures in out
    assert "SOL_PERP on sim (paper)  duration reached" in out


def test_a_paused_run_says_so_before_its_phase(journal: Journal) -> None:
    last = played(journal)[-1]
    assert figures_of_now(msgspec.structs.replace(last, is_paused=True)).endswith("; paused")


def test_a_run_that_does_not_listen_has_no_figures_and_says_why() -> None:
    answers = ask_runs(["0000-gone"])
    assert isinstance(answers["0000-gone"], LinkError)
    assert "does not listen" in str(answers["0000-gone"])
