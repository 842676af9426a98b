"""The token bucket: what quotes, questions and cancels may spend."""

import pytest

from perpmaker.runtime.live.rate_limit import TokenBucket

MINUTE = 60 * 10**9
PER_MINUTE = 600  # 540 are used: 9 a second, a full bucket of 135, a reserve of 33.75


def drained() -> TokenBucket:
    bucket = TokenBucket(PER_MINUTE, 0)
    bucket.drain(0)
    return bucket


def test_quotes_stop_at_the_reserve_and_spend_nothing_when_refused():
    bucket = TokenBucket(PER_MINUTE, 0)
    taken = 0
    while bucket.take_for_quote(0):
        taken += 1
    assert taken == 101
    assert bucket.headroom(0) == pytest.approx(34 / 135)


def test_a_request_of_several_is_refused_as_a_whole():
    bucket = TokenBucket(PER_MINUTE, 0)
    assert not bucket.take_for_quote(0, 102)
    assert bucket.take_for_quote(0, 101)


def test_cancels_use_the_reserve_and_are_never_refused_only_told_to_wait():
    bucket = TokenBucket(PER_MINUTE, 0)
    assert [bucket.take_for_cancel(0) for _ in range(135)] == [0] * 135
    assert bucket.take_for_cancel(0) == pytest.approx(10**9 / 9, rel=1e-6)
    assert bucket.take_for_cancel(0) == pytest.approx(2 * 10**9 / 9, rel=1e-6)


def test_questions_leave_half_of_the_reserve_to_cancels():
    bucket = TokenBucket(PER_MINUTE, 0)
    asked = 0
    while bucket.take_for_question(0) == 0:
        asked += 1
    assert asked == 118
    assert [bucket.take_for_cancel(0) for _ in range(17)] == [0] * 17


def test_a_question_that_must_wait_is_let_through_after_that_wait():
    bucket = drained()
    wait_ns = bucket.take_for_question(0)
    assert wait_ns > 0
    assert bucket.take_for_question(wait_ns - 10**8) > 0
    assert bucket.take_for_question(wait_ns) == 0


def test_tokens_come_back_evenly_up_to_a_quarter_of_a_minute():
    bucket = drained()
    assert bucket.headroom(MINUTE // 8) == pytest.approx(0.5)
    assert bucket.headroom(MINUTE) == 1.0


def test_never_more_than_the_share_is_sent_in_a_minute_beyond_the_first_burst():
    bucket = drained()
    sent = sum(bucket.take_for_quote(at_ns) for at_ns in range(0, MINUTE, 10**7))
    assert sent <= 0.9 * PER_MINUTE


def test_a_clock_that_stands_still_or_goes_back_gives_nothing():
    bucket = TokenBucket(PER_MINUTE, 10**9)
    bucket.drain(10**9)
    assert bucket.headroom(0) == 0.0
    assert bucket.headroom(10**9) == 0.0


def test_a_tiny_limit_still_lets_something_through():
    bucket = TokenBucket(6, 0)
    assert bucket.take_for_quote(0)
    assert bucket.take_for_question(0) == 0
