"""Attempts to log in: the first ones free, then a pause that doubles; bounded for each address and over all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.dashboard.security import attempts
from perpmaker.dashboard.security.attempts import (
    FIRST_NS,
    FORGET_NS,
    FREE,
    LONGEST_NS,
    MOST_ADDRESSES,
    MOST_TOGETHER,
    REFILL_NS,
    Attempts,
)
from support.hand_clock import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def counted(clock) -> Attempts:
    return Attempts(clock)


def fail(counted: Attempts, address: str, times: int = 1) -> None:
    for _ in range(times):
        counted.begin(address)


def test_the_first_failures_cost_nothing(counted):
    fail(counted, "10.0.0.1", FREE - 1)
    assert counted.wait_ns("10.0.0.1") == 0


def test_the_pause_doubles_with_each_further_failure_up_to_a_bound(counted, clock):
    fail(counted, "10.0.0.1", FREE - 1)
    pauses = []
    for _ in range(12):
        fail(counted, "10.0.0.1")
        pauses.append(counted.wait_ns("10.0.0.1"))
        clock.advance(pauses[-1])
        assert counted.wait_ns("10.0.0.1") == 0
    assert pauses == [min(LONGEST_NS, FIRST_NS * 2**number) for number in range(12)]


def test_others_do_not_wait_for_it(counted):
    fail(counted, "10.0.0.1", 20)
    assert counted.wait_ns("10.0.0.2") == 0


def test_success_takes_the_attempt_back_and_clears_the_address(counted):
    fail(counted, "10.0.0.1", FREE)
    counted.begin("10.0.0.1")
    counted.succeed("10.0.0.1")
    assert counted.wait_ns("10.0.0.1") == 0
    assert len(counted) == 0


def test_an_address_that_was_quiet_begins_anew(counted, clock):
    fail(counted, "10.0.0.1", FREE + 5)
    clock.advance(FORGET_NS)
    fail(counted, "10.0.0.1", FREE - 1)
    assert counted.wait_ns("10.0.0.1") == 0


def test_many_addresses_are_no_way_around(counted, clock):
    for number in range(MOST_TOGETHER):
        assert counted.wait_ns(f"10.0.0.{number}") == 0
        fail(counted, f"10.0.0.{number}")
    assert counted.wait_ns("10.1.0.1") > 0
    clock.advance(REFILL_NS)
    assert counted.wait_ns("10.1.0.1") == 0


def test_addresses_of_one_ipv6_subscriber_count_together(counted):
    for number in range(FREE):
        fail(counted, f"2001:db8::{number:x}")
    assert counted.wait_ns("2001:db8::ffff") > 0
    assert counted.wait_ns("2001:db8:0:1::1") == 0


@given(st.lists(st.text(max_size=300), max_size=50))
def test_any_text_is_an_address_and_costs_no_more_than_one(addresses):
    counted = Attempts(HandClock())
    for address in addresses:
        counted.begin(address)
    assert all(len(block) <= 100 for block in counted._addresses)


def test_what_is_remembered_is_bounded(counted, monkeypatch):
    monkeypatch.setattr(attempts, "MOST_TOGETHER", 10**9)
    for number in range(3 * MOST_ADDRESSES):
        fail(counted, str(number))
    assert len(counted) == MOST_ADDRESSES
