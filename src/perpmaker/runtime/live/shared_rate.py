"""One rate limit, shared by several markets of an account: no market can starve another.

Rules kept here:

1. What the account may send is one token bucket (`rate_limit.TokenBucket`), with its headroom for cancels.
2. Each market earns an equal part of what comes back, up to an equal part of a full bucket. A quote is paid from that;
   beyond it only what no other market has earned may be taken, and that is no debt.
3. Cancels and questions pass as they do in the bucket. They are paid from what their market has earned, and may put it
   in debt by as much as it can earn at most: who cancels much quotes less.
4. So however greedy the others are, a market waits for its next quote no longer than `SharedRate.longest_wait_ns`, and
   no cancel waits for anything but the cancels before it.
"""

from perpmaker.runtime.live.rate_limit import RESERVE_SHARE, TokenBucket, capacity_of, tokens_per_ns


class SharedRate:
    """The limit of one account.

    Args:
        requests_per_minute: the venue's limit, > 0.
        markets: how many shares there are, >= 1.
        now_ns: the time now.
    """

    def __init__(self, requests_per_minute: int, markets: int, now_ns: int) -> None:
        self.bucket = TokenBucket(requests_per_minute, now_ns)
        self._per_ns = tokens_per_ns(requests_per_minute) / markets
        self._most = max(1.0, capacity_of(requests_per_minute) * (1 - RESERVE_SHARE) / markets)
        self._shares = [Share(self, self._per_ns, self._most, now_ns) for _ in range(markets)]
        self._free = list(self._shares)

    @property
    def longest_wait_ns(self) -> int:
        """A market that may not quote now may after so long, while no market cancels more than it can owe."""
        return int((2 * self._most + 1) / self._per_ns) + 1

    def share(self) -> "Share":
        """One market's; each is given out once."""
        return self._free.pop()

    def unearned(self, asking: "Share", now_ns: int) -> float:
        """Tokens above the reserve that no market but this one has earned."""
        others = sum(share.earned(now_ns) for share in self._shares if share is not asking)
        return self.bucket.left_for_quotes(now_ns) - others


class Share:
    """`perpmaker.runtime.live.rate_limit.RateLimit` of one market."""

    def __init__(self, rate: SharedRate, per_ns: float, most: float, now_ns: int) -> None:
        self._rate = rate
        self._per_ns = per_ns
        self._most = most
        self._earned = most
        self._at_ns = now_ns

    def earned(self, now_ns: int) -> float:
        """What this market may spend whatever the others do; never below 0."""
        self._refill(now_ns)
        return max(0.0, self._earned)

    def take_for_quote(self, now_ns: int, requests: int = 1) -> bool:
        self._refill(now_ns)
        if self._earned < requests and self._rate.unearned(self, now_ns) < requests:
            return False
        if not self._rate.bucket.take_for_quote(now_ns, requests):
            return False
        self._earned = max(self._earned - requests, min(self._earned, 0.0))
        return True

    def take_for_cancel(self, now_ns: int, requests: int = 1) -> int:
        self._owe(now_ns, requests)
        return self._rate.bucket.take_for_cancel(now_ns, requests)

    def take_for_question(self, now_ns: int) -> int:
        wait_ns = self._rate.bucket.take_for_question(now_ns)
        if not wait_ns:
            self._owe(now_ns, 1)
        return wait_ns

    def drain(self, now_ns: int) -> None:
        self._rate.bucket.drain(now_ns)

    def headroom(self, now_ns: int) -> float:
        return self._rate.bucket.headroom(now_ns)

    def _owe(self, now_ns: int, requests: int) -> None:
        self._refill(now_ns)
        self._earned = max(-self._most, self._earned - requests)

    def _refill(self, now_ns: int) -> None:
        passed = max(0, now_ns - self._at_ns)
        self._at_ns += passed
        self._earned = min(self._most, self._earned + passed * self._per_ns)
