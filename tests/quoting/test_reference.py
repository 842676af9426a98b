"""The reference price: what each kind is, exactly, and that no price is made up."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.events import BookUpdated
from perpmaker.domain.reference import ReferencePrice
from perpmaker.quoting.reference import reference_milliticks

prices = st.integers(1, 10**7)
sizes = st.integers(1, 10**9)


def book(bid: int = 100, bid_lots: int = 5, ask: int = 103, ask_lots: int = 5) -> BookUpdated:
    return BookUpdated(0, 0, bid, bid_lots, ask, ask_lots)


def test_mid_is_halfway_between_best_bid_and_best_ask_whatever_their_sizes() -> None:
    assert reference_milliticks(ReferencePrice.MID, book(100, 1, 103, 99), None, None) == 101_500


def test_micro_leans_towards_the_side_with_less_size() -> None:
    assert reference_milliticks(ReferencePrice.MICRO, book(100, 3, 104, 1), None, None) == 103_000
    assert reference_milliticks(ReferencePrice.MICRO, book(100, 1, 104, 3), None, None) == 101_000


@given(prices, sizes, st.integers(1, 1_000), sizes)
def test_micro_is_the_size_weighted_mid_rounded_down_and_lies_within_the_touch(
    bid: int, bid_lots: int, spread: int, ask_lots: int
) -> None:
    ask = bid + spread
    micro = reference_milliticks(ReferencePrice.MICRO, book(bid, bid_lots, ask, ask_lots), None, None)
    assert micro == floor(Fraction(bid * ask_lots + ask * bid_lots, bid_lots + ask_lots) * 1_000)
    assert bid * 1_000 <= micro <= ask * 1_000


def test_last_is_the_last_public_trade() -> None:
    assert reference_milliticks(ReferencePrice.LAST, book(), 102, 99_999) == 102_000


def test_mark_is_the_mark_price_of_the_venue() -> None:
    assert reference_milliticks(ReferencePrice.MARK, book(), 102, 101_234) == 101_234


@pytest.mark.parametrize("kind", [ReferencePrice.MID, ReferencePrice.MICRO])
@pytest.mark.parametrize("seen", [None, book(bid_lots=0), book(ask_lots=0), book(bid_lots=0, ask_lots=0)])
def test_mid_and_micro_are_not_known_without_both_sides_of_the_book(
    kind: ReferencePrice, seen: BookUpdated | None
) -> None:
    assert reference_milliticks(kind, seen, 102, 101_234) is None


def test_last_is_not_known_before_the_first_trade() -> None:
    assert reference_milliticks(ReferencePrice.LAST, book(), None, 101_234) is None


def test_mark_is_not_known_before_the_first_mark() -> None:
    assert reference_milliticks(ReferencePrice.MARK, book(), 102, None) is None


@pytest.mark.parametrize("kind", [ReferencePrice.LAST, ReferencePrice.MARK])
def test_last_and_mark_need_no_book(kind: ReferencePrice) -> None:
    assert reference_milliticks(kind, None, 102, 102_000) == 102_000
