"""`cancel`, `close` and `watchdog` at a scripted venue, in virtual time: what they touch, say, record, and return."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest

from perpmaker.cli import running
from perpmaker.cli.emergencies import end_and_cancel
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.running import ask_to_end
from perpmaker.cli.target import Target, find_target
from perpmaker.cli.watching import Watchdog, watch_run
from perpmaker.domain.errors import InvalidSettingError, JournalError, UnknownNameError
from perpmaker.domain.events import Filled, PositionCorrected
from perpmaker.domain.orders import RejectReason, Side
from perpmaker.journal.limits import day_profit
from perpmaker.journal.live import end_dead_run
from perpmaker.journal.processes import this_host
from perpmaker.journal.readers import RunRecord, bookings, list_runs, load_run
from perpmaker.journal.writer import Journal, RunStart, open_journal
from perpmaker.runtime.live.daily_loss import utc_day
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import Refused
from support.closing_venue import ClosingVenue
from support.scripted_venue import FACTS, INSTRUMENT
from support.virtual_time import START_NS, run_virtual, virtual_clock

ACCOUNT, SYMBOL = FACTS.account, INSTRUMENT.symbol
DOWN = VenueError("the venue cannot be reached: check the network", Reaction.RETRY)
NOBODY = 2**22 + 1
"""No process has this number: Linux gives none that high."""

_Result = TypeVar("_Result")

ABOUT = RunStart(
    version="1",
    exchange="backpack",
    symbol=SYMBOL,
    market_type="perp",
    mode="live",
    seed=None,
    command_line="perpmaker run",
    settings={},
    instrument=INSTRUMENT,
    provenance={},
    run_id="dead",
    started_at_ns=START_NS - 600 * 10**9,
    account=ACCOUNT,
    tag=7,
    pid=NOBODY,
    host=this_host(),
    endpoint="http://127.0.0.1:1",
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(str(tmp_path / "journal.db")) as opened:
        yield opened


def begun(journal: Journal, *, heartbeat_ns: int | None = None, **changes: Any) -> RunRecord:
    """A live run that was begun, and not ended."""
    about = replace(ABOUT, **changes)
    with journal.begin_run(about) as run:
        if heartbeat_ns is not None:
            run.heartbeat(heartbeat_ns)
    return load_run(journal, about.run_id)


def target(run: RunRecord | None = None) -> Target:
    return Target(exchange="backpack", symbol=SYMBOL, base_url=None, ws_url=None, last_run=run)


def with_orders() -> ClosingVenue:
    """Two orders of run 7, one foreign; long 0.25 at a mark of 100."""
    venue = ClosingVenue()
    venue.now_ns = START_NS
    venue.rest(side=Side.BUY, price_ticks=9_900, lots=10, tag=7, order_id=1)
    venue.rest(side=Side.SELL, price_ticks=10_100, lots=10, tag=7, order_id=2)
    venue.rest(side=Side.BUY, price_ticks=9_000, lots=10)
    venue.books.lots, venue.books.cost_quanta = 25, 25 * 10_000_000 * 10**9
    venue.mark_milliticks = 10_000_000
    return venue


def in_virtual_time(work: Callable[[], Coroutine[Any, Any, _Result]]) -> _Result:
    return run_virtual(work)


def cleaned(journal: Journal, venue: ClosingVenue, *, closes: bool = False, run: RunRecord | None = None) -> ExitCode:
    async def work() -> ExitCode:
        return await end_and_cancel(journal, target(run), venue, virtual_clock(), closes=closes)

    return in_virtual_time(work)


def record_of(journal: Journal, mode: str) -> RunRecord:
    (found,) = [run for run in list_runs(journal) if run.mode == mode]
    return found


# --- cancel and close ---


def test_cancel_touches_only_orders_of_our_runs_and_says_what_else_rests(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(journal)
    venue = with_orders()
    assert cleaned(journal, venue) == ExitCode.DURATION
    assert set(venue.resting) == {"v3"}
    assert venue.books.lots == 25, "the position stays"
    out = capsys.readouterr().out
    assert "cancelled 2 orders of ours; none is left, by the venue's own count" in out
    assert "1 order of somebody else as before (foreign-3)" in out


def test_the_journal_keeps_what_was_done_and_the_dead_run_is_finished(journal: Journal) -> None:
    dead = begun(journal)
    assert cleaned(journal, with_orders(), run=dead) == ExitCode.DURATION
    record = record_of(journal, "cancel")
    assert record.end_reason == "cancelled 2 orders of ours; none is left, by the venue's own count"
    assert (record.account, record.symbol) == (ACCOUNT, SYMBOL)
    assert record.tag not in (None, 7)
    assert (load_run(journal, "dead").end_reason or "").startswith("its process died")


def test_an_order_that_was_still_on_its_way_is_waited_for(journal: Journal) -> None:
    begun(journal, heartbeat_ns=START_NS)
    venue = with_orders()
    venue.before(
        "open_orders",
        lambda: None,
        lambda: None,
        lambda: venue.rest(side=Side.BUY, price_ticks=9_800, lots=10, tag=7, order_id=3),
    )
    assert cleaned(journal, venue) == ExitCode.DURATION
    assert set(venue.resting) == {"v3"}


def test_an_order_that_cannot_be_cancelled_is_a_failure_and_named(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(journal)
    venue = with_orders()
    venue.answer("cancel_venue_order", *[False] * 10_000)
    assert cleaned(journal, venue) == ExitCode.FAILED
    assert "2 still rest (v1, v2): cancel them at the venue" in capsys.readouterr().out


def test_a_venue_that_never_answers_is_unknown_and_a_failure(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = begun(journal)
    venue = with_orders()
    venue.fail("open_orders", *[DOWN] * 10_000)
    assert cleaned(journal, venue, run=dead) == ExitCode.FAILED
    out = capsys.readouterr().out
    assert "the venue could not be asked whether any is left: look there by hand" in out
    assert "the books of the run are finished at the next start" in out
    assert load_run(journal, "dead").ended_at_ns is None, "the next start recovers it"


def test_wrong_keys_end_it_at_once(journal: Journal) -> None:
    begun(journal)
    venue = with_orders()
    venue.fail("open_orders", VenueError("the venue refuses the keys: check them", Reaction.STOP))
    with pytest.raises(VenueError, match="refuses the keys"):
        cleaned(journal, venue)
    assert record_of(journal, "cancel").end_reason == "failed: VenueError"


def test_close_cancels_closes_verifies_and_books_it(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    begun(journal)
    venue = with_orders()
    assert cleaned(journal, venue, closes=True) == ExitCode.DURATION
    assert venue.books.lots == 0
    assert set(venue.resting) == {"v3"}
    names = [name for name, _ in venue.calls]
    assert names.index("cancel_venue_order") < names.index("place"), "first what could still trade"
    assert "closed a position of +0.25 SOL with 1 order" in capsys.readouterr().out
    record = record_of(journal, "close")
    taken_over, sold = bookings(journal, record)
    assert isinstance(taken_over, PositionCorrected)
    assert isinstance(sold, Filled)
    assert (taken_over.change_lots, sold.lots) == (25, 25)
    # 25 lots taken over at 100.00 and sold at 99.90, ticks and lots of 0.01
    assert day_profit(journal, ACCOUNT, utc_day(START_NS), excluding_run_no=None) == Decimal("-0.025")


def test_a_position_that_cannot_be_closed_is_a_failure_and_told(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    venue = with_orders()
    venue.answer("place", *[[Refused(1, RejectReason.NO_MARKET, "no liquidity")]] * 100)
    assert cleaned(journal, venue, closes=True) == ExitCode.FAILED
    assert "a position of +0.25 SOL is left: close it at the venue" in capsys.readouterr().out


# --- a run that still trades ---


class Process:
    """A process of a run: takes signals, and ends its run in the journal ``takes_s`` later (None: never)."""

    def __init__(self, journal: Journal, run: RunRecord, takes_s: float | None) -> None:
        self.signals: list[tuple[int, int]] = []
        self._journal = journal
        self._run = run
        self._takes_s = takes_s

    def send(self, pid: int, number: int) -> None:
        self.signals.append((pid, number))
        if self._takes_s is not None:
            asyncio.get_running_loop().call_later(
                self._takes_s, lambda: end_dead_run(self._journal, self._run, "terminated")
            )


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> int:
    """This very process counts as one of the program."""
    monkeypatch.setattr(running, "_PROGRAM", (b"",))
    return os.getpid()


def asked(journal: Journal, process: Process) -> tuple[list[str], list[str], float]:
    """Runs left, what was said, seconds."""
    said: list[str] = []

    async def work() -> tuple[list[str], list[str], float]:
        clock = virtual_clock()
        left = await ask_to_end(journal, ACCOUNT, SYMBOL, clock.now_ns(), said.append, send=process.send)
        return [run.run_id for run in left], said, (clock.now_ns() - START_NS) / 10**9

    return in_virtual_time(work)


def test_a_run_that_trades_here_is_ended_by_its_own_hand_first(journal: Journal, here: int) -> None:
    run = begun(journal, heartbeat_ns=START_NS, pid=here)
    process = Process(journal, run, takes_s=3)
    left, said, took_s = asked(journal, process)
    assert process.signals == [(here, signal.SIGTERM)]
    assert left == []
    assert said == [f"run dead is trading: asking its process {here} to end"]
    assert 3 <= took_s < 4


def test_a_run_that_does_not_end_is_waited_for_so_long_and_then_told(journal: Journal, here: int) -> None:
    run = begun(journal, heartbeat_ns=START_NS, pid=here)
    left, said, took_s = asked(journal, Process(journal, run, takes_s=None))
    assert left == ["dead"]
    assert said[-1] == f"run dead has not ended within 150 s: `kill -9 {here}`, then do this again"
    assert 150 <= took_s < 151


def test_a_silent_run_whose_process_is_still_there_is_asked_too(journal: Journal, here: int) -> None:
    run = begun(journal, pid=here)
    process = Process(journal, run, takes_s=1)
    assert asked(journal, process)[0] == []
    assert process.signals == [(here, signal.SIGTERM)]


def test_a_dead_run_is_not_waited_for(journal: Journal) -> None:
    run = begun(journal)
    process = Process(journal, run, takes_s=None)
    assert asked(journal, process) == ([], [], 0)
    assert process.signals == []


def test_a_process_that_is_another_program_by_now_gets_no_signal(journal: Journal) -> None:
    run = begun(journal, pid=1)
    process = Process(journal, run, takes_s=None)
    assert asked(journal, process)[0] == []
    assert process.signals == []


def test_a_run_on_another_machine_cannot_be_ended_from_here(journal: Journal) -> None:
    run = begun(journal, heartbeat_ns=START_NS, host="elsewhere 123")
    process = Process(journal, run, takes_s=None)
    left, said, took_s = asked(journal, process)
    assert (left, process.signals, took_s) == (["dead"], [], 0)
    assert said == [f"run dead is trading, process {NOBODY} on elsewhere: end it there, it will go on from here"]


def test_while_a_run_goes_on_cancelling_is_no_success(journal: Journal) -> None:
    begun(journal, heartbeat_ns=START_NS, host="elsewhere 123")
    venue = with_orders()
    assert cleaned(journal, venue) == ExitCode.FAILED
    assert set(venue.resting) == {"v3"}, "its orders are cancelled all the same"


# --- which account and market ---


def test_without_flags_it_is_the_last_live_run(journal: Journal) -> None:
    begun(journal)
    begun(journal, run_id="paper", mode="paper", symbol="BTC_USDC_PERP")
    found = find_target(journal, None, None, None, None)
    assert (found.exchange, found.symbol, found.base_url) == ("backpack", SYMBOL, "http://127.0.0.1:1")
    assert found.where == f"{SYMBOL} on backpack at http://127.0.0.1:1"


def test_flags_come_first(journal: Journal) -> None:
    begun(journal)
    found = find_target(journal, "okx", "BTC/USDT:USDT", "https://x", "wss://x")
    assert (found.exchange, found.symbol, found.base_url, found.last_run) == (
        "okx", "BTC/USDT:USDT", "https://x", None,
    )  # fmt: skip


def test_with_neither_it_says_which_flag_is_missing(journal: Journal) -> None:
    with pytest.raises(InvalidSettingError, match="--exchange is missing"):
        find_target(journal, None, None, None, None)
    with pytest.raises(InvalidSettingError, match="--symbol is missing: say which market of okx"):
        find_target(journal, "okx", None, None, None)


# --- the watchdog ---


def watched(
    journal: Journal,
    venue: ClosingVenue,
    run: RunRecord,
    *,
    beats_for_s: float = 0,
    closes: bool = False,
    ends: bool = False,
) -> tuple[ExitCode, float]:
    """The watchdog's exit code and how long it took; the run's heart beats for a while, and then it may end."""

    async def work() -> tuple[ExitCode, float]:
        loop, clock = asyncio.get_running_loop(), virtual_clock()

        async def beat() -> None:
            with journal.begin_run(replace(ABOUT, run_id="other", account="other")):
                pass
            while loop.time() < beats_for_s:
                _beat(journal, run, clock.now_ns())
                await asyncio.sleep(1)
            if ends:
                end_dead_run(journal, run, "duration reached")

        heart = asyncio.create_task(beat())
        code = await Watchdog(journal, run, target(run), venue, clock, 15 * 10**9, closes=closes).watch()
        await heart
        return code, loop.time()

    return in_virtual_time(work)


def _beat(journal: Journal, run: RunRecord, now_ns: int) -> None:
    from sqlalchemy import update  # noqa: PLC0415

    from perpmaker.journal import schema  # noqa: PLC0415

    with journal.engine.begin() as connection:
        connection.execute(update(schema.runs).where(schema.runs.c.id == run.run_id).values(heartbeat_ns=now_ns))


def test_the_watchdog_leaves_a_run_alone_that_ends(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    venue = with_orders()
    code, took_s = watched(journal, venue, begun(journal), beats_for_s=60, ends=True)
    assert code == ExitCode.DURATION
    assert 60 <= took_s < 63
    assert len(venue.resting) == 3
    assert "has ended: nothing was done" in capsys.readouterr().out


def test_when_the_heartbeat_stops_its_orders_are_cancelled_and_that_is_recorded(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    venue = with_orders()
    code, took_s = watched(journal, venue, begun(journal), beats_for_s=60)
    assert code == ExitCode.RESCUED
    assert 74 <= took_s < 80
    assert set(venue.resting) == {"v3"}
    assert venue.books.lots == 25
    assert record_of(journal, "watchdog").end_reason == (
        "cancelled 2 orders of ours; none is left, by the venue's own count"
    )
    assert load_run(journal, "dead").ended_at_ns is not None, "and its books are finished"
    assert "no heartbeat for 15" in capsys.readouterr().out


def test_it_closes_if_told_to(journal: Journal) -> None:
    venue = with_orders()
    assert watched(journal, venue, begun(journal), closes=True)[0] == ExitCode.RESCUED
    assert venue.books.lots == 0
    assert "closed a position of +0.25 SOL" in (record_of(journal, "watchdog").end_reason or "")


def test_it_does_not_give_up_while_the_venue_is_unreachable_or_refuses(journal: Journal) -> None:
    venue = with_orders()
    venue.fail("open_orders", *[DOWN] * 100, *[VenueError("maintenance: wait", Reaction.STOP)] * 100)
    code, took_s = watched(journal, venue, begun(journal))
    assert code == ExitCode.RESCUED
    assert took_s > 1_000
    assert set(venue.resting) == {"v3"}


def test_it_acts_without_a_journal(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise JournalError("the disk is full")

    venue, run = with_orders(), begun(journal)
    monkeypatch.setattr(Journal, "begin_run", full)
    monkeypatch.setattr("perpmaker.cli.watching.load_run", full)

    async def work() -> ExitCode:
        return await Watchdog(journal, run, target(run), venue, virtual_clock(), 15 * 10**9, closes=True).watch()

    assert in_virtual_time(work) == ExitCode.RESCUED
    assert set(venue.resting) == {"v3"}
    assert venue.books.lots == 0
    assert "what is done now is not recorded: the disk is full" in capsys.readouterr().out


def test_keys_of_another_account_are_told_at_the_start(journal: Journal) -> None:
    with pytest.raises(InvalidSettingError, match="the keys here are of account scripted-account"):
        watched(journal, with_orders(), begun(journal, account="other"))


def test_which_run_must_be_said_and_be_there(journal: Journal, tmp_path: Path) -> None:
    url = str(tmp_path / "journal.db")

    def start(run_id: str | None, *, is_latest: bool = False, timeout_s: int = 15) -> ExitCode:
        return watch_run(
            url, run_id, is_latest=is_latest, timeout_ns=timeout_s * 10**9, closes=False, addresses=(None, None)
        )

    with pytest.raises(InvalidSettingError, match="either --run ID or --latest"):
        start(None)
    with pytest.raises(InvalidSettingError, match="either --run ID or --latest"):
        start("dead", is_latest=True)
    with pytest.raises(UnknownNameError, match="has no live run"):
        start(None, is_latest=True)
    with pytest.raises(UnknownNameError, match="has no run nobody"):
        start("nobody")
    with pytest.raises(InvalidSettingError, match="--timeout 1s: is too short"):
        start("dead", timeout_s=1)
    end_dead_run(journal, begun(journal), "duration reached")
    assert start("dead") == ExitCode.DURATION, "nothing to watch, and no keys are needed to say so"
