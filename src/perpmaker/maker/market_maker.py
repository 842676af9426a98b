"""The market maker: a pure state machine. Events in, commands out; no clock, no socket, no randomness.

The rules are those of docs/strategy.md, each kept by the module named in brackets:

    ladder, maker-only (1, 2) [quoting.ladder]          skew (3 to 6, 8) [quoting.skew]
    hard cap, funds (7, 11) [risk.capacity]             stops, drawdown (9, 17) [risk.protection]
    refresh (10) [maker.quoter, execution.difference]   close (9, 13) [maker.closer]
    end of a run (12) and the phases that lead there    [here]

A decision reads: protect -> close or quote -> say what was done. What is sent counts as exposure from that moment on.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any

from perpmaker.domain.commands import FAR_FUTURE_NS, Command, Halt, Notice, NoticeKind, Wake
from perpmaker.domain.events import (
    BalanceCorrected,
    BookUpdated,
    CancelRejected,
    EndReason,
    Event,
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
    StopRequested,
    TimerFired,
    TradeSeen,
)
from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT
from perpmaker.domain.orders import CancelReason
from perpmaker.domain.position import Position
from perpmaker.domain.reasons import NotResting
from perpmaker.execution.own_orders import OwnOrders
from perpmaker.execution.transitions import Trigger as OrderTrigger
from perpmaker.maker.closer import Closer
from perpmaker.maker.quoter import Quoter
from perpmaker.maker.settings import StrategyTerms
from perpmaker.maker.state import MakerState
from perpmaker.risk.protection import EVERY_MARK, NO_MARK, Protection, Trigger

CLOSE_PATIENCE_NS = 60_000_000_000
"""How long the end of a run keeps trying to close a position for which there is no market."""


class Phase(Enum):
    QUOTING = "quoting"
    CLOSING = "closing"  # a stop or a take: cancel, close until flat
    COOLING_DOWN = "cooling down"  # flat after a stop; quotes again after one interval
    ENDING = "ending"  # cancel, close if asked to, verify
    ENDED = "ended"


_END_REASONS = {
    Trigger.STOP_LOSS: EndReason.STOP_LOSS,
    Trigger.TAKE_PROFIT: EndReason.TAKE_PROFIT,
    Trigger.MAX_DRAWDOWN: EndReason.MAX_DRAWDOWN,
    Trigger.MAX_LOSS: EndReason.MAX_LOSS,
}
_NOTICES = {
    Trigger.STOP_LOSS: NoticeKind.STOP_LOSS,
    Trigger.TAKE_PROFIT: NoticeKind.TAKE_PROFIT,
    Trigger.MAX_DRAWDOWN: NoticeKind.MAX_DRAWDOWN,
    Trigger.MAX_LOSS: NoticeKind.MAX_LOSS,
}
_ENDS_THE_RUN = frozenset({Trigger.MAX_DRAWDOWN, Trigger.MAX_LOSS})
_FLATTENS = frozenset({EndReason.MAX_DRAWDOWN, EndReason.MAX_LOSS, EndReason.MAX_DAILY_LOSS})


class MarketMaker:
    """Trades one market. Every event goes through `on_event`; `wake` says when the next one can matter.

    Args:
        terms: the strategy in the instrument's units.
        start_ns: when the run starts: refreshes fall on whole intervals from here.
    """

    def __init__(self, terms: StrategyTerms, start_ns: int) -> None:
        self._state = MakerState(terms, start_ns)
        self._quoter = Quoter(self._state)
        self._closer = Closer(self._state)
        self._protection = Protection(terms.limits)
        self._protection_band = EVERY_MARK
        self._terms = terms
        self._start_ns = start_ns
        self._end_ns = start_ns + terms.duration_ns if terms.duration_ns else FAR_FUTURE_NS
        self._next_refresh_ns = start_ns + terms.interval_ns
        self._resume_ns = FAR_FUTURE_NS
        self._give_up_ns = FAR_FUTURE_NS
        self._must_flatten = False
        self._is_withdrawn = True
        self._phase = Phase.QUOTING
        self._is_requote_due = True
        self._is_recenter_due = True
        self._is_protection_due = True  # the first mark decides
        self._close_trigger: Trigger | None = None
        self._end_reason: EndReason | None = None
        self._notices: list[Notice] = []
        self._handlers: dict[type, Callable[[Any], bool]] = {
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
            TimerFired: self._on_timer,
            StopRequested: self._on_stop_requested,
        }

    @property
    def position(self) -> Position:
        return self._state.position

    @property
    def orders(self) -> OwnOrders:
        return self._state.orders

    @property
    def phase(self) -> Phase:
        return self._phase

    @property
    def is_ending(self) -> bool:
        """The run is on its way out, or over."""
        return self._phase in (Phase.ENDING, Phase.ENDED)

    @property
    def end_reason(self) -> EndReason | None:
        """Why the run is ending; None before."""
        return self._end_reason

    @property
    def state(self) -> MakerState:
        return self._state

    @property
    def quoter(self) -> Quoter:
        return self._quoter

    def on_event(self, event: Event) -> list[Command]:
        """Learn one thing, answer with what is to be done about it, in the order in which it must be sent."""
        state = self._state
        if event.at_ns > state.now_ns:  # noqa: PLR1730 - max() takes three times as long, at every event
            state.now_ns = event.at_ns
        calls_for_decision = self._handlers[type(event)](event)
        return self._decide() if calls_for_decision or self._phase is not Phase.QUOTING else []

    def deadlines(self) -> tuple[int, int]:
        """When a refresh is due and when something else is: all of `wake` for who hands over every event at once."""
        phase, retry_ns = self._phase, self._quoter.retry_ns
        until_ns = min(self._end_ns, self._resume_ns, self._give_up_ns)
        if self._state.now_ns > self._next_refresh_ns:
            self._next_refresh_ns = self._first_refresh_from(self._state.now_ns)  # some were passed over, as we allowed
        if phase is Phase.QUOTING:
            return self._next_refresh_ns, until_ns if retry_ns is None else min(until_ns, retry_ns)
        if phase in (Phase.CLOSING, Phase.ENDING):
            until_ns = min(until_ns, self._closer.retry_ns)
        return FAR_FUTURE_NS, until_ns

    def wake(self) -> Wake:
        """Until when, and within which prices, nothing that can happen would make a difference."""
        phase, quoter = self._phase, self._quoter
        is_quoting = phase is Phase.QUOTING
        refresh_ns, until_ns = self.deadlines()
        refresh = quoter.refresh_band()
        protection = EVERY_MARK if phase is Phase.ENDING else self._protection_band
        if self._is_protection_due:
            protection = NO_MARK  # it waits for a mark to be decided on
        margin = quoter.margin_band if is_quoting and not quoter.must_refresh else EVERY_MARK
        return Wake(
            until_ns,
            refresh_ns,
            self._terms.interval_ns,
            self._terms.reference,
            *refresh,
            mark_low=max(protection.low, margin.low),
            mark_high=min(protection.high, margin.high),
            on_book=is_quoting and self._is_requote_due,
            on_order=not is_quoting or quoter.is_awaiting_cancel,
        )

    # --- what each event teaches; True where a quoting maker has something to decide ---

    def _on_book(self, event: BookUpdated) -> bool:
        if self._state.is_blind:
            return False
        self._state.book = event
        return self._is_requote_due

    def _on_trade(self, event: TradeSeen) -> bool:
        if self._state.is_blind:
            return False
        self._state.last_ticks = event.price_ticks
        return False

    def _on_mark(self, event: MarkUpdated) -> bool:
        mark = event.mark_milliticks
        self._state.mark_milliticks = mark
        if not self._quoter.margin_band.low <= mark <= self._quoter.margin_band.high:
            self._quoter.must_refresh = True
        if not self._protection_band.low <= mark <= self._protection_band.high:
            self._is_protection_due = True
        return self._is_protection_due

    def _on_gap_started(self, _event: GapStarted) -> bool:
        self._state.is_blind = True
        self._state.book = None
        self._state.last_ticks = None
        return self._set_requote_due()

    def _on_gap_ended(self, _event: GapEnded) -> bool:
        self._state.is_blind = False
        return False

    def _on_accepted(self, event: OrderAccepted) -> bool:
        self._state.orders.apply(event.order_id, OrderTrigger.ACCEPTED)
        return False

    def _on_rejected(self, event: OrderRejected) -> bool:
        order = self._state.orders.apply(event.order_id, OrderTrigger.REJECTED)
        if order is not None and not order.reduce_only:
            self._quoter.refused(order, event.reason)
        return False

    def _on_canceled(self, event: OrderCanceled) -> bool:
        order = self._state.orders.apply(event.order_id, OrderTrigger.CANCELED, event.filled_lots)
        if order is None or order.reduce_only:
            return False
        if event.reason is not CancelReason.REQUESTED:
            self._quoter.must_refresh = True
        if self._quoter.is_awaiting_cancel:
            self._is_requote_due = True
        return self._is_requote_due

    def _on_cancel_rejected(self, event: CancelRejected) -> bool:
        self._state.orders.apply(event.order_id, OrderTrigger.CANCEL_REJECTED)
        self._quoter.must_refresh = True
        return False

    def _on_outcome_unknown(self, event: OutcomeUnknown) -> bool:
        self._state.orders.apply(event.order_id, OrderTrigger.UNANSWERED)
        self._quoter.must_refresh = True
        return False

    def _on_filled(self, event: Filled) -> bool:
        orders = self._state.orders
        if not orders.is_new_fill(event.fill_id):
            return False
        if orders.apply_fill(event.order_id, event.lots) is None:
            self._tell(NoticeKind.ANOMALY, f"booked fill {event.fill_id} of unknown order {event.order_id}")
        self._state.position.apply_fill(event.side, event.price_ticks, event.lots, event.fee_quanta)
        self._is_protection_due = True
        return self._set_requote_due()

    def _on_funding(self, event: FundingPaid) -> bool:
        self._state.position.apply_funding(event.amount_quanta)
        self._quoter.must_refresh = True  # what margin carries has changed
        self._is_protection_due = True
        return True

    def _on_position_corrected(self, event: PositionCorrected) -> bool:
        mark = self._state.mark_milliticks
        self._state.position.apply_correction(event.change_lots, event.price_milliticks)
        gained = (
            None if mark is None else event.change_lots * (mark - event.price_milliticks) * QUANTA_PER_MILLITICK_LOT
        )
        self._protection.took_over(gained)
        self._is_protection_due = True
        return self._set_requote_due()

    def _on_balance_corrected(self, event: BalanceCorrected) -> bool:
        self._state.balance_quanta += event.change_quanta
        return self._set_requote_due()

    def _on_timer(self, event: TimerFired) -> bool:
        if not event.is_refresh:
            return True
        self._next_refresh_ns = self._first_refresh_from(self._state.now_ns + 1)
        if self._phase is Phase.QUOTING:
            self._quoter.unblock()
            self._is_requote_due = True
            self._is_recenter_due = self._is_recenter_due or self._quoter.must_recenter()
        return True

    def _on_stop_requested(self, event: StopRequested) -> bool:
        if self._phase not in (Phase.ENDING, Phase.ENDED):
            self._begin_ending(event.reason)
        return True

    def _set_requote_due(self) -> bool:
        """The ladder must be looked at anew, from the price of this moment."""
        self._is_requote_due = self._is_recenter_due = True
        return True

    # --- what follows from it ---

    def _decide(self) -> list[Command]:
        commands: list[Command] = []
        if self._phase is Phase.ENDED:
            return commands
        now = self._state.now_ns
        if now >= self._end_ns and self._phase is not Phase.ENDING:
            self._begin_ending(EndReason.DURATION)
        if self._is_protection_due and self._phase is not Phase.ENDING:
            self._protect()
        if self._phase is Phase.COOLING_DOWN and now >= self._resume_ns:
            self._resume()
        if self._phase is Phase.CLOSING:
            self._close(commands)
        if self._phase is Phase.ENDING:
            self._end(commands)
        if self._phase is Phase.QUOTING:
            self._quote(commands)
        if self._notices:
            commands += self._notices
            self._notices = []
        return commands

    def _protect(self) -> None:
        mark = self._state.mark_milliticks
        if mark is None:
            return  # stays due: the first mark decides
        self._is_protection_due = False
        trigger = self._protection.check(self._state.position, mark)
        self._protection_band = self._protection.band(self._state.position)
        if trigger is None or (self._phase is Phase.CLOSING and trigger not in _ENDS_THE_RUN):
            return
        if self._close_trigger in _ENDS_THE_RUN:
            return
        self._tell(_NOTICES[trigger], "")
        self._close_trigger = trigger
        if self._phase is not Phase.CLOSING:
            self._phase = Phase.CLOSING
            self._resume_ns = FAR_FUTURE_NS
            self._closer.begin()
            self._quoter.stand_down(NotResting.STOPPED)

    def _close(self, commands: list[Command]) -> None:
        commands += self._closer.drive(closes_position=True)
        if not self._closer.is_done:
            return
        trigger = self._close_trigger
        assert trigger is not None
        self._tell(NoticeKind.CLOSED, f"flat after {trigger.value}")
        self._close_trigger = None
        if trigger in _ENDS_THE_RUN or self._terms.halts_after_stop:
            self._begin_ending(_END_REASONS[trigger])
            return
        self._phase = Phase.COOLING_DOWN
        self._is_withdrawn = True
        self._resume_ns = self._state.now_ns + self._terms.interval_ns
        self._quoter.explain_all(NotResting.COOLING_DOWN)

    def _resume(self) -> None:
        self._phase = Phase.QUOTING
        self._resume_ns = FAR_FUTURE_NS
        self._quoter.unblock()
        self._set_requote_due()

    def _begin_ending(self, reason: EndReason) -> None:
        self._tell(NoticeKind.ENDING, reason.value)
        # A stop that is still closing is finished first: the end must not leave open what the stop set out to close.
        stopped = self._phase is Phase.CLOSING
        self._must_flatten = stopped or self._terms.closes_on_exit or reason in _FLATTENS
        self._phase = Phase.ENDING
        self._end_reason = reason
        self._end_ns = self._resume_ns = FAR_FUTURE_NS
        if self._must_flatten:
            self._give_up_ns = self._state.now_ns + CLOSE_PATIENCE_NS
        self._closer.begin()
        self._quoter.stand_down(NotResting.ENDING)

    def _end(self, commands: list[Command]) -> None:
        """Cancel, close if asked to, and halt only when every order is known to be dead (rule 12)."""
        assert self._end_reason is not None
        if self._state.now_ns >= self._give_up_ns:
            self._give_up_ns = FAR_FUTURE_NS
            self._must_flatten = False
            self._tell(NoticeKind.ANOMALY, "the position could not be closed in time: it stays")
        commands += self._closer.drive(closes_position=self._must_flatten)
        if len(self._state.orders) == 0 and (not self._must_flatten or self._state.position.lots == 0):
            self._phase = Phase.ENDED
            commands += self._notices
            self._notices = []
            commands.append(Halt(self._end_reason))

    def _quote(self, commands: list[Command]) -> None:
        state, quoter = self._state, self._quoter
        if quoter.retry_ns is not None and state.now_ns >= quoter.retry_ns:
            quoter.retry_post_only()
            self._is_requote_due = True
        if not self._is_requote_due:
            return
        if state.reference() is None:
            # Stays due: quoting starts again with the first price.
            reason = NotResting.BOOK_STALE if state.is_blind else NotResting.NO_REFERENCE
            if not self._is_withdrawn:
                self._is_withdrawn = True
                self._tell(NoticeKind.NOT_QUOTING, reason.value)
            commands += quoter.withdraw(reason, also_unknown=False)
            return
        if self._is_withdrawn:
            self._is_withdrawn = False
            self._tell(NoticeKind.QUOTING, "")
        commands += quoter.requote(recenter=self._is_recenter_due)
        self._is_requote_due = self._is_recenter_due = False

    def _first_refresh_from(self, at_ns: int) -> int:
        """Refreshes fall on whole intervals from the start."""
        intervals = -((self._start_ns - at_ns) // self._terms.interval_ns)
        return self._start_ns + intervals * self._terms.interval_ns

    def _tell(self, kind: NoticeKind, detail: str) -> None:
        position, mark = self._state.position, self._state.mark_milliticks
        unrealized = 0 if mark is None else position.unrealized_quanta(mark)
        self._notices.append(Notice(kind, position.lots, unrealized, detail))
