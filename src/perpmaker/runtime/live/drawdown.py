"""The deepest fall of the equity from its highest point before, watched at every mark and every change of the books."""

from collections.abc import Sequence

from perpmaker.domain.commands import Command
from perpmaker.domain.events import Event, PositionCorrected
from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT
from perpmaker.maker.state import MakerState


class DrawdownWatch:
    """Observes a run. What a position had gained or lost before it was taken over is neither rise nor fall."""

    def __init__(self, state: MakerState) -> None:
        self._state = state
        self._peak_quanta: int | None = None
        self.max_quanta = 0

    def on_step(self, _now_ns: int, events: Sequence[Event], _commands: Sequence[Command]) -> None:
        mark = self._state.mark_milliticks
        if mark is None:
            return
        profit = self._state.position.profit_quanta(mark)
        if self._peak_quanta is None:
            self._peak_quanta = profit
            return
        for event in events:
            if isinstance(event, PositionCorrected):
                self._peak_quanta += event.change_lots * (mark - event.price_milliticks) * QUANTA_PER_MILLITICK_LOT
        self._peak_quanta = max(self._peak_quanta, profit)
        self.max_quanta = max(self.max_quanta, self._peak_quanta - profit)
