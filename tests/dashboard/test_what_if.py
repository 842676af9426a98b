"""What other settings would do: the advisor on a run that goes on, and on a market that could be traded."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from perpmaker.cli.dashboard_program import make_program
from perpmaker.dashboard import what_if
from perpmaker.dashboard.app import PARTS
from perpmaker.dashboard.security.users import Role
from perpmaker.monitor.view import Sample
from support.dashboard_rig import Client, Rig, dashboard_rig
from support.views import seen as seen_view

STRATEGY = {"spread": "5bp", "quantity": "0.1"}


def scenario(play: Callable[[Rig], Awaitable[None]]) -> None:
    async def body() -> None:
        async with dashboard_rig(parts=(*PARTS, partial(what_if.router, program=make_program()))) as rig:
            await play(rig)

    asyncio.run(body())


async def ask(client: Client, **question: Any) -> dict[str, Any]:
    """The page asks without a one-time token: nothing is changed."""
    told = await client.post("/api/what-if", question, csrf="")
    assert told.status_code == 200, told.text
    found: dict[str, Any] = told.json()
    return found


def test_a_viewer_asks_about_a_run_and_nothing_of_it_changes() -> None:
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        viewer = await rig.log_in(Role.VIEWER)
        found = await ask(viewer, run_id=run.run_id, settings={"spread": "10bp", "max_orders": "1"})
        assert found["refused"] is None
        assert found["changed"] == {"spread": ["0.0005", "0.0010"], "max_orders": ["2", "1"]}
        assert run.asked == []

    scenario(play)


def test_the_ladder_stands_around_the_newest_price_of_the_run() -> None:
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        client = await rig.log_in()
        for bid, ask_price in (("99.99", "100.01"), ("119.99", "120.01")):
            run.step(bid=bid, ask=ask_price)
            link = rig.server.deps.links.find(run.run_id)
            assert link is not None
            while link.state.view is None or link.state.view.bid != bid:
                await link.changed(link.state.version)
            advice = (await ask(client, run_id=run.run_id, settings={"spread": "1%", "inventory_skew": "0"}))["advice"]
            mid = (Decimal(bid) + Decimal(ask_price)) / 2
            assert Decimal(advice["price"]) == mid
            flat = next(ladder for ladder in advice["ladders"] if Decimal(ladder["position"]) == 0)
            assert [level["price"] for level in flat["levels"]][:1] == [f"{mid * Decimal('0.99'):.2f}"]

    scenario(play)


def test_settings_as_a_journal_writes_them_and_as_flags_take_them_are_the_same() -> None:
    async def play(rig: Rig) -> None:
        client = await rig.log_in()
        typed = {"spread": "0.05%", "quantity": "0.1", "interval": "2", "close_on_exit": "true"}
        written = {"spread": "0.0005", "quantity": "0.1", "interval_s": "2", "close_on_exit": "True"}
        told = []
        for settings in (typed, written):
            run = await rig.start_run(settings=settings)
            run.step(settings=settings)
            link = rig.server.deps.links.find(run.run_id)
            assert link is not None
            while link.state.view is None or link.state.view.settings != settings:
                await link.changed(link.state.version)
            told.append((await ask(client, run_id=run.run_id, settings={"interval": "3"}))["changed"])
        assert told == [{"interval": ["2", "3"]}] * 2

    scenario(play)


def test_the_accounts_own_fees_are_used_where_the_journal_has_them_and_said_to_be_assumed_where_not() -> None:
    async def play(rig: Rig) -> None:
        client = await rig.log_in()
        fees = {**STRATEGY, "maker_fee": "0.01", "taker_fee": "0.01", "leverage": "10"}
        known = await rig.start_run(settings=fees)
        found = await ask(client, run_id=known.run_id)
        assert found["assumed"] is None
        assert "spread below fees" in {finding["key"] for finding in found["advice"]["findings"]}, (
            "5 bp against fees of 1 %"
        )
        live = await rig.start_run(settings=STRATEGY, mode="live")
        found = await ask(client, run_id=live.run_id)
        assert "fees and leverage are those of the simulated exchange" in found["assumed"]
        assert "spread below fees" not in {finding["key"] for finding in found["advice"]["findings"]}

    scenario(play)


def test_what_a_run_has_seen_of_its_market_is_what_findings_rest_on() -> None:
    view = seen_view(bid="99.99", ask="100.01")
    charted = [
        Sample(second * 10**9, "100.00" if second % 2 else "100.01", None, [], [], "0", "0") for second in range(121)
    ]
    seen = what_if.observed_by(view, charted)
    assert seen is not None
    assert seen.name == "the last 2 minutes of this run"
    assert seen.volatility_s == pytest.approx(0.0001, rel=0.01)
    assert seen.spread == pytest.approx(0.0002)


def test_too_little_of_a_market_is_nothing() -> None:
    charted = [Sample(second * 10**9, "100.00", None, [], [], "0", "0") for second in range(59)]
    assert what_if.observed_by(seen_view(bid="99.99", ask="100.01"), charted) is None
    assert what_if.observed_by(seen_view(bid=None, ask=None), charted * 2) is None


REFUSED = {
    "no number": ({"spread": "wide"}, 'spread "wide": is not a number'),
    "out of range": ({"max_orders": "0"}, "max_orders"),
    "not on the lot": ({"quantity": "0.105"}, "is not a whole number of lots"),
    "no such setting": ({"spraed": "1%"}, "did you mean spread?"),
    "fixed at the start": ({"duration": "5"}, "when the run ends is fixed at the start"),
    "of the account": ({"leverage": "5"}, "cannot change while the run goes on"),
    "script": ({"spread": "<script>"}, "is not a number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_run_could_not_take_is_refused_with_its_sentence(case: str) -> None:
    settings, expected = REFUSED[case]

    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        found = await ask(await rig.log_in(), run_id=run.run_id, settings=settings)
        assert found["advice"] is None
        assert expected in found["refused"]

    scenario(play)


def test_a_run_without_a_price_says_so() -> None:
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        run.step(bid=None, ask=None, mark=None)
        link = rig.server.deps.links.find(run.run_id)
        assert link is not None
        while link.state.view is None or link.state.view.mark is not None:
            await link.changed(link.state.version)
        assert "has no price yet" in (await ask(await rig.log_in(), run_id=run.run_id))["refused"]

    scenario(play)


def test_a_run_that_is_not_there_is_not_found() -> None:
    async def play(rig: Rig) -> None:
        told = await (await rig.log_in()).post("/api/what-if", {"run_id": "nosuch"}, csrf="")
        assert (told.status_code, told.json()["error"]) == (404, "this run is not running")

    scenario(play)


def test_the_simulated_market_is_known_without_any_run() -> None:
    async def play(rig: Rig) -> None:
        found = await ask(await rig.log_in(), exchange="sim", symbol="BTC_USDC_PERP", settings=STRATEGY)
        assert found["refused"] is None
        assert found["changed"] == {}
        assert found["advice"]["symbol"] == "BTC_USDC_PERP"
        assert found["advice"]["data"] == "an hour of the synthetic market BTC_USDC_PERP, seed 1"
        presets = await ask(await rig.log_in(), exchange="sim", preset="neutral")
        assert presets["advice"]["settings"]["spread"]

    scenario(play)


def test_of_a_real_market_the_newest_run_there_tells_its_steps_and_its_price() -> None:
    async def play(rig: Rig) -> None:
        client = await rig.log_in()
        asked = {"exchange": "backpack", "symbol": "SOL_USDC_PERP", "settings": STRATEGY}
        found = await ask(client, **asked)
        assert "nothing is known yet of SOL_USDC_PERP on backpack" in found["refused"]
        assert "perpmaker explain --exchange backpack" in found["refused"]
        silent = await rig.start_run(exchange="backpack", mode="paper", has_link=False, is_found=False)
        assert "no price is known yet" in (await ask(client, **asked))["refused"]
        run = await rig.start_run(exchange="backpack", mode="paper")
        found = await ask(client, **asked)
        assert found["refused"] is None
        assert Decimal(found["advice"]["price"]) == Decimal(run.view.mark or 0)
        assert silent.asked == run.asked == []

    scenario(play)


@pytest.mark.parametrize(
    "body",
    [{"settings": {"spread": "x" * 300}}, {"settings": {f"a{n}": "1" for n in range(65)}}, {"exchange": "x" * 200},
     {"unknown": 1}, {"settings": {"spread": 5}}, []],
)  # fmt: skip
def test_what_does_not_fit_the_question_is_refused_before_anybody_looks_at_it(body: Any) -> None:
    async def play(rig: Rig) -> None:
        assert (await (await rig.log_in()).post("/api/what-if", body, csrf="")).status_code == 400

    scenario(play)


def test_a_stranger_gets_no_advice() -> None:
    async def play(rig: Rig) -> None:
        assert (await (await rig.client()).post("/api/what-if", {}, csrf="")).status_code == 401

    scenario(play)
