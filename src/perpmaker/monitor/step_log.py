"""Logs what a run does, with one id from what it saw to what became of its orders.

Rules kept here:

1. A decision that commands something has an id, ``<tag>-<step>``: the run's tag, and the number of the step. What it
   saw, what it commands, and all later news of the orders that it placed carry this id as ``cause``.
2. News that is itself what a decision was made on says so: ``led_to``. A cancelled order says which decision wanted
   that: ``cancelled_by``.
3. Market data and timers are lines of level debug; what is decided on them stands in the decision's own line, too.
4. What is remembered is bounded: orders that may still trade, and the latest `_ENDED_KEPT` that have ended.
5. Nothing that breaks here ends a run: the log says once that it is incomplete.
"""

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from perpmaker.domain.commands import Cancel, Command, Place
from perpmaker.domain.events import Event, Filled, OrderCanceled, OrderRejected
from perpmaker.domain.instrument import Instrument
from perpmaker.monitor.event_words import Told, level_of, of_command, of_event, of_note
from perpmaker.monitor.logs import Log

_ENDED_KEPT: Final = 1_000
_NS_PER_US: Final = 1_000


@dataclass(slots=True)
class _Placed:
    """An order: the decision that placed it, the one that cancelled it, and what may still be filled."""

    cause: str
    lots_left: int
    cancelled_by: str | None = None


class StepLog:
    """Observes a run; for one market.

    Args:
        log: where to.
        instrument: units.
        tag: of the run.
        about: fields that every line has: the market's name in a fleet, the run.
    """

    def __init__(self, log: Log, instrument: Instrument, tag: int, about: Mapping[str, str | None]) -> None:
        self._level = log.level
        self._log = log.logger.bind(**about)
        self._instrument = instrument
        self._tag = tag
        self._steps = 0
        self._is_incomplete = False
        self._open: dict[int, _Placed] = {}
        self._ended: OrderedDict[int, _Placed] = OrderedDict()

    def on_step(self, now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None:
        self._steps += 1
        try:
            self._tell_step(now_ns, events, commands)
        except Exception as error:  # noqa: BLE001 - rule 5
            if not self._is_incomplete:
                self._is_incomplete = True
                self._log.error("log_incomplete", error=repr(error))

    def note(self, kind: str, text: str) -> None:
        """A remark from the wires; when it is made is when it is said."""
        self._say(of_note(kind, text))

    def started(self, settings: Mapping[str, str]) -> None:
        """The run begins, with these settings."""
        self._say(Told(logging.INFO, "run_started", {"tag": self._tag, "settings": dict(settings)}))

    def ended(self, reason: str, *, orders_left: int | None, error: Exception | None = None) -> None:
        """The run is over; ``orders_left`` is None where the venue could not be asked."""
        is_clean = error is None and orders_left == 0
        left = "unknown" if orders_left is None else orders_left
        fields = {"reason": reason, "orders_left": left, "error": None if error is None else repr(error)}
        self._say(Told(logging.INFO if is_clean else logging.ERROR, "run_ended", fields))

    def _tell_step(self, now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None:
        cause = f"{self._tag}-{self._steps}" if commands else None
        for event in events:
            if cause is not None or level_of(event) > logging.DEBUG or self._level <= logging.DEBUG:
                self._tell_event(event, cause)
        if cause is not None:
            self._tell_decision(now_ns, events, commands, cause)
            for command in commands:
                self._tell_command(now_ns, command, cause)

    def _tell_event(self, event: Event, decided: str | None) -> None:
        told = of_event(event, self._instrument)
        placed = self._order(told.fields.get("order"))
        if placed is None:
            self._say(told, at_ns=event.at_ns, cause=decided)
            return
        by = placed.cancelled_by if isinstance(event, OrderCanceled) else None
        self._say(told, at_ns=event.at_ns, cause=placed.cause, led_to=decided, cancelled_by=by)
        self._learn(event, placed)

    def _tell_decision(self, now_ns: int, events: Sequence[Event], commands: Sequence[Command], cause: str) -> None:
        """What it was made on, how long it took until its requests were on their way, and how many there are."""
        seen: dict[str, Any] = {}
        if events:
            told = of_event(events[-1], self._instrument)
            is_told = told.level > logging.DEBUG  # then its own line says the rest
            seen = {"on": told.name, **({"order": told.fields.get("order")} if is_told else told.fields)}
            seen["took_us"] = (now_ns - events[-1].at_ns) // _NS_PER_US
        places = sum(isinstance(command, Place) for command in commands)
        cancels = sum(isinstance(command, Cancel) for command in commands)
        fields = {**seen, "places": places, "cancels": cancels}
        self._say(Told(logging.INFO, "decision", fields), at_ns=now_ns, cause=cause)

    def _tell_command(self, now_ns: int, command: Command, cause: str) -> None:
        placed_by = None
        if isinstance(command, Place):
            self._open[command.order_id] = _Placed(cause, command.lots)
        elif isinstance(command, Cancel):
            placed = self._order(command.order_id)
            if placed is not None:
                placed.cancelled_by, placed_by = cause, placed.cause
        self._say(of_command(command, self._instrument), at_ns=now_ns, cause=cause, placed_by=placed_by)

    def _order(self, order_id: int | None) -> _Placed | None:
        if order_id is None:
            return None
        return self._open.get(order_id) or self._ended.get(order_id)

    def _learn(self, event: Event, placed: _Placed) -> None:
        """File an order that has ended; executions may still be told of it."""
        if isinstance(event, Filled):
            placed.lots_left -= event.lots
            if placed.lots_left > 0:
                return
        elif not isinstance(event, OrderCanceled | OrderRejected):
            return
        if self._open.pop(event.order_id, None) is not None:
            self._ended[event.order_id] = placed
            if len(self._ended) > _ENDED_KEPT:
                self._ended.popitem(last=False)

    def _say(self, told: Told, *, at_ns: int | None = None, **more: str | None) -> None:
        """When, why, what; a line without a time of its own gets the time now."""
        if told.level < self._level:
            return
        when = {} if at_ns is None else {"at_ns": at_ns}
        self._log.log(told.level, told.name, **when, **more, **told.fields)
