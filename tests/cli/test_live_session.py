"""A live run from checklist to exit code, against the testnet, in virtual time."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.request import View
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.events import EndReason
from perpmaker.domain.orders import Side
from perpmaker.journal.limits import active_latches, clear_latches, day_profit
from perpmaker.journal.live import books_of, known_fill_ids, latest_live_run, unfinished_runs
from perpmaker.journal.readers import list_runs
from perpmaker.journal.writer import Journal, open_journal
from perpmaker.runtime.live.daily_loss import utc_day
from perpmaker.venues.client_ids import UINT32, OwnId
from support.live_sessions import live_session, played, running_testnet, venue_on
from support.virtual_time import run_virtual, virtual_clock


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(str(tmp_path / "journal.db")) as opened:
        yield opened


def test_the_run_and_the_exchange_agree_to_the_last_digit(journal: Journal) -> None:
    async def play() -> None:
        clock = virtual_clock()
        async with running_testnet(clock) as server:
            code, session = await played(server, clock, journal)
            assert code is ExitCode.DURATION
            account = server.testnet.accounts["1"]
            summary = session.summary
            assert summary is not None
            assert summary.fills > 10
            books = account.books.position
            money, quantity = server.testnet.instrument.money, server.testnet.instrument.quantity
            assert summary.position == quantity(books.lots)
            assert summary.realized_pnl == money(books.realized_quanta)
            assert summary.fees == money(books.fees_quanta)
            assert not account.books.open_ids
            (run,) = list_runs(journal)
            assert run.mode == "live"
            assert run.end_reason == "duration reached"
            assert books_of(journal, run).lots == books.lots
            assert len(known_fill_ids(journal, run)) == summary.fills
            earned = day_profit(journal, str(run.account), utc_day(clock.now_ns()), excluding_run_no=None)
            assert abs(summary.equity_end - summary.equity_start - earned) < Decimal("0.01"), "from its first mark on"

    run_virtual(play)


def test_a_loss_limit_closes_stops_and_stays_until_it_is_cleared(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    async def play() -> None:
        clock = virtual_clock()
        async with running_testnet(clock) as server:
            code, _ = await played(server, clock, journal, max_loss=Decimal("0.05"), duration_s=Decimal(300))
            assert code is ExitCode.MAX_LOSS
            books = server.testnet.accounts["1"].books
            assert books.position.lots == 0
            assert not books.open_ids
            code, _ = await played(server, clock, journal)
            assert code is ExitCode.BAD_INPUT
            assert "maximum loss of the run" in capsys.readouterr().err
            account = venue_on(server, clock).facts.account
            assert len(active_latches(journal, account, "SOL_USDC_PERP")) == 1
            clear_latches(journal, account, cleared_at_ns=clock.now_ns(), cleared_by="test")
            code, _ = await played(server, clock, journal, duration_s=Decimal(10))
            assert code is ExitCode.DURATION

    run_virtual(play)


def test_the_loss_of_the_day_counts_earlier_runs(journal: Journal) -> None:
    async def play() -> None:
        clock = virtual_clock()
        async with running_testnet(clock) as server:
            code, first = await played(server, clock, journal, close_on_exit=True)
            assert code is ExitCode.DURATION
            assert first.summary is not None
            lost = first.summary.equity_start - first.summary.equity_end
            assert lost > 0
            limited = {"max_daily_loss": lost + Decimal("0.02")}
            code, second = await played(server, clock, journal, wire_changes=limited, duration_s=Decimal(300))
            assert code is ExitCode.MAX_DAILY_LOSS
            assert second.summary is not None
            assert second.summary.position == 0
            assert second.summary.equity_start - second.summary.equity_end < lost + Decimal("0.02")

    run_virtual(play)


def test_a_run_that_died_is_finished_by_the_next_one(journal: Journal) -> None:
    async def play() -> None:
        clock = virtual_clock()
        async with running_testnet(clock) as server:
            venue = venue_on(server, clock)
            task = asyncio.create_task(live_session(server, clock, journal, venue=venue).play())
            await asyncio.sleep(20)
            task.cancel()
            assert await task is ExitCode.ABANDONED
            await venue.close()
            account = server.testnet.accounts["1"].books
            assert account.open_ids, "nothing was cleaned up"
            await asyncio.sleep(20)
            code, _ = await played(server, clock, journal)
            assert code is ExitCode.DURATION
            assert not account.open_ids
            assert not unfinished_runs(journal)
            last = latest_live_run(journal)
            assert last is not None
            assert books_of(journal, last).lots == account.position.lots
            first, second = (known_fill_ids(journal, run) for run in list_runs(journal))
            assert len(first) + len(second) == len(account.fills)

    run_virtual(play)


def test_a_run_whose_right_to_trade_is_withdrawn_ends_soon_and_says_what_is_left(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    async def play() -> None:
        clock = virtual_clock()
        async with running_testnet(clock) as server:
            task = asyncio.create_task(played(server, clock, journal, duration_s=Decimal(600), view=View.LINES))
            await asyncio.sleep(20)
            server.testnet.set_permission("1", can_trade=False)
            withdrawn_ns = clock.now_ns()
            code, session = await task
            assert code is ExitCode.FAILED, "orders rest that it may not cancel any more"
            assert session.summary is not None
            assert session.summary.run.end_reason is EndReason.VENUE_STOPPED
            assert clock.now_ns() - withdrawn_ns < 60 * 10**9

    run_virtual(play)
    out = capsys.readouterr().out
    assert "give the key the right to trade futures" in out
    assert "orders still rest" in out or "could not be asked whether orders still rest" in out


def test_a_tag_that_somebody_elses_order_carries_is_not_taken(journal: Journal) -> None:
    async def play() -> None:
        clock = virtual_clock()
        async with running_testnet(clock) as server:
            stranger = server.testnet.place_foreign_order("1", Side.BUY, 13_900, 10, int(UINT32.encode(OwnId(1, 1))))
            code, _ = await played(server, clock, journal)
            assert code is ExitCode.DURATION
            (run,) = list_runs(journal)
            assert run.tag == 2
            assert list(server.testnet.accounts["1"].books.open_ids) == [stranger]

    run_virtual(play)


def test_a_live_run_needs_a_journal() -> None:
    async def play() -> None:
        clock = virtual_clock()
        async with running_testnet(clock) as server:
            with pytest.raises(InvalidSettingError, match="need the journal"):
                await played(server, clock, None)

    run_virtual(play)


def test_every_screen_says_that_it_is_live(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    async def play() -> None:
        clock = virtual_clock()
        async with running_testnet(clock) as server:
            await played(server, clock, journal, view=View.LINES, duration_s=Decimal(10))

    run_virtual(play)
    out = capsys.readouterr().out
    assert "LIVE: real orders on backpack at http://127.0.0.1" in out
    assert "SOL_USDC_PERP on backpack, live: duration reached" in out
