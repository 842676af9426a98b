"""`doctor`: the checklist with keys, journal and the first price; its exit code."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from perpmaker.cli.examination import Examination, examine_at
from perpmaker.cli.main import _run
from perpmaker.cli.request import NO_JOURNAL, View
from perpmaker.domain.events import BookUpdated
from perpmaker.journal.limits import Latch, set_latch
from perpmaker.journal.writer import RunStart, open_journal
from perpmaker.risk.budgets import BudgetLimits
from perpmaker.runtime.live.preflight import Preflight
from perpmaker.runtime.live.preflight_checks import Status
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import MarketListener
from support.runs import strategy
from support.scripted_venue import FACTS, INSTRUMENT, ScriptedVenue
from support.virtual_time import START_NS, run_virtual, virtual_clock


class Streaming(ScriptedVenue):
    """Tells these books as soon as its stream is open."""

    books_told: tuple[BookUpdated, ...] = (BookUpdated(1, 1, 0, 0, 10_001, 5), BookUpdated(2, 2, 9_999, 5, 10_001, 5))

    async def open(self, listener: MarketListener) -> None:
        await super().open(listener)
        for book in self.books_told:
            listener.on_market(book, (), book.at_ns, book.venue_ns)


def examined(venue: ScriptedVenue, journal: str = NO_JOURNAL, *, has_keys: bool = True, **changes: Any) -> Preflight:
    values: dict[str, Any] = {
        "exchange": "backpack",
        "symbol": INSTRUMENT.symbol,
        "base_url": None,
        "ws_url": None,
        "has_keys": has_keys,
        "settings": strategy(stop_loss="5"),
        "max_daily_loss": Decimal(50),
        "no_loss_limit": False,
        "journal": journal,
        "view": View.NONE,
    }
    wanted = Examination(**{**values, **changes})

    async def work() -> Preflight:
        return await examine_at(wanted, INSTRUMENT.symbol, venue, venue if has_keys else None, virtual_clock())

    return run_virtual(work)


def told(found: Preflight, name: str) -> tuple[Status, str]:
    (check,) = [check for check in found.checks if check.name == name]
    return check.status, check.detail


def test_the_first_book_with_two_sides_gives_the_price_and_proves_the_stream() -> None:
    found = examined(Streaming())
    assert found.is_ready
    assert [check.name for check in found.checks][3:5] == ["market", "market data"]
    assert told(found, "market data") == (Status.OK, "first book after 0.0 s: bid 99.99, ask 100.01")
    assert told(found, "capacity") == (
        Status.OK,
        "the cap of 1 SOL needs 10.00 USDC of margin, 10000.00 is there",
    )


def test_a_stream_that_tells_nothing_is_a_failed_check() -> None:
    venue = Streaming()
    venue.books_told = ()
    status, says = told(examined(venue), "market data")
    assert status is Status.FAILED
    assert "told no book with two sides within 15 s: check --ws-url" in says


def test_a_stream_that_cannot_be_opened_is_a_failed_check_and_the_rest_is_examined() -> None:
    venue = Streaming()
    venue.fail("open", VenueError("the websocket at x cannot be reached: check --ws-url", Reaction.RETRY))
    found = examined(venue)
    assert told(found, "market data")[0] is Status.FAILED
    assert told(found, "permissions")[0] is Status.OK
    assert told(found, "capacity") == (Status.SKIPPED, "there is no price to reckon with")


def test_without_keys_the_public_part_is_examined() -> None:
    found = examined(Streaming(), has_keys=False)
    assert found.is_ready
    assert told(found, "market data")[0] is Status.OK
    assert told(found, "margin")[0] is Status.SKIPPED


def test_the_journal_tells_stops_and_runs(tmp_path: Path) -> None:
    url = str(tmp_path / "journal.db")
    about = RunStart(
        version="1", exchange="backpack", symbol=INSTRUMENT.symbol, market_type="perp", mode="live", seed=None,
        command_line="", settings={}, instrument=INSTRUMENT, provenance={}, started_at_ns=START_NS,
        account=FACTS.account, tag=7, pid=1, host="elsewhere 1", endpoint=None,
    )  # fmt: skip
    with open_journal(url) as journal:
        with journal.begin_run(about) as run:
            run.heartbeat(START_NS)
        set_latch(
            journal,
            Latch(account=FACTS.account, symbol=None, kind="max_loss", text="lost 5", run_id=None, set_at_ns=1),
        )
    found = examined(Streaming(), url)
    assert told(found, "orders")[0] is Status.FAILED
    assert "of a run of ours that is trading here now" in told(found, "orders")[1]
    assert told(found, "latches")[0] is Status.FAILED


def test_a_budget_of_losses_in_the_file_is_a_limit_to_the_loss() -> None:
    bare = strategy()
    assert told(examined(Streaming(), settings=bare, max_daily_loss=None), "loss limits")[0] is Status.FAILED
    budgets = BudgetLimits(max_notional=Decimal(1), max_drawdown=Decimal(30))
    found = examined(Streaming(), settings=bare, max_daily_loss=None, budgets=budgets)
    assert told(found, "loss limits") == (Status.OK, "[budgets] max_drawdown 30")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--exchange", "sim"], "--exchange sim: there is nothing to examine"),
        (["--exchange", "okx"], "--symbol is missing: say which market of okx"),
        (["--exchange", "nyse", "--symbol", "X"], "nyse"),
        (["--market-type", "spot"], "--market-type spot"),
        (["--spread", "0", "--quantity", "1"], "--spread 0"),
        (["--spread", "1%"], "--quantity is missing"),
    ],
)
def test_what_cannot_be_examined_is_one_sentence_and_exit_code_2(
    flags: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["doctor", "--journal", "none", *flags]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("perpmaker: ")
    assert captured.err.count("\n") == 1
    assert expected in captured.err
