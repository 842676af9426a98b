"""The book as a listener of the market sees it, for those who look on: the best levels of each side.

Rules kept here:

1. It is kept from the rows of the market's messages, by the book that every venue's is kept by.
2. Whoever trades comes first: rows are put into the book when the loop comes round, not when they are heard.
3. Between the start of a gap and the next whole book there is none.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from perpmaker.domain.events import GapEnded, GapStarted
from perpmaker.domain.orders import Side
from perpmaker.simulation.depth_book import DepthBook, Level
from perpmaker.venues.port import MarketEvent, Row

LEVELS: Final = 20


class Depth:
    """A `perpmaker.venues.port.MarketListener`."""

    def __init__(self) -> None:
        self._book = DepthBook()
        self._waiting: list[Row] = []
        self._is_blind = False

    def on_market(self, event: MarketEvent | None, rows: Sequence[Row], _received_ns: int, _venue_ns: int) -> None:
        if isinstance(event, GapStarted):
            self._is_blind = True
            self._waiting.clear()
            self._book.clear()
        elif isinstance(event, GapEnded):
            self._is_blind = False
        elif rows and not self._is_blind:
            if not self._waiting:
                asyncio.get_running_loop().call_soon(self._apply)
            self._waiting += rows

    def levels(self) -> tuple[list[Level], list[Level]] | None:
        """Bids and asks, the best first; None while there is no book that can be trusted."""
        self._apply()
        bids, asks = list(self._book.levels(Side.BUY, LEVELS)), list(self._book.levels(Side.SELL, LEVELS))
        return None if self._is_blind or not (bids or asks) else (bids, asks)

    def _apply(self) -> None:
        for kind, price, lots in self._waiting:
            self._book.apply(kind, price, lots)
        self._waiting.clear()
