"""Watches one run, and raises an alert where something of `perpmaker.monitor.alerts.kinds` happens.

Rules kept here:

1. It sees what every observer sees, and the remarks from the wires; it changes nothing, and its own errors end no run.
2. That a stale book is back is told only where it was told to be stale.
"""

from collections import deque
from collections.abc import Sequence

from perpmaker.domain.commands import Command, Notice, NoticeKind
from perpmaker.domain.events import Event, Filled, GapEnded
from perpmaker.domain.instrument import Instrument
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.monitor.alerts.alerts import Alerts, Party
from perpmaker.monitor.alerts.desk import Alert
from perpmaker.monitor.alerts.digest import FillsDigest
from perpmaker.monitor.alerts.kinds import (
    BACK,
    END,
    FAILED_END,
    LOOP,
    LOOP_NS,
    LOOP_SIGNS,
    LOSSES_OF_SIGHT,
    MINUTE_NS,
    OF_NOTES,
    OF_NOTICES,
    PLANNED,
    STALE,
    AlertKind,
)
from perpmaker.monitor.alerts.wording import name_of, of_end, of_notice, of_standing
from perpmaker.monitor.view import About
from perpmaker.runtime.outcome import Outcome
from perpmaker.runtime.summary import Summary
from perpmaker.venues.clock import Clock

_PLANNED_WORDS = {reason.value for reason in PLANNED}


class RunAlerts:
    """The alerts of one run: an observer of it, and told its remarks and its end.

    Args:
        alerts: of the process.
        about: which run it is.
        maker: whose position and result are told.
        instrument: units.
        clock: the time of day.
    """

    def __init__(self, alerts: Alerts, about: About, maker: MarketMaker, instrument: Instrument, clock: Clock) -> None:
        self._alerts = alerts
        self._run_id = about.run_id
        self._name = name_of(about)
        self._maker = maker
        self._instrument = instrument
        self._clock = clock
        self._digest = FillsDigest(instrument)
        self._losses_ns: deque[int] = deque(maxlen=LOOP_SIGNS)
        self._is_stale_told = False
        alerts.join(Party(self._run_id, self._name, self._digest, self._standing))

    def on_step(self, now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None:
        """One step of the driver, see `perpmaker.runtime.observer`."""
        with self._alerts.guard:
            for event in events:
                if isinstance(event, Filled):
                    self._digest.add(event)
                elif isinstance(event, GapEnded) and self._is_stale_told:
                    self._is_stale_told = False
                    self._raise(BACK, "the book is alive again", now_ns)
            for command in commands:
                if isinstance(command, Notice):
                    self._see_notice(command, now_ns)

    def note(self, kind: str, text: str) -> None:
        """A remark from the wires."""
        with self._alerts.guard:
            now_ns = self._clock.now_ns()
            told = OF_NOTES.get(kind)
            if told is not None:
                is_sent = self._raise(told, text, now_ns)
                self._is_stale_told = self._is_stale_told or (is_sent and told is STALE)
            if kind in LOSSES_OF_SIGHT:
                self._see_loss(text, now_ns)

    def tick(self, now_ns: int) -> None:
        """Time has passed; to be called a few times a second."""
        with self._alerts.guard:
            self._alerts.tick(now_ns)

    def tell_end(self, summary: Summary, outcome: Outcome, error: Exception | None = None) -> None:
        """The run is over: its last fills, its summary, and what is left to be done."""
        with self._alerts.guard:
            self._alerts.leave(self._run_id)
            is_fine = error is None and outcome.orders_left == 0 and outcome.reason in PLANNED
            text = of_end(summary, outcome, error, self._instrument)
            if self._digest.count:
                text = f"{text}\nlast {self._digest.take()}"
            self._raise(END if is_fine else FAILED_END, text, self._clock.now_ns())

    def _see_notice(self, notice: Notice, now_ns: int) -> None:
        kind = OF_NOTICES.get(notice.kind)
        if kind is None or (notice.kind is NoticeKind.ENDING and notice.detail in _PLANNED_WORDS):
            return
        self._raise(kind, of_notice(notice, self._instrument), now_ns)

    def _see_loss(self, text: str, now_ns: int) -> None:
        self._losses_ns.append(now_ns)
        if len(self._losses_ns) == LOOP_SIGNS and now_ns - self._losses_ns[0] <= LOOP_NS:
            minutes = LOOP_NS // MINUTE_NS
            self._losses_ns.clear()
            self._raise(LOOP, f"{LOOP_SIGNS} times within {minutes} minutes; the last: {text}", now_ns)

    def _raise(self, kind: AlertKind, text: str, now_ns: int) -> bool:
        return self._alerts.send(Alert(kind, self._run_id, text, now_ns), self._name, self._run_id)

    def _standing(self) -> str:
        state = self._maker.state
        mark = state.mark_milliticks
        net_quanta = None if mark is None else state.position.profit_quanta(mark)
        return of_standing(state.position.lots, net_quanta, self._instrument)
