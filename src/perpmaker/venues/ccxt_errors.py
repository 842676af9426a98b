"""What to do about each error of ccxt: one table.

Rules kept here:

1. Every class of `ccxt.base.errors` has a line of its own; a class that ccxt adds makes a test fail. An exchange's own
   subclass is read as its nearest ancestor with a line.
2. A question and a change differ. A network error after a question costs nothing: RETRY. After a change it proves
   nothing: UNKNOWN. Only an answer that says no is REFUSE, and it is proof that nothing was done.
3. An error of the clock (InvalidNonce) is a refusal, and its reader measures the clock before the next request.
4. Some exchanges' errors arrive under the wrong class (`_REREAD`): they are read anew before the table is asked.
5. Messages are one sentence that says what to do. Of the venue's words only its message is quoted: addresses, headers,
   signatures and keys never are.
"""

import re
from typing import Final, NamedTuple

from ccxt.base import errors as ccxt

from perpmaker.domain.orders import RejectReason
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.network_errors import is_network_error, network_error
from perpmaker.venues.redaction import redact
from perpmaker.venues.reject_words import reason_in_words

RETRY, REFUSE, UNKNOWN, STOP = Reaction.RETRY, Reaction.REFUSE, Reaction.UNKNOWN, Reaction.STOP


class Rule(NamedTuple):
    """How to react to a class of errors, and what its sentence says."""

    query: Reaction
    change: Reaction
    what: str
    todo: str


_NO_PROOF: Final = "ask again; an order must be looked up first"

RULES: Final[dict[type[Exception], Rule]] = {
    ccxt.BaseError: Rule(RETRY, UNKNOWN, "failed in a way that ccxt does not name", _NO_PROOF),
    # --- what the exchange answered ---
    ccxt.ExchangeError: Rule(REFUSE, UNKNOWN, "answered with an error that ccxt does not name", _NO_PROOF),
    ccxt.AuthenticationError: Rule(STOP, STOP, "does not accept the keys", "check the API key and its secret"),
    ccxt.PermissionDenied: Rule(
        STOP, STOP, "does not allow this key to do that", "give the key the right to trade futures, at the exchange"
    ),
    ccxt.AccountNotEnabled: Rule(
        STOP, STOP, "has not enabled futures for this account", "enable them at the exchange first"
    ),
    ccxt.AccountSuspended: Rule(STOP, STOP, "has suspended this account", "ask the exchange's support why"),
    ccxt.ArgumentsRequired: Rule(REFUSE, REFUSE, "needs more than it was given", "report this as a bug"),
    ccxt.BadRequest: Rule(REFUSE, REFUSE, "does not accept the request", "see its reason"),
    ccxt.BadSymbol: Rule(REFUSE, REFUSE, "does not know this symbol", "check --symbol"),
    ccxt.OperationRejected: Rule(REFUSE, REFUSE, "refused the request", "see its reason"),
    ccxt.NoChange: Rule(REFUSE, REFUSE, "says that there is nothing to change", "go on"),
    ccxt.MarginModeAlreadySet: Rule(REFUSE, REFUSE, "says that the margin mode is set already", "go on"),
    ccxt.MarketClosed: Rule(STOP, STOP, "has closed this market", "wait until it opens, or trade another"),
    ccxt.ManualInteractionNeeded: Rule(STOP, STOP, "wants something confirmed by hand", "log in there and confirm it"),
    ccxt.RestrictedLocation: Rule(STOP, STOP, "does not serve this location", "trade where it may be used"),
    ccxt.InsufficientFunds: Rule(
        REFUSE, REFUSE, "finds too little margin for this", "deposit, or lower --quantity or --max-orders"
    ),
    ccxt.InvalidAddress: Rule(STOP, STOP, "does not accept the address of the wallet", "check the wallet address"),
    ccxt.AddressPending: Rule(STOP, STOP, "is still preparing the address of the wallet", "wait, then start again"),
    ccxt.InvalidOrder: Rule(REFUSE, REFUSE, "does not accept the order", "see its reason"),
    ccxt.OrderNotFound: Rule(REFUSE, REFUSE, "does not hold this order", "it is filled, cancelled or never was"),
    ccxt.OrderNotCached: Rule(RETRY, UNKNOWN, "has not told ccxt of this order", "ask the exchange itself"),
    ccxt.OrderImmediatelyFillable: Rule(REFUSE, REFUSE, "refused a post-only order that would cross", "quote anew"),
    ccxt.OrderNotFillable: Rule(REFUSE, REFUSE, "could not fill the order at once", "try again at another price"),
    ccxt.DuplicateOrderId: Rule(
        REFUSE, UNKNOWN, "has an order with this client id already", "the earlier request may have worked: look it up"
    ),
    ccxt.ContractUnavailable: Rule(STOP, STOP, "does not trade this contract now", "trade another market"),
    ccxt.NotSupported: Rule(REFUSE, REFUSE, "has no such request in ccxt", "use another exchange, or report this"),
    ccxt.InvalidProxySettings: Rule(STOP, STOP, "cannot be reached through this proxy", "mend the proxy settings"),
    ccxt.ExchangeClosedByUser: Rule(REFUSE, REFUSE, "was closed by this program", "start again"),
    # --- what went wrong on the way ---
    ccxt.OperationFailed: Rule(RETRY, UNKNOWN, "could not carry out the request", _NO_PROOF),
    ccxt.NetworkError: Rule(RETRY, UNKNOWN, "was cut off by the network", _NO_PROOF),
    ccxt.DDoSProtection: Rule(RETRY, UNKNOWN, "takes this program for an attack", "ask less often"),
    ccxt.RateLimitExceeded: Rule(RETRY, REFUSE, "was asked too often", "wait; run fewer bots on this account"),
    ccxt.ExchangeNotAvailable: Rule(RETRY, UNKNOWN, "is not available", _NO_PROOF),
    ccxt.OnMaintenance: Rule(RETRY, REFUSE, "is under maintenance", "wait until it is over"),
    ccxt.InvalidNonce: Rule(
        REFUSE, REFUSE, "does not accept the time of the request", "check that the clock of this machine is right"
    ),
    ccxt.ChecksumError: Rule(RETRY, UNKNOWN, "sent a book whose checksum is wrong", "take the book anew"),
    ccxt.RequestTimeout: Rule(RETRY, UNKNOWN, "did not answer in time", _NO_PROOF),
    ccxt.BadResponse: Rule(RETRY, UNKNOWN, "answered with what cannot be read", _NO_PROOF),
    ccxt.NullResponse: Rule(RETRY, UNKNOWN, "answered with nothing", _NO_PROOF),
    ccxt.CancelPending: Rule(RETRY, UNKNOWN, "is still cancelling this order", "ask again"),
    ccxt.UnsubscribeError: Rule(RETRY, UNKNOWN, "ended a stream", "subscribe again"),
}

_REREAD: Final[tuple[tuple[re.Pattern[str], type[Exception]], ...]] = (
    (re.compile(r'"RESOURCE_NOT_FOUND"'), ccxt.OrderNotFound),  # Backpack's 404, in ccxt an ExchangeNotAvailable
    (re.compile(r'"MAINTENANCE"'), ccxt.OnMaintenance),
    (re.compile(r'"TRADING_PAUSED"'), ccxt.MarketClosed),
    (re.compile(r'"(FORBIDDEN|ACCOUNT_DEACTIVATED)"'), ccxt.PermissionDenied),
    (re.compile(r"(?i)request (has )?expired|invalid timestamp|timestamp for this request"), ccxt.InvalidNonce),
    (re.compile(r"(?i)(unknown|invalid) api.?key|invalid signature"), ccxt.AuthenticationError),
    (re.compile(r"(?i)would immediately (match|trigger)|post.?only"), ccxt.OrderImmediatelyFillable),
    (re.compile(r"(?i)order not found|order does ?n.t exist|unknown order"), ccxt.OrderNotFound),
)
"""Words of a message, and the class that it should have had. Only errors that are an answer are read anew."""

_REASONS: Final[tuple[tuple[type[Exception], RejectReason], ...]] = (
    (ccxt.OrderImmediatelyFillable, RejectReason.POST_ONLY_WOULD_CROSS),
    (ccxt.InsufficientFunds, RejectReason.INSUFFICIENT_MARGIN),
    (ccxt.OrderNotFillable, RejectReason.NO_MARKET),
    (ccxt.RateLimitExceeded, RejectReason.RATE_LIMITED),
)

_ADDRESS: Final = re.compile(r"\b\w+://\S+")
_SAID: Final = re.compile(r'"(?:message|msg|retMsg|error|sMsg|errmsg)"\s*:\s*"([^"]{1,200})"')
_SILENT: Final = (ccxt.NetworkError, ccxt.UnsubscribeError, ccxt.InvalidProxySettings)


def class_of(error: Exception) -> type[Exception]:
    """The class of ccxt under which an error is understood."""
    text = str(error)
    for pattern, wanted in _REREAD:
        if pattern.search(text):
            return wanted
    return next((kind for kind in type(error).__mro__ if kind in RULES), ccxt.BaseError)


def venue_error(exchange: str, error: Exception, *, is_change: bool) -> VenueError:
    """An error of ccxt, or of the network below it, as a `VenueError`.

    Args:
        exchange: the exchange's name, for the sentence.
        error: what ccxt raised.
        is_change: the request was to change something (an order).
    """
    if isinstance(error, VenueError):
        return error
    below = error if is_network_error(error) else error.__cause__
    if below is not None and is_network_error(below):
        return network_error(exchange, below, is_change=is_change)
    kind = class_of(error)
    rule = RULES[kind]
    said = said_by_venue(error)
    quoted = f' ("{said}")' if said and not issubclass(kind, _SILENT) else ""
    reaction = rule.change if is_change else rule.query
    return VenueError(f"{exchange} {rule.what}{quoted}: {rule.todo}", reaction, kind.__name__)


def wants_clock(error: VenueError) -> bool:
    """Whether the clock should be measured before anything else is sent."""
    return error.code == "InvalidNonce"


def is_not_found(error: VenueError) -> bool:
    """Whether the venue said that it does not hold the order (or the position) that was asked for."""
    return error.code == "OrderNotFound"


def reject_reason(error: VenueError) -> RejectReason:
    """Why an order was refused, for an error whose reaction is REFUSE or STOP."""
    for kind, reason in _REASONS:
        if error.code == kind.__name__:
            return reason
    return reason_in_words(str(error))


def said_by_venue(error: Exception) -> str:
    """The venue's own message out of an error of ccxt, without anything that may be a secret; often nothing."""
    found = _SAID.search(str(error))
    return "" if found is None else redact(_ADDRESS.sub("***", found.group(1))).strip().rstrip(".")
