"""Two live markets on one account of a testnet, from their checklists to one exit code, in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.fleet import Fleet
from perpmaker.domain.events import EndReason, Filled, FundingPaid, PositionCorrected
from perpmaker.domain.orders import Side
from perpmaker.journal.readers import Booking, bookings, list_runs, replay_position
from perpmaker.journal.writer import Journal, open_journal
from perpmaker.risk.budgets import Step
from perpmaker.testnet.faults import Fault, FaultKind
from perpmaker.testnet.notices import FillRecord
from perpmaker.testnet.server import TestnetServer
from perpmaker.venues.backpack.pool import BackpackPool
from perpmaker.venues.client_ids import UINT32
from support.fleets import fleet_of
from support.testnet_fleets import MARKETS, live_market, market_on, two_markets
from support.virtual_time import run_virtual, virtual_clock

Disturb = Callable[[Fleet, TestnetServer], Coroutine[Any, Any, None]]


@dataclass
class Lived:
    """What a fleet has been through, and the exchange's own count of it, by market."""

    code: ExitCode
    fleet: Fleet
    fills: dict[str, list[FillRecord]]
    lots: dict[str, int]
    open_orders: int
    cash: Decimal
    most_exposure: Decimal
    """The largest value that positions and all open orders together could come to, at the marks of then."""


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(str(tmp_path / "journal.db")) as opened:
        yield opened


def lived(
    journal: Journal,
    disturb: Disturb | None = None,
    *,
    limits: dict[str, Any] | None = None,
    **settings: Any,
) -> Lived:
    async def play() -> Lived:
        clock = virtual_clock()
        async with two_markets(clock) as server:
            account = server.testnet.accounts["1"].holder
            exposures: list[int] = []
            pool = BackpackPool()
            for market in server.testnet.markets:
                market.listeners.append(lambda _: exposures.append(account.exposure_units))
            markets = [live_market(name, server, clock, pool, **settings) for name in MARKETS]
            fleet = fleet_of(markets, clock, journal, **(limits or {}))
            beside = None if disturb is None else asyncio.create_task(disturb(fleet, server))
            code = await fleet.play()
            if beside is not None:
                await beside
            for each in markets:
                await each.venue.close()
            await pool.close()
            books = {name: market_on(server, name).accounts["1"].books for name in MARKETS}
            return Lived(
                code,
                fleet,
                {name: list(each.fills) for name, each in books.items()},
                {name: each.position.lots for name, each in books.items()},
                sum(len(each.open_ids) for each in books.values()),
                _amount(account.balance_units),
                _amount(max(exposures)),
            )

    return run_virtual(play, wall_s=240)


def _amount(units: int) -> Decimal:
    return Decimal(units).scaleb(-36)


def assert_journal_is_the_exchanges(journal: Journal, found: Lived) -> None:
    """Every market's run holds the executions of its market, and nothing else."""
    runs = list_runs(journal)
    assert {run.provenance["name"] for run in runs} == set(MARKETS)
    for run in runs:
        booked = [booking for booking in bookings(journal, run) if not isinstance(booking, FundingPaid)]
        assert {type(booking) for booking in booked} == {Filled}, "no corrections"
        kept = [(fill.fill_id, fill.side, fill.price_ticks, fill.lots, fill.fee_quanta) for fill in _fills(booked)]
        told = found.fills[run.provenance["name"]]
        assert kept == [(fill.trade_id, fill.side, fill.price_ticks, fill.lots, fill.fee_quanta) for fill in told]
        assert replay_position(booked).lots == found.lots[run.provenance["name"]]


def _fills(booked: Sequence[Booking]) -> list[Filled]:
    return [booking for booking in booked if isinstance(booking, Filled)]


def tags(fills: list[FillRecord]) -> set[int | None]:
    own = [UINT32.decode(str(fill.client_id)) for fill in fills]
    return {None if found is None else found.tag for found in own}


def said(found: Lived, name: str) -> str:
    summary = found.fleet.sessions[name].summary
    assert summary is not None
    return "\n".join(summary.run.notices)


def test_two_live_markets_trade_on_one_account_and_each_books_its_own(journal: Journal) -> None:
    connections: list[int] = []

    async def count(_: Fleet, server: TestnetServer) -> None:
        await asyncio.sleep(60)
        connections.append(len(list(server.streams.subscribers)))

    found = lived(journal, count, duration_s=Decimal(120))
    assert connections == [2], "one public, one of the account"
    assert found.code is ExitCode.DURATION
    assert found.open_orders == 0
    assert all(len(fills) >= 20 for fills in found.fills.values())
    assert_journal_is_the_exchanges(journal, found)
    assert [len(tags(fills)) for fills in found.fills.values()] == [1, 1]
    assert tags(found.fills["sol"]) != tags(found.fills["eth"])
    profit = Decimal(0)
    for name, session in found.fleet.sessions.items():
        summary = session.summary
        assert summary is not None
        assert summary.fills == len(found.fills[name])
        assert "somebody else" not in said(found, name)
        profit += summary.realized_pnl - summary.fees + summary.funding
    assert found.cash == 10_000 + profit, "what they have earned together is what the account has"


def test_a_notional_budget_holds_over_both_by_the_exchanges_own_count(journal: Journal) -> None:
    free = lived(journal, duration_s=Decimal(60))
    assert free.most_exposure > 150

    found = lived(journal, duration_s=Decimal(60), limits={"max_notional": 100})
    assert found.code is ExitCode.DURATION
    assert 90 < found.most_exposure < 101, "the last part is the move of prices while orders rest"
    assert all(found.fills.values())
    refusals = [session.run.checks.refusals["budget"] for session in found.fleet.sessions.values() if session.run]
    assert sum(refusals) > 0


def test_a_loss_of_both_reduces_and_then_ends_both_flat(journal: Journal) -> None:
    steps: list[Step] = []

    async def watch(fleet: Fleet, _: TestnetServer) -> None:
        while fleet.portfolio.step is not Step.HALT:
            await asyncio.sleep(0.05)
            if fleet.portfolio.step not in steps:
                steps.append(fleet.portfolio.step)

    found = lived(journal, watch, limits={"max_daily_loss": "0.6"}, duration_s=Decimal(1_200))
    assert found.code is ExitCode.BUDGET_LOSS
    assert steps == [Step.FREE, Step.REDUCING, Step.HALT]
    assert set(found.lots.values()) == {0}
    assert found.open_orders == 0
    assert_journal_is_the_exchanges(journal, found)
    assert 10_000 - found.cash < Decimal("0.9")


FAULTS = [
    Fault(FaultKind.STREAM_DROPPED),
    Fault(FaultKind.STREAM_REPLAYED, 50),
    Fault(FaultKind.DEPTH_GAP, chance=0.3),
    Fault(FaultKind.UPDATES_LATE, 900),
    Fault(FaultKind.UPDATES_TWICE, 700),
    Fault(FaultKind.TIMEOUT_AFTER, 2_000, 0.3),
]


def test_faults_that_strike_both_markets_mix_nothing_up(journal: Journal) -> None:
    async def strike(_: Fleet, server: TestnetServer) -> None:
        for fault in FAULTS:
            await asyncio.sleep(10)
            server.faults.begin(fault)
            await asyncio.sleep(4)
            server.faults.end_all()

    found = lived(journal, strike, duration_s=Decimal(120))
    assert found.code is ExitCode.DURATION
    assert found.open_orders == 0
    assert all(len(fills) >= 5 for fills in found.fills.values())
    assert_journal_is_the_exchanges(journal, found)


def test_what_somebody_else_does_on_one_market_does_not_reach_the_other(journal: Journal) -> None:
    async def meddle(_: Fleet, server: TestnetServer) -> None:
        await asyncio.sleep(20)
        market_on(server, "eth").trade_elsewhere("1", 7)
        market_on(server, "eth").place_foreign_order("1", Side.BUY, 28_000, 5)

    found = lived(journal, meddle, duration_s=Decimal(60))
    runs = {run.provenance["name"]: run for run in list_runs(journal)}
    corrected = {
        name: [booking for booking in bookings(journal, run) if isinstance(booking, PositionCorrected)]
        for name, run in runs.items()
    }
    assert corrected["sol"] == []
    assert sum(correction.change_lots for correction in corrected["eth"]) == 7
    assert found.open_orders == 1, "the one of somebody else"
    assert replay_position(bookings(journal, runs["sol"])).lots == found.lots["sol"]
    assert replay_position(bookings(journal, runs["eth"])).lots == found.lots["eth"]


def test_a_crash_in_one_market_leaves_the_shared_connections_to_the_other(journal: Journal) -> None:
    async def crash(fleet: Fleet, _: TestnetServer) -> None:
        await asyncio.sleep(20)
        run = fleet.sessions["eth"].run
        assert run is not None

        def boom(*_: Any) -> Any:
            raise RuntimeError("a bug of this market")

        run._maker.on_event = boom  # type: ignore[method-assign]

    found = lived(journal, crash, duration_s=Decimal(60))
    assert found.code is ExitCode.FAILED
    assert found.open_orders == 0
    assert "a bug of this market" in said(found, "eth")
    sol = found.fleet.sessions["sol"]
    assert sol.summary is not None
    assert sol.summary.run.end_reason is EndReason.DURATION
    assert sol.run is not None
    assert sol.run.desk.counts["streams restarted"] == 0
    late = [fill for fill in found.fills["sol"] if fill.at_ns > sol.summary.end_ns - 30 * 10**9]
    assert late, "it goes on trading"
