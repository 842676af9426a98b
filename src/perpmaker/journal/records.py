"""From what the program says (events, commands, samples) to rows of the journal.

Rules kept here:

1. What concerns our orders, fills and money becomes a row, in the order in which it was told; so does every gap. Market
   data and timers do not: a recording is the place for those.
2. A row is a flat tuple in the order of its table's columns, after (run_no, seq). Enums are written as their value,
   sides as ``buy`` and ``sell``, money as decimal text that both databases take exactly.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from sqlalchemy import Table

from perpmaker.domain.commands import Cancel, Command, Halt, Notice, Place
from perpmaker.domain.events import (
    BalanceCorrected,
    CancelRejected,
    Event,
    Filled,
    FundingPaid,
    GapEnded,
    GapStarted,
    Liquidated,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    OutcomeUnknown,
    PositionCorrected,
    QuotingLimited,
    SettingsChanged,
    StopRequested,
)
from perpmaker.domain.orders import Side
from perpmaker.journal import schema

SIDE_NAMES: Final = {Side.BUY: "buy", Side.SELL: "sell"}

Row = tuple[int | str | bool | None, ...]

_NOTHING_MORE: Final = (None,) * 6
"""The columns of an order's side, price and so on, for a command that has none."""


class Sent(NamedTuple):
    """A command, and when it was given."""

    ts_ns: int
    command: Command


class Sample(NamedTuple):
    """Position and equity at one moment."""

    ts_ns: int
    position_lots: int
    mark_milliticks: int
    equity_quanta: int
    realized_quanta: int
    fees_quanta: int
    funding_quanta: int


class Reason(NamedTuple):
    """Why something was done, or not: one sentence."""

    ts_ns: int
    kind: str
    text: str


Record = Event | Sent | Sample | Reason


def row_of(record: Record) -> tuple[Table, Row] | None:
    """The table and the row (without run_no and seq) of a record; None for what the journal does not keep."""
    if isinstance(record, Sent):
        return _row_of_command(record.ts_ns, record.command)
    make = _ROWS.get(type(record))
    if make is None:
        return None
    table, row = make
    return table, row(record)


def _row_of_command(ts_ns: int, command: Command) -> tuple[Table, Row]:
    match command:
        case Place():
            side, order_kind = SIDE_NAMES[command.side], command.kind.value
            row: Row = (ts_ns, "place", command.order_id, side, command.price_ticks, command.lots, order_kind)
            return schema.commands, (*row, command.post_only, command.reduce_only, None, command.level)
        case Cancel():
            return schema.commands, (ts_ns, "cancel", command.order_id, *_NOTHING_MORE, None, None)
        case Halt():
            return schema.commands, (ts_ns, "halt", None, *_NOTHING_MORE, command.reason.value, None)
        case Notice():
            held, unrealized = command.position_lots, str(command.unrealized_quanta)
            return schema.reasons, (ts_ns, command.kind.value, command.detail, held, unrealized)


def _fill(e: Filled) -> Row:
    side = SIDE_NAMES[e.side]
    return e.at_ns, e.venue_ns, e.fill_id, e.order_id, side, e.price_ticks, e.lots, e.is_maker, str(e.fee_quanta)


def _sample(s: Sample) -> Row:
    money = (str(s.equity_quanta), str(s.realized_quanta), str(s.fees_quanta), str(s.funding_quanta))
    return s.ts_ns, s.position_lots, s.mark_milliticks, *money


# The functions take exactly the type that they stand beside; a dictionary cannot say so, hence the Any.
_ROWS: Final[dict[type, tuple[Table, Callable[[Any], Row]]]] = {
    Filled: (schema.fills, _fill),
    OrderAccepted: (schema.order_events, lambda e: (e.at_ns, e.venue_ns, "accepted", e.order_id, None, None)),
    OrderRejected: (schema.order_events, lambda e: (e.at_ns, e.venue_ns, "rejected", e.order_id, None, e.reason.value)),
    OrderCanceled: (
        schema.order_events,
        lambda e: (e.at_ns, e.venue_ns, "canceled", e.order_id, e.filled_lots, e.reason.value),
    ),
    CancelRejected: (schema.order_events, lambda e: (e.at_ns, e.venue_ns, "cancel_rejected", e.order_id, None, None)),
    OutcomeUnknown: (schema.order_events, lambda e: (e.at_ns, None, "outcome_unknown", e.order_id, None, None)),
    FundingPaid: (schema.funding, lambda e: (e.at_ns, e.venue_ns, str(e.amount_quanta))),
    PositionCorrected: (
        schema.corrections,
        lambda e: (e.at_ns, e.venue_ns, "position", e.change_lots, e.price_milliticks, None),
    ),
    BalanceCorrected: (
        schema.corrections,
        lambda e: (e.at_ns, e.venue_ns, "balance", None, None, str(e.change_quanta)),
    ),
    Liquidated: (
        schema.reasons,
        lambda e: (e.at_ns, "liquidation", f"closed {e.change_lots} lots, left {e.left_lots} lots", None, None),
    ),
    GapStarted: (schema.reasons, lambda e: (e.at_ns, "gap", "market data gap started", None, None)),
    GapEnded: (schema.reasons, lambda e: (e.at_ns, "gap", "market data gap ended", None, None)),
    QuotingLimited: (
        schema.reasons,
        lambda e: (e.at_ns, "quoting limited", f"only reducing: {e.why}" if e.only_reducing else "lifted", None, None),
    ),
    SettingsChanged: (schema.reasons, lambda e: (e.at_ns, "settings changed", e.told, None, None)),
    StopRequested: (schema.reasons, lambda e: (e.at_ns, "stop requested", e.reason.value, None, None)),
    Sample: (schema.samples, _sample),
    Reason: (schema.reasons, lambda r: (r.ts_ns, r.kind, r.text, None, None)),
}

KEPT: Final = frozenset(_ROWS)
"""The types of record that become rows."""
