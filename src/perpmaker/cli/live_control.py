"""What a person may ask of a run while it goes on: pause, resume, close the position, stop, other settings.

Rules kept here:

1. Every wish is carried out, or refused, in one step between two events of the maker; other settings as a whole.
2. Every wish is journalled: who, what, and what became of it. What a person typed is cut, and shown as plain text.
3. A wish moves no limit: stops, the cap and the end of the run go first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from perpmaker.cli.configuration.words import cut
from perpmaker.cli.strategy_changes import changed_strategy
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.events import CloseRequested, EndReason, QuotingPaused, StopRequested
from perpmaker.domain.instrument import Instrument
from perpmaker.maker.market_maker import MarketMaker, Phase
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.monitor.view import Answer, Ask
from perpmaker.runtime.live.run import LiveRun
from perpmaker.venues.clock import Clock

CLOSE_PATIENCE_NS: Final = 8 * 10**9
"""How long an answer waits for a position to be flat; the closing itself goes on after that."""

CONTROL: Final = "control"
"""The kind of what is recorded here."""

_LOOK_S: Final = 0.05
_LONGEST_NAME: Final = 64
_LONGEST_TEXT: Final = 400


class Steered(Protocol):
    """What is steered: a session with its strategy of now."""

    @property
    def strategy(self) -> StrategySettings: ...

    def terms_of(self, strategy: StrategySettings) -> StrategyTerms | None:
        """In the units of the market; None where nothing runs (any more). Raises `InvalidSettingError`."""
        ...

    def change(self, strategy: StrategySettings, terms: StrategyTerms, told: str) -> None:
        """Let the run go on with these."""
        ...


class LiveControl:
    """Carries out the wishes for one run.

    Args:
        steered: whose settings change.
        run: told what is wished.
        maker: of that run.
        instrument: units.
        clock: the time of day.
        record: told a kind and a sentence, for the journal and whoever looks on.
    """

    def __init__(
        self,
        steered: Steered,
        run: LiveRun,
        maker: MarketMaker,
        instrument: Instrument,
        clock: Clock,
        record: Callable[[str, str], None],
    ) -> None:
        self._steered = steered
        self._run = run
        self._maker = maker
        self._instrument = instrument
        self._clock = clock
        self._record = record
        self._actions: Mapping[str, Callable[[Ask], Awaitable[str]]] = {
            "pause": self._pause,
            "resume": self._resume,
            "close": self._close,
            "stop": self._stop,
            "settings": self._change,
        }

    async def carry_out(self, ask: Ask) -> Answer:
        """Do it, or say why not. Never raises."""
        action = self._actions.get(ask.action)
        try:
            if action is None:
                raise InvalidSettingError(f"there is no such action; there are {', '.join(self._actions)}")  # noqa: TRY301 - one place says what became of it
            self._refuse_when_ending()
            text, is_done = await action(ask), True
        except InvalidSettingError as error:
            text, is_done = str(error), False
        outcome = text if is_done else f"refused: {text}"
        who, what = cut(ask.who, _LONGEST_NAME), cut(ask.action, _LONGEST_NAME)
        self._record(CONTROL, f"{who}: {what}: {cut(outcome, _LONGEST_TEXT)}")
        return Answer(ask_id=ask.ask_id, is_done=is_done, text=text)

    def _refuse_when_ending(self) -> None:
        if self._maker.is_ending:
            reason = self._maker.end_reason
            raise InvalidSettingError(f"the run is ending already: {'' if reason is None else reason.value}")

    async def _pause(self, _ask: Ask) -> str:
        if self._maker.is_paused:
            return "quoting was paused already"
        self._run.tell(QuotingPaused(self._clock.now_ns(), is_paused=True))
        return f"quoting is paused, quotes are being cancelled; {self._held()} stays, and so do the limits"

    async def _resume(self, _ask: Ask) -> str:
        if not self._maker.is_paused:
            return "quoting was not paused"
        self._run.tell(QuotingPaused(self._clock.now_ns(), is_paused=False))
        return "quoting goes on"

    async def _close(self, _ask: Ask) -> str:
        before = self._held()
        now_ns = self._clock.now_ns()
        self._run.tell(CloseRequested(now_ns))
        patient_until_ns = now_ns + CLOSE_PATIENCE_NS
        while self._maker.phase is Phase.CLOSING and self._clock.now_ns() < patient_until_ns:  # noqa: ASYNC110 - a person waits, and the maker has no callbacks
            await asyncio.sleep(_LOOK_S)
        if self._maker.phase is Phase.CLOSING or self._maker.position.lots:
            return f"still closing: {self._held()} of {before} is left; quoting is paused"
        return f"flat, after {before}; quoting is paused until it is resumed"

    async def _stop(self, _ask: Ask) -> str:
        self._run.tell(StopRequested(self._clock.now_ns(), EndReason.INTERRUPTED))
        return "the run is ending: its orders are being cancelled"

    async def _change(self, ask: Ask) -> str:
        steered = self._steered
        changed = changed_strategy(steered.strategy, ask.settings)
        if not changed.told:
            return "nothing in it is different"
        terms = steered.terms_of(changed.settings)
        if terms is None:
            raise InvalidSettingError("the run has not begun, or is over")
        steered.change(changed.settings, terms, changed.lines)
        return "applied: " + "; ".join(changed.lines.splitlines())

    def _held(self) -> str:
        instrument = self._instrument
        return f"{instrument.quantity(self._maker.position.lots):f} {instrument.base}"
