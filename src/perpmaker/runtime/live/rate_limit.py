"""How many requests may be sent: a token bucket below the venue's limit, with headroom that only cancels may use.

Rules kept here:

1. Tokens come back evenly, `SHARE` of the venue's limit; a burst of up to a quarter of a minute's worth may be spent.
2. A new quote may not take the bucket below the reserve, a question not below half of it; cancels and closing orders
   may take it to nothing.
3. Running out never loses a cancel or a question: it is told how long to wait.
"""

from typing import Final, Protocol

SHARE: Final = 0.9
"""Of the venue's limit: what another program on this account may still use without hurting us."""

RESERVE_SHARE: Final = 0.25
"""Of a full bucket: kept for cancels and closing orders."""

_NS_PER_MINUTE: Final = 60 * 10**9


def tokens_per_ns(requests_per_minute: int) -> float:
    """How fast tokens come back."""
    return requests_per_minute * SHARE / _NS_PER_MINUTE


def capacity_of(requests_per_minute: int) -> float:
    """Tokens of a full bucket."""
    return max(4.0, requests_per_minute * SHARE / 4)


class RateLimit(Protocol):
    """What a run asks before it sends: a bucket of its own, or its share of one."""

    def take_for_quote(self, now_ns: int, requests: int = 1) -> bool:
        """Spend tokens on new quotes; False (and nothing spent) where they must not be sent now."""
        ...

    def take_for_cancel(self, now_ns: int, requests: int = 1) -> int:
        """Spend tokens on cancels and closing orders; returns how long to wait before sending, ns."""
        ...

    def take_for_question(self, now_ns: int) -> int:
        """Spend a token on a question and return 0; or spend nothing, and return after how many ns to try again."""
        ...

    def drain(self, now_ns: int) -> None:
        """The venue says that the limit is reached."""
        ...

    def headroom(self, now_ns: int) -> float:
        """The share of what the account may send that is left, 0 to 1."""
        ...


class TokenBucket:
    """Counts requests; one token is one request.

    Args:
        requests_per_minute: the venue's limit, > 0.
        now_ns: the time now.
    """

    def __init__(self, requests_per_minute: int, now_ns: int) -> None:
        self._per_ns = tokens_per_ns(requests_per_minute)
        self._capacity = capacity_of(requests_per_minute)
        self._reserve = self._capacity * RESERVE_SHARE
        self._tokens = self._capacity
        self._at_ns = now_ns

    def take_for_quote(self, now_ns: int, requests: int = 1) -> bool:
        """Spend tokens on new quotes; False (and nothing spent) where that would touch the reserve."""
        self._refill(now_ns)
        if self._tokens - requests < self._reserve:
            return False
        self._tokens -= requests
        return True

    def take_for_cancel(self, now_ns: int, requests: int = 1) -> int:
        """Spend tokens on cancels and closing orders; returns how long to wait before sending, ns."""
        self._refill(now_ns)
        self._tokens -= requests
        return 0 if self._tokens >= 0 else int(-self._tokens / self._per_ns)

    def take_for_question(self, now_ns: int) -> int:
        """Spend a token on a question and return 0; or spend nothing, and return after how many ns to try again."""
        self._refill(now_ns)
        missing = self._reserve / 2 + 1 - self._tokens
        if missing > 0:
            return int(missing / self._per_ns) + 1
        self._tokens -= 1
        return 0

    def drain(self, now_ns: int) -> None:
        """The venue says that the limit is reached: only what comes back from now on may be spent."""
        self._refill(now_ns)
        self._tokens = min(self._tokens, 0.0)

    def left_for_quotes(self, now_ns: int) -> float:
        """Tokens above the reserve; below 0 where cancels have used some of it."""
        self._refill(now_ns)
        return self._tokens - self._reserve

    def headroom(self, now_ns: int) -> float:
        """The share of a full bucket that is left, 0 to 1."""
        self._refill(now_ns)
        return max(0.0, self._tokens / self._capacity)

    def _refill(self, now_ns: int) -> None:
        passed = max(0, now_ns - self._at_ns)
        self._at_ns += passed
        self._tokens = min(self._capacity, self._tokens + passed * self._per_ns)
