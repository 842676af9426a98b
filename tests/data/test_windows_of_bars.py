"""A window onto bars, or onto data without a whole book, shows the same market as the whole."""

from decimal import Decimal

import pytest

from perpmaker.data.window import Window
from perpmaker.domain.commands import ASLEEP
from perpmaker.domain.events import BookUpdated, Event, MarkUpdated
from perpmaker.simulation import market_events as me
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.terms import ExchangeTerms
from support.recordings import Rows

TERMS = ExchangeTerms(maker_fee_ppb=0, taker_fee_ppb=0, balance_quanta=10**20, leverage=Decimal(1))
LENGTH = 64


def bars(*prices: tuple[int, int, int, int]) -> list[tuple[int, int, int, int]]:
    rows = []
    for number, (opening, high, low, close) in enumerate(prices):
        ts = number * LENGTH
        rows += [
            (ts, me.BAR_OPEN | me.MORE, opening, 1_000), (ts, me.BAR_HIGH | me.MORE, high, 0),
            (ts, me.BAR_LOW | me.MORE, low, 0), (ts, me.BAR_CLOSE, close, 0),
            (ts + 16, me.BAR_STEP, 0, 0), (ts + 32, me.BAR_STEP, 0, 0), (ts + 63, me.BAR_STEP, 0, 0),
        ]  # fmt: skip
    return rows


def story(feed: MarketFeed) -> list[Event]:
    """Every book and mark of a feed."""
    exchange = SimulatedExchange(feed, TERMS)
    told: list[Event] = []
    while not exchange.exhausted:
        told += exchange.advance(ASLEEP._replace(on_book=True, mark_low=1, mark_high=0))
    return [event for event in told if isinstance(event, BookUpdated | MarkUpdated)]


DATA = bars((100, 110, 95, 105), (105, 120, 90, 110), (110, 130, 100, 120))


def test_a_window_that_opens_with_a_bar_shows_it_from_there():
    seen = story(Window(Rows(DATA), LENGTH, None))
    assert seen == story(Rows([row for row in DATA if row[0] >= LENGTH]))


@pytest.mark.parametrize("from_ns", [LENGTH + 1, LENGTH + 20, LENGTH + 63])
def test_a_window_that_opens_inside_of_a_bar_shows_the_next_one_first(from_ns):
    seen = story(Window(Rows(DATA), from_ns, None))
    assert seen == story(Rows([row for row in DATA if row[0] >= 2 * LENGTH]))


def test_what_is_not_known_of_queues_is_known_to_be_so_in_a_window():
    rows = [(0, me.DEPTH, 0, me.NO_QUEUES), (1, me.BEST_BID | me.MORE, 99, 5), (1, me.BEST_ASK, 101, 5)]
    rows += [(ts, me.SELL_TRADE, 99, 1) for ts in (10, 20)]
    (opening, *_) = Window(Rows(rows), 15, None).chunks()
    assert (opening.kind[0] & me.KIND_MASK, opening.lots[0]) == (me.DEPTH, me.NO_QUEUES)
