"""Lets the journal keep what a live run makes of its day, so that a restart does not forget it."""

from collections.abc import Sequence
from typing import Final

from perpmaker.domain.commands import Command
from perpmaker.domain.events import Event, Filled
from perpmaker.domain.instrument import Instrument
from perpmaker.journal.writer import RunJournal
from perpmaker.runtime.live.daily_loss import DailyLoss

WRITE_NS: Final = 1_000_000_000
"""Between two writings, at least; every fill is written."""


class DailyObserver:
    """Observes a run; the counting is `DailyLoss`'s."""

    def __init__(self, journal: RunJournal, daily: DailyLoss, instrument: Instrument) -> None:
        self._journal = journal
        self._daily = daily
        self._instrument = instrument
        self._next_ns = 0

    def on_step(self, now_ns: int, events: Sequence[Event], _commands: Sequence[Command]) -> None:
        if now_ns < self._next_ns and not any(isinstance(event, Filled) for event in events):
            return
        self._next_ns = now_ns + WRITE_NS
        self.write()

    def write(self) -> None:
        """The day as it stands."""
        day, profit_quanta = self._daily.result
        self._journal.daily_result(day, self._instrument.money(profit_quanta))
