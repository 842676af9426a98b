"""The vocabulary of orders: a side is a sign, and open means that it could still fill."""

from enum import Enum

import pytest

from perpmaker.domain.commands import ANY_PRICE, FAR_FUTURE_NS, NoticeKind
from perpmaker.domain.errors import (
    InvalidSettingError,
    JournalError,
    PerpmakerError,
    RecordingError,
    UnknownNameError,
    UserError,
)
from perpmaker.domain.events import EndReason
from perpmaker.domain.orders import CancelReason, OrderKind, OrderStatus, RejectReason, Side
from perpmaker.domain.reasons import NotResting
from perpmaker.domain.reference import ReferencePrice


def test_a_side_is_the_sign_that_its_fill_adds_to_the_position() -> None:
    assert (Side.BUY, Side.SELL) == (1, -1)


@pytest.mark.parametrize("side", Side)
def test_the_opposite_of_the_opposite_is_the_side_itself(side: Side) -> None:
    assert side.opposite is not side
    assert side.opposite.opposite is side


def test_an_order_is_open_until_the_venue_has_proved_its_end() -> None:
    assert {status for status in OrderStatus if status.is_open} == {
        OrderStatus.PENDING_PLACE,
        OrderStatus.LIVE,
        OrderStatus.PENDING_CANCEL,
        OrderStatus.UNKNOWN,
    }


@pytest.mark.parametrize(
    "kind", [CancelReason, EndReason, NotResting, NoticeKind, OrderKind, ReferencePrice, RejectReason]
)
def test_no_two_names_of_a_vocabulary_share_a_value(kind: type[Enum]) -> None:
    assert len(list(kind)) == len(kind.__members__), "one value with two names is an alias, not a second reason"


def test_the_bounds_that_nothing_reaches_leave_room_in_an_int64() -> None:
    for bound in (ANY_PRICE, FAR_FUTURE_NS):
        assert bound + 10**18 < 2**63


@pytest.mark.parametrize("error", [InvalidSettingError, UnknownNameError, RecordingError, JournalError])
def test_what_the_user_can_put_right_is_a_user_error(error: type[Exception]) -> None:
    assert issubclass(error, UserError)
    assert issubclass(UserError, PerpmakerError)
