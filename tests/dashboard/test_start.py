"""The form that starts a run: what it offers, who may use it, and what must be right before anything is started."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from perpmaker.cli.dashboard_program import make_program
from perpmaker.dashboard import start
from perpmaker.dashboard.app import PARTS
from perpmaker.dashboard.launching import Launcher, Started
from perpmaker.dashboard.program import Planned
from perpmaker.dashboard.security.users import Role
from perpmaker.maker.presets import PRESETS
from support.dashboard_rig import Rig, dashboard_rig

PAPER = {"exchange": "backpack", "symbol": "SOL_USDC_PERP", "preset": "neutral", "settings": {"spread": "5bp"}}
LIVE = {**PAPER, "is_live": True, "confirm": "SOL_USDC_PERP"}


class Launching(Launcher):
    """Starts nothing, and keeps what it was asked to."""

    def __init__(self) -> None:
        self.asked: list[tuple[Planned, bool, str]] = []

    async def launch(self, planned: Planned, *, is_live: bool, who: str) -> Started:
        self.asked.append((planned, is_live, who))
        return Started("the-run", "run the-run has begun", Path("log"))


def scenario(play: Callable[[Rig, Launching], Awaitable[None]], **settings: Any) -> None:
    async def body() -> None:
        launching, program = Launching(), make_program()
        parts = (*PARTS, lambda deps: start.router(deps, program, Path("unused"), launching))
        async with dashboard_rig(parts=parts, **settings) as rig:
            await play(rig, launching)

    asyncio.run(body())


def test_the_form_offers_every_setting_with_its_unit_and_default_and_the_presets() -> None:
    async def play(rig: Rig, _: Launching) -> None:
        form = (await (await rig.log_in(Role.VIEWER)).get("/api/start/form")).json()
        fields = {field["name"]: field for field in form["fields"]}
        assert form["exchanges"][:2] == ["sim", "backpack"]
        assert set(form["presets"]) == set(PRESETS)
        assert form["presets"]["neutral"]["inventory_skew"] == "0.7"
        assert not form["can_start_live"]
        assert fields["spread"] == {
            "name": "spread", "panel": "Quoting", "unit": "FRACTION|%|bp", "default": None, "choices": None,
            "kind": "share", "help": fields["spread"]["help"],
        }  # fmt: skip
        assert fields["interval"]["default"] == "60"
        assert fields["reference"]["choices"] == ["mid", "micro", "last", "mark"]
        assert fields["close_on_exit"]["kind"] == "bool"

    scenario(play)


def test_the_form_offers_nothing_that_names_a_file_or_an_address() -> None:
    async def play(rig: Rig, _: Launching) -> None:
        form = (await (await rig.log_in()).get("/api/start/form")).json()
        offered = {field["name"] for field in form["fields"]}
        forbidden = {"base_url", "ws_url", "record", "feed", "fee_tiers", "journal", "summary", "log_file", "config"}
        assert not offered & (forbidden | {"live", "no_loss_limit", "preset", "exchange", "symbol"})

    scenario(play)


def test_a_paper_run_is_started_for_who_asked() -> None:
    async def play(rig: Rig, launching: Launching) -> None:
        told = await (await rig.log_in()).post("/api/start", PAPER)
        assert (told.status_code, told.json()) == (200, {"run_id": "the-run", "text": "run the-run has begun"})
        ((planned, is_live, who),) = launching.asked
        assert (is_live, who) == (False, "trader (token)")
        assert planned.arguments == (
            "--exchange=backpack", "--symbol=SOL_USDC_PERP", "--preset=neutral", "--spread=5bp",
        )  # fmt: skip

    scenario(play)


def test_a_viewer_starts_nothing() -> None:
    async def play(rig: Rig, launching: Launching) -> None:
        told = await (await rig.log_in(Role.VIEWER)).post("/api/start", PAPER)
        assert told.status_code == 403
        assert launching.asked == []

    scenario(play, can_start_live=True)


def test_without_a_one_time_token_nothing_is_started() -> None:
    async def play(rig: Rig, launching: Launching) -> None:
        trader = await rig.log_in()
        token = await trader.csrf()
        assert (await trader.post("/api/start", PAPER, csrf="no token")).status_code == 403
        assert (await trader.post("/api/start", PAPER, csrf=token)).status_code == 200
        assert (await trader.post("/api/start", PAPER, csrf=token)).status_code == 403, "it was used"
        assert len(launching.asked) == 1

    scenario(play)


def test_a_live_run_is_started_only_where_the_dashboard_was_started_with_live() -> None:
    limits = {**LIVE, "settings": {"max_loss": "10"}}

    async def refused(rig: Rig, launching: Launching) -> None:
        told = await (await rig.log_in()).post("/api/start", limits)
        assert told.status_code == 403
        assert "started without --live" in told.json()["error"]
        assert launching.asked == []

    async def started(rig: Rig, launching: Launching) -> None:
        assert (await (await rig.log_in()).post("/api/start", limits)).status_code == 200
        ((planned, is_live, _),) = launching.asked
        assert is_live
        assert planned.arguments[-1] == "--live"

    scenario(refused)
    scenario(started, can_start_live=True)


@pytest.mark.parametrize("typed", ["", "SOL", "sol_usdc_perp", "BTC_USDC_PERP"])
def test_a_live_start_is_confirmed_by_the_markets_name(typed: str) -> None:
    async def play(rig: Rig, launching: Launching) -> None:
        told = await (await rig.log_in()).post("/api/start", {**LIVE, "confirm": typed})
        assert told.status_code == 400
        assert "typing the market's name, SOL_USDC_PERP" in told.json()["error"]
        assert launching.asked == []

    scenario(play, can_start_live=True)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no such exchange": ({"exchange": "binanc"}, "did you mean binance?"),
    "no spread": ({"preset": None}, "--quantity is missing"),
    "no number": ({"settings": {"spread": "wide"}}, 'spread "wide": is not a number'),
    "a flag in a value": ({"settings": {"spread": "1% --live"}}, "is not a number"),
    "a flag in a name": ({"settings": {"spread=1% --live": "1"}}, "there is no such setting"),
    "a file to read": ({"settings": {"feed_latency": "recorded:/etc/passwd"}}, "a file cannot be named from a page"),
    "a file to write": ({"settings": {"record": "market"}}, "cannot be set from a page"),
    "an address for keys": ({"settings": {"base_url": "http://x"}}, "cannot be set from a page"),
    "no limit to the loss": ({**LIVE, "preset": "aggressive"}, "--live without any limit to the loss"),
    "no limit, said so": ({"settings": {"no_loss_limit": "true"}}, "there is no such setting"),
    "a line break": ({"symbol": "SOL\nUSDC"}, "no line breaks"),
    "simulated money": ({**LIVE, "exchange": "sim"}, "--live does nothing on sim"),
    "what sim has not": ({"exchange": "sim", "settings": {"max_daily_loss": "5"}}, "--max-daily-loss does nothing on"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_started(case: str) -> None:
    changes, expected = REFUSED[case]

    async def play(rig: Rig, launching: Launching) -> None:
        told = await (await rig.log_in()).post("/api/start", {**PAPER, **changes})
        assert told.status_code == 400
        assert expected in told.json()["error"]
        assert launching.asked == []

    scenario(play, can_start_live=True)
