"""The first book of a market, for who needs a price once: it proves the public stream, too.

A stream that opens and tells nothing usable is an error, not a price of yesterday.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from perpmaker.domain.events import BookUpdated
from perpmaker.domain.money import MILLITICKS_PER_TICK
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import MarketEvent, MarketSource, Row

PATIENCE_S: Final = 15.0


class FirstPrice(NamedTuple):
    """The middle of the first book with two sides, and a sentence about it."""

    milliticks: int
    sentence: str


async def first_price(source: MarketSource) -> FirstPrice:
    """Open the public stream and wait for a book; the stream stays open until the source is closed.

    Raises:
        VenueError: it cannot be opened, or tells no book with two sides in time.
        UserError: there is no such market.
    """
    listener = _FirstBook()
    started_s = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await source.open(listener)
            book = await listener.book
            terms = await source.market()
    except TimeoutError:
        raise VenueError(
            f"the stream of {source.name} told no book with two sides within {PATIENCE_S:g} s: check --ws-url, and "
            "whether the market is open",
            Reaction.RETRY,
            "Timeout",
        ) from None
    took_s = asyncio.get_running_loop().time() - started_s
    price = terms.instrument.price
    return FirstPrice(
        (book.bid_ticks + book.ask_ticks) * MILLITICKS_PER_TICK // 2,
        f"first book after {took_s:.1f} s: bid {price(book.bid_ticks)}, ask {price(book.ask_ticks)}",
    )


class _FirstBook:
    """Listens for one book that has both sides."""

    def __init__(self) -> None:
        self.book: asyncio.Future[BookUpdated] = asyncio.get_running_loop().create_future()

    def on_market(self, event: MarketEvent | None, _rows: Sequence[Row], _received_ns: int, _venue_ns: int) -> None:
        if isinstance(event, BookUpdated) and event.bid_lots and event.ask_lots and not self.book.done():
            self.book.set_result(event)
