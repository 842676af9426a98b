"""Why a level of the ladder is not resting: the answer to "why is it not quoting?"."""

from enum import Enum


class NotResting(Enum):
    STARTING = "waiting for the first book"
    BOOK_STALE = "book stale: market data gap"
    NO_REFERENCE = "no reference price: a side of the book is empty"
    AT_CAP = "at cap"
    NO_MARGIN = "no margin"
    BELOW_MINIMUM = "what fits is below the minimum size"
    NO_SUCH_PRICE = "its price would be below one tick"
    AWAITING_CANCEL = "waiting for a cancel to be confirmed"
    POST_ONLY_WOULD_CROSS = "post-only would cross"
    REFUSED_BY_VENUE = "refused by the venue"
    BUDGET = "at a budget over all markets"
    PAUSED = "paused by a person"
    STOPPED = "stopped: closing the position"
    COOLING_DOWN = "stopped: waiting one interval"
    ENDING = "the run is ending"
    FILLED = "filled: requote on its way"
