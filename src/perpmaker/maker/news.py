"""What each event teaches the market maker, and whether a maker that quotes has something to decide because of it.

Rules kept here:

1. Every kind of event has one small method. It changes what is known (`MakerState`) and what is due (`Due`), and sends
   nothing: what follows from it is decided afterwards, in `maker.market_maker`.
2. A fill, a gap and a correction call for a ladder around the price of their moment; an acknowledgement for nothing,
   unless a new order waits for it; a fill of the exchange's own, in a liquidation, for nothing either: `Liquidated`
   follows, and ends the run.
3. While blind, nothing that the market says is believed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from perpmaker.domain.commands import NoticeKind
from perpmaker.domain.events import (
    LIQUIDATION_ORDER_ID,
    BalanceCorrected,
    BookUpdated,
    CancelRejected,
    Filled,
    FundingPaid,
    GapEnded,
    GapStarted,
    MarkUpdated,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    OutcomeUnknown,
    PositionCorrected,
    TradeSeen,
)
from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT
from perpmaker.domain.orders import CancelReason
from perpmaker.execution.transitions import Trigger
from perpmaker.maker.quoter import Quoter
from perpmaker.maker.state import MakerState
from perpmaker.risk.protection import EVERY_MARK, MarkBand, Protection

_ACCEPTED, _CANCELED, _REQUESTED = Trigger.ACCEPTED, Trigger.CANCELED, CancelReason.REQUESTED


@dataclass(slots=True)
class Due:
    """What the next decision has to do."""

    requote: bool = True
    recenter: bool = True  # the next ladder starts at the price of its moment
    protection: bool = True  # the limits must be checked; the first mark decides
    protection_band: MarkBand = EVERY_MARK  # marks at which no limit acts

    def set_requote(self) -> bool:
        """The ladder must be looked at anew, from the price of this moment. Always True: it calls for a decision."""
        self.requote = self.recenter = True
        return True


class News:
    """Learns; `handlers` has the method for each kind of event, True where there is something to decide."""

    def __init__(self, state: MakerState, quoter: Quoter, protection: Protection, due: Due) -> None:
        self._state = state
        self._orders = state.orders
        self._quoter = quoter
        self._protection = protection
        self._due = due
        self.handlers: dict[type, Callable[[Any], bool]] = {
            BookUpdated: self._on_book,
            TradeSeen: self._on_trade,
            MarkUpdated: self._on_mark,
            GapStarted: self._on_gap_started,
            GapEnded: self._on_gap_ended,
            OrderAccepted: self._on_accepted,
            OrderRejected: self._on_rejected,
            OrderCanceled: self._on_canceled,
            CancelRejected: self._on_cancel_rejected,
            OutcomeUnknown: self._on_outcome_unknown,
            Filled: self._on_filled,
            FundingPaid: self._on_funding,
            PositionCorrected: self._on_position_corrected,
            BalanceCorrected: self._on_balance_corrected,
        }

    def _on_book(self, event: BookUpdated) -> bool:
        if self._state.is_blind:
            return False
        self._state.book = event
        return self._due.requote

    def _on_trade(self, event: TradeSeen) -> bool:
        if not self._state.is_blind:
            self._state.last_ticks = event.price_ticks
        return False

    def _on_mark(self, event: MarkUpdated) -> bool:
        mark = event.mark_milliticks
        self._state.mark_milliticks = mark
        low, high = self._quoter.margin_band
        if not low <= mark <= high:
            self._quoter.must_refresh = True
        low, high = self._due.protection_band
        if not low <= mark <= high:
            self._due.protection = True
        return self._due.protection

    def _on_gap_started(self, _event: GapStarted) -> bool:
        self._state.is_blind = True
        self._state.book = None
        self._state.last_ticks = None
        return self._due.set_requote()

    def _on_gap_ended(self, _event: GapEnded) -> bool:
        self._state.is_blind = False
        return False

    def _on_accepted(self, event: OrderAccepted) -> bool:
        self._orders.apply(event.order_id, _ACCEPTED)
        return False

    def _on_rejected(self, event: OrderRejected) -> bool:
        order = self._orders.apply(event.order_id, Trigger.REJECTED)
        if order is not None and not order.reduce_only:
            self._quoter.refused(order, event.reason)
        return False

    def _on_canceled(self, event: OrderCanceled) -> bool:
        order = self._orders.apply(event.order_id, _CANCELED, event.filled_lots)
        if order is None or order.reduce_only:
            return False
        if event.reason is not _REQUESTED:
            self._quoter.must_refresh = True
        if self._quoter.is_awaiting_cancel:
            self._due.requote = True
        return self._due.requote

    def _on_cancel_rejected(self, event: CancelRejected) -> bool:
        self._orders.apply(event.order_id, Trigger.CANCEL_REJECTED)
        self._quoter.must_refresh = True
        return False

    def _on_outcome_unknown(self, event: OutcomeUnknown) -> bool:
        self._orders.apply(event.order_id, Trigger.UNANSWERED)
        self._quoter.must_refresh = True
        return False

    def _on_filled(self, event: Filled) -> bool:
        state = self._state
        if not self._orders.is_new_fill(event.fill_id):
            return False
        is_liquidation = event.order_id == LIQUIDATION_ORDER_ID
        if not is_liquidation and self._orders.apply_fill(event.order_id, event.lots) is None:
            state.tell(NoticeKind.ANOMALY, f"booked fill {event.fill_id} of unknown order {event.order_id}")
        state.position.apply_fill(event.side, event.price_ticks, event.lots, event.fee_quanta)
        self._due.protection = True
        return not is_liquidation and self._due.set_requote()

    def _on_funding(self, event: FundingPaid) -> bool:
        self._state.position.apply_funding(event.amount_quanta)
        self._quoter.must_refresh = True  # what margin carries has changed
        self._due.protection = True
        return True

    def _on_position_corrected(self, event: PositionCorrected) -> bool:
        mark = self._state.mark_milliticks
        self._state.position.apply_correction(event.change_lots, event.price_milliticks)
        gained = (
            None if mark is None else event.change_lots * (mark - event.price_milliticks) * QUANTA_PER_MILLITICK_LOT
        )
        self._protection.took_over(gained)
        self._due.protection = True
        return self._due.set_requote()

    def _on_balance_corrected(self, event: BalanceCorrected) -> bool:
        self._state.balance_quanta += event.change_quanta
        return self._due.set_requote()
