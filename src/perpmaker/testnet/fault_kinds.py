"""Every kind of fault there is: what it does, what its amount means, and what a random plan draws from.

Who carries them out: `fault_rest` (requests), `fault_streams` (websocket), `fault_market` (the exchange itself).
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple


class FaultKind(Enum):
    # Requests
    LATENCY = "latency"
    JITTER = "jitter"
    SERVER_ERROR = "server-error"
    SERVER_ERROR_AFTER = "server-error-after"
    RATE_LIMITED = "rate-limited"
    TIMEOUT_BEFORE = "timeout-before"
    TIMEOUT_AFTER = "timeout-after"
    CUT_ANSWER = "cut-answer"
    LATE_ANSWER = "late-answer"
    PARTIAL_BATCH = "partial-batch"
    CLOCK_SKEW = "clock-skew"
    # Websocket
    STREAM_STALE = "stream-stale"
    STREAM_DROPPED = "stream-dropped"
    STREAM_CLOSED = "stream-closed"
    STREAM_REFUSED = "stream-refused"
    STREAM_REPLAYED = "stream-replayed"
    DEPTH_GAP = "depth-gap"
    DEPTH_SWAPPED = "depth-swapped"
    DEPTH_TWICE = "depth-twice"
    UPDATES_LATE = "updates-late"
    UPDATES_SHUFFLED = "updates-shuffled"
    UPDATES_TWICE = "updates-twice"
    # The exchange itself
    MAINTENANCE = "maintenance"
    PAUSED = "paused"
    DELISTED = "delisted"
    FILL_BEFORE_CANCEL = "fill-before-cancel"
    POSITION_CHANGED = "position-changed"
    FOREIGN_ORDER = "foreign-order"
    BALANCE_SHRUNK = "balance-shrunk"


class FaultRow(NamedTuple):
    """What a kind does, and what a random plan draws from. Ranges are inclusive."""

    what: str
    unit: str
    amounts: tuple[int, int] = (0, 0)
    chances: tuple[float, float] = (1.0, 1.0)
    lasts: bool = True


FAULTS: Final[Mapping[FaultKind, FaultRow]] = {
    FaultKind.LATENCY: FaultRow("requests arrive later", "ms", (20, 1_500)),
    FaultKind.JITTER: FaultRow(
        "requests arrive, and answers come back, up to so much later, each by itself", "ms", (20, 800)
    ),
    FaultKind.SERVER_ERROR: FaultRow(
        "requests are answered with this status and not executed", "status", (500, 504), (0.2, 1.0)
    ),
    FaultKind.SERVER_ERROR_AFTER: FaultRow(
        "requests are executed and answered with this status", "status", (500, 504), (0.2, 0.8)
    ),
    FaultKind.RATE_LIMITED: FaultRow("requests are answered with 429 and not executed", "", (0, 0), (0.5, 1.0)),
    FaultKind.TIMEOUT_BEFORE: FaultRow(
        "requests are never executed: held so long, then the connection is cut", "ms", (0, 12_000), (0.2, 0.8)
    ),
    FaultKind.TIMEOUT_AFTER: FaultRow(
        "requests are executed, no answer comes: held so long, then the connection is cut",
        "ms",
        (0, 12_000),
        (0.2, 0.8),
    ),
    FaultKind.CUT_ANSWER: FaultRow(
        "requests are executed, the connection is cut in the middle of the answer", "", (0, 0), (0.2, 0.8)
    ),
    FaultKind.LATE_ANSWER: FaultRow(
        "requests are executed at once and answered so much later: updates come first", "ms", (50, 3_000), (0.3, 1.0)
    ),
    FaultKind.PARTIAL_BATCH: FaultRow("orders are refused one by one, also within a batch", "", (0, 0), (0.2, 0.7)),
    FaultKind.CLOCK_SKEW: FaultRow(
        "the exchange tells a time, and accepts requests of a time, ahead by so much (negative: behind)",
        "ms",
        (-20_000, 20_000),
    ),
    FaultKind.STREAM_STALE: FaultRow("connections that are open stay open and say nothing", ""),
    FaultKind.STREAM_DROPPED: FaultRow("every websocket connection is cut", "", lasts=False),
    FaultKind.STREAM_CLOSED: FaultRow(
        "every websocket gets a close frame, as if the server shut down", "", lasts=False
    ),
    FaultKind.STREAM_REFUSED: FaultRow("every websocket is cut and new ones are refused", ""),
    FaultKind.STREAM_REPLAYED: FaultRow(
        "the last so many messages of every websocket are sent again", "messages", (5, 50), lasts=False
    ),
    FaultKind.DEPTH_GAP: FaultRow("depth messages are lost", "", (0, 0), (0.05, 0.5)),
    FaultKind.DEPTH_SWAPPED: FaultRow("depth messages come after their successor", "", (0, 0), (0.05, 0.5)),
    FaultKind.DEPTH_TWICE: FaultRow("depth messages come twice", "", (0, 0), (0.05, 0.5)),
    FaultKind.UPDATES_LATE: FaultRow("order and position updates come so much later, in order", "ms", (100, 4_000)),
    FaultKind.UPDATES_SHUFFLED: FaultRow(
        "order and position updates come up to so much later, each by itself", "ms", (50, 2_000)
    ),
    FaultKind.UPDATES_TWICE: FaultRow(
        "order and position updates come again so much later", "ms", (0, 3_000), (0.3, 1.0)
    ),
    FaultKind.MAINTENANCE: FaultRow(
        "requests are answered with 503 (not status, ping, time); websockets say nothing", ""
    ),
    FaultKind.PAUSED: FaultRow(
        "the market takes no new orders (0: cancel only, 1: closed, 2: post only)", "state", (0, 2)
    ),
    FaultKind.DELISTED: FaultRow("the market is gone from every answer, and back afterwards", ""),
    FaultKind.FILL_BEFORE_CANCEL: FaultRow("an order that is cancelled fills just before", "", (0, 0), (0.3, 1.0)),
    FaultKind.POSITION_CHANGED: FaultRow(
        "somebody else trades so much on the account (negative: sells)", "smallest orders", (-3, 3), lasts=False
    ),
    FaultKind.FOREIGN_ORDER: FaultRow(
        "somebody else places so many orders on the account, far from the market", "orders", (1, 3), lasts=False
    ),
    FaultKind.BALANCE_SHRUNK: FaultRow("so much of the balance is withdrawn", "percent", (5, 60), lasts=False),
}
