"""The vocabulary of orders: sides, kinds, statuses, and the reasons that a venue or we ourselves give."""

from enum import Enum, IntEnum
from typing import Self


class Side(IntEnum):
    """Which way an order trades; the value is the sign that a fill adds to the position."""

    BUY = 1
    SELL = -1

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderKind(Enum):
    LIMIT = "limit"  # rests until filled or cancelled
    IOC = "ioc"  # limit price, fills what it can at once, the rest is cancelled
    MARKET = "market"  # any price, fills what it can at once, the rest is cancelled


class OrderStatus(Enum):
    """Where an order stands, as far as we know. The table of moves is in `execution.transitions`.

    ``is_open``: it could still fill, so it counts as exposure.
    """

    PENDING_PLACE = ("pending_place", True)  # sent, no answer yet
    LIVE = ("live", True)  # the venue has confirmed that it rests
    PENDING_CANCEL = ("pending_cancel", True)  # cancel sent, no answer yet
    UNKNOWN = ("unknown", True)  # a request went unanswered: may rest, may not; counted as live
    FILLED = ("filled", False)
    CANCELED = ("canceled", False)
    REJECTED = ("rejected", False)

    is_open: bool

    def __new__(cls, label: str, is_open: bool) -> Self:
        status = object.__new__(cls)
        status._value_ = label
        status.is_open = is_open
        return status

    __hash__ = object.__hash__  # by identity, in C: Enum's own hashes the name, in Python, at every look into a table


class RejectReason(Enum):
    """Why a venue refused an order."""

    POST_ONLY_WOULD_CROSS = "post-only would cross"
    REDUCE_ONLY_WOULD_INCREASE = "reduce-only would increase"
    INSUFFICIENT_MARGIN = "insufficient margin"
    BELOW_MINIMUM = "below minimum size"
    NO_MARKET = "no market to trade against"
    MARKET_GAP = "market data gap"
    RATE_LIMITED = "rate limited"
    PRE_TRADE = "held back by our own pre-trade checks"
    BUDGET = "held back by a budget over all markets"
    OTHER = "other"


class CancelReason(Enum):
    """Why an order ended unfilled."""

    REQUESTED = "requested"
    IMMEDIATE_REMAINDER = "nothing left to take"
    REDUCE_ONLY = "reduce-only: no position left to reduce"
    MARKET_GAP = "market data gap"
    VENUE = "cancelled by the venue"
    LIQUIDATION = "liquidation"
