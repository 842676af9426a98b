"""Every move of an order, written down once more and independently of the table that makes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.orders import OrderStatus
from perpmaker.execution.transitions import STATUS_AFTER, TRANSITIONS, Trigger

# One row a status; the columns follow this order.
COLUMNS = ("accepted", "rejected", "cancel sent", "canceled", "cancel rejected", "unanswered", "fill", "last fill")
ROWS = {
    "pending_place": "live rejected pending_cancel canceled unknown unknown live filled",
    "live": "live rejected pending_cancel canceled unknown live live filled",
    "pending_cancel": "pending_cancel rejected pending_cancel canceled unknown unknown pending_cancel filled",
    "unknown": "live rejected pending_cancel canceled unknown unknown unknown filled",
    "filled": "filled filled filled filled filled filled filled filled",
    "canceled": "canceled canceled canceled canceled canceled canceled canceled filled",
    "rejected": "rejected rejected rejected rejected rejected rejected unknown filled",
}
MOVES = [
    (OrderStatus(status), Trigger(trigger), OrderStatus(after))
    for status, row in ROWS.items()
    for trigger, after in zip(COLUMNS, row.split(), strict=True)
]
DEAD = [status for status in OrderStatus if not status.is_open]


@pytest.mark.parametrize(("status", "trigger", "after"), MOVES, ids=lambda value: value.name.lower())
def test_move(status: OrderStatus, trigger: Trigger, after: OrderStatus) -> None:
    assert STATUS_AFTER[status, trigger] is after


def test_every_pair_of_status_and_trigger_is_specified_above() -> None:
    assert {(status, trigger) for status, trigger, _ in MOVES} == {(s, t) for s in OrderStatus for t in Trigger}


def test_every_pair_of_an_open_status_stands_in_the_table() -> None:
    open_pairs = {(status, trigger) for status in OrderStatus if status.is_open for trigger in Trigger}
    assert open_pairs <= set(TRANSITIONS)


@pytest.mark.parametrize("status", DEAD)
@pytest.mark.parametrize("trigger", [t for t in Trigger if t not in (Trigger.FILL, Trigger.LAST_FILL)])
def test_only_a_fill_can_move_a_dead_order(status: OrderStatus, trigger: Trigger) -> None:
    assert STATUS_AFTER[status, trigger] is status


@given(st.lists(st.sampled_from([Trigger.CANCEL_SENT, Trigger.UNANSWERED, Trigger.ACCEPTED, Trigger.CANCEL_REJECTED])))
def test_without_proof_from_the_venue_no_order_ever_ends(triggers: list[Trigger]) -> None:
    status = OrderStatus.PENDING_PLACE
    for trigger in triggers:
        status = STATUS_AFTER[status, trigger]
    assert status.is_open


@given(st.lists(st.sampled_from(Trigger)), st.sampled_from([Trigger.CANCELED, Trigger.LAST_FILL]))
def test_the_last_fill_and_a_cancellation_end_an_order_whatever_was_told_before(
    triggers: list[Trigger], proof: Trigger
) -> None:
    status = OrderStatus.PENDING_PLACE
    for trigger in [*triggers, proof]:
        status = STATUS_AFTER[status, trigger]
    assert not status.is_open
