"""The ladder: its prices are rule 1's to the tick, it never takes liquidity, and it knows when it would not move."""

from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perpmaker.domain.events import BookUpdated
from perpmaker.quoting.ladder import LadderShape
from perpmaker.quoting.skew import SkewMode

EMPTY_BOOK = BookUpdated(0, 0, 0, 0, 0, 0)
ONE_PERCENT = Fraction(1, 100)


class Setting(NamedTuple):
    half_spread: Fraction
    levels: int
    skew: Fraction
    mode: SkewMode

    @property
    def shape(self) -> LadderShape:
        return LadderShape.of(*self)

    def rule_1(self, milliticks: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The rule as it is written: P(1 - i s) down, P(1 + i s) up, moved by delta as the mode says."""
        price = Fraction(milliticks, 1_000)
        delta = self.skew * price
        ask_delta = -delta if self.mode is SkewMode.SHIFT else delta
        steps = range(1, self.levels + 1)
        bids = tuple(floor(price * (1 - i * self.half_spread) - delta) for i in steps)
        asks = tuple(ceil(price * (1 + i * self.half_spread) + ask_delta) for i in steps)
        return bids, asks


@st.composite
def settings_(draw: st.DrawFn) -> Setting:
    """Every ladder that the settings allow: the lowest bid stays above zero."""
    levels = draw(st.integers(1, 5))
    half_spread = draw(st.fractions(Fraction(1, 100_000), Fraction(1, 8), max_denominator=100_000))
    skew = draw(st.fractions(-1, 1, max_denominator=500)) * 2 * half_spread
    return Setting(half_spread, levels, skew, draw(st.sampled_from(SkewMode)))


references = st.integers(100_000, 50_000_000)
offsets = st.integers(-3_000, 3_000)


def around(milliticks: int, bid_offset: int, width: int, lots: tuple[int, int] = (1, 1)) -> BookUpdated:
    """A book near the reference; width 0 is a locked market, below 0 a crossed one."""
    bid = milliticks // 1_000 + bid_offset
    return BookUpdated(0, 0, bid, lots[0], bid + width, lots[1])


@given(settings_(), references)
def test_every_level_is_rule_1_with_bids_rounded_down_and_asks_up(setting: Setting, reference: int) -> None:
    bids, asks = setting.rule_1(reference)
    assume(bids[0] < asks[0])
    assert setting.shape.price(reference, EMPTY_BOOK) == (bids, asks, False)


def test_the_document_example_has_99_and_101_around_100() -> None:
    shape = LadderShape.of(ONE_PERCENT, 2, Fraction(0), SkewMode.SHIFT)
    assert shape.price(10_000_000, EMPTY_BOOK)[:2] == ((9_900, 9_800), (10_100, 10_200))


@pytest.mark.parametrize(
    ("mode", "skew", "bid", "ask"),
    [
        (SkewMode.SHIFT, Fraction(1, 200), 9_850, 10_050),
        (SkewMode.SHIFT, Fraction(-1, 200), 9_950, 10_150),
        (SkewMode.PRINTED, Fraction(1, 200), 9_850, 10_150),
        (SkewMode.PRINTED, Fraction(-1, 200), 9_950, 10_050),
    ],
)
def test_shift_moves_both_sides_alike_and_printed_moves_them_apart(
    mode: SkewMode, skew: Fraction, bid: int, ask: int
) -> None:
    prices = LadderShape.of(ONE_PERCENT, 1, skew, mode).price(10_000_000, EMPTY_BOOK)
    assert (prices.bids, prices.asks) == ((bid,), (ask,))


@given(settings_(), references, offsets, st.integers(-2, 50), st.tuples(st.integers(0, 1), st.integers(0, 1)))
def test_no_quote_takes_liquidity_and_the_two_sides_never_meet(
    setting: Setting, reference: int, offset: int, width: int, lots: tuple[int, int]
) -> None:
    book = around(reference, offset, width, lots)
    prices = setting.shape.price(reference, book)
    assert not book.ask_lots or max(prices.bids) < book.ask_ticks
    assert not book.bid_lots or min(prices.asks) > book.bid_ticks
    assert max(prices.bids) < min(prices.asks)
    assert list(prices.bids) == sorted(prices.bids, reverse=True)
    assert list(prices.asks) == sorted(prices.asks)


@given(settings_(), references, offsets, st.integers(1, 50))
def test_a_price_that_would_take_is_moved_to_one_tick_behind_the_opposite_best_and_no_further(
    setting: Setting, reference: int, offset: int, width: int
) -> None:
    bids, asks = setting.rule_1(reference)
    book = around(reference, offset, width)
    behind = tuple(min(bid, book.ask_ticks - 1) for bid in bids), tuple(max(ask, book.bid_ticks + 1) for ask in asks)
    assume(max(behind[0]) < min(behind[1]))
    assert setting.shape.price(reference, book)[:2] == behind


@given(settings_(), references, offsets, st.integers(1, 50))
def test_is_clamped_tells_exactly_whether_a_price_was_moved(
    setting: Setting, reference: int, offset: int, width: int
) -> None:
    prices = setting.shape.price(reference, around(reference, offset, width))
    assert prices.is_clamped == ((prices.bids, prices.asks) != setting.rule_1(reference))


def test_where_our_sides_would_meet_the_side_that_adds_to_the_deviation_steps_back() -> None:
    # Printed and short, delta three half-spreads: the bid would stand at 102 and the ask at 98. Short, so buying stays.
    shape = LadderShape.of(ONE_PERCENT, 2, -3 * ONE_PERCENT, SkewMode.PRINTED)
    prices = shape.price(10_000_000, EMPTY_BOOK)
    assert prices == ((10_200, 10_100), (10_201, 10_201), True)


@given(settings_(), references, st.fractions("0.51", 1, max_denominator=500))
def test_when_printed_sides_would_meet_buying_keeps_its_price_and_asks_stand_behind_it(
    setting: Setting, reference: int, share: Fraction
) -> None:
    setting = setting._replace(skew=-share * 2 * setting.half_spread, mode=SkewMode.PRINTED)
    bids, asks = setting.rule_1(reference)
    assume(bids[0] >= asks[0])
    prices = setting.shape.price(reference, EMPTY_BOOK)
    assert prices.bids == bids
    assert prices.asks == tuple(max(ask, bids[0] + 1) for ask in asks)


@given(settings_(), references, st.data())
def test_the_reference_band_is_exact(setting: Setting, reference: int, data: st.DataObject) -> None:
    prices = setting.shape.price(reference, EMPTY_BOOK)
    assume(not prices.is_clamped)
    low, high = setting.shape.reference_band(reference, prices)
    assert low <= reference <= high
    inside = data.draw(st.integers(low, high))
    for same in (low, inside, high):
        assert setting.shape.price(same, EMPTY_BOOK) == prices
    for other in (low - 1, high + 1):
        assert setting.rule_1(other) != (prices.bids, prices.asks)
