"""Several markets in one process, in virtual time: ends, crashes, budgets, signals."""

import asyncio
import io
import json
import re
import signal
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from perpmaker.cli.account_view import show_fleets
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.fleet import WORST_FIRST, Fleet, FleetMarket
from perpmaker.cli.request import View
from perpmaker.domain.commands import Place
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.events import EndReason, MarkUpdated
from perpmaker.domain.orders import RejectReason
from perpmaker.journal.limits import active_latches
from perpmaker.journal.readers import list_runs
from perpmaker.journal.writer import Journal, open_journal
from perpmaker.risk.budgets import Step
from perpmaker.runtime.live.shared_rate import Share
from perpmaker.venues.errors import Reaction
from perpmaker.venues.paper import PaperVenue
from perpmaker.venues.port import Refused
from support.fleets import fleet_of, live_market, sim_market
from support.live_sessions import running_testnet
from support.virtual_time import LoopClock, run_virtual, virtual_clock

TEN = [f"m{number}" for number in range(10)]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(str(tmp_path / "journal.db")) as opened:
        yield opened


def played(
    names: list[str],
    disturb: Callable[[Fleet], Coroutine[Any, Any, None]] | None = None,
    journal: Journal | None = None,
    *,
    changes: Callable[[FleetMarket, LoopClock], FleetMarket] = lambda market, _: market,
    view: View = View.NONE,
    summary: Path | None = None,
    limits: dict[str, Any] | None = None,
    **settings: Any,
) -> tuple[ExitCode, Fleet]:
    """A fleet of simulated markets from start to end."""

    async def play() -> tuple[ExitCode, Fleet]:
        clock = virtual_clock()
        markets = [
            changes(sim_market(name, clock, seed=number, view=view, **settings), clock)
            for number, name in enumerate(names)
        ]
        fleet = fleet_of(markets, clock, journal, view=view, summary=summary, **(limits or {}))
        others = None if disturb is None else asyncio.create_task(disturb(fleet))
        code = await fleet.play()
        if others is not None:
            others.cancel()
        return code, fleet

    return run_virtual(play)


def books(fleet: Fleet, name: str) -> Any:
    venue = fleet.sessions[name]._venue
    assert isinstance(venue, PaperVenue)
    return venue


def results(fleet: Fleet) -> dict[str, tuple[Any, ...]]:
    """What each market did, to the last digit."""
    found = {}
    for name, session in fleet.sessions.items():
        assert session.summary is not None
        summary = session.summary
        found[name] = (summary.fills, summary.equity_end, summary.position, summary.orders_placed)
    return found


def test_ten_markets_end_together_each_with_its_own_run_and_one_fleet(journal: Journal, tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    code, fleet = played(TEN, None, journal, summary=file)
    assert code is ExitCode.DURATION
    runs = list_runs(journal)
    assert {run.provenance["name"] for run in runs} == set(TEN)
    assert {run.provenance["fleet"] for run in runs} == {fleet.fleet_id}
    assert {run.end_reason for run in runs} == {"duration reached"}
    assert len({run.tag for run in runs}) >= 1
    assert len(set(results(fleet).values())) == 10, "every market is a world of its own"
    told = json.loads(file.read_text())
    assert told["exit_code"] == 0
    assert set(told["markets"]) == set(TEN)
    net = sum(session.summary.equity_end - session.summary.equity_start for session in fleet.sessions.values())
    assert Decimal(told["totals"]["USDC"]["net"]) == net


def test_the_table_at_the_end_has_every_market_and_their_sum(capsys: pytest.CaptureFixture[str]) -> None:
    played(["sol", "btc"], view=View.LINES, limits={"max_notional": 100_000})
    out = capsys.readouterr().out
    table = out[out.rindex("market   ") :].splitlines()
    assert [line.split()[0] for line in table if line.strip()][:4] == ["market", "sol", "btc", "all"]
    assert "budget notional:" in table[-1]
    assert "market=sol event=note" in out


@pytest.mark.parametrize("breaks", ["maker", "observer"])
def test_a_crash_in_one_market_neither_stops_nor_changes_another(breaks: str, journal: Journal) -> None:
    async def crash(fleet: Fleet) -> None:
        await asyncio.sleep(20)
        run = fleet.sessions["m3"].run
        assert run is not None

        def boom(*_: Any) -> Any:
            raise RuntimeError("a bug of this market")

        if breaks == "maker":
            run._maker.on_event = boom  # type: ignore[method-assign]
        else:
            run._audience.observers = [type("Bad", (), {"on_step": boom})()]

    _, whole = played(TEN)
    code, fleet = played(TEN, crash, journal)
    assert code is ExitCode.FAILED
    crashed, undisturbed = results(fleet), results(whole)
    assert [name for name in TEN if crashed[name] != undisturbed[name]] == ["m3"]
    summary = fleet.sessions["m3"].summary
    assert summary is not None
    assert summary.run.end_reason is EndReason.FAILED
    assert any("a bug of this market" in note for note in summary.run.notices)
    assert not books(fleet, "m3")._exchange.books.open_orders(), "its orders were cancelled"
    ended = {run.provenance["name"]: run.end_reason for run in list_runs(journal)}
    assert ended.pop("m3") == "unrecoverable error"
    assert set(ended.values()) == {"duration reached"}


def test_a_venue_that_refuses_for_good_ends_its_market_alone() -> None:
    async def refuse(fleet: Fleet) -> None:
        await asyncio.sleep(15)

        async def place(orders: list[Place]) -> list[Refused]:
            return [Refused(order.order_id, RejectReason.OTHER, "delisted", Reaction.STOP) for order in orders]

        fleet.sessions["b"]._venue.place = place  # type: ignore[method-assign,assignment]

    code, fleet = played(["a", "b", "c"], refuse)
    assert code is ExitCode.VENUE_STOPPED
    ends = [session.summary.run.end_reason for session in fleet.sessions.values() if session.summary]
    assert ends == [EndReason.DURATION, EndReason.VENUE_STOPPED, EndReason.DURATION]


def test_what_breaks_around_a_run_ends_that_market_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def break_conclusion(fleet: Fleet) -> None:
        def boom(*_: Any) -> None:
            raise RuntimeError("no summary today")

        monkeypatch.setattr(fleet.sessions["a"], "_conclude", boom)

    code, fleet = played(["a", "b"], break_conclusion)
    assert code is ExitCode.FAILED
    assert fleet.sessions["b"].summary is not None
    assert "a: unrecoverable error: RuntimeError: no summary today" in capsys.readouterr().err


def test_the_end_of_the_market_data_is_the_end_of_its_market() -> None:
    async def end(fleet: Fleet) -> None:
        await asyncio.sleep(20)
        fleet._markets[0].source._end("the market data has ended")

    code, fleet = played(["a", "b"], end)
    assert code is ExitCode.FEED_EXHAUSTED
    ends = [session.summary.run.end_reason for session in fleet.sessions.values() if session.summary]
    assert ends == [EndReason.FEED_EXHAUSTED, EndReason.DURATION]


def test_one_market_that_does_not_fit_starts_none(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    def too_small(market: FleetMarket, _: LoopClock) -> FleetMarket:
        if market.name != "b":
            return market
        strategy = replace(market.request.strategy, quantity=Decimal("0.001"))
        return replace(market, request=replace(market.request, strategy=strategy))

    code, _ = played(["a", "b", "c"], None, journal, changes=too_small)
    assert code is ExitCode.BAD_INPUT
    assert not list_runs(journal)
    assert "b: not started: sizes:" in capsys.readouterr().err


def test_a_market_that_fails_between_checklist_and_start_starts_none(
    monkeypatch: pytest.MonkeyPatch, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail(fleet: Fleet) -> None:
        async def boom(*_: Any) -> None:
            raise InvalidSettingError("gone meanwhile")

        monkeypatch.setattr(fleet.sessions["c"], "_prepare", boom)

    code, fleet = played(["a", "b", "c"], fail, journal)
    assert code is ExitCode.BAD_INPUT
    assert all(session.summary is None for session in fleet.sessions.values())
    assert {run.end_reason for run in list_runs(journal)} == {"not started"}
    assert "a: not started: market c could not begin, so none did" in capsys.readouterr().err


def test_the_notional_of_all_markets_stays_within_its_budget_as_they_fill() -> None:
    most = []

    async def watch(fleet: Fleet) -> None:
        while True:
            await asyncio.sleep(0.1)
            most.append(fleet.portfolio.worst)

    code, fleet = played(["a", "b", "c"], watch, limits={"max_notional": 100}, max_position=Decimal(5))
    assert code is ExitCode.DURATION
    assert 90 < max(most) < 101, "the last part is the move of prices while orders rest"
    assert fleet.sessions["a"].run is not None
    assert fleet.sessions["a"].run.checks.refusals["budget"]


def test_a_move_of_prices_beyond_a_budget_reduces_and_then_ends_all_with_their_positions() -> None:
    steps = []

    async def move(fleet: Fleet) -> None:
        await asyncio.sleep(30)
        run = fleet.sessions["a"].run
        assert run is not None
        state, seat = run.desk.maker.state, fleet.portfolio._seats["a"]
        for share in (Decimal("1.05"), Decimal("1.25")):
            assert state.mark_milliticks is not None
            held = sum(each.exposure.held for each in fleet.portfolio._seats.values())
            missing = 100 * Fraction(share) - held
            mark = round(state.mark_milliticks * (1 + missing / seat.exposure.held)) + 1
            now_ns = run.desk.clock.now_ns()
            run.tell(MarkUpdated(now_ns, now_ns, mark))
            steps.append(fleet.portfolio.step)

    code, fleet = played(["a", "b"], move, limits={"max_notional": 100}, max_orders=1)
    assert steps == [Step.REDUCING, Step.HALT]
    assert code is ExitCode.BUDGET
    assert any(session.summary.position for session in fleet.sessions.values() if session.summary)
    assert not any(books(fleet, name)._exchange.books.open_orders() for name in ("a", "b"))


def test_a_loss_of_all_together_closes_every_position_and_ends_every_market() -> None:
    code, fleet = played(TEN[:4], limits={"max_daily_loss": "0.15"}, duration_s=Decimal(600))
    assert code is ExitCode.BUDGET_LOSS
    assert fleet.portfolio.step is Step.HALT
    for session in fleet.sessions.values():
        assert session.summary is not None
        assert session.summary.run.end_reason is EndReason.BUDGET_LOSS
        assert session.summary.position == 0


def test_the_first_signal_ends_every_market_cleanly_at_the_same_time() -> None:
    async def interrupt(_: Fleet) -> None:
        await asyncio.sleep(20)
        signal.raise_signal(signal.SIGTERM)

    code, fleet = played(TEN, interrupt)
    assert code is ExitCode.TERMINATED
    ends = [session.summary for session in fleet.sessions.values()]
    assert {end.run.end_reason for end in ends if end} == {EndReason.TERMINATED}
    assert max(end.end_ns for end in ends if end) - min(end.end_ns for end in ends if end) < 2 * 10**9
    assert not any(books(fleet, name)._exchange.books.open_orders() for name in TEN)


def test_the_second_signal_ends_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    async def interrupt(_: Fleet) -> None:
        await asyncio.sleep(20)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    code, fleet = played(["a", "b"], interrupt)
    assert code is ExitCode.ABANDONED
    assert all(session.summary is None for session in fleet.sessions.values())
    err = capsys.readouterr().err
    assert "a: abandoned: up to" in err
    assert "b: abandoned: up to" in err


def test_a_signal_before_the_start_is_heeded() -> None:
    async def interrupt(_: Fleet) -> None:
        signal.raise_signal(signal.SIGINT)

    code, fleet = played(["a", "b"], interrupt)
    assert code is ExitCode.INTERRUPTED
    assert all(session.run is not None and session.run.requests == 0 for session in fleet.sessions.values())


def test_two_markets_that_are_one_instrument_are_refused_whatever_they_are_called() -> None:
    def elsewhere(market: FleetMarket, clock: LoopClock) -> FleetMarket:
        twin = sim_market("sol", clock)
        exchange = {"a": "backpack", "b": "ccxt:backpack"}[market.name]
        return replace(market, venue=twin.venue, wires=replace(market.wires, exchange=exchange))

    with pytest.raises(InvalidSettingError, match="markets a and b are both SOL/USDC on backpack"):
        played(["a", "b"], changes=elsewhere)


def test_status_shows_each_budget_of_a_fleet_that_runs(journal: Journal) -> None:
    said: list[str] = []

    def show(now_ns: int) -> str:
        console = Console(file=io.StringIO(), highlight=False)
        show_fleets(console, journal, list_runs(journal), now_ns)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    async def ask(fleet: Fleet) -> None:
        await asyncio.sleep(10)
        said.append(show(fleet._clock.now_ns()))

    code, fleet = played(["a", "b"], ask, journal, limits={"max_notional": 1_000, "max_daily_loss": 50})
    assert code is ExitCode.DURATION
    name, daily_loss, notional = said[0].splitlines()
    assert name == f"fleet {fleet.fleet_id}: a, b"
    assert re.fullmatch(r"  daily loss -?\d\.\d\d of 50\.00 \(-?\d+%\), both sides are quoted", daily_loss)
    assert re.fullmatch(r"  notional   \d+\.\d\d of 1000\.00 \(\d+%\), both sides are quoted", notional)
    assert show(fleet._clock.now_ns()) == "", "it has ended"


def test_every_way_to_end_has_its_place_among_the_worst() -> None:
    assert len(WORST_FIRST) == len(set(WORST_FIRST))
    assert set(WORST_FIRST) == set(ExitCode)


def test_a_live_market_beside_a_simulated_one_keeps_its_account_stopped_after_a_loss(journal: Journal) -> None:
    async def play() -> None:
        clock = virtual_clock()
        async with running_testnet(clock) as server:
            live = live_market("live", server, clock, duration_s=Decimal(300))
            fleet = fleet_of([live, sim_market("sim", clock, duration_s=Decimal(300))], clock, journal,
                             max_daily_loss="0.05")  # fmt: skip
            code = await fleet.play()
            await live.venue.close()
            assert code is ExitCode.BUDGET_LOSS
            run = fleet.sessions["live"].run
            assert run is not None
            assert isinstance(run.desk.bucket, Share)
            account = server.testnet.accounts["1"].books
            assert account.position.lots == 0
            assert not account.open_ids
            (latch,) = active_latches(journal, live.venue.facts.account)
            assert latch.symbol is None, "for every market of the account"
            assert latch.kind == "loss budget of all markets"

    run_virtual(play)
