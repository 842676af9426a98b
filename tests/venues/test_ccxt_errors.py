"""Every error of ccxt has a reaction, and its sentence says what to do."""

import inspect
import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from ccxt.base import errors as ccxt

from perpmaker.domain.orders import RejectReason
from perpmaker.venues.ccxt_errors import (
    RULES,
    class_of,
    is_not_found,
    reject_reason,
    said_by_venue,
    venue_error,
    wants_clock,
)
from perpmaker.venues.errors import Reaction
from perpmaker.venues.network_errors import NOT_SENT, network_error

KEY = ConnectionKey("api.example.com", 443, True, True, None, None, None)


def everything_that_ccxt_can_raise() -> set[type[Exception]]:
    named = {
        value
        for _, value in inspect.getmembers(ccxt, inspect.isclass)
        if issubclass(value, Exception) and value.__module__ == ccxt.__name__
    }
    in_tree: set[type[Exception]] = set()
    branches = [ccxt.error_hierarchy]
    while branches:
        for name, branch in branches.pop().items():
            in_tree.add(getattr(ccxt, name))
            branches.append(branch)
    return named | in_tree


def test_every_class_of_ccxt_is_mapped_and_nothing_else():
    assert set(RULES) == everything_that_ccxt_can_raise()


@pytest.mark.parametrize("kind", sorted(RULES, key=lambda kind: kind.__name__))
@pytest.mark.parametrize("is_change", [False, True])
def test_each_message_is_one_sentence_that_says_what_to_do(kind, is_change):
    error = venue_error("someexchange", kind("x"), is_change=is_change)
    assert str(error).startswith("someexchange ")
    assert ": " in str(error)
    assert "\n" not in str(error)
    assert error.code == kind.__name__


@pytest.mark.parametrize("kind", sorted(RULES, key=lambda kind: kind.__name__))
def test_a_question_is_never_unknown(kind):
    assert RULES[kind].query is not Reaction.UNKNOWN


@pytest.mark.parametrize(
    "kind",
    [ccxt.NetworkError, ccxt.RequestTimeout, ccxt.ExchangeNotAvailable, ccxt.BadResponse, ccxt.OperationFailed],
)
def test_silence_is_no_refusal_of_an_order(kind):
    assert venue_error("x", kind("x"), is_change=False).reaction is Reaction.RETRY
    assert venue_error("x", kind("x"), is_change=True).reaction is Reaction.UNKNOWN


@pytest.mark.parametrize("is_change", [False, True])
def test_an_error_of_the_clock_is_a_refusal_that_calls_for_a_measurement(is_change):
    error = venue_error("x", ccxt.InvalidNonce("recvWindow"), is_change=is_change)
    assert error.reaction is Reaction.REFUSE
    assert wants_clock(error)


@pytest.mark.parametrize("kind", [ccxt.AuthenticationError, ccxt.PermissionDenied, ccxt.AccountSuspended])
@pytest.mark.parametrize("is_change", [False, True])
def test_what_only_a_person_can_mend_stops(kind, is_change):
    assert venue_error("x", kind("x"), is_change=is_change).reaction is Reaction.STOP


def test_backpacks_not_found_is_understood_although_ccxt_calls_it_not_available():
    error = ccxt.ExchangeNotAvailable('backpack {"code":"RESOURCE_NOT_FOUND","message":"Order not found"}')
    read = venue_error("backpack", error, is_change=False)
    assert class_of(error) is ccxt.OrderNotFound
    assert read.reaction is Reaction.REFUSE
    assert is_not_found(read)


@pytest.mark.parametrize(
    ("raised", "wanted"),
    [
        (ccxt.ExchangeError('backpack {"code":"MAINTENANCE","message":"Under maintenance"}'), ccxt.OnMaintenance),
        (ccxt.OperationRejected('backpack {"code":"FORBIDDEN","message":"Forbidden"}'), ccxt.PermissionDenied),
        (
            ccxt.BadRequest('backpack {"code":"INVALID_CLIENT_REQUEST","message":"Request has expired"}'),
            ccxt.InvalidNonce,
        ),
        (ccxt.ExchangeError("backpack Unknown API key"), ccxt.AuthenticationError),
        (
            ccxt.InvalidOrder('backpack {"code":"INVALID_ORDER","message":"Order would immediately match and take"}'),
            ccxt.OrderImmediatelyFillable,
        ),
    ],
)
def test_errors_under_the_wrong_class_are_read_anew(raised, wanted):
    assert class_of(raised) is wanted


def test_an_exchanges_own_class_is_read_as_its_ancestor():
    class OnlyHere(ccxt.RateLimitExceeded):
        pass

    assert class_of(OnlyHere("x")) is ccxt.RateLimitExceeded


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (ccxt.OrderImmediatelyFillable("x"), RejectReason.POST_ONLY_WOULD_CROSS),
        (ccxt.InsufficientFunds("x"), RejectReason.INSUFFICIENT_MARGIN),
        (ccxt.RateLimitExceeded("x"), RejectReason.RATE_LIMITED),
        (ccxt.InvalidOrder('x {"message":"Reduce only order not reduced"}'), RejectReason.REDUCE_ONLY_WOULD_INCREASE),
        (ccxt.InvalidOrder('x {"msg":"Quantity is below the minimum"}'), RejectReason.BELOW_MINIMUM),
        (ccxt.InvalidOrder('x {"msg":"no"}'), RejectReason.OTHER),
    ],
)
def test_why_an_order_was_refused(raised, reason):
    assert reject_reason(venue_error("x", raised, is_change=True)) is reason


def test_no_address_and_no_signature_is_shown():
    raised = ccxt.RequestTimeout("binanceusdm GET https://fapi.example.com/x?timestamp=1&signature=MARKEDSIGNATURE")
    assert "MARKED" not in str(venue_error("binanceusdm", raised, is_change=False))
    quoted = ccxt.BadRequest('x {"msg":"bad https://host/path?signature=MARKED."}')
    assert said_by_venue(quoted) == "bad ***"


# --- the network below ---


def the(error: Exception, below: BaseException) -> Exception:
    error.__cause__ = below
    return error


def lapsed() -> aiohttp.ClientConnectorCertificateError:
    reason = ssl.SSLCertVerificationError(1, "certificate verify failed")
    reason.verify_message = "certificate has expired"
    return aiohttp.ClientConnectorCertificateError(KEY, reason)


@pytest.mark.parametrize("is_change", [False, True])
def test_a_lapsed_certificate_stops_and_says_why(is_change):
    error = venue_error("x", the(ccxt.ExchangeNotAvailable("x GET https://x"), lapsed()), is_change=is_change)
    assert error.reaction is Reaction.STOP
    assert "certificate has expired" in str(error)


@pytest.mark.parametrize("is_change", [False, True])
def test_a_host_that_cannot_be_reached_did_not_get_the_request(is_change):
    below = aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(111, "Connect call failed"))
    error = network_error("api.example.com", below, is_change=is_change)
    assert error.reaction is Reaction.RETRY
    assert error.code == NOT_SENT
    assert "cannot be reached" in str(error)
    assert "check the address" in str(error)


def test_an_unknown_host_is_named():
    below = aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "Name or service not known"))
    assert "api.example.com cannot be found" in str(network_error("api.example.com", below, is_change=False))


@pytest.mark.parametrize(
    "below", [aiohttp.ServerDisconnectedError(), aiohttp.ClientOSError(104, "reset"), TimeoutError()]
)
def test_a_connection_that_broke_leaves_an_order_unknown(below):
    assert network_error("h", below, is_change=True).reaction is Reaction.UNKNOWN
    assert network_error("h", below, is_change=False).reaction is Reaction.RETRY
