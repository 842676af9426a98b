"""What an event or a command is called in a log, and its fields in the trader's units: exact, and nothing else.

Rules kept here:

1. Every event of `perpmaker.domain.events` has its name here, and how important it is. Notices and notes are as
   important here as on the page (`perpmaker.monitor.history`).
2. Prices, sizes and money are `Decimal`; a side of a book with nothing on it has no price.
3. The same thing has the same name as in the lines of a run (`perpmaker.cli.lines`).
"""

import logging
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from perpmaker.domain import events as e
from perpmaker.domain.commands import Command, Halt, Notice, Place
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import OrderKind
from perpmaker.journal.records import SIDE_NAMES
from perpmaker.monitor.history import severity_of

Fields = dict[str, Any]

_DEBUG, _INFO, _WARNING, _ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR
_LEVELS: Final = {"info": _INFO, "warning": _WARNING, "error": _ERROR}
"""By the words of `severity_of`."""


class Told(NamedTuple):
    """One line: how important (a number of `logging`), what, and its fields."""

    level: int
    name: str
    fields: Fields


def of_note(kind: str, text: str) -> Told:
    """A remark from the wires as a line."""
    return Told(_LEVELS[severity_of(kind)], "note", {"kind": kind, "text": text})


def of_event(event: e.Event, instrument: Instrument) -> Told:
    """An event as a line."""
    level, name, fields = _EVENTS[type(event)]
    return Told(level, name, fields(event, instrument))


def level_of(event: e.Event) -> int:
    """How important it is, without its fields."""
    return _EVENTS[type(event)][0]


def of_command(command: Command, instrument: Instrument) -> Told:
    """A command as a line."""
    match command:
        case Place():
            fields = {
                "order": command.order_id,
                "side": SIDE_NAMES[command.side],
                "ladder_level": command.level or None,
                "price": None if command.kind is OrderKind.MARKET else instrument.price(command.price_ticks),
                "quantity": instrument.quantity(command.lots),
                "kind": command.kind.value,
                "reduce_only": command.reduce_only or None,
            }
            return Told(_INFO, "place", fields)
        case Notice():
            fields = {
                "kind": command.kind.value,
                "position": instrument.quantity(command.position_lots),
                "unrealized": instrument.money(command.unrealized_quanta),
                "detail": command.detail or None,
            }
            return Told(_LEVELS[severity_of(command.kind.value)], "notice", fields)
        case Halt():
            return Told(_INFO, "halt", {"reason": command.reason.value})
        case _:
            return Told(_INFO, "cancel", {"order": command.order_id})


def _book(event: e.BookUpdated, instrument: Instrument) -> Fields:
    return {
        "bid": instrument.price(event.bid_ticks) if event.bid_lots else None,
        "bid_quantity": instrument.quantity(event.bid_lots),
        "ask": instrument.price(event.ask_ticks) if event.ask_lots else None,
        "ask_quantity": instrument.quantity(event.ask_lots),
    }


def _trade(event: e.TradeSeen, instrument: Instrument) -> Fields:
    return {
        "price": instrument.price(event.price_ticks),
        "quantity": instrument.quantity(event.lots),
        "aggressor": SIDE_NAMES[event.aggressor],
    }


def _fill(event: e.Filled, instrument: Instrument) -> Fields:
    return {
        "order": event.order_id,
        "fill": event.fill_id,
        "side": SIDE_NAMES[event.side],
        "price": instrument.price(event.price_ticks),
        "quantity": instrument.quantity(event.lots),
        "maker": event.is_maker,
        "fee": instrument.money(event.fee_quanta),
    }


def _order_cancelled(event: e.OrderCanceled, instrument: Instrument) -> Fields:
    return {
        "order": event.order_id,
        "reason": event.reason.value,
        "filled": instrument.quantity(event.filled_lots),
    }


def _position_corrected(event: e.PositionCorrected, instrument: Instrument) -> Fields:
    return {
        "change": instrument.quantity(event.change_lots),
        "price": instrument.price_from_milliticks(event.price_milliticks),
    }


def _liquidated(event: e.Liquidated, instrument: Instrument) -> Fields:
    return {"change": instrument.quantity(event.change_lots), "left": instrument.quantity(event.left_lots)}


def _order(event: Any, _: Instrument) -> Fields:
    return {"order": event.order_id}


def _nothing(_event: Any, _: Instrument) -> Fields:
    return {}


# The functions take exactly the type that they stand beside; a dictionary cannot say so, hence the Any.
_EVENTS: Final[dict[type, tuple[int, str, Callable[[Any, Instrument], Fields]]]] = {
    e.BookUpdated: (_DEBUG, "book", _book),
    e.TradeSeen: (_DEBUG, "trade", _trade),
    e.MarkUpdated: (_DEBUG, "mark", lambda event, i: {"price": i.price_from_milliticks(event.mark_milliticks)}),
    e.TimerFired: (_DEBUG, "timer", lambda event, _: {"refresh": event.is_refresh}),
    e.GapStarted: (_INFO, "gap_started", _nothing),
    e.GapEnded: (_INFO, "gap_ended", _nothing),
    e.OrderAccepted: (_INFO, "order_accepted", _order),
    e.OrderRejected: (_INFO, "order_refused", lambda event, i: {**_order(event, i), "reason": event.reason.value}),
    e.OrderCanceled: (_INFO, "order_cancelled", _order_cancelled),
    e.CancelRejected: (_INFO, "cancel_refused", _order),
    e.OutcomeUnknown: (_WARNING, "outcome_unknown", _order),
    e.Filled: (_INFO, "fill", _fill),
    e.Liquidated: (_ERROR, "liquidated", _liquidated),
    e.FundingPaid: (_INFO, "funding", lambda event, i: {"amount": i.money(event.amount_quanta)}),
    e.PositionCorrected: (_WARNING, "position_corrected", _position_corrected),
    e.BalanceCorrected: (_WARNING, "balance_corrected", lambda event, i: {"change": i.money(event.change_quanta)}),
    e.StopRequested: (_INFO, "stop_requested", lambda event, _: {"reason": event.reason.value}),
    e.QuotingLimited: (
        _WARNING,
        "quoting_limited",
        lambda event, _: {"only_reducing": event.only_reducing, "why": event.why},
    ),
    e.QuotingPaused: (_INFO, "quoting_paused", lambda event, _: {"paused": event.is_paused}),
    e.CloseRequested: (_INFO, "close_requested", _nothing),
    e.SettingsChanged: (_INFO, "settings_changed", lambda event, _: {"told": event.told}),
}
