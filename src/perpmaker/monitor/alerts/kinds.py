"""The table of everything that is told as an alert: how grave it is, what causes it, and how often it may come.

Rules kept here:

1. Every notice of the maker and every kind of remark from the wires is either told as one of these kinds or named as
   not told: there is no third way, and a test compares both lists with the source.
2. What each kind may be held back by is written here; `perpmaker.monitor.alerts.desk` only carries it out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from perpmaker.domain.commands import NoticeKind
from perpmaker.domain.events import EndReason

MINUTE_NS: Final = 60 * 10**9

LOOP_SIGNS: Final = 5
LOOP_NS: Final = 5 * MINUTE_NS
"""So many losses of sight and attempts to open the streams anew, within this time, are a loop."""


class Severity(StrEnum):
    """As in the run's log: see `perpmaker.monitor.view.Item`."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertKind:
    """One kind of alert.

    Attributes:
        name: as it is told, and as it stands in docs/alerts.md.
        severity: how grave.
        cause: what brings it about, a clause.
        pause_ns: the least time between two of one market; what comes sooner is counted and told with the next.
        holds_same_only: in its pause only what says the same is held back: every one of them says something of its own.
        is_digest: several occurrences are summed up in one message.
        is_shared: all markets of a process are one here: their common account is meant.
        is_last: the run's last word, which nothing holds back.
    """

    name: str
    severity: Severity
    cause: str
    pause_ns: int
    holds_same_only: bool = False
    is_digest: bool = False
    is_shared: bool = False
    is_last: bool = False


def _info(name: str, cause: str, minutes: int) -> AlertKind:
    return AlertKind(name=name, severity=Severity.INFO, cause=cause, pause_ns=minutes * MINUTE_NS)


def _warning(name: str, cause: str, minutes: int) -> AlertKind:
    return AlertKind(name=name, severity=Severity.WARNING, cause=cause, pause_ns=minutes * MINUTE_NS)


def _error(name: str, cause: str) -> AlertKind:
    return AlertKind(name=name, severity=Severity.ERROR, cause=cause, pause_ns=MINUTE_NS, holds_same_only=True)


FILLS: Final = AlertKind(
    name="fills",
    severity=Severity.INFO,
    cause="orders were executed; all of five minutes in one message, for all markets of a fleet together",
    pause_ns=5 * MINUTE_NS,
    is_digest=True,
    is_shared=True,
)
STOP: Final = _warning("stop loss", "the stop loss acts: quotes are cancelled, the position is closed", 1)
TAKE: Final = _info("take profit", "the take profit acts: quotes are cancelled, the position is closed", 1)
CLOSED: Final = _info("position closed", "the position is flat after a stop, a take, a limit to the loss or a wish", 1)
DRAWDOWN: Final = _error("maximum drawdown", "equity fell too far below its highest: the run closes and ends")
LOSS: Final = _error("maximum loss", "the run lost what it may lose: it closes and ends")
LIQUIDATED: Final = _error("liquidated", "the exchange closed the position, its margin was gone: the run ends")
HALT: Final = _error("halt", "the run begins to end, and neither its duration, its data nor a signal is the reason")
ANOMALY: Final = _warning("anomaly", "something happened that the maker does not expect", 5)
BUDGET: Final = AlertKind(
    name="budget",
    severity=Severity.WARNING,
    cause="a budget over all markets is used up, or free again",
    pause_ns=5 * MINUTE_NS,
    holds_same_only=True,
    is_shared=True,
)
STALE: Final = _warning("stale book", "the book is too old to be quoted on: quotes are pulled, streams opened anew", 10)
BACK: Final = _info("book back", "the book that was told as stale is alive again: quoting goes on", 10)
LOOP: Final = _warning(
    "reconnect loop",
    f"sight was lost or streams were opened anew {LOOP_SIGNS} times within {LOOP_NS // MINUTE_NS} minutes",
    15,
)
RECONCILIATION: Final = _warning("reconciliation", "our books differed from the exchange's, and were corrected", 5)
FOREIGN: Final = _warning("foreign orders", "somebody else trades on this market with this account", 60)
VENUE: Final = _error("venue", "the exchange refused in a way that only a person can mend")
CONTROL: Final = AlertKind(
    name="control",
    severity=Severity.INFO,
    cause="somebody changes the run from the dashboard: who, what, and what became of it",
    pause_ns=MINUTE_NS,
    holds_same_only=True,
)
RECORDING: Final = _warning("recording", "the market cannot be recorded any more; the run goes on", 60)
WATCHDOG: Final = _error("watchdog", "a watchdog acts: it cleans up after a run that fell silent, or leaves it again")
END: Final = AlertKind(
    name="run end", severity=Severity.INFO, cause="the run is over; with its summary", pause_ns=0, is_last=True
)
FAILED_END: Final = AlertKind(
    name="run failed",
    severity=Severity.ERROR,
    cause="the run is over, and not as planned: a limit, an error, orders that are left; with its summary",
    pause_ns=0,
    is_last=True,
)

KINDS: Final = (
    FILLS, STOP, TAKE, CLOSED, DRAWDOWN, LOSS, LIQUIDATED, HALT, ANOMALY, BUDGET, STALE, BACK, LOOP, RECONCILIATION,
    FOREIGN, VENUE, CONTROL, RECORDING, WATCHDOG, END, FAILED_END,
)  # fmt: skip

OF_NOTICES: Final[Mapping[NoticeKind, AlertKind]] = {
    NoticeKind.STOP_LOSS: STOP,
    NoticeKind.TAKE_PROFIT: TAKE,
    NoticeKind.CLOSED: CLOSED,
    NoticeKind.MAX_DRAWDOWN: DRAWDOWN,
    NoticeKind.MAX_LOSS: LOSS,
    NoticeKind.LIQUIDATED: LIQUIDATED,
    NoticeKind.ENDING: HALT,
    NoticeKind.ANOMALY: ANOMALY,
}
UNTOLD_NOTICES: Final = frozenset({NoticeKind.QUOTING, NoticeKind.NOT_QUOTING, NoticeKind.CLOSE_REQUESTED})
"""The first two come and go with every short gap: what lasts is told as a stale book. A wish is told as control."""

OF_NOTES: Final[Mapping[str, AlertKind]] = {
    "budget": BUDGET,
    "stale": STALE,
    "reconciliation": RECONCILIATION,
    "foreign orders": FOREIGN,
    "venue": VENUE,
    "control": CONTROL,
    "recording": RECORDING,
}
UNTOLD_NOTES: Final = frozenset({"end", "link", "not quoting", "pre-trade", "refused", "stream", "unknown outcome"})
"""Each of them mends itself, is told in the message of the end, or concerns only who looks on."""

LOSSES_OF_SIGHT: Final = frozenset({"not quoting", "stale"})
"""Remarks from the wires of which `LOOP_SIGNS` within `LOOP_NS` are a loop."""

PLANNED: Final = frozenset({EndReason.DURATION, EndReason.FEED_EXHAUSTED, EndReason.INTERRUPTED, EndReason.TERMINATED})
"""Ends that somebody wanted."""
