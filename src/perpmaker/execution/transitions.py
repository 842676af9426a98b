"""Every move that an order can make: one table, (status, trigger) -> status.

Rules kept here:

1. Only proof ends an order: a rejection, a cancellation or the last fill, said by the venue.
2. An unanswered request makes the order UNKNOWN, which counts as live until the venue has told which.
3. News comes late, twice and out of order. A pair that cannot follow from the rules of a venue still has a line:
   venues do that. In particular (CANCELED, FILL) books the fill, because it happened before the cancel.
4. A refused cancel proves only that the venue does not hold the order open; whether it filled is still on its way.
"""

from enum import Enum

from perpmaker.domain.orders import OrderStatus

PENDING_PLACE = OrderStatus.PENDING_PLACE
LIVE = OrderStatus.LIVE
PENDING_CANCEL = OrderStatus.PENDING_CANCEL
UNKNOWN = OrderStatus.UNKNOWN
FILLED = OrderStatus.FILLED
CANCELED = OrderStatus.CANCELED
REJECTED = OrderStatus.REJECTED


class Trigger(Enum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCEL_SENT = "cancel sent"
    CANCELED = "canceled"
    CANCEL_REJECTED = "cancel rejected"
    UNANSWERED = "unanswered"
    FILL = "fill"  # some of it
    LAST_FILL = "last fill"  # nothing remains

    __hash__ = object.__hash__  # as for OrderStatus: the table is looked into at every event


TRANSITIONS: dict[tuple[OrderStatus, Trigger], OrderStatus] = {
    (PENDING_PLACE, Trigger.ACCEPTED): LIVE,
    (PENDING_PLACE, Trigger.REJECTED): REJECTED,
    (PENDING_PLACE, Trigger.CANCEL_SENT): PENDING_CANCEL,
    (PENDING_PLACE, Trigger.CANCELED): CANCELED,
    (PENDING_PLACE, Trigger.CANCEL_REJECTED): UNKNOWN,
    (PENDING_PLACE, Trigger.UNANSWERED): UNKNOWN,
    (PENDING_PLACE, Trigger.FILL): LIVE,  # the fill overtook the acknowledgement
    (PENDING_PLACE, Trigger.LAST_FILL): FILLED,
    (LIVE, Trigger.ACCEPTED): LIVE,
    (LIVE, Trigger.REJECTED): REJECTED,
    (LIVE, Trigger.CANCEL_SENT): PENDING_CANCEL,
    (LIVE, Trigger.CANCELED): CANCELED,
    (LIVE, Trigger.CANCEL_REJECTED): UNKNOWN,
    (LIVE, Trigger.UNANSWERED): LIVE,  # the acknowledgement came another way
    (LIVE, Trigger.FILL): LIVE,
    (LIVE, Trigger.LAST_FILL): FILLED,
    (PENDING_CANCEL, Trigger.ACCEPTED): PENDING_CANCEL,
    (PENDING_CANCEL, Trigger.REJECTED): REJECTED,
    (PENDING_CANCEL, Trigger.CANCEL_SENT): PENDING_CANCEL,
    (PENDING_CANCEL, Trigger.CANCELED): CANCELED,
    (PENDING_CANCEL, Trigger.CANCEL_REJECTED): UNKNOWN,
    (PENDING_CANCEL, Trigger.UNANSWERED): UNKNOWN,
    (PENDING_CANCEL, Trigger.FILL): PENDING_CANCEL,
    (PENDING_CANCEL, Trigger.LAST_FILL): FILLED,
    (UNKNOWN, Trigger.ACCEPTED): LIVE,
    (UNKNOWN, Trigger.REJECTED): REJECTED,
    (UNKNOWN, Trigger.CANCEL_SENT): PENDING_CANCEL,
    (UNKNOWN, Trigger.CANCELED): CANCELED,
    (UNKNOWN, Trigger.CANCEL_REJECTED): UNKNOWN,
    (UNKNOWN, Trigger.UNANSWERED): UNKNOWN,
    (UNKNOWN, Trigger.FILL): UNKNOWN,
    (UNKNOWN, Trigger.LAST_FILL): FILLED,
    (CANCELED, Trigger.LAST_FILL): FILLED,
    (REJECTED, Trigger.FILL): UNKNOWN,  # the venue contradicts itself: believe the fill
    (REJECTED, Trigger.LAST_FILL): FILLED,
}
"""Pairs of a dead status that are not listed change nothing: late news of the dead."""

STATUS_AFTER: dict[tuple[OrderStatus, Trigger], OrderStatus] = {
    (status, trigger): TRANSITIONS.get((status, trigger), status) for status in OrderStatus for trigger in Trigger
}
"""The status after a trigger, for every pair: a dead order stays as it is unless the table says otherwise."""
