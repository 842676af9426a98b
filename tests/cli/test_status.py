"""`status` and `clear`: what the journal knows, what the venue holds, and what is lifted."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from perpmaker.cli import account_view
from perpmaker.cli.account_view import show_venue
from perpmaker.cli.main import _run
from perpmaker.cli.target import Target
from perpmaker.domain.orders import Side
from perpmaker.journal.limits import Latch, active_latches, set_latch
from perpmaker.journal.live import end_dead_run
from perpmaker.journal.processes import this_host
from perpmaker.journal.readers import load_run
from perpmaker.journal.writer import Journal, RunStart, open_journal
from perpmaker.venues.clock import SystemClock
from perpmaker.venues.errors import Reaction, VenueError
from support.scripted_venue import INSTRUMENT, ScriptedVenue
from support.virtual_time import run_virtual

ABOUT = RunStart(
    version="1",
    exchange="backpack",
    symbol=INSTRUMENT.symbol,
    market_type="perp",
    mode="live",
    seed=None,
    command_line="perpmaker run",
    settings={"max_daily_loss": "50"},
    instrument=INSTRUMENT,
    provenance={},
    run_id="mine",
    account="backpack-1",
    tag=7,
    pid=2**22 + 1,
    host=this_host(),
    endpoint="http://127.0.0.1:1",
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "journal.db")


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    with open_journal(url) as opened:
        yield opened


def latch(account: str = "backpack-1", symbol: str | None = None, kind: str = "max_daily_loss") -> Latch:
    return Latch(
        account=account, symbol=symbol, kind=kind, text=f"{kind} was reached", run_id="mine", set_at_ns=1
    )  # fmt: skip


def offline(url: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert _run(["status", "--offline", "--journal", url]) == 0
    return capsys.readouterr().out


def test_an_empty_journal_is_told_and_asks_for_nothing(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["status", "--journal", url]) == 0
    assert capsys.readouterr().out == "no live run is in the journal\n"


def test_runs_are_told_apart_by_their_heartbeat_and_their_end(
    url: str, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    now_ns = SystemClock().now_ns()
    with journal.begin_run(replace(ABOUT, run_id="alive", host="elsewhere 1")) as run:
        run.heartbeat(now_ns)
    journal.begin_run(replace(ABOUT, run_id="dead", started_at_ns=now_ns - 100 * 10**9)).close()
    journal.begin_run(replace(ABOUT, run_id="over")).close()
    end_dead_run(journal, load_run(journal, "over"), "duration reached")
    journal.begin_run(replace(ABOUT, run_id="on paper", mode="paper")).close()
    lines = {words[1]: line for line in offline(url, capsys).splitlines() if (words := line.split())}
    assert lines["alive"].startswith("running")
    assert "on elsewhere" in lines["alive"]
    assert lines["dead"].startswith("died")
    assert "heartbeat 10" in lines["dead"]
    assert lines["over"].startswith("ended")
    assert "duration reached" in lines["over"]
    assert "on" not in lines, "paper trades no account"


def test_the_day_is_told_against_its_limit_and_stops_in_force_with_the_way_out(
    url: str, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    with journal.begin_run(ABOUT) as run:
        from decimal import Decimal  # noqa: PLC0415

        from perpmaker.runtime.live.daily_loss import utc_day  # noqa: PLC0415

        run.daily_result(utc_day(SystemClock().now_ns()), Decimal("-12.5"))
    assert "no stop is in force" in offline(url, capsys)
    set_latch(journal, latch())
    out = offline(url, capsys)
    assert "-12.5 (limit 50)" in out
    assert "max_daily_loss was reached; `perpmaker clear` lifts it" in out


def test_without_keys_the_rest_is_shown_and_the_sentence_says_which_are_missing(
    url: str,
    journal: Journal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("API_KEY", "SECRET"):
        monkeypatch.delenv(f"PERPMAKER_BACKPACK_{name}", raising=False)
    journal.begin_run(ABOUT).close()
    assert _run(["status", "--journal", url]) == 0
    out = capsys.readouterr().out
    assert out.startswith("died")
    assert "position and orders are not shown: the keys for backpack are missing" in out


def at_the_venue(venue: ScriptedVenue) -> str:
    out = io.StringIO()
    where = Target(exchange="backpack", symbol=INSTRUMENT.symbol, base_url=None, ws_url=None, last_run=None)

    async def work() -> None:
        await show_venue(Console(file=out, width=200), where, venue, {7: "mine"})

    run_virtual(work)
    return out.getvalue()


def test_position_and_orders_are_the_venues_own_count_ours_and_foreign_apart() -> None:
    venue = ScriptedVenue()
    venue.rest(side=Side.BUY, price_ticks=9_900, lots=10, tag=7, order_id=1)
    venue.rest(side=Side.SELL, price_ticks=10_100, lots=10, tag=8, order_id=1)
    venue.rest(side=Side.SELL, price_ticks=10_200, lots=10)
    venue.books.lots, venue.books.cost_quanta = -25, -25 * 10_000_000 * 10**9
    out = at_the_venue(venue)
    assert "position   -0.25 SOL at 100" in out
    assert "orders     1 of our runs, 2 of somebody else" in out
    assert "ours     buy  0.10 at 99.00  run mine" in out
    assert "foreign  sell 0.10 at 101.00  8-1" in out, "a tag that the journal does not know is not ours"


def test_what_the_venue_does_not_answer_is_unknown_and_not_nothing() -> None:
    venue = ScriptedVenue()
    for question in ("position", "open_orders"):
        venue.fail(question, *[VenueError("the venue is down: wait", Reaction.RETRY)] * 100)
    out = at_the_venue(venue)
    assert "position   unknown: the venue is down: wait" in out
    assert "orders     unknown: the venue is down: wait" in out
    assert "flat" not in out


def test_clear_lifts_and_says_which(url: str, journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    journal.begin_run(ABOUT).close()
    set_latch(journal, latch())
    set_latch(journal, latch(symbol="BTC_USDC_PERP", kind="max_loss"))
    assert _run(["clear", "--journal", url]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "cleared for backpack-1, every market: max_daily_loss was reached",
        "cleared for backpack-1, BTC_USDC_PERP: max_loss was reached",
    ]
    assert active_latches(journal, "backpack-1") == []
    assert _run(["clear", "--journal", url]) == 0
    assert capsys.readouterr().out == "no stop is in force\n"


def test_clear_may_be_told_which(url: str, journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("backpack-1", "backpack-2"):
        journal.begin_run(replace(ABOUT, run_id=name, account=name)).close()
        set_latch(journal, latch(name))
    assert _run(["clear", "--journal", url, "--account", "backpack-2"]) == 0
    assert len(active_latches(journal, "backpack-1")) == 1
    assert active_latches(journal, "backpack-2") == []
    capsys.readouterr()
    assert _run(["clear", "--journal", url, "--account", "mine"]) == 2
    assert "has no run of it; it has backpack-2, backpack-1" in capsys.readouterr().err


def test_who_cleared_it_is_a_person_at_a_machine() -> None:
    assert "@" in account_view.who()
