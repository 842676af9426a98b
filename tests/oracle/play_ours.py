"""Plays the ladder, and our own market maker, on our exchange.

What is compared is what the maker knows, as on hftbacktest's local side: a fill counts from its delivery on.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oracle.ladder import NO_ORDER, Ladder, wanted_prices
from oracle.markets import HeldMarket
from perpmaker.domain.commands import ASLEEP, Cancel, Place
from perpmaker.domain.events import BookUpdated, Event, Filled, OrderCanceled, OrderRejected
from perpmaker.domain.money import QUANTA_PER_TICK_LOT
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.runtime.observer import Observer
from perpmaker.runtime.replay import Replay
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.terms import ExchangeTerms
from support.order_lists import OrderRecorder

FEED_LATENCY_NS = 7_000_000
LADDER_LATENCY_NS = 23_000_000
MAKER_LATENCY_NS = 1
"""Next to nothing: hftbacktest sends no cancel for an order whose acceptance is not back yet, our maker does."""

MAKER_FEE_PPB, TAKER_FEE_PPB = 200_000, 500_000
LEVERAGE = Decimal(10)
CAP_LOTS = 20
LEVELS = 1
"""One, because our maker may squeeze two levels onto one price, where hftbacktest fills both from one trade."""


class Played(NamedTuple):
    """The ladder's own books after its last step; cash without fees, in tick-lots."""

    positions: NDArray[np.int64]
    cash: int
    fee_quanta: int
    fills: int
    rejected: int
    best_bid_ticks: int
    best_ask_ticks: int


def exchange(market: HeldMarket, order_latency_ns: int) -> SimulatedExchange:
    """At the beginning of the market, with so much money that margin never refuses an order: hftbacktest has none."""
    terms = ExchangeTerms(
        maker_fee_ppb=MAKER_FEE_PPB,
        taker_fee_ppb=TAKER_FEE_PPB,
        balance_quanta=10**14 * QUANTA_PER_TICK_LOT,
        leverage=LEVERAGE,
        feed_latency_ns=FEED_LATENCY_NS,
        order_latency_ns=order_latency_ns,
    )
    return SimulatedExchange(market, terms)


def maker_run(market: HeldMarket, half_spread: Decimal, seconds: int, observers: Sequence[Observer]) -> Replay:
    """Our market maker before the whole market, with orders of one lot."""
    instrument, at_start = market.instrument, exchange(market, MAKER_LATENCY_NS)
    settings = StrategySettings(
        spread=half_spread,
        quantity=instrument.lot_size,
        max_orders=LEVELS,
        max_position=CAP_LOTS * instrument.lot_size,
        position_threshold=Decimal(0),
        inventory_skew=Decimal("0.5"),
        interval_s=Decimal(seconds),
        duration_s=Decimal(0),
    )
    terms = StrategyTerms.of(settings, instrument, instrument.money(at_start.terms.balance_quanta), LEVERAGE)
    return Replay(MarketMaker(terms, at_start.now_ns), at_start, observers)


def run_maker(market: HeldMarket, half_spread: Decimal, seconds: int) -> OrderRecorder:
    """What our market maker sent over the whole market, and what it was told."""
    recorder = OrderRecorder()
    maker_run(market, half_spread, seconds, [recorder]).run()
    return recorder


class LadderPlayer:
    """One run of the ladder.

    Args:
        exchange: at its beginning.
        ladder: the strategy's settings.
        interval_ns: time between two steps; the first is one interval after the first row.
    """

    def __init__(self, exchange: SimulatedExchange, ladder: Ladder, interval_ns: int) -> None:
        levels = len(ladder.offsets)
        self._exchange = exchange
        self._ladder = ladder
        self._interval_ns = interval_ns
        self._goals = [[NO_ORDER] * levels for _ in range(2)]
        self._order_ids = [[NO_ORDER] * levels for _ in range(2)]
        self._prices = [[NO_ORDER] * levels for _ in range(2)]
        self._ended: set[int] = set()
        self._next_id = 1
        self._bid = self._bid_lots = self._ask = self._ask_lots = 0
        self._position = self._cash = self._fee = self._fills = self._rejected = 0

    def play(self, steps: int) -> Played:
        now_ns = self._exchange.now_ns
        positions = np.zeros(steps, np.int64)
        for step in range(steps):
            now_ns += self._interval_ns
            wake = ASLEEP._replace(until_ns=now_ns)
            self._learn(self._exchange.advance(wake))
            while self._exchange.now_ns < now_ns:  # a fill has stopped it on the way
                self._learn(self._exchange.advance(wake))
            positions[step] = self._position
            if self._bid_lots > 0 and self._ask_lots > 0:
                self._exchange.submit(self._decide())
        return Played(positions, self._cash, self._fee, self._fills, self._rejected, self._bid, self._ask)

    def _learn(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, BookUpdated):
                _, _, self._bid, self._bid_lots, self._ask, self._ask_lots = event
            elif isinstance(event, Filled):
                assert event.is_maker, "a post-only order has taken"
                assert event.lots == 1, "an order of one lot has more"
                self._position += event.side
                self._cash -= event.side * event.price_ticks
                self._fee += event.fee_quanta
                self._fills += 1
                self._ended.add(event.order_id)
            elif isinstance(event, OrderRejected):
                self._rejected += 1
                self._ended.add(event.order_id)
            elif isinstance(event, OrderCanceled):
                self._ended.add(event.order_id)

    def _decide(self) -> list[Place | Cancel]:
        offsets, lean, cap = self._ladder
        wanted_prices(self._bid, self._ask, self._position, offsets, lean, cap, *self._goals)
        commands: list[Place | Cancel] = []
        for row, side in enumerate((Side.BUY, Side.SELL)):
            for level, goal in enumerate(self._goals[row]):
                order_id = self._order_ids[row][level]
                if order_id != NO_ORDER and order_id not in self._ended:
                    if goal == self._prices[row][level]:
                        continue
                    commands.append(Cancel(order_id))
                self._order_ids[row][level] = NO_ORDER
                if goal != NO_ORDER:
                    commands.append(Place(self._next_id, side, goal, 1, OrderKind.LIMIT, True, False))
                    self._order_ids[row][level] = self._next_id
                    self._prices[row][level] = goal
                    self._next_id += 1
        self._ended.clear()
        return commands
