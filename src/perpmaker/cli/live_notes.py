"""What a run on a real exchange says along the way: remarks from the wires, and how the spread was read."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from perpmaker.cli.notes import opening_notes
from perpmaker.cli.request import SimulationSettings
from perpmaker.cli.teller import Teller
from perpmaker.domain.commands import Command
from perpmaker.domain.events import BookUpdated, Event
from perpmaker.domain.instrument import Instrument
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings
from perpmaker.venues.redaction import redact

MOST_OF_A_KIND: Final = 50
"""Remarks of one kind that are shown; the journal has them all."""


class LiveNotes:
    """Shows remarks and keeps them in the journal; a kind that does not stop is shown no more after a while.

    Args:
        teller: the screen, or lines.
        record: writes a kind and a text to the journal.
    """

    def __init__(self, teller: Teller, record: Callable[[str, str], None]) -> None:
        self._teller = teller
        self._record = record
        self._told: Counter[str] = Counter()

    def note(self, kind: str, text: str) -> None:
        """A remark; secrets are taken out of it."""
        text = redact(text)
        self._record(kind, text)
        self._told[kind] += 1
        if self._told[kind] <= MOST_OF_A_KIND:
            self._teller.show(f"{kind}: {text}")
        if self._told[kind] == MOST_OF_A_KIND:
            self._teller.show(f"{kind}: said {MOST_OF_A_KIND} times; from now on only in the journal")


class OpeningNotes:
    """Observes a run for its first book; then says how the spread was read, and what is risky about the settings."""

    def __init__(
        self,
        teller: Teller,
        strategy: StrategySettings,
        maker: MarketMaker,
        instrument: Instrument,
        fees: SimulationSettings,
    ) -> None:
        self._teller = teller
        self._strategy = strategy
        self._maker = maker
        self._instrument = instrument
        self._fees = fees
        self._is_told = False

    def on_step(self, _now_ns: int, events: Sequence[Event], _commands: Sequence[Command]) -> None:
        if self._is_told:
            return
        for event in events:
            if isinstance(event, BookUpdated) and event.bid_lots:
                self._is_told = True
                self._tell(event.bid_ticks)
                return

    def _tell(self, price_ticks: int) -> None:
        for note in opening_notes(self._strategy, self._maker, self._instrument, price_ticks, None, self._fees):
            self._teller.tell(note)
