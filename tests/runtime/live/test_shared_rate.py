"""One rate limit for several markets: nobody starves, and cancels always pass."""

import random

import pytest

from perpmaker.runtime.live.rate_limit import TokenBucket
from perpmaker.runtime.live.shared_rate import Share, SharedRate

PER_MINUTE = 2_000
STEP_NS = 1_000_000


def test_one_market_alone_has_the_whole_bucket() -> None:
    alone, own = SharedRate(PER_MINUTE, 1, 0).share(), TokenBucket(PER_MINUTE, 0)
    rng = random.Random(1)
    now_ns = 0
    for _ in range(5_000):
        now_ns += rng.randrange(50_000_000)
        assert alone.take_for_quote(now_ns) == own.take_for_quote(now_ns)


def test_what_the_others_do_not_use_may_be_used() -> None:
    rate = SharedRate(PER_MINUTE, 4, 0)
    busy, *_ = [rate.share() for _ in range(4)]
    assert sum(busy.take_for_quote(60 * 10**9) for _ in range(1_000)) == 84, "its own quarter of the burst"
    sent = sum(busy.take_for_quote(60 * 10**9 + n * STEP_NS) for n in range(60_000))
    assert sent == pytest.approx(1_800, abs=2), "from then on all that comes back: the others are full"


def test_a_quiet_market_quotes_at_once_beside_one_that_takes_everything() -> None:
    rate = SharedRate(PER_MINUTE, 2, 0)
    greedy, quiet = rate.share(), rate.share()
    for n in range(30_000):
        greedy.take_for_quote(n * STEP_NS)
    assert all(quiet.take_for_quote(30 * 10**9) for _ in range(100))


@pytest.mark.parametrize("markets", [2, 5, 10])
@pytest.mark.parametrize("seed", range(5))
def test_nobody_waits_longer_than_the_bound_and_every_cancel_passes(markets: int, seed: int) -> None:
    """Greedy markets ask whenever they can and cancel what they sent, in an order that is unfair at every moment."""
    rng = random.Random(seed)
    rate = SharedRate(PER_MINUTE, markets, 0)
    shares = [rate.share() for _ in range(markets)]
    resting = dict.fromkeys(shares, 0)
    waiting_since: dict[Share, int] = {}
    longest_ns = longest_cancel_ns = 0
    for n in range(60_000):
        now_ns = n * STEP_NS
        for share in shares:  # the first always comes first
            if resting[share] and rng.random() < 0.02:
                cancels, resting[share] = min(resting[share], 6), max(0, resting[share] - 6)
                longest_cancel_ns = max(longest_cancel_ns, share.take_for_cancel(now_ns, cancels))
            if share.take_for_quote(now_ns):
                resting[share] = min(resting[share] + 6, 20)
                longest_ns = max(longest_ns, now_ns - waiting_since.pop(share, now_ns))
            else:
                waiting_since.setdefault(share, now_ns)
    longest_ns = max(longest_ns, *(60_000 * STEP_NS - since for since in waiting_since.values()), 0)
    assert longest_ns <= rate.longest_wait_ns
    assert longest_cancel_ns < 5 * 10**9


def test_who_cancels_much_quotes_less_and_does_not_take_it_from_the_others() -> None:
    rate = SharedRate(PER_MINUTE, 2, 0)
    churning, steady = rate.share(), rate.share()
    quotes = {churning: 0, steady: 0}
    for n in range(60_000):
        now_ns = n * STEP_NS
        if churning.take_for_quote(now_ns):
            quotes[churning] += 1
            churning.take_for_cancel(now_ns, 6)
        quotes[steady] += steady.take_for_quote(now_ns)
    assert quotes[steady] > 4 * quotes[churning]


def test_a_market_that_is_told_to_slow_down_slows_all() -> None:
    rate = SharedRate(PER_MINUTE, 2, 0)
    one, other = rate.share(), rate.share()
    one.drain(0)
    assert not other.take_for_quote(0)
    assert other.take_for_question(0) > 0
    assert other.take_for_cancel(0) > 0


def test_the_headroom_is_that_of_the_account_whoever_asks() -> None:
    rate = SharedRate(PER_MINUTE, 2, 0)
    greedy, quiet = rate.share(), rate.share()
    assert quiet.headroom(0) == 1.0
    while greedy.take_for_quote(0):
        pass
    assert quiet.headroom(0) == greedy.headroom(0) == rate.bucket.headroom(0) < 0.7
