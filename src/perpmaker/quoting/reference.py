"""The reference price: what the ladder is centred on, in milliticks.

Rules kept here:

1. No price is made up: where an input is missing the answer is None, and nothing is quoted on it.
2. Rounding (only the micro price needs it) is down to the millitick, the same in `simulation`'s compiled twin.
"""

from perpmaker.domain.events import BookUpdated
from perpmaker.domain.money import MILLITICKS_PER_TICK
from perpmaker.domain.reference import ReferencePrice

_MID, _LAST, _MARK = ReferencePrice.MID, ReferencePrice.LAST, ReferencePrice.MARK


def reference_milliticks(
    kind: ReferencePrice, book: BookUpdated | None, last_ticks: int | None, mark_milliticks: int | None
) -> int | None:
    """The price that quotes are centred on, or None while it is not known.

    The micro price is the size-weighted mid: ``(bid * ask_lots + ask * bid_lots) / (bid_lots + ask_lots)``.
    """
    if kind is _MARK:
        return mark_milliticks
    if kind is _LAST:
        return None if last_ticks is None else last_ticks * MILLITICKS_PER_TICK
    if book is None or not book.bid_lots or not book.ask_lots:
        return None
    bid, ask = book.bid_ticks, book.ask_ticks
    if kind is _MID:
        return (bid + ask) * (MILLITICKS_PER_TICK // 2)
    lean = (ask - bid) * MILLITICKS_PER_TICK * book.bid_lots // (book.bid_lots + book.ask_lots)
    return bid * MILLITICKS_PER_TICK + lean
