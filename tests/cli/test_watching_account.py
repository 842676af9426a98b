"""`perpmaker watchdog` for every live run of the journal, in virtual time at scripted venues, one a market."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from perpmaker.cli import watching_account
from perpmaker.cli.main import _run
from perpmaker.cli.rescue import Rescue
from perpmaker.cli.target import Target
from perpmaker.cli.watching_account import TRY_AGAIN_S, AccountWatch
from perpmaker.domain.errors import CredentialsError, InvalidSettingError, JournalError
from perpmaker.domain.orders import Side
from perpmaker.journal import schema
from perpmaker.journal.live import end_dead_run, unfinished_runs
from perpmaker.journal.processes import this_host
from perpmaker.journal.readers import RunRecord, list_runs, load_run
from perpmaker.journal.writer import Journal, RunStart, open_journal
from perpmaker.runtime.live.watchdog import Action
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import Reaction, VenueError
from support.closing_venue import ClosingVenue
from support.scripted_venue import FACTS, INSTRUMENT
from support.virtual_time import START_NS, run_virtual, virtual_clock

NOBODY = 2**22 + 1
"""No process has this number: Linux gives none that high."""

TIMEOUT_S = 15

ABOUT = RunStart(
    version="1",
    exchange="backpack",
    symbol="SOL",
    market_type="perp",
    mode="live",
    seed=None,
    command_line="perpmaker run",
    settings={},
    instrument=INSTRUMENT,
    provenance={},
    run_id="sol",
    started_at_ns=START_NS,
    account=FACTS.account,
    tag=1,
    pid=NOBODY,
    host=this_host(),
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(str(tmp_path / "journal.db")) as opened:
        yield opened


@dataclass
class Scene:
    """Markets of one account, what happens to their runs, and the watchdog over all of them."""

    journal: Journal
    venues: dict[str, ClosingVenue] = field(default_factory=dict)
    acts: list[tuple[int, str, Action]] = field(default_factory=list)
    broken: dict[str, list[Exception]] = field(default_factory=dict)
    alive: set[str] = field(default_factory=set)

    def begin(self, run_id: str, tag: int, symbol: str | None = None, **changes: Any) -> RunRecord:
        """A live run with one order at its market's venue, and a position of 0.05."""
        about = replace(ABOUT, run_id=run_id, tag=tag, symbol=symbol or run_id.upper(), **changes)
        with self.journal.begin_run(about):
            pass
        venue = self.venues.setdefault(about.symbol, ClosingVenue())
        venue.now_ns = START_NS
        venue.rest(side=Side.BUY, price_ticks=9_900, lots=10, tag=tag, order_id=1)
        venue.books.lots, venue.books.cost_quanta = 5, 5 * 10_000_000 * 10**9
        venue.mark_milliticks = 10_000_000
        self.alive.add(run_id)
        return load_run(self.journal, run_id)

    @asynccontextmanager
    async def open(self, target: Target, _clock: Clock) -> AsyncIterator[ClosingVenue]:
        for error in self.broken.get(target.symbol, [])[:1]:
            del self.broken[target.symbol][0]
            raise error
        yield self.venues[target.symbol]

    def play(self, story: Callable[[], Awaitable[None]], *, symbol: str | None = None, closes: bool = False) -> None:
        """Until the story is over; runs beat once a second while they are alive."""

        async def work() -> None:
            loop, clock = asyncio.get_running_loop(), virtual_clock()
            watch = AccountWatch(
                self.journal,
                symbol,
                clock,
                TIMEOUT_S * 10**9,
                closes=closes,
                act=lambda run, action, _: self.acts.append((int(loop.time()), run.run_id, action)),
                open_venue=self.open,
            )
            watching = asyncio.create_task(watch.watch())
            beating = asyncio.create_task(self._beat(clock))
            telling = asyncio.ensure_future(story())
            await asyncio.wait({watching, telling}, return_when=asyncio.FIRST_COMPLETED)
            beating.cancel()
            if watching.done():
                watching.result()
            watching.cancel()
            await telling

        run_virtual(work)

    async def _beat(self, clock: Clock) -> None:
        while True:
            with self.journal.engine.begin() as connection:
                row = update(schema.runs).where(schema.runs.c.id.in_(self.alive))
                connection.execute(row.values(heartbeat_ns=clock.now_ns()))
            await asyncio.sleep(1)

    def resting(self) -> dict[str, int]:
        return {symbol: len(venue.resting) for symbol, venue in self.venues.items()}

    def done(self) -> list[str]:
        return [run_id for _, run_id, action in self.acts if action is Action.DONE]


def test_of_three_markets_the_one_that_falls_silent_is_cleaned_up_after_and_no_other(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(journal)
    for tag, name in enumerate(("sol", "eth", "btc"), start=1):
        scene.begin(name, tag)

    async def story() -> None:
        await asyncio.sleep(30)
        scene.alive.discard("eth")
        await asyncio.sleep(60)

    scene.play(story)
    assert scene.resting() == {"SOL": 1, "ETH": 0, "BTC": 1}
    assert [(run_id, action) for _, run_id, action in scene.acts] == [("eth", Action.BEGINS), ("eth", Action.DONE)]
    assert 30 + TIMEOUT_S - 1 <= scene.acts[0][0] <= 30 + TIMEOUT_S + 2
    assert {run.run_id for run in unfinished_runs(journal)} == {"sol", "btc"}
    out = capsys.readouterr().out
    assert "ETH: no heartbeat for 15" in out
    assert out.count("watching run") == 3


def test_a_whole_fleet_that_dies_is_cleaned_up_after_at_the_same_time(journal: Journal) -> None:
    scene = Scene(journal)
    names = [f"m{number}" for number in range(10)]
    for tag, name in enumerate(names, start=1):
        scene.begin(name, tag)

    async def story() -> None:
        await asyncio.sleep(10)
        scene.alive.clear()
        await asyncio.sleep(TIMEOUT_S + 10)

    scene.play(story, closes=True)
    assert sorted(scene.done()) == names
    assert not any(scene.resting().values())
    assert all(venue.books.lots == 0 for venue in scene.venues.values())
    records = [run for run in list_runs(journal) if run.mode == "watchdog"]
    assert len({run.tag for run in records}) == 10, "closing orders of ten markets, each with a tag of its own"


def test_the_books_of_dead_runs_are_finished_one_after_the_other_since_venues_ration_their_histories(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, at_work, most = Scene(journal), 0, 0
    names = [f"m{number}" for number in range(4)]
    for tag, name in enumerate(names, start=1):
        scene.begin(name, tag)

    async def finish(rescue: Rescue) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(20)
        end_dead_run(journal, load_run(journal, rescue.occasion.symbol.lower()), "finished")
        at_work -= 1

    monkeypatch.setattr(Rescue, "finish_books", finish)

    async def story() -> None:
        scene.alive.clear()
        await asyncio.sleep(TIMEOUT_S + 5)
        assert sorted(scene.done()) == names, "orders are cancelled at the same time"
        await asyncio.sleep(100)

    scene.play(story)
    assert most == 1
    assert not unfinished_runs(journal)


def test_a_run_that_begins_later_is_watched_from_then_on(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    scene = Scene(journal)

    async def story() -> None:
        await asyncio.sleep(100)
        scene.begin("sol", 1)
        await asyncio.sleep(5)
        scene.alive.clear()
        await asyncio.sleep(TIMEOUT_S + 5)

    scene.play(story)
    assert scene.done() == ["sol"]
    assert "no live run of any market now: waiting for the next" in capsys.readouterr().out


def test_a_run_that_ends_is_left_alone_and_one_that_was_cleaned_up_after_is_not_touched_again(journal: Journal) -> None:
    scene = Scene(journal)
    ended = scene.begin("sol", 1)
    scene.begin("eth", 2, host="another machine 4711")  # where its process cannot be looked at

    async def story() -> None:
        await asyncio.sleep(5)
        end_dead_run(journal, ended, "duration reached")
        scene.alive.clear()
        await asyncio.sleep(300)

    scene.play(story)
    assert scene.done() == ["eth"]
    assert scene.resting() == {"SOL": 1, "ETH": 0}


def test_a_run_on_another_machine_that_comes_back_after_it_was_cleaned_up_is_watched_again(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(journal)
    scene.begin("sol", 1, host="another machine 4711")

    async def never(_: object) -> None:
        """The books stay open, as where the venue does not tell."""

    monkeypatch.setattr("perpmaker.cli.rescue.Rescue.finish_books", never)

    async def story() -> None:
        scene.alive.clear()
        await asyncio.sleep(60)
        assert scene.done() == ["sol"]
        scene.alive.add("sol")
        scene.venues["SOL"].rest(side=Side.BUY, price_ticks=9_900, lots=10, tag=1, order_id=9)
        await asyncio.sleep(60)
        assert scene.resting() == {"SOL": 1}
        scene.alive.clear()
        await asyncio.sleep(60)

    scene.play(story)
    assert scene.done() == ["sol", "sol"]
    assert scene.resting() == {"SOL": 0}


def test_of_one_market_the_newest_run_is_watched_and_orders_of_a_dead_one_go_with_its_own(journal: Journal) -> None:
    scene = Scene(journal)
    scene.begin("old", 1, "SOL")
    scene.alive.clear()
    scene.begin("new", 2, "SOL")

    async def story() -> None:
        await asyncio.sleep(60)
        assert scene.resting() == {"SOL": 2}, "who lives finishes what died before it"
        scene.alive.clear()
        await asyncio.sleep(60)

    scene.play(story)
    assert scene.done() == ["new"]
    assert scene.resting() == {"SOL": 0}


def test_a_dead_run_is_no_longer_watched_when_a_newer_one_begins_there(journal: Journal) -> None:
    scene = Scene(journal)
    scene.begin("old", 1, "SOL")
    scene.alive.clear()

    async def story() -> None:
        await asyncio.sleep(TIMEOUT_S - 5)
        scene.begin("new", 2, "SOL")
        await asyncio.sleep(60)

    scene.play(story, closes=True)
    assert scene.acts == []
    assert scene.venues["SOL"].books.lots == 5, "the position is the newer one's"


def test_with_a_symbol_only_its_runs_are_watched(journal: Journal) -> None:
    scene = Scene(journal)
    scene.begin("sol", 1)
    scene.begin("eth", 2)
    scene.alive.clear()

    async def story() -> None:
        await asyncio.sleep(60)

    scene.play(story, symbol="ETH")
    assert scene.resting() == {"SOL": 1, "ETH": 0}


def test_what_breaks_in_one_watch_is_begun_again_and_reaches_no_other(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(journal)
    scene.begin("sol", 1)

    async def story() -> None:
        await asyncio.sleep(5)
        scene.broken["ETH"] = [RuntimeError("a bug"), VenueError("the keys were refused", Reaction.STOP)]
        scene.begin("eth", 2)
        await asyncio.sleep(5)
        scene.alive.clear()
        await asyncio.sleep(2 * TRY_AGAIN_S + TIMEOUT_S + 10)

    scene.play(story)
    assert sorted(scene.done()) == ["eth", "sol"]
    assert "ETH: the watch of run eth broke off and is begun again: RuntimeError: a bug" in capsys.readouterr().out


def test_a_journal_that_cannot_be_read_is_silence_of_all_and_told_once(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(journal)
    scene.begin("sol", 1)
    scene.begin("eth", 2)

    def gone(*_: object, **__: object) -> list[RunRecord]:
        raise JournalError("the disk is gone")

    async def story() -> None:
        await asyncio.sleep(5)
        monkeypatch.setattr(watching_account, "unfinished_runs", gone)
        await asyncio.sleep(60)

    scene.play(story)
    assert scene.resting() == {"SOL": 0, "ETH": 0}
    assert capsys.readouterr().out.count("no sign of life can be read: the disk is gone") == 1


def test_keys_are_tried_at_the_start_also_when_nothing_runs(journal: Journal) -> None:
    scene = Scene(journal)
    end_dead_run(journal, scene.begin("sol", 1), "duration reached")

    async def story() -> None:
        await asyncio.sleep(60)

    scene.broken["SOL"] = [CredentialsError("PERPMAKER_BACKPACK_API_KEY is missing")]
    with pytest.raises(CredentialsError, match="is missing"):
        scene.play(story)
    scene.venues["SOL"].fail("account", VenueError("the keys were refused", Reaction.STOP))
    with pytest.raises(VenueError, match="refused"):
        scene.play(story)
    scene.venues["SOL"].fail("account", VenueError("down", Reaction.RETRY))
    scene.play(story)


def test_a_run_of_another_account_is_named_once_and_the_others_are_watched(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(journal)
    scene.begin("sol", 1)
    scene.begin("eth", 2, account="somebody else's")

    async def story() -> None:
        await asyncio.sleep(30)
        scene.alive.clear()
        await asyncio.sleep(60)

    scene.play(story)
    assert scene.resting() == {"SOL": 0, "ETH": 1}
    assert capsys.readouterr().out.count("ETH: run eth is not watched: the keys here are of account") == 1
    with journal.engine.begin() as connection:
        connection.execute(update(schema.runs).values(account="somebody else's"))
    with pytest.raises(InvalidSettingError, match="the keys here are of account"):
        scene.play(story)


def test_flags_that_contradict_each_other_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = ["--journal", str(tmp_path / "journal.db")]
    assert _run(["watchdog", "--latest", "--symbol", "SOL_USDC_PERP", *journal]) == 2
    assert "--symbol does nothing beside --run or --latest" in capsys.readouterr().err
    assert _run(["watchdog", "--timeout", "1s", *journal]) == 2
    assert "--timeout 1s: is too short" in capsys.readouterr().err
