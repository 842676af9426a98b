"""Whoever wants to see a run without taking part in it: statistics, journal, screen, log."""

from collections.abc import Sequence
from typing import Protocol

from perpmaker.domain.commands import Command
from perpmaker.domain.events import Event


class Observer(Protocol):
    """Told in the order in which things happened. An observer changes nothing that the maker can see."""

    def on_step(self, now_ns: int, events: Sequence[Event], commands: Sequence[Command], /) -> None:
        """What the maker was told in one step of the driver, and what it answered."""
        ...
