"""What to do about each error code of Backpack: one table, and what its sentence says.

Rules kept here:

1. Every code of the exchange's ``ApiErrorCode`` has a line. A code that is not there, or an answer without one (a
   proxy's page), is judged by its HTTP status, and a change is then only refused where the status says so.
2. INVALID_CLIENT_REQUEST is several things: the message tells an expired request and a wrong signature from the rest,
   and an order that is not there, for which a cancellation has no status of its own.
3. The exchange's own message is quoted; it holds no secret, and is redacted all the same.
"""

import re
from typing import Final, NamedTuple

import msgspec

from perpmaker.domain.orders import RejectReason
from perpmaker.venues.backpack.wire import ApiErrorBody, reader
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.redaction import redact
from perpmaker.venues.reject_words import reason_in_words

RETRY, REFUSE, UNKNOWN, STOP = Reaction.RETRY, Reaction.REFUSE, Reaction.UNKNOWN, Reaction.STOP

EXPIRED: Final = "REQUEST_EXPIRED"
"""Our word for an INVALID_CLIENT_REQUEST that is about time: the clock must be measured."""

NOT_FOUND: Final = "RESOURCE_NOT_FOUND"
TOO_MANY: Final = "TOO_MANY_REQUESTS"


class Rule(NamedTuple):
    query: Reaction
    change: Reaction
    what: str
    todo: str


_SEE: Final = "see its reason"
_LOOK: Final = "ask again; an order must be looked up first"
_MARGIN: Final = "deposit, or lower --quantity or --max-orders"
_KEYS: Final = "check the API key and its secret"

RULES: Final[dict[str, Rule]] = {
    "ACCOUNT_DEACTIVATED": Rule(STOP, STOP, "has deactivated this account", "ask the exchange's support why"),
    "ACCOUNT_LIQUIDATING": Rule(STOP, STOP, "is liquidating this account", "deposit, or close positions there"),
    "BORROW_LIMIT": Rule(REFUSE, REFUSE, "will not lend more", _MARGIN),
    "BORROW_REQUIRES_LEND_REDEEM": Rule(REFUSE, REFUSE, "wants lent funds back first", "redeem them there"),
    "FORBIDDEN": Rule(STOP, STOP, "does not allow this key to do that", "give the key the right to trade futures"),
    "INSUFFICIENT_FUNDS": Rule(REFUSE, REFUSE, "finds too little money for this", _MARGIN),
    "INSUFFICIENT_MARGIN": Rule(REFUSE, REFUSE, "finds too little margin for this", _MARGIN),
    "INSUFFICIENT_SUPPLY": Rule(REFUSE, REFUSE, "finds too little supply for this", _MARGIN),
    "INVALID_ASSET": Rule(REFUSE, REFUSE, "does not know this asset", "check --symbol"),
    "INVALID_CLIENT_REQUEST": Rule(REFUSE, REFUSE, "does not accept the request", _SEE),
    "INVALID_MARKET": Rule(REFUSE, REFUSE, "does not know this market", "check --symbol"),
    "INVALID_ORDER": Rule(REFUSE, REFUSE, "does not accept the order", _SEE),
    "INVALID_PRICE": Rule(REFUSE, REFUSE, "does not accept the price", _SEE),
    "INVALID_POSITION_ID": Rule(REFUSE, REFUSE, "does not know this position", _SEE),
    "INVALID_QUANTITY": Rule(REFUSE, REFUSE, "does not accept the quantity", "check --quantity"),
    "INVALID_RANGE": Rule(REFUSE, REFUSE, "does not accept a range in the request", _SEE),
    "INVALID_SIGNATURE": Rule(STOP, STOP, "does not accept the signature", _KEYS),
    "INVALID_SOURCE": Rule(REFUSE, REFUSE, "does not accept a source in the request", _SEE),
    "INVALID_SYMBOL": Rule(REFUSE, REFUSE, "does not know this symbol", "check --symbol"),
    "INVALID_TWO_FACTOR_CODE": Rule(STOP, STOP, "wants another two-factor code", "log in there"),
    "LEND_LIMIT": Rule(REFUSE, REFUSE, "will not borrow more", _SEE),
    "LEND_REQUIRES_BORROW_REPAY": Rule(REFUSE, REFUSE, "wants a loan back first", "repay it there"),
    "MAINTENANCE": Rule(RETRY, REFUSE, "is under maintenance", "wait until it is over"),
    "MAX_LEVERAGE_REACHED": Rule(REFUSE, REFUSE, "allows no more leverage", _MARGIN),
    "NOT_IMPLEMENTED": Rule(REFUSE, REFUSE, "has no such request", "report this as a bug"),
    "ORDER_LIMIT": Rule(REFUSE, REFUSE, "allows no more open orders", "lower --max-orders"),
    "POSITION_LIMIT": Rule(REFUSE, REFUSE, "allows no larger position", "lower --max-position"),
    "PRECONDITION_FAILED": Rule(RETRY, UNKNOWN, "was not ready for the request", _LOOK),
    NOT_FOUND: Rule(REFUSE, REFUSE, "does not hold what was asked for", "it has ended or never was"),
    "SERVER_ERROR": Rule(RETRY, UNKNOWN, "has failed", _LOOK),
    "TIMEOUT": Rule(RETRY, UNKNOWN, "did not finish in time", _LOOK),
    "TOO_EARLY": Rule(RETRY, REFUSE, "was not ready yet", "wait"),
    "TOO_MANY_REQUESTS": Rule(RETRY, REFUSE, "was asked too often", "wait; run fewer bots on this account"),
    "TRADING_PAUSED": Rule(RETRY, REFUSE, "has paused trading", "wait until it goes on"),
    "UNAUTHORIZED": Rule(STOP, STOP, "does not accept the keys", _KEYS),
    EXPIRED: Rule(RETRY, REFUSE, "does not accept the time of the request", "check the clock of this machine"),
}

_REASONS: Final = {
    "INSUFFICIENT_FUNDS": RejectReason.INSUFFICIENT_MARGIN,
    "INSUFFICIENT_MARGIN": RejectReason.INSUFFICIENT_MARGIN,
    "INSUFFICIENT_SUPPLY": RejectReason.INSUFFICIENT_MARGIN,
    "MAX_LEVERAGE_REACHED": RejectReason.INSUFFICIENT_MARGIN,
    "TOO_MANY_REQUESTS": RejectReason.RATE_LIMITED,
}
_OUT_OF_TIME: Final = re.compile(r"(?i)expired|timestamp|\bwindow\b")
_BAD_KEY: Final = re.compile(r"(?i)api key|unauthori[sz]ed")
_BAD_SIGNATURE: Final = re.compile(r"(?i)signature|verif")

_SEVERAL: Final = ("INVALID_CLIENT_REQUEST", "INVALID_ORDER")
_MEANT: Final = (
    (re.compile(r"(?i)order (was |is )?not found|order does not exist|unknown order"), NOT_FOUND),
    (_OUT_OF_TIME, EXPIRED),
    (_BAD_SIGNATURE, "INVALID_SIGNATURE"),
)

_OF_STATUS: Final = {
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: NOT_FOUND,
    429: "TOO_MANY_REQUESTS",
}
"""What a status means when no code came with it. 403 and 404 may then be a proxy's, and prove nothing."""

_BODY: Final = reader(ApiErrorBody)


def api_error(status: int, body: bytes, *, is_change: bool) -> VenueError:
    """The error of an answer whose HTTP status is not 200.

    Args:
        status: HTTP status.
        body: what came with it.
        is_change: the request was to change something (an order).
    """
    try:
        told: ApiErrorBody = _BODY.decode(body)
    except msgspec.DecodeError:
        return _by_status(status, is_change=is_change)
    return told_error(told.code, told.message, is_change=is_change)


def told_error(code: str, message: str, *, is_change: bool) -> VenueError:
    """The error that an ``ApiErrorResponse`` tells."""
    if code in _SEVERAL:
        code = next((meant for words, meant in _MEANT if words.search(message)), code)
    rule = RULES.get(code)
    said = redact(message).strip().rstrip(".")[:200]
    if rule is None:
        reaction = UNKNOWN if is_change else RETRY
        return VenueError(f'Backpack answered {code} ("{said}"), which is new to this program: {_LOOK}', reaction, code)
    reaction = rule.change if is_change else rule.query
    return VenueError(f'Backpack {rule.what} ("{said}"): {rule.todo}', reaction, code)


def told_stream_error(code: int, message: str) -> VenueError:
    """The error that a websocket tells in answer to a subscription."""
    if _OUT_OF_TIME.search(message) or _BAD_SIGNATURE.search(message):
        return told_error("INVALID_CLIENT_REQUEST", message, is_change=False)
    if _BAD_KEY.search(message):
        return told_error("UNAUTHORIZED", message, is_change=False)
    said = redact(message).strip().rstrip(".")[:200]
    return VenueError(f'Backpack refused a stream ("{said}"): check --symbol and the keys', RETRY, f"WS{code}")


def unreadable(what: str, error: Exception, *, is_change: bool) -> VenueError:
    """An answer or a message that is not what the documents say."""
    reason = str(error).split("\n")[0]
    return VenueError(
        f"Backpack sent {what} that cannot be read ({redact(reason)}): check whether its interface has changed",
        UNKNOWN if is_change else RETRY,
        "Unreadable",
    )


def reject_reason(code: str, message: str) -> RejectReason:
    """Why an order was refused."""
    if code in _REASONS:
        return _REASONS[code]
    return reason_in_words(message)


def _by_status(status: int, *, is_change: bool) -> VenueError:
    code = _OF_STATUS.get(status)
    if code is None or (is_change and status in (403, 404)):
        return VenueError(
            f"Backpack answered with HTTP {status} and no reason: {_LOOK}",
            UNKNOWN if is_change else RETRY,
            f"HTTP{status}",
        )
    rule = RULES[code]
    # Without the venue's own words a 404 is a wrong address and no proof that something does not exist.
    told = f"HTTP{status}" if status == 404 else code
    return VenueError(
        f"Backpack {rule.what} (HTTP {status}): {rule.todo}", rule.change if is_change else rule.query, told
    )
