"""What quotes may be centred on."""

from enum import Enum


class ReferencePrice(Enum):
    MID = "mid"  # halfway between the best bid and the best ask
    MICRO = "micro"  # best bid and ask weighted by the size on the other side
    LAST = "last"  # the last public trade
    MARK = "mark"  # the venue's mark price

    __hash__ = object.__hash__  # by identity, as for OrderStatus
