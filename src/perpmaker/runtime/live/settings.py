"""How carefully a live run watches its venue. The defaults suit a venue a few tens of milliseconds away."""

from dataclasses import dataclass

_SECOND = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """Times in ns.

    Attributes:
        has_account_alone: everything on the market may be cancelled in one request, while nobody else was seen there.
            Somebody whose very first order comes while such a request is on its way would lose it: say False where
            others may begin to trade on this account and market during the run.
        max_book_age_ns: quotes are pulled when the market was silent for longer; at half of it the book is looked up.
        reconcile_ns: between two comparisons with the venue.
        recheck_ns: before the next one after a difference, a failure or a lost stream.
        clock_ns: between two looks at the venue's clock.
        end_patience_ns: how long the end of a run tries to prove that no order is left.
    """

    has_account_alone: bool = True
    max_book_age_ns: int = 5 * _SECOND
    reconcile_ns: int = 15 * _SECOND
    recheck_ns: int = 2 * _SECOND
    clock_ns: int = 60 * _SECOND
    end_patience_ns: int = 120 * _SECOND
