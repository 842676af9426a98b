"""The kernel's records of eight integers, and the domain's commands and events: one translated into the other."""

from collections.abc import Callable
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
from perpmaker.simulation.terms import ExchangeTerms

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
}

Request = tuple[int, int, int, int, int, int, int, int]


def request_of(command: Place | Cancel, due_ns: int) -> Request:
    """The record of a command that arrives at ``due_ns``."""
    if isinstance(command, Cancel):
        return (due_ns, at.CANCEL, command.order_id, 0, 0, 0, 0, 0)
    order_id, side, price_ticks, lots, kind, post_only, reduce_only, _level = command
    code = at.LIMIT if kind is OrderKind.LIMIT else at.IOC if kind is OrderKind.IOC else at.MARKET
    flags = (at.POST_ONLY if post_only else 0) | (at.REDUCE_ONLY if reduce_only else 0)
    return (due_ns, at.PLACE, order_id, side, price_ticks, lots, code, flags)


def event_reader(terms: ExchangeTerms) -> Callable[[list[int]], Event]:
    """A function that turns a record into its event; fees are computed here, where integers have no limit."""
    maker_fee, taker_fee = terms.maker_fee_ppb, terms.taker_fee_ppb

    def read(record: list[int]) -> Event:
        at_ns, code, venue_ns, first, second, third, fourth, fifth = record
        if code == at.ACCEPTED:
            return OrderAccepted(at_ns, venue_ns, first)
        if code == at.CANCELED:
            return OrderCanceled(at_ns, venue_ns, first, second, _CANCEL_REASONS[third])
        if code == at.FILLED:
            side = Side.BUY if third > 0 else Side.SELL
            fee = fee_quanta(fourth, abs(third), maker_fee if fifth else taker_fee)
            return Filled(at_ns, venue_ns, second, first, side, fourth, abs(third), fifth == 1, fee)
        if code == at.BOOK_UPDATED:
            return BookUpdated(at_ns, venue_ns, first, second, third, fourth)
        if code == at.TRADE_SEEN:
            return TradeSeen(at_ns, venue_ns, second, third, Side.BUY if first > 0 else Side.SELL)
        if code == at.MARK_UPDATED:
            return MarkUpdated(at_ns, venue_ns, first)
        if code == at.TIMER_FIRED:
            return TimerFired(at_ns, (first & at.REFRESH_DUE) != 0)
        return _rare_event(code, at_ns, venue_ns, first, second, third)

    return read


def _rare_event(code: int, at_ns: int, venue_ns: int, first: int, second: int, third: int) -> Event:
    if code == at.REJECTED:
        return OrderRejected(at_ns, venue_ns, first, _REJECT_REASONS[second])
    if code == at.CANCEL_REJECTED:
        return CancelRejected(at_ns, venue_ns, first)
    if code == at.FUNDING_PAID:
        return FundingPaid(at_ns, venue_ns, -first * second * third)
    return GapStarted(at_ns, venue_ns) if code == at.GAP_STARTED else GapEnded(at_ns, venue_ns)
