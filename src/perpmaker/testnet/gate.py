"""Between the feed and the market: what of a message the testnet's market is to live through.

Rules kept here:

1. A testnet has no gaps. While a recording is blind the book stands still; afterwards it is stated anew.
2. Funding is settled by the testnet's own clock, so the feed's settlements become the rate of the current interval.
3. While the market is halted nothing passes; what happens meanwhile is kept as a book of its own, and comes out whole
   when trading resumes.
"""

from collections.abc import Sequence
from typing import Final

from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me
from perpmaker.simulation.depth_book import DepthBook
from perpmaker.simulation.player import FeedRow

_CLEAR: Final = (FeedRow(me.CLEAR_BIDS, 0, 0), FeedRow(me.CLEAR_ASKS, 2**62, 0))
_NEVER_PASS: Final = frozenset((me.FUNDING, me.GAP_START, me.GAP_END))


class FeedGate:
    """Passes messages on, or holds them back."""

    def __init__(self) -> None:
        self._is_blind = False
        self._states_anew = False
        self._held: DepthBook | None = None
        self._held_mark = 0
        self.funding_rate_ppb: int | None = None
        """The last rate that the feed has told; None before the first."""

    @property
    def is_holding(self) -> bool:
        return self._held is not None

    def pass_on(self, rows: Sequence[FeedRow]) -> Sequence[FeedRow]:
        """What the market lives through of one message; may be empty."""
        if self._is_blind or any(row.kind in _NEVER_PASS for row in rows):
            rows = self._without_gaps(rows)
        if self._states_anew and any(row.kind in (me.BID, me.ASK) for row in rows):
            self._states_anew = False
            rows = [*_CLEAR, *rows]
        if self._held is None:
            return rows
        for row in rows:
            self._held.apply(*row)
            if row.kind == me.MARK and row.price > 0:
                self._held_mark = row.price
        return ()

    def hold(self, bids_and_asks: Sequence[FeedRow]) -> None:
        """Trading stops over this book."""
        self._held = DepthBook()
        self._held_mark = 0
        for row in bids_and_asks:
            self._held.apply(*row)

    def release(self) -> Sequence[FeedRow]:
        """Trading goes on: one message with the book and the mark as they are by now."""
        held, self._held = self._held, None
        if held is None:
            return ()
        rows = [*_CLEAR]
        for side, kind in ((Side.BUY, me.BID), (Side.SELL, me.ASK)):
            rows += [FeedRow(kind, level.price_ticks, level.lots) for level in held.levels(side)]
        if self._held_mark:
            rows.append(FeedRow(me.MARK, self._held_mark, 0))
        return rows

    def _without_gaps(self, rows: Sequence[FeedRow]) -> Sequence[FeedRow]:
        kept = []
        for row in rows:
            if row.kind == me.GAP_START:
                self._is_blind = True
            elif row.kind == me.GAP_END:
                self._is_blind = False
                self._states_anew = True
            elif row.kind == me.FUNDING:
                self.funding_rate_ppb = row.lots
            elif not self._is_blind:
                kept.append(row)
        return kept
