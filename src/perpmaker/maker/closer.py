"""Closing: every quote cancelled, the position sold or bought back with reduce-only market orders until it is flat.

Rules kept here (numbers as in docs/strategy.md):

9. Cancels and the closing order leave together: waiting for the cancels would hold the loss open. Reduce-only keeps
   the closing order from turning the position.
9. One closing order at a time, for the whole position; what is left of it is sent again after `RETRY_NS`, for ever.
"""

from perpmaker.domain.commands import Command
from perpmaker.domain.orders import Side
from perpmaker.maker.state import MakerState

RETRY_NS = 1_000_000_000
"""Wait after a closing order that did not close everything, and before cancelling once more what is unknown."""


class Closer:
    """Drives the position to flat. `begin`, then `drive` at every event until `is_done`."""

    __slots__ = ("_state", "retry_ns")

    def __init__(self, state: MakerState) -> None:
        self._state = state
        self.retry_ns = 0

    def begin(self) -> None:
        self.retry_ns = self._state.now_ns

    @property
    def is_done(self) -> bool:
        """Flat, and no order of ours could still change that."""
        return self._state.position.lots == 0 and len(self._state.orders) == 0

    def drive(self, *, closes_position: bool) -> list[Command]:
        """What is to be sent now."""
        state = self._state
        is_retry = state.now_ns >= self.retry_ns
        commands: list[Command] = list(state.cancel_quotes(also_unknown=is_retry))
        if not is_retry:
            return commands
        self.retry_ns = state.now_ns + RETRY_NS
        lots = state.position.lots
        has_market = state.book is not None and not state.is_blind
        if closes_position and lots and has_market and not any(order.reduce_only for order in state.orders):
            commands.append(state.place_close(Side.SELL if lots > 0 else Side.BUY, abs(lots)))
        return commands
