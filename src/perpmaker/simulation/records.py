"""The kernel's records of eight integers, and the domain's commands and events: one translated into the other."""

import struct
from typing import Final

from perpmaker.domain.commands import Cancel, Place
from perpmaker.domain.events import (
    BookUpdated,
    CancelRejected,
    Event,
    Filled,
    FundingPaid,
    GapEnded,
    GapStarted,
    Liquidated,
    MarkUpdated,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    TimerFired,
    TradeSeen,
)
from perpmaker.domain.money import fee_quanta
from perpmaker.domain.orders import CancelReason, OrderKind, RejectReason, Side
from perpmaker.domain.reference import ReferencePrice
from perpmaker.simulation import kernel_state as at

REFERENCE_CODES: Final = {
    ReferencePrice.MID: at.MID,
    ReferencePrice.MICRO: at.MICRO,
    ReferencePrice.LAST: at.LAST,
    ReferencePrice.MARK: at.MARK_REFERENCE,
}

_REJECT_REASONS: Final = {
    at.WOULD_CROSS: RejectReason.POST_ONLY_WOULD_CROSS,
    at.WOULD_INCREASE: RejectReason.REDUCE_ONLY_WOULD_INCREASE,
    at.NO_MARGIN: RejectReason.INSUFFICIENT_MARGIN,
    at.TOO_SMALL: RejectReason.BELOW_MINIMUM,
    at.NO_MARKET: RejectReason.NO_MARKET,
    at.REJECTED_BY_GAP: RejectReason.MARKET_GAP,
    at.REFUSED: RejectReason.OTHER,
}

_CANCEL_REASONS: Final = {
    at.REQUESTED: CancelReason.REQUESTED,
    at.REMAINDER: CancelReason.IMMEDIATE_REMAINDER,
    at.NOTHING_TO_REDUCE: CancelReason.REDUCE_ONLY,
    at.CANCELED_BY_GAP: CancelReason.MARKET_GAP,
    at.CANCELED_BY_LIQUIDATION: CancelReason.LIQUIDATION,
}

_REQUEST: Final = struct.Struct(f"{at.RECORD_CELLS}q")
REQUEST_BYTES: Final = _REQUEST.size

_write = _REQUEST.pack_into
_LIMIT, _IOC = OrderKind.LIMIT, OrderKind.IOC
_BUY, _SELL = Side.BUY, Side.SELL
_new = tuple.__new__
"""Makes a named tuple from a tuple of its fields: what its own constructor does, without a call of Python around it.
Events are made by the million, and this is two thirds of their cost."""


def write_request(command: Place | Cancel, due_ns: int, ring: memoryview, offset: int) -> None:
    """Put the record of a command that arrives at ``due_ns`` into the ring of requests, given as bytes."""
    if isinstance(command, Cancel):
        _write(ring, offset, due_ns, at.CANCEL, command.order_id, 0, 0, 0, 0, 0)
        return
    order_id, side, price_ticks, lots, kind, post_only, reduce_only, _level = command
    code = at.LIMIT if kind is _LIMIT else at.IOC if kind is _IOC else at.MARKET
    flags = (at.POST_ONLY if post_only else 0) | (at.REDUCE_ONLY if reduce_only else 0)
    _write(ring, offset, due_ns, at.PLACE, order_id, side, price_ticks, lots, code, flags)


def read_event(record: list[int]) -> Event:
    """The event of a record; fees are computed here, where integers have no limit, at the rate that was booked."""
    at_ns, code, venue_ns, first, second, third, fourth, fifth = record
    if code == at.ACCEPTED:
        return _new(OrderAccepted, (at_ns, venue_ns, first))
    if code == at.CANCELED:
        return _new(OrderCanceled, (at_ns, venue_ns, first, second, _CANCEL_REASONS[third]))
    if code == at.FILLED:
        side = _BUY if third > 0 else _SELL
        fee = fee_quanta(fourth, abs(third), fifth >> 1)
        return Filled(at_ns, venue_ns, second, first, side, fourth, abs(third), (fifth & 1) == 1, fee)
    if code == at.BOOK_UPDATED:
        return _new(BookUpdated, (at_ns, venue_ns, first, second, third, fourth))
    if code == at.TRADE_SEEN:
        return _new(TradeSeen, (at_ns, venue_ns, second, third, _BUY if first > 0 else _SELL))
    if code == at.MARK_UPDATED:
        return _new(MarkUpdated, (at_ns, venue_ns, first))
    if code == at.TIMER_FIRED:
        return _new(TimerFired, (at_ns, (first & at.REFRESH_DUE) != 0))
    return _rare_event(code, at_ns, venue_ns, first, second, third)


def _rare_event(code: int, at_ns: int, venue_ns: int, first: int, second: int, third: int) -> Event:
    if code == at.REJECTED:
        return OrderRejected(at_ns, venue_ns, first, _REJECT_REASONS[second])
    if code == at.CANCEL_REJECTED:
        return CancelRejected(at_ns, venue_ns, first)
    if code == at.FUNDING_PAID:
        return FundingPaid(at_ns, venue_ns, -first * second * third)
    if code == at.LIQUIDATED:
        return Liquidated(at_ns, venue_ns, first, second)
    return GapStarted(at_ns, venue_ns) if code == at.GAP_STARTED else GapEnded(at_ns, venue_ns)
