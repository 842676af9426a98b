"""The screen of a fleet, in virtual time: a row a market, why it is not quoting, budgets, and what is real money."""

import asyncio
import io
from collections.abc import Callable, Coroutine
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from rich.console import Console, Group

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.fleet import Fleet, FleetMarket
from perpmaker.cli.fleet_screen import FleetScreen
from perpmaker.cli.request import View
from perpmaker.domain.events import GapStarted
from support.fleets import WIRES, fleet_of, sim_market
from support.maker_bench import Bench, instrument
from support.virtual_time import run_virtual, virtual_clock

Story = Callable[[Fleet], Coroutine[Any, Any, None]]


def played(names: list[str], story: Story | None = None, *, view: View = View.LIVE, **limits: Any) -> tuple[
    ExitCode, Fleet
]:  # fmt: skip
    """A fleet from start to end, told as on a terminal."""

    async def play() -> tuple[ExitCode, Fleet]:
        clock = virtual_clock()
        markets: list[FleetMarket] = [
            sim_market(name, clock, seed=number, view=view) for number, name in enumerate(names)
        ]
        fleet = fleet_of(markets, clock, view=view, **limits)
        others = None if story is None else asyncio.create_task(story(fleet))
        code = await fleet.play()
        if others is not None:
            await others
        return code, fleet

    return run_virtual(play)


def drawn(fleet: Fleet, width: int = 120) -> list[str]:
    """What stands on the screen now, line by line."""
    assert fleet._screen is not None
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(Group(*fleet._screen._parts()))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_every_market_has_a_row_and_all_have_a_sum() -> None:
    seen: list[list[str]] = []

    async def look(fleet: Fleet) -> None:
        await asyncio.sleep(30)
        seen.append(drawn(fleet))
        profits = [fleet.portfolio.profit(name) or Fraction(0) for name in ("sol", "btc")]
        assert seen[0][5].split() == ["all", f"{float(sum(profits)):+.4f}", "USDC"]

    played(["sol", "btc"], look)
    title, progress, headings, sol, btc = seen[0][:5]
    assert title.endswith("SIM: sol, btc")
    assert progress.startswith("0:00:30 of 0:01:00")
    assert headings.split()[:6] == ["market", "phase", "bid", "ask", "bids", "asks"]
    for row, name in ((sol, "sol"), (btc, "btc")):
        told, phase, bid, ask, bids, asks, position, net = row.split()[:8]
        assert (told, phase) == (name, "quoting")
        assert float(bid) < float(ask)
        assert bids.endswith("/2")
        assert asks.endswith("/2")
        assert position[0] in "+-"
        assert net[0] in "+-"


def test_why_a_market_does_not_quote_stands_beside_it_and_what_was_noticed_below() -> None:
    async def blind(fleet: Fleet) -> None:
        await asyncio.sleep(30)
        run = fleet.sessions["btc"].run
        assert run is not None
        now_ns = run.desk.clock.now_ns()
        run.on_market(GapStarted(now_ns, now_ns), (), now_ns, now_ns)
        await asyncio.sleep(0.2)
        lines = drawn(fleet)
        btc = next(line for line in lines if line.startswith("btc"))
        assert btc.endswith("book stale: market data gap")
        assert "0/2   0/2" in btc
        assert "stale" not in next(line for line in lines if line.startswith("sol"))
        assert any("btc: not quoting book stale" in line for line in lines)

    played(["sol", "btc"], blind)


def test_budgets_stand_below_with_their_step() -> None:
    async def look(fleet: Fleet) -> None:
        await asyncio.sleep(30)
        lines = [line for line in drawn(fleet) if line.startswith("budget")]
        assert [line.split()[1] for line in lines] == ["notional", "daily"]
        assert lines[0].endswith(" of 100.0000")

    played(["sol", "btc"], look, max_notional=100, max_daily_loss=50)


def test_how_a_market_ended_is_shown_when_all_have(capsys: pytest.CaptureFixture[str]) -> None:
    async def crash(fleet: Fleet) -> None:
        await asyncio.sleep(20)
        run = fleet.sessions["btc"].run
        assert run is not None
        run._fail(RuntimeError("a bug of this market"))

    code, fleet = played(["sol", "btc"], crash)
    assert code is ExitCode.FAILED
    lines = drawn(fleet)
    assert next(line for line in lines if line.startswith("sol")).endswith("duration reached")
    assert next(line for line in lines if line.startswith("btc")).endswith("unrecoverable error")
    out = " ".join(capsys.readouterr().out.split())
    assert "btc: unrecoverable error, orders were cancelled: RuntimeError: a bug of this market" in out
    assert "event=" not in out, "no lines beside the screen"


def test_a_narrow_terminal_still_has_names_phases_and_reasons() -> None:
    async def look(fleet: Fleet) -> None:
        await asyncio.sleep(30)
        lines = drawn(fleet, width=80)
        assert all(len(line) <= 80 for line in lines)
        assert any(line.startswith("sol     quoting") for line in lines)

    played(["sol", "btc"], look)


def test_with_lines_there_is_no_screen(capsys: pytest.CaptureFixture[str]) -> None:
    _, fleet = played(["sol", "btc"], view=View.LINES)
    assert fleet._screen is None
    assert "market=sol event=note" in capsys.readouterr().out


def test_what_markets_do_is_the_same_with_the_screen_and_when_it_breaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def results(fleet: Fleet) -> list[tuple[Any, ...]]:
        ends = [session.summary for session in fleet.sessions.values() if session.summary is not None]
        return [(end.fills, end.equity_end, end.orders_placed) for end in ends]

    _, plain = played(["sol", "btc"], view=View.NONE)
    _, shown = played(["sol", "btc"])
    assert results(shown) == results(plain)
    with monkeypatch.context() as patch:
        patch.setattr(FleetScreen, "_table", None)
        patch.setattr(FleetScreen, "__exit__", lambda self, *error: self._live.__exit__(*error))
        code, broken = played(["sol", "btc"])
    assert code is ExitCode.DURATION
    assert results(broken) == results(plain)
    assert "beside the markets: TypeError" in capsys.readouterr().err


def test_real_money_is_marked_unmistakably() -> None:
    async def play() -> list[str]:
        clock = virtual_clock()
        markets = [sim_market(name, clock) for name in ("sol", "btc")]
        fleet = fleet_of(markets, clock, view=View.LIVE)
        screen = fleet._screen
        assert screen is not None
        wires = replace(WIRES, exchange="backpack", is_live=True, base_url="http://127.0.0.1:1")
        maker = Bench(instrument(), spread="0.01", quantity="0.1").maker
        screen.add("sol", wires, maker, instrument())
        screen.add("btc", replace(wires, is_live=False, base_url=None), maker, instrument())
        return drawn(fleet)

    lines = run_virtual(play)
    assert lines[0].endswith("LIVE backpack at http://127.0.0.1:1: sol  PAPER backpack: btc")
