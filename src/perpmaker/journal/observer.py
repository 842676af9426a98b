"""Lets a journal watch a run: what is kept of every step, and how often the account is sampled."""

from collections.abc import Sequence

from perpmaker.domain.commands import Command
from perpmaker.domain.events import Event, Filled
from perpmaker.journal.writer import RunJournal
from perpmaker.maker.market_maker import MarketMaker

SAMPLE_NS = 10 * 1_000_000_000
"""Between two samples of position and equity, at least; every fill is sampled."""


class JournalObserver:
    """Observes a run and records commands, what the venue said, and samples of the account."""

    def __init__(self, journal: RunJournal, maker: MarketMaker) -> None:
        self._journal = journal
        self._maker = maker
        self._next_sample_ns = 0

    def on_step(self, now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None:
        has_filled = False
        for event in events:
            self._journal.event(event)
            has_filled = has_filled or isinstance(event, Filled)
        for command in commands:
            self._journal.command(now_ns, command)
        if has_filled or now_ns >= self._next_sample_ns:
            self.sample(now_ns)

    def sample(self, now_ns: int) -> None:
        """Record the account as it stands; nothing while there is no price to value it at."""
        state = self._maker.state
        if state.mark_milliticks is None:
            return
        self._next_sample_ns = now_ns + SAMPLE_NS
        equity = state.balance_quanta + state.position.profit_quanta(state.mark_milliticks)
        self._journal.sample(now_ns, state.position, state.mark_milliticks, equity)
