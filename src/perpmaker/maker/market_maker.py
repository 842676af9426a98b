"""The market maker: a pure state machine. Events in, commands out; no clock, no socket, no randomness.

The rules are those of docs/strategy.md, each kept by the module named in brackets:

    ladder, maker-only (1, 2) [quoting.ladder]          skew (3 to 6, 8) [quoting.skew]
    hard cap, funds (7, 11) [risk.capacity]             stops, drawdown (9, 17) [risk.protection]
    refresh (10) [maker.quoter, execution.difference]   close (9, 13) [maker.closer]
    what an event teaches                               [maker.news]
    end of a run (12) and the phases that lead there    [here]

A decision reads: protect -> close or quote -> say what was done. What is sent counts as exposure from that moment on.
"""

from enum import Enum

from perpmaker.domain.commands import FAR_FUTURE_NS, Command, Halt, NoticeKind, Wake
from perpmaker.domain.events import (
    CloseRequested,
    EndReason,
    Event,
    Liquidated,
    QuotingLimited,
    QuotingPaused,
    SettingsChanged,
    StopRequested,
    TimerFired,
)
from perpmaker.domain.position import Position
from perpmaker.domain.reasons import NotResting
from perpmaker.execution.own_orders import OwnOrders
from perpmaker.maker.closer import Closer
from perpmaker.maker.news import Due, News
from perpmaker.maker.quoter import Quoter
from perpmaker.maker.settings import StrategyTerms
from perpmaker.maker.state import MakerState
from perpmaker.risk.protection import EVERY_MARK, NO_MARK, Protection, Trigger

CLOSE_PATIENCE_NS = 60_000_000_000
"""How long the end of a run keeps trying to close a position for which there is no market."""


class Phase(Enum):
    QUOTING = "quoting"
    CLOSING = "closing"  # a stop, a take or a request: cancel, close until flat
    COOLING_DOWN = "cooling down"  # flat after a stop; quotes again after one interval
    ENDING = "ending"  # cancel, close if asked to, verify
    ENDED = "ended"


# What is compared at every event or decision has a name here: to look a member up in its enum costs as much as a call.
_QUOTING, _ENDING, _ENDED = Phase.QUOTING, Phase.ENDING, Phase.ENDED
_ON_THE_WAY_OUT = (_ENDING, _ENDED)
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
    Trigger.REQUESTED: NoticeKind.CLOSE_REQUESTED,
}
_ENDS_THE_RUN = frozenset({Trigger.MAX_DRAWDOWN, Trigger.MAX_LOSS})
_FLATTENS = frozenset(
    {
        EndReason.MAX_DRAWDOWN,
        EndReason.MAX_LOSS,
        EndReason.MAX_DAILY_LOSS,
        EndReason.LIQUIDATED,
        EndReason.BUDGET_LOSS,
    }
)


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
        self._due = Due()
        self._terms = terms
        self._start_ns = start_ns
        self._end_ns = start_ns + terms.duration_ns if terms.duration_ns else FAR_FUTURE_NS
        self._next_refresh_ns = start_ns + terms.interval_ns
        self._resume_ns = FAR_FUTURE_NS
        self._give_up_ns = FAR_FUTURE_NS
        self._must_flatten = False
        self._is_withdrawn = True
        self._is_paused = False
        self._phase = Phase.QUOTING
        self._close_trigger: Trigger | None = None
        self._end_reason: EndReason | None = None
        self._handlers = News(self._state, self._quoter, self._protection, self._due).handlers
        self._handlers[TimerFired] = self._on_timer
        self._handlers[StopRequested] = self._on_stop_requested
        self._handlers[Liquidated] = self._on_liquidated
        self._handlers[QuotingLimited] = self._on_quoting_limited
        self._handlers[QuotingPaused] = self._on_quoting_paused
        self._handlers[CloseRequested] = self._on_close_requested
        self._handlers[SettingsChanged] = self._on_settings_changed

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
        return self._phase in _ON_THE_WAY_OUT

    @property
    def is_paused(self) -> bool:
        """A person wants nothing to be quoted."""
        return self._is_paused

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
        if event.at_ns > state.now_ns:
            state.now_ns = event.at_ns
        if self._handlers[type(event)](event) or self._phase is not _QUOTING:
            return self._decide()
        return []

    def deadlines(self) -> tuple[int, int]:
        """When a refresh is due and when something else is: all of `wake` for who hands over every event at once."""
        until_ns = min(self._end_ns, self._resume_ns, self._give_up_ns)
        if self._state.now_ns > self._next_refresh_ns:
            self._next_refresh_ns = self._first_refresh_from(self._state.now_ns)  # some were passed over, as we allowed
        if self._phase is _QUOTING:
            retry_ns = self._quoter.retry_ns
            return self._next_refresh_ns, until_ns if retry_ns is None else min(until_ns, retry_ns)
        if self._phase in (Phase.CLOSING, Phase.ENDING):
            until_ns = min(until_ns, self._closer.retry_ns)
        return FAR_FUTURE_NS, until_ns

    def wake(self) -> Wake:
        """Until when, and within which prices, nothing that can happen would make a difference."""
        quoter, due, is_quoting = self._quoter, self._due, self._phase is _QUOTING
        refresh_ns, until_ns = self.deadlines()
        if self._state.is_blind:
            refresh_ns = FAR_FUTURE_NS  # nothing can be quoted, and the end of the gap wakes: gaps may last for months
        low, high, bid_guard, ask_guard = quoter.refresh_band()
        if due.protection:
            mark_low, mark_high = NO_MARK  # it waits for a mark to be decided on
        else:
            mark_low, mark_high = EVERY_MARK if self._phase is _ENDING else due.protection_band
        if is_quoting and not quoter.must_refresh:
            margin_low, margin_high = quoter.margin_band
            if margin_low > mark_low:
                mark_low = margin_low
            if margin_high < mark_high:
                mark_high = margin_high
        return Wake(
            until_ns,
            refresh_ns,
            self._terms.interval_ns,
            self._terms.reference,
            low,
            high,
            bid_guard,
            ask_guard,
            mark_low,
            mark_high,
            is_quoting and due.requote,
            not is_quoting or quoter.is_awaiting_cancel,
        )

    # --- time, and wishes from outside ---

    def _on_timer(self, event: TimerFired) -> bool:
        if not event.is_refresh:
            return True
        self._next_refresh_ns = self._first_refresh_from(self._state.now_ns + 1)
        if self._phase is _QUOTING:
            due = self._due
            self._quoter.unblock()
            due.requote = True
            due.recenter = due.recenter or self._quoter.must_recenter()
        return True

    def _on_stop_requested(self, event: StopRequested) -> bool:
        if not self.is_ending:
            self._begin_ending(event.reason)
        return True

    def _on_liquidated(self, event: Liquidated) -> bool:
        """The account could not carry its position: the run ends, and what is left of the position is closed."""
        detail = f"the exchange closed {abs(event.change_lots)} lots, {abs(event.left_lots)} are left"
        self._state.tell(NoticeKind.LIQUIDATED, detail)
        if not self.is_ending:
            self._begin_ending(EndReason.LIQUIDATED)
        return True

    def _on_quoting_limited(self, event: QuotingLimited) -> bool:
        """A budget over several markets: at once, whatever the interval."""
        self._quoter.only_reducing = event.only_reducing
        self._due.requote = True
        return True

    def _on_quoting_paused(self, event: QuotingPaused) -> bool:
        """At once, whatever the interval; a stop or an end that is on goes on."""
        self._is_paused = event.is_paused
        return self._due.set_requote()

    def _on_close_requested(self, _event: CloseRequested) -> bool:
        """At once; the limits of the run, and its end, go first. Nothing is quoted again before a person says so."""
        if not self.is_ending:
            self._is_paused = True
            if self._phase is not Phase.CLOSING:
                self._begin_closing(Trigger.REQUESTED)
        return True

    def _on_settings_changed(self, event: SettingsChanged) -> bool:
        """Other settings from this moment on, all of them at once. When the run ends stays as it was."""
        terms = event.terms
        if not isinstance(terms, StrategyTerms):
            raise TypeError(f"settings must be StrategyTerms, not {type(terms).__name__}")
        self._state.terms = self._terms = terms
        self._quoter.take_terms()
        self._protection.take_limits(terms.limits)
        self._next_refresh_ns = self._first_refresh_from(self._state.now_ns + 1)
        self._due.protection = True
        return self._due.set_requote()

    # --- what follows from it ---

    def _decide(self) -> list[Command]:
        commands: list[Command] = []
        if self._phase is _ENDED:
            return commands
        if self._state.now_ns >= self._end_ns and self._phase is not _ENDING:
            self._begin_ending(EndReason.DURATION)
        if self._due.protection and self._phase is not _ENDING:
            self._protect()
        if self._phase is not _QUOTING:
            self._wind_down(commands)
        if self._phase is _QUOTING:
            self._quote(commands)
        if self._state.notices:
            commands += self._state.notices
            self._state.notices.clear()
        return commands

    def _wind_down(self, commands: list[Command]) -> None:
        """On with a stop, the wait after it, or the end: the last step of one may be the first of the next."""
        if self._phase is Phase.COOLING_DOWN and self._state.now_ns >= self._resume_ns:
            self._resume()
        if self._phase is Phase.CLOSING:
            self._close(commands)
        if self._phase is _ENDING:
            self._end(commands)

    def _protect(self) -> None:
        mark = self._state.mark_milliticks
        if mark is None:
            return  # stays due: the first mark decides
        self._due.protection = False
        trigger = self._protection.check(self._state.position, mark)
        self._due.protection_band = self._protection.band(self._state.position)
        if trigger is None or (self._phase is Phase.CLOSING and trigger not in _ENDS_THE_RUN):
            return
        if self._close_trigger in _ENDS_THE_RUN:
            return
        self._begin_closing(trigger)

    def _begin_closing(self, trigger: Trigger) -> None:
        self._state.tell(_NOTICES[trigger], "")
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
        self._state.tell(NoticeKind.CLOSED, f"flat after {trigger.value}")
        self._close_trigger = None
        if trigger is Trigger.REQUESTED:
            self._resume()
            return
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
        self._due.set_requote()

    def _begin_ending(self, reason: EndReason) -> None:
        self._state.tell(NoticeKind.ENDING, reason.value)
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
            self._state.tell(NoticeKind.ANOMALY, "the position could not be closed in time: it stays")
        commands += self._closer.drive(closes_position=self._must_flatten)
        if len(self._state.orders) == 0 and (not self._must_flatten or self._state.position.lots == 0):
            self._phase = Phase.ENDED
            commands += self._state.notices
            self._state.notices.clear()
            commands.append(Halt(self._end_reason))

    def _quote(self, commands: list[Command]) -> None:
        state, quoter, due = self._state, self._quoter, self._due
        if quoter.retry_ns is not None and state.now_ns >= quoter.retry_ns:
            quoter.retry_post_only()
            due.requote = True
        if not due.requote:
            return
        if self._is_paused:
            self._stand_back(NotResting.PAUSED, commands)
            due.requote = False
            return
        reference, book = state.reference(), state.book
        if reference is None or book is None:
            # Stays due: quoting starts again with the first price.
            self._stand_back(NotResting.BOOK_STALE if state.is_blind else NotResting.NO_REFERENCE, commands)
            return
        if self._is_withdrawn:
            self._is_withdrawn = False
            state.tell(NoticeKind.QUOTING, "")
        commands += quoter.requote(reference, book, recenter=due.recenter)
        due.requote = due.recenter = False

    def _stand_back(self, reason: NotResting, commands: list[Command]) -> None:
        """Nothing rests, for this reason, which is told once."""
        if not self._is_withdrawn:
            self._is_withdrawn = True
            self._state.tell(NoticeKind.NOT_QUOTING, reason.value)
        commands += self._quoter.withdraw(reason, also_unknown=False)

    def _first_refresh_from(self, at_ns: int) -> int:
        """Refreshes fall on whole intervals from the start."""
        intervals = -((self._start_ns - at_ns) // self._terms.interval_ns)
        return self._start_ns + intervals * self._terms.interval_ns
