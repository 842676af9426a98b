"""The maker of a run once more, deciding by itself, on the market that the run recorded.

Rules kept here:

1. Same settings, same start; it is blind when the run was blind, see `fidelity_wires`. Where a feed latency is assumed
   the market reaches it so much later, so its clock is late by as much: it decides on what the run knew, and its orders
   meet the market that the run's orders met.
2. Whatever it does differently from some moment on, it goes on from there: small differences grow. How alike the fills
   of both are says how far a backtest may be trusted fill by fill; the sums say what it is good for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from perpmaker.domain.commands import Command, Place
from perpmaker.domain.events import (
    EndReason,
    Event,
    Filled,
    FundingPaid,
    GapEnded,
    GapStarted,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    StopRequested,
)
from perpmaker.domain.orders import OrderKind
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategyTerms
from perpmaker.report.rows import LIVE, RunRows
from perpmaker.research.fidelity_orders import Part, SentOrder
from perpmaker.research.fidelity_terms import Account, Assumed, exchange_terms, strategy_of
from perpmaker.research.fidelity_wires import WiredExchange
from perpmaker.runtime.replay import Replay
from perpmaker.simulation.market_events import MarketFeed

_GAP: Final = "gap"
_STARTED: Final = "market data gap started"
_STOP: Final = "stop requested"
_CANCELS_ALL: Final = frozenset({"backpack"})
"""Exchanges whose live runs cancel everything in one request; paper always does."""


@dataclass
class FreeRun:
    """What the maker did by itself; an `Observer`. Times on the recording's line; ``late_ns`` is rule 1's."""

    late_ns: int = 0
    orders: dict[int, SentOrder] = field(default_factory=dict)
    funding: list[FundingPaid] = field(default_factory=list)

    def on_step(self, now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None:
        for event in events:
            self._hear(event)
        for command in commands:
            if isinstance(command, Place):
                self.orders[command.order_id] = SentOrder(
                    command.order_id, command.side, command.level, command.price_ticks, command.lots,
                    command.kind is OrderKind.LIMIT, now_ns - self.late_ns,
                )  # fmt: skip

    def forget_what_never_left(self) -> None:
        """Quotes that were cancelled while they waited for a cancel of everything, as in `sent_orders`."""
        never = [order.order_id for order in self.orders.values() if order.was_cancelled and order.arrived_ns is None]
        for order_id in never:
            del self.orders[order_id]

    def _hear(self, event: Event) -> None:
        match event:
            case OrderAccepted():
                self.orders[event.order_id].arrived_ns = event.venue_ns
            case OrderRejected():
                self.orders[event.order_id].refusal = event.reason.value
            case OrderCanceled():
                order = self.orders[event.order_id]
                order.was_cancelled, order.ended_ns = True, event.venue_ns
            case Filled():
                self.orders[event.order_id].parts.append(
                    Part(event.venue_ns, event.price_ticks, event.lots, event.is_maker, event.fee_quanta)
                )
            case FundingPaid():
                self.funding.append(event)
            case _:
                pass


def replay_free(rows: RunRows, feed: MarketFeed, account: Account, assumed: Assumed, start_ns: int) -> FreeRun:
    """Let the maker of a run trade its market again.

    Raises:
        InvalidSettingError: the journal's settings cannot be read by this version.
        RecordingError: the feed is damaged.
    """
    run = rows.run
    terms = StrategyTerms.of(strategy_of(run.settings), run.instrument, account.balance, account.leverage)
    waits = run.settings.get("is_account_shared") != "True" and (run.mode != LIVE or run.exchange in _CANCELS_ALL)
    late_ns = assumed.feed_latency_ns
    outside = [event._replace(at_ns=event.at_ns + late_ns) for event in _outside(rows)]
    exchange = WiredExchange(feed, exchange_terms(account, terms.balance_quanta, assumed), outside, waits=waits)
    maker = MarketMaker(terms, start_ns + late_ns)
    exchange.begin(maker, start_ns + late_ns)
    found = FreeRun(late_ns=late_ns)
    Replay(maker, exchange, [found]).run()
    found.forget_what_never_left()
    return found


def _outside(rows: RunRows) -> list[Event]:
    """What came from outside of market and orders, in order of time."""
    found: list[Event] = [*rows.corrections, *rows.transfers]
    for reason in rows.reasons:
        if reason.kind == _GAP:
            is_start = reason.text == _STARTED
            found.append((GapStarted if is_start else GapEnded)(reason.ts_ns, reason.ts_ns))
        elif reason.kind == _STOP:
            found.append(StopRequested(reason.ts_ns, EndReason(reason.text)))
    return sorted(found, key=lambda event: event.at_ns)
