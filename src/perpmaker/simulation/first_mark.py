"""The first price of a market: what a user is told before a run, and what orders are sized by.

It is the mark that the simulated exchange itself comes to, whatever the data holds: a recorded mark, the mid of the
first book with two sides, or the open of the first bar. The first row would not do: a book may be stated from its
deepest level on, and a row of another kind has no price.
"""

from decimal import Decimal
from typing import Final

from perpmaker.domain.commands import ANY_PRICE, ASLEEP
from perpmaker.domain.errors import RecordingError
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.terms import ExchangeTerms

HOUR_NS: Final = 3_600 * 10**9
_NOBODY: Final = ExchangeTerms(maker_fee_ppb=0, taker_fee_ppb=0, balance_quanta=0, leverage=Decimal(1))


def first_mark(feed: MarketFeed) -> int | None:
    """The first mark of a market, milliticks; None where its first hour shows none.

    Raises:
        RecordingError: the rows up to there are damaged.
    """
    exchange = SimulatedExchange(feed, _NOBODY)
    end_ns = exchange.now_ns + HOUR_NS
    while exchange.mark_milliticks is None and exchange.now_ns < end_ns and not exchange.exhausted:
        exchange.advance(ASLEEP._replace(until_ns=end_ns, mark_low=ANY_PRICE))
    return exchange.mark_milliticks


def needed_first_mark(feed: MarketFeed) -> int:
    """The same, for whoever cannot go on without one.

    Raises:
        RecordingError: the first hour shows no price, or its rows are damaged.
    """
    found = first_mark(feed)
    if found is None:
        raise RecordingError(f"the data of {feed.instrument.symbol} shows no price in its first hour: leave it out")
    return found
