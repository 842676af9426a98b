"""The very orders of a run, sent through the simulated exchange: what is left is execution alone.

Rules kept here:

1. An order arrives when it really did, moved by how much the delay that is tried differs from the measured one. So with
   the measured delay every order arrives exactly when it did, whatever had held it up. Where the arrival is not known
   it is the decision plus the delay that is tried. Cancels likewise.
2. An order that was really filled is left resting for one interval of the run longer, so that the simulation may fill
   it later than the venue did; then it is cancelled. One that was really refused is cancelled at once.
3. Execution depends on the order and the market only: margin never binds, and orders that reduced the position are sent
   without that condition.
4. Orders are left out of the comparison where it would be about something else, see `COMPARED`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Final

from perpmaker.data.format import Gap
from perpmaker.domain.commands import ASLEEP, Cancel, Place
from perpmaker.domain.events import Filled, OrderAccepted, OrderRejected
from perpmaker.domain.money import QUANTA_PER_TICK_LOT, RATE_SCALE
from perpmaker.domain.orders import OrderKind
from perpmaker.research.fidelity_orders import Part, SentOrder
from perpmaker.research.fidelity_terms import Assumed
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.terms import MAX_NOTIONAL, ExchangeTerms

COMPARED: Final = "orders that rest, whose fate is known, outside of gaps"


@dataclass(frozen=True, slots=True)
class ForcedPlan:
    """What is to be sent.

    Args:
        orders: of the run.
        measured_ns: the measured delay from decision to arrival; None where it could not be measured.
        patience_ns: rule 2.
        end_ns: of the run: what rests then is cancelled.
    """

    orders: Sequence[SentOrder]
    measured_ns: int | None
    patience_ns: int
    end_ns: int

    def agenda(self, delay_ns: int) -> list[tuple[int, Place | Cancel]]:
        """Commands with the times at which they reach the exchange, in order."""
        found: list[tuple[int, int, Place | Cancel]] = []
        for order in self.orders:
            arrives_ns = self.arrival_ns(order, delay_ns)
            found.append((arrives_ns, order.order_id, _place(order)))
            found.append((max(arrives_ns, self._goes_ns(order, delay_ns)), order.order_id, Cancel(order.order_id)))
        found.sort(key=lambda entry: (entry[0], entry[1], isinstance(entry[2], Cancel)))
        return [(at_ns, command) for at_ns, _, command in found]

    def arrival_ns(self, order: SentOrder, delay_ns: int) -> int:
        """Rule 1."""
        if order.arrived_ns is None or self.measured_ns is None:
            return order.sent_ns + delay_ns
        return order.arrived_ns + delay_ns - self.measured_ns

    def _goes_ns(self, order: SentOrder, delay_ns: int) -> int:
        if order.refusal is not None:
            return 0
        moved = 0 if self.measured_ns is None else delay_ns - self.measured_ns
        last_ns = order.last_ns
        if order.was_cancelled and order.ended_ns is not None:
            return order.ended_ns + moved
        return self.end_ns + moved if last_ns is None else last_ns + self.patience_ns


@dataclass(slots=True)
class Simulated:
    """What the simulated exchange made of an order. Times in ns on the recording's line, lots ahead at arrival."""

    arrived_ns: int
    queue_lots: int | None = None
    is_refused: bool = False
    parts: list[Part] = field(default_factory=list)

    @property
    def filled_lots(self) -> int:
        return sum(part.lots for part in self.parts)

    @property
    def first_fill_ns(self) -> int | None:
        return self.parts[0].at_ns if self.parts else None


def force(feed: MarketFeed, plan: ForcedPlan, assumed: Assumed) -> dict[int, Simulated]:
    """Send the orders of a run through the simulated exchange.

    Raises:
        RecordingError: the feed has no rows, or is damaged.
    """
    exchange = SimulatedExchange(feed, _terms(assumed))
    found: dict[int, Simulated] = {}
    for at_ns, batch in groupby(plan.agenda(assumed.delay_ns), key=itemgetter(0)):
        commands = [command for _, command in batch]
        places = [command for command in commands if isinstance(command, Place)]
        cancels = [command for command in commands if isinstance(command, Cancel)]
        _pass_to(exchange, at_ns, found)
        if places:
            found |= {place.order_id: Simulated(at_ns) for place in places}
            exchange.submit(places)
            _pass_to(exchange, at_ns, found)
            for place in places:
                found[place.order_id].queue_lots = exchange.queue_ahead(place.order_id)
        if cancels:
            exchange.submit(cancels)
            _pass_to(exchange, at_ns, found)
    return found


def comparable(
    orders: Iterable[SentOrder], gaps: Sequence[Gap], first_ns: int, end_ns: int
) -> tuple[list[SentOrder], Mapping[str, int]]:
    """The orders that are compared, and how many are not, by why (rule 4)."""
    left_out: Counter[str] = Counter()
    kept = []
    for order in orders:
        reason = _objection(order, gaps, first_ns, end_ns)
        if reason is None:
            kept.append(order)
        else:
            left_out[reason] += 1
    return kept, left_out


def _objection(order: SentOrder, gaps: Sequence[Gap], first_ns: int, end_ns: int) -> str | None:
    if not order.rests:
        return "market orders, which never rest"
    if order.is_unknown and not order.parts and order.last_ns is None:
        return "orders whose fate the journal does not know"
    last_ns = order.last_ns or end_ns
    if order.sent_ns < first_ns:
        return "orders sent before the recording begins"
    if any(gap.start_ns <= last_ns and (gap.end_ns is None or gap.end_ns >= order.sent_ns) for gap in gaps):
        return "orders that met a gap of the recording"
    return None


def _place(order: SentOrder) -> Place:
    kind = OrderKind.LIMIT if order.rests else OrderKind.MARKET
    return Place(order.order_id, order.side, order.price_ticks, order.lots, kind, order.rests, False, order.level)


def _terms(assumed: Assumed) -> ExchangeTerms:
    """Arrivals are given, so there is no latency left; rule 3."""
    return ExchangeTerms(
        maker_fee_ppb=0,
        taker_fee_ppb=0,
        balance_quanta=MAX_NOTIONAL * QUANTA_PER_TICK_LOT,
        leverage=Decimal(RATE_SCALE),
        queue_model=assumed.queue_model,
        power_exponent=assumed.exponent,
    )


def _pass_to(exchange: SimulatedExchange, at_ns: int, found: dict[int, Simulated]) -> None:
    """Let time pass, and what arrives now take effect."""
    wake = ASLEEP._replace(until_ns=max(at_ns, exchange.now_ns))
    while True:
        for event in exchange.advance(wake):
            if isinstance(event, Filled):
                found[event.order_id].parts.append(
                    Part(event.venue_ns, event.price_ticks, event.lots, event.is_maker, event.fee_quanta)
                )
            elif isinstance(event, OrderRejected):
                found[event.order_id].is_refused = True
            elif isinstance(event, OrderAccepted):
                found[event.order_id].arrived_ns = event.venue_ns
        if exchange.now_ns >= wake.until_ns:
            return
