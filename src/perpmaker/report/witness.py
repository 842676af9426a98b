"""Observes a run and keeps what an attribution needs, for runs that have no journal.

A fill that is told twice is kept once. Times are the venue's.
"""

from collections.abc import Sequence

from perpmaker.domain.commands import Command, Place
from perpmaker.domain.events import Event, Filled, FundingPaid
from perpmaker.domain.money import MILLITICKS_PER_TICK
from perpmaker.report.attribution import Execution


class Witness:
    """An observer, see `perpmaker.runtime.observer`.

    Attributes:
        executions: every fill with the level of its order, in the order in which they were told.
        funding: every payment.
    """

    def __init__(self) -> None:
        self.executions: list[Execution] = []
        self.funding: list[FundingPaid] = []
        self._levels: dict[int, int] = {}
        self._seen: set[int] = set()

    def on_step(self, _now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None:
        for event in events:
            if isinstance(event, Filled) and event.fill_id not in self._seen:
                self._seen.add(event.fill_id)
                price = event.price_ticks * MILLITICKS_PER_TICK
                level = self._levels.get(event.order_id, 0)
                lots = event.side * event.lots
                self.executions.append(Execution(event.venue_ns, lots, price, event.fee_quanta, level, event.is_maker))
            elif isinstance(event, FundingPaid):
                self.funding.append(event)
        for command in commands:
            if isinstance(command, Place):
                self._levels[command.order_id] = command.level
