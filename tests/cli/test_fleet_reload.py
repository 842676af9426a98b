"""A configuration file that changes while its markets run: taken up whole, or not at all, and said. In virtual time."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from perpmaker.cli.configuration.loading import load_config
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.fleet import Fleet
from perpmaker.cli.fleet_reload import Reloading
from perpmaker.cli.fleet_starting import open_market
from perpmaker.cli.wires import SharedWires
from perpmaker.journal.readers import list_runs
from perpmaker.journal.writer import open_journal
from perpmaker.maker.settings import StrategyTerms
from perpmaker.risk.budgets import Step
from perpmaker.runtime.live.portfolio import Portfolio
from support.live_sessions import running_testnet
from support.virtual_time import LoopClock, run_virtual, virtual_clock

FILE = """
[defaults]
spread = "3bp"
quantity = 0.1
max_orders = 2
max_position = 1
interval = 5

[markets.sol]
symbol = "SOL_USDC_PERP"

[markets.eth]
symbol = "ETH_USDC_PERP"
quantity = 0.01

[budgets]
max_notional = 5000

[run]
duration = 60
view = "none"
"""

ONE = """
[markets.sol]
exchange = "backpack"
symbol = "SOL_USDC_PERP"
base_url = "{base_url}"
ws_url = "{ws_url}"
spread = "3bp"
quantity = 0.1
max_orders = 2
max_position = 1
interval = 5
max_daily_loss = 50

[run]
duration = 60
view = "lines"
"""
"""One market of a real exchange, which is the testnet here."""

Story = Callable[[Fleet, Path], Coroutine[Any, Any, None]]


def played(folder: Path, story: Story, text: str = FILE) -> tuple[ExitCode, Fleet, list[str]]:
    """The file's markets from start to end, while somebody edits it."""
    path, said = folder / "perpmaker.toml", list[str]()

    async def play() -> tuple[ExitCode, Fleet, list[str]]:
        async with AsyncExitStack() as stack:
            clock, shared = virtual_clock(), SharedWires()
            stack.push_async_callback(shared.close)
            if "{base_url}" in text:
                server = await stack.enter_async_context(running_testnet(clock))
                path.write_text(text.format(base_url=server.base_url, ws_url=server.ws_url))
            else:
                path.write_text(text)
            return await run_it(clock, shared)

    async def run_it(clock: LoopClock, shared: SharedWires) -> tuple[ExitCode, Fleet, list[str]]:
        config = load_config(path)
        markets = [
            open_market(market, config.output, clock, shared, is_alone=not config.needs_fleet)
            for market in config.markets
        ]
        with open_journal(str(folder / "journal.db")) as journal:
            reloading = Reloading(config, lambda: load_config(path), said.append)
            fleet = Fleet(
                markets, config.budgets, clock, journal, view=config.output.view, companion=reloading.watch
            )  # fmt: skip
            editing = asyncio.create_task(story(fleet, path))
            code = await fleet.play()
            await editing
        for market in markets:
            await market.venue.close()
        return code, fleet, said

    return run_virtual(play)


def edit(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    stamp = path.stat().st_mtime_ns + 1
    os.utime(path, ns=(stamp, stamp))


def terms(fleet: Fleet, name: str) -> StrategyTerms:
    run = fleet.sessions[name].run
    assert run is not None
    return run.desk.maker.state.terms


def test_what_can_change_is_taken_up_by_each_market_and_journalled_with_old_and_new(tmp_path: Path) -> None:
    seen = {}

    async def story(fleet: Fleet, path: Path) -> None:
        await asyncio.sleep(20)
        edit(path, ('spread = "3bp"', 'spread = "10bp"'), ("quantity = 0.01", "quantity = 0.02"))
        await asyncio.sleep(2)
        seen.update({name: terms(fleet, name) for name in ("sol", "eth")})

    code, _, said = played(tmp_path, story)
    assert code is ExitCode.DURATION
    assert seen["sol"].half_spread == seen["eth"].half_spread == Fraction(1, 1000)
    assert (seen["sol"].order_lots, seen["eth"].order_lots) == (10, 20)
    assert '[markets.sol] spread: "3bp" -> "10bp": applied' in said
    assert "[markets.eth] quantity: 0.01 -> 0.02: applied" in said
    with open_journal(str(tmp_path / "journal.db")) as journal, journal.engine.connect() as connection:
        names = {run.run_no: run.provenance["name"] for run in list_runs(journal)}
        rows = connection.exec_driver_sql("SELECT run_no, text FROM reasons WHERE kind = 'settings changed'").all()
    kept = {names[row.run_no]: row.text for row in rows}
    assert kept["sol"] == '[markets.sol] spread: "3bp" -> "10bp"'
    assert kept["eth"].splitlines()[1] == "[markets.eth] quantity: 0.01 -> 0.02"
    assert len(rows) == 2


def test_what_cannot_change_is_said_and_the_rest_is_applied(tmp_path: Path) -> None:
    async def story(fleet: Fleet, path: Path) -> None:
        await asyncio.sleep(20)
        edit(path, ("duration = 60", "duration = 6000"), ("max_orders = 2", "max_orders = 1"))
        await asyncio.sleep(2)
        assert terms(fleet, "sol").levels == 1
        assert terms(fleet, "sol").duration_ns == 60 * 10**9

    code, fleet, said = played(tmp_path, story)
    assert code is ExitCode.DURATION
    assert any("duration: 60 -> 6000: not applied, when the run ends is fixed at the start" in line for line in said)
    assert fleet.sessions["sol"].summary is not None


def test_a_broken_file_changes_nothing_and_is_said_once(tmp_path: Path) -> None:
    async def story(fleet: Fleet, path: Path) -> None:
        await asyncio.sleep(20)
        before = terms(fleet, "sol")
        edit(path, ('spread = "3bp"', 'spread = "lots"'), ("max_orders = 2", "max_orders = 1"))
        await asyncio.sleep(10)
        assert terms(fleet, "sol") is before
        edit(path, ('spread = "lots"', 'spread = "4bp"'))
        await asyncio.sleep(2)
        assert terms(fleet, "sol").half_spread == Fraction(4, 10_000)

    _, _, said = played(tmp_path, story)
    assert sum("nothing of it is applied" in line for line in said) == 1


def test_one_market_that_cannot_take_its_settings_leaves_all_as_they_were(tmp_path: Path) -> None:
    async def story(fleet: Fleet, path: Path) -> None:
        await asyncio.sleep(20)
        before = {name: terms(fleet, name) for name in ("sol", "eth")}
        edit(path, ('spread = "3bp"', 'spread = "10bp"'), ("quantity = 0.01", "quantity = 0.0001"))
        await asyncio.sleep(2)
        assert {name: terms(fleet, name) for name in ("sol", "eth")} == before

    _, _, said = played(tmp_path, story)
    assert len(said) == 1
    assert "market eth: --quantity 0.0001: is below ETH_USDC_PERP's minimum" in said[0]


def test_budgets_can_change_and_act_at_once(tmp_path: Path) -> None:
    steps: list[tuple[Step, bool]] = []

    def held(portfolio: Portfolio) -> bool:
        return any(seat.exposure.held for seat in portfolio._seats.values())

    async def story(fleet: Fleet, path: Path) -> None:
        edit(path, ('spread = "3bp"', 'spread = "0.5bp"'))
        await asyncio.sleep(30)
        edit(path, ("max_notional = 5000", "max_notional = 1"))
        await asyncio.sleep(2)
        steps.append((fleet.portfolio.step, held(fleet.portfolio)))

    code, _, said = played(tmp_path, story)
    assert steps == [(Step.HALT, True)]
    assert code is ExitCode.BUDGET
    assert "[budgets] max_notional: 5000 -> 1: applied" in said


def test_hangup_reads_the_file_at_once(tmp_path: Path) -> None:
    async def story(_: Fleet, __: Path) -> None:
        await asyncio.sleep(20)
        signal.raise_signal(signal.SIGHUP)
        await asyncio.sleep(0.1)

    _, _, said = played(tmp_path, story)
    assert [line.partition("perpmaker.toml ")[2] for line in said] == ["was read again: nothing in it has changed"]


def test_a_file_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    async def story(_: Fleet, path: Path) -> None:
        await asyncio.sleep(20)
        os.unlink(path)  # noqa: PTH108 - nothing waits for it in virtual time

    code, _, said = played(tmp_path, story)
    assert code is ExitCode.DURATION
    assert "nothing of it is applied: there is no configuration file" in said[0]


def test_one_market_of_a_real_exchange_takes_up_changes_too_and_tells_of_itself_as_if_it_were_no_fleet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def story(fleet: Fleet, path: Path) -> None:
        await asyncio.sleep(20)
        edit(path, ('spread = "3bp"', 'spread = "10bp"'))
        await asyncio.sleep(2)
        assert terms(fleet, "sol").half_spread == Fraction(1, 1000)
        edit(path, ("[run]", "[budgets]\nmax_notional = 1000\n[run]"))
        await asyncio.sleep(2)
        assert [use.name for use in fleet.portfolio.uses] == ["notional"]

    code, _, said = played(tmp_path, story, ONE)
    assert code is ExitCode.DURATION
    assert said == [
        '[markets.sol] spread: "3bp" -> "10bp": applied',
        "[budgets] max_notional: 0 -> 1000: applied",
    ]
    out = capsys.readouterr().out
    assert "event=check name=reachable" in out
    assert "market=sol" not in out
    assert "budget notional" not in out
    assert out.count("net result") == 1


def test_the_limit_of_the_day_can_change_and_acts_with_the_next_price(tmp_path: Path) -> None:
    async def story(fleet: Fleet, path: Path) -> None:
        edit(path, ('spread = "3bp"', 'spread = "0.5bp"'))
        async with asyncio.timeout(300):
            while (fleet.portfolio.profit("sol") or 0) > -Fraction(1, 1000):  # noqa: ASYNC110 - a price tells nobody
                await asyncio.sleep(1)
        edit(path, ("max_daily_loss = 50", "max_daily_loss = 0.000001"))

    code, fleet, said = played(tmp_path, story, ONE.replace("duration = 60", "duration = 600"))
    assert code is ExitCode.MAX_DAILY_LOSS
    assert "[markets.sol] max_daily_loss: 50 -> 0.000001: applied" in said
    assert fleet.sessions["sol"].summary is not None


def test_another_exchange_leaves_everything_of_its_market_as_it_was(tmp_path: Path) -> None:
    async def story(fleet: Fleet, path: Path) -> None:
        await asyncio.sleep(20)
        before = terms(fleet, "sol")
        edit(
            path,
            ('exchange = "backpack"', 'exchange = "sim"'),
            ('spread = "3bp"', 'spread = "10bp"'),
            ("max_daily_loss = 50\n", ""),
            *((line + "\n", "") for line in path.read_text().splitlines() if "_url" in line),  # noqa: ASYNC240 - as edit
        )
        await asyncio.sleep(2)
        assert terms(fleet, "sol") is before
        assert fleet.sessions["sol"]._daily is not None
        assert fleet.sessions["sol"]._daily._limit_quanta

    _, _, said = played(tmp_path, story, ONE)
    assert all("not applied, it would be another market" in line for line in said)
    assert {"exchange", "spread", "max_daily_loss"} <= {line.split()[1].rstrip(":") for line in said}


@pytest.mark.parametrize("speed", ["5"])
def test_a_speed_is_refused(tmp_path: Path, speed: str) -> None:
    path = tmp_path / "perpmaker.toml"
    path.write_text(FILE.replace("interval = 5", f"interval = 5\nspeed = {speed}"))
    config = load_config(path)
    assert config.markets[0].strategy.interval_s == Decimal(5)
    with pytest.raises(Exception, match="they run in real time"):
        open_market(config.markets[0], config.output, None, SharedWires())  # type: ignore[arg-type]
