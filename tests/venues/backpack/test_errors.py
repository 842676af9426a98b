"""Every error code of Backpack has a reaction, and its sentence says what to do."""

import json

import pytest

from perpmaker.domain.orders import RejectReason
from perpmaker.venues.backpack.errors import (
    EXPIRED,
    NOT_FOUND,
    RULES,
    api_error,
    reject_reason,
    told_error,
    told_stream_error,
)
from perpmaker.venues.errors import Reaction

# ApiErrorCode of the exchange's OpenAPI document.
CODES = [
    "ACCOUNT_DEACTIVATED",
    "ACCOUNT_LIQUIDATING",
    "BORROW_LIMIT",
    "BORROW_REQUIRES_LEND_REDEEM",
    "FORBIDDEN",
    "INSUFFICIENT_FUNDS",
    "INSUFFICIENT_MARGIN",
    "INSUFFICIENT_SUPPLY",
    "INVALID_ASSET",
    "INVALID_CLIENT_REQUEST",
    "INVALID_MARKET",
    "INVALID_ORDER",
    "INVALID_PRICE",
    "INVALID_POSITION_ID",
    "INVALID_QUANTITY",
    "INVALID_RANGE",
    "INVALID_SIGNATURE",
    "INVALID_SOURCE",
    "INVALID_SYMBOL",
    "INVALID_TWO_FACTOR_CODE",
    "LEND_LIMIT",
    "LEND_REQUIRES_BORROW_REPAY",
    "MAINTENANCE",
    "MAX_LEVERAGE_REACHED",
    "NOT_IMPLEMENTED",
    "ORDER_LIMIT",
    "POSITION_LIMIT",
    "PRECONDITION_FAILED",
    "RESOURCE_NOT_FOUND",
    "SERVER_ERROR",
    "TIMEOUT",
    "TOO_EARLY",
    "TOO_MANY_REQUESTS",
    "TRADING_PAUSED",
    "UNAUTHORIZED",
]


def answered(code: str, message: str = "reason", status: int = 400, *, is_change: bool = False):
    return api_error(status, json.dumps({"code": code, "message": message}).encode(), is_change=is_change)


def test_every_code_is_mapped_and_one_of_our_own():
    assert set(RULES) == {*CODES, EXPIRED}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("is_change", [False, True])
def test_each_message_is_one_sentence_with_the_venues_reason_and_what_to_do(code, is_change):
    error = answered(code, "The reason.", is_change=is_change)
    assert str(error).startswith("Backpack ")
    assert '("The reason"): ' in str(error)
    assert error.code == code


@pytest.mark.parametrize("code", CODES)
def test_a_question_is_never_unknown(code):
    assert RULES[code].query is not Reaction.UNKNOWN


@pytest.mark.parametrize("code", ["SERVER_ERROR", "TIMEOUT", "PRECONDITION_FAILED", "A_CODE_OF_TOMORROW"])
def test_what_proves_nothing_leaves_a_change_unknown(code):
    assert answered(code, is_change=True).reaction is Reaction.UNKNOWN
    assert answered(code, is_change=False).reaction is Reaction.RETRY


@pytest.mark.parametrize("code", ["UNAUTHORIZED", "FORBIDDEN", "INVALID_SIGNATURE", "ACCOUNT_DEACTIVATED"])
@pytest.mark.parametrize("is_change", [False, True])
def test_what_only_a_person_can_mend_stops(code, is_change):
    assert answered(code, is_change=is_change).reaction is Reaction.STOP


@pytest.mark.parametrize(
    ("message", "code", "reaction"),
    [
        ("Request has expired", EXPIRED, Reaction.REFUSE),
        ("Invalid timestamp", EXPIRED, Reaction.REFUSE),
        ("Invalid signature", "INVALID_SIGNATURE", Reaction.STOP),
        ("Order not found", NOT_FOUND, Reaction.REFUSE),
        ("Price has too many decimals", "INVALID_CLIENT_REQUEST", Reaction.REFUSE),
    ],
)
def test_an_invalid_client_request_is_told_apart_by_its_message(message, code, reaction):
    error = answered("INVALID_CLIENT_REQUEST", message, is_change=True)
    assert (error.code, error.reaction) == (code, reaction)


@pytest.mark.parametrize(
    ("status", "query", "change"),
    [
        (500, Reaction.RETRY, Reaction.UNKNOWN),
        (502, Reaction.RETRY, Reaction.UNKNOWN),
        (504, Reaction.RETRY, Reaction.UNKNOWN),
        (429, Reaction.RETRY, Reaction.REFUSE),
        (401, Reaction.STOP, Reaction.STOP),
        (403, Reaction.STOP, Reaction.UNKNOWN),  # may be a proxy's
        (418, Reaction.RETRY, Reaction.UNKNOWN),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b"{}", b"[1"])
def test_an_answer_without_a_code_is_judged_by_its_status(status, query, change, body):
    assert api_error(status, body, is_change=False).reaction is query
    assert api_error(status, body, is_change=True).reaction is change


def test_a_404_without_a_code_is_no_proof_that_something_is_not_there():
    assert api_error(404, b"Not Found", is_change=False).code != NOT_FOUND
    assert answered(NOT_FOUND, status=404).code == NOT_FOUND


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        ("INVALID_ORDER", "Order would immediately match and take", RejectReason.POST_ONLY_WOULD_CROSS),
        ("INVALID_ORDER", "Reduce only order not reduced", RejectReason.REDUCE_ONLY_WOULD_INCREASE),
        ("INSUFFICIENT_MARGIN", "Insufficient margin", RejectReason.INSUFFICIENT_MARGIN),
        ("MAX_LEVERAGE_REACHED", "Max leverage reached", RejectReason.INSUFFICIENT_MARGIN),
        ("INVALID_QUANTITY", "Quantity is below the minimum quantity", RejectReason.BELOW_MINIMUM),
        ("TOO_MANY_REQUESTS", "Too many requests", RejectReason.RATE_LIMITED),
        ("INVALID_PRICE", "Price is too far from the mean mark price", RejectReason.OTHER),
    ],
)
def test_why_an_order_was_refused(code, message, reason):
    assert reject_reason(code, message) is reason


@pytest.mark.parametrize(
    ("message", "reaction"),
    [
        ("Invalid signature", Reaction.STOP),
        ("Unknown API key", Reaction.STOP),
        ("Request has expired", Reaction.RETRY),
        ("Invalid stream", Reaction.RETRY),
    ],
)
def test_the_errors_of_a_subscription(message, reaction):
    assert told_stream_error(4006, message).reaction is reaction


def test_a_long_reason_is_cut():
    assert len(str(told_error("INVALID_ORDER", "x" * 5000, is_change=True))) < 400
