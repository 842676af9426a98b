"""A person steers a run: every wish is done or refused at once, told in a sentence, and recorded with who it was."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from perpmaker.cli.live_control import LiveControl
from perpmaker.domain.events import EndReason, Filled, SettingsChanged
from perpmaker.domain.reasons import NotResting
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.monitor.view import Answer, Ask
from perpmaker.runtime.outcome import Outcome
from perpmaker.venues.clock import Clock
from support.live_runs import BALANCE, BUSY, LEVERAGE, Rig, paper_venue, rig
from support.virtual_time import run_virtual, virtual_clock


@dataclass
class Steering:
    """A run with its control; what was recorded of the wishes."""

    rig: Rig
    clock: Clock
    strategy: StrategySettings
    control: LiveControl = field(init=False)
    recorded: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        run = self.rig.run
        self.control = LiveControl(
            self, run, self.rig.maker, run.desk.instrument, self.clock, lambda *said: self.recorded.append(said)
        )

    def terms_of(self, strategy: StrategySettings) -> StrategyTerms:
        return StrategyTerms.of(strategy, self.rig.run.desk.instrument, BALANCE, LEVERAGE)

    def change(self, strategy: StrategySettings, terms: StrategyTerms, told: str) -> None:
        self.strategy = strategy
        self.rig.run.tell(SettingsChanged(self.clock.now_ns(), terms, told))

    async def ask(self, action: str, who: str = "anna", **settings: str) -> Answer:
        answer = await self.control.carry_out(Ask(ask_id="1", action=action, who=who, settings=settings))
        assert answer.ask_id == "1"
        return answer

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Virtual seconds pass until it is so, some minutes at most."""
        for _ in range(3_000):
            if is_so():
                return
            await asyncio.sleep(0.1)
        raise AssertionError("it never came to that")

    @property
    def holds(self) -> int:
        return self.rig.maker.position.lots


def steer(work: Callable[[Steering], Coroutine[Any, Any, None]], **settings: Any) -> Outcome:
    """Play a run of a minute or more on the synthetic market while ``work`` steers it."""

    async def play() -> Outcome:
        clock = virtual_clock()
        made = await rig(paper_venue(clock), clock, **settings)
        steering = Steering(made, clock, StrategySettings(**{**BUSY, **settings}))
        run = asyncio.create_task(made.play())
        await steering.until(lambda: len(made.run.desk.resting) >= 2)
        await work(steering)
        made.run.request_stop(EndReason.TERMINATED)
        return await run

    return run_virtual(play)


def test_a_pause_cancels_what_rests_and_resuming_quotes_again() -> None:
    async def work(on: Steering) -> None:
        answer = await on.ask("pause")
        assert answer.is_done
        assert answer.text.startswith("quoting is paused")
        await on.until(lambda: not on.rig.run.desk.resting)
        assert set(on.rig.maker.quoter.not_resting.values()) == {NotResting.PAUSED}
        assert (await on.ask("pause")).text == "quoting was paused already"
        assert (await on.ask("resume")).is_done
        await on.until(lambda: len(on.rig.run.desk.resting) >= 2)
        assert (await on.ask("resume")).text == "quoting was not paused"

    assert steer(work).reason is EndReason.TERMINATED


def test_a_close_answers_when_the_position_is_flat_and_quotes_nothing_after_it() -> None:
    async def work(on: Steering) -> None:
        await on.until(lambda: on.holds != 0)
        answer = await on.ask("close")
        assert answer.is_done
        assert answer.text.startswith("flat, after ")
        assert on.holds == 0
        assert on.rig.maker.is_paused
        fills = len(on.rig.told.of(Filled))
        await asyncio.sleep(30)
        assert len(on.rig.told.of(Filled)) == fills

    assert steer(work).orders_left == 0


def test_other_settings_apply_as_a_whole_and_are_told_as_was_and_is() -> None:
    async def work(on: Steering) -> None:
        answer = await on.ask("settings", spread="5bp", max_orders="1", interval="2")
        assert answer.is_done
        assert answer.text == "applied: spread: 0.0003 -> 0.0005; max_orders: 2 -> 1; interval: 5 -> 2"
        assert on.rig.maker.state.terms.levels == 1
        assert on.strategy.spread == Decimal("0.0005")
        await on.until(lambda: len(on.rig.maker.orders) == 2)

    steer(work)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"spread": "5bp", "max_position": "-1"}, 'max_position "-1": must be above 0'),
        ({"spread": "<script>alert(1)</script>"}, "is not a number"),
        ({"spred": "1"}, "did you mean spread?"),
        ({"duration": "5"}, "when the run ends is fixed at the start"),
        ({"leverage": "3"}, "made at the start"),
        ({"quantity": "0.000001"}, "quantity"),
        ({"close_on_exit": "maybe"}, "must be true or false"),
    ],
)
def test_one_impossible_setting_refuses_them_all(settings: dict[str, str], why: str) -> None:
    async def work(on: Steering) -> None:
        before = on.rig.maker.state.terms
        answer = await on.ask("settings", **settings)
        assert not answer.is_done
        assert why in answer.text
        assert on.rig.maker.state.terms is before
        assert on.recorded == [("control", f"anna: settings: refused: {answer.text}")]

    steer(work)


def test_the_same_settings_again_change_nothing() -> None:
    async def work(on: Steering) -> None:
        before = on.rig.maker.state.terms
        assert (await on.ask("settings", spread="3bp")).text == "nothing in it is different"
        assert on.rig.maker.state.terms is before

    steer(work)


def test_a_stop_is_a_clean_end() -> None:
    async def work(on: Steering) -> None:
        answer = await on.ask("stop")
        assert answer.is_done
        again = await on.ask("pause")
        assert not again.is_done
        assert again.text == "the run is ending already: interrupted"

    outcome = steer(work)
    assert outcome.reason is EndReason.INTERRUPTED
    assert outcome.orders_left == 0


def test_every_wish_is_recorded_with_who_and_what_became_of_it() -> None:
    async def work(on: Steering) -> None:
        await on.ask("pause", who="anna")
        await on.ask("dance", who="bob")
        assert [kind for kind, _ in on.recorded] == ["control", "control"]
        assert on.recorded[0][1].startswith("anna: pause: quoting is paused")
        assert on.recorded[1][1].startswith("bob: dance: refused: there is no such action")

    steer(work)


def test_names_and_actions_are_cut_and_plain_in_the_record() -> None:
    async def work(on: Steering) -> None:
        await on.ask("x" * 10_000, who="eve\n\x1b[31m" + "y" * 10_000)
        ((_, text),) = on.recorded
        assert len(text) < 700
        assert text.isprintable()

    steer(work)


def test_a_later_change_stands_on_an_earlier_one() -> None:
    async def work(on: Steering) -> None:
        await on.ask("settings", spread="5bp")
        await on.ask("settings", quantity="0.2")
        assert on.strategy == replace(on.strategy, spread=Decimal("0.0005"), quantity=Decimal("0.2"))

    steer(work)
