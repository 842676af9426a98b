"""Bars: one test for each rule of `perpmaker.simulation.kernel_bars`, in their order."""

from collections.abc import Sequence

import pytest

from perpmaker.domain.commands import Cancel, Place
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.events import (
    BookUpdated,
    Event,
    Filled,
    FundingPaid,
    GapStarted,
    MarkUpdated,
    OrderCanceled,
    OrderRejected,
)
from perpmaker.domain.orders import CancelReason, RejectReason, Side
from perpmaker.simulation import market_events as m
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.terms import ExchangeTerms
from simulation.markets import Market, Row, ask, bar, bid, ioc, market, terms, until

LENGTH = 64
FIRST, SECOND, CLOSE = 16, 32, 63
"""When the points of a bar's path are reached, after its start."""

WHOLE = 1_000_000_000
VOLUME = 1_000


def free(**changes: object) -> ExchangeTerms:
    """No latency, no fees, half a spread of a tick, and a tenth of the volume, unless said."""
    return terms(**{"maker_fee_ppb": 0, "taker_fee_ppb": 0, "bar_half_spread_ppb": 0, **changes})


def bars(*prices: tuple[int, int, int, int], volume: int = VOLUME) -> list[Row]:
    """Bars one after another, the first at 0."""
    return [row for number, each in enumerate(prices) for row in bar(number * LENGTH, each, volume, LENGTH)]


QUIET = (100, 100, 100, 100)


class Play:
    """A market that is walked through; remembers what was told."""

    def __init__(self, rows: Sequence[Row], exchange_terms: ExchangeTerms | None = None) -> None:
        self.exchange = SimulatedExchange(Market(rows), exchange_terms or free())
        self.told: list[Event] = []
        self.to(0)

    def to(self, ns: int) -> "Play":
        while self.exchange.now_ns < ns or ns == 0:
            self.told += self.exchange.advance(until(ns, on_book=True, on_order=True, mark_low=1, mark_high=0))
            if ns == 0:
                break
        return self

    def send(self, *commands: Place | Cancel) -> "Play":
        self.exchange.submit(commands)
        return self

    def of(self, kind: type) -> list:
        return [event for event in self.told if isinstance(event, kind)]

    @property
    def fills(self) -> list[tuple[int, int, int, int]]:
        """When at the exchange, our order, price, lots."""
        return [(each.venue_ns, each.order_id, each.price_ticks, each.lots) for each in self.of(Filled)]

    @property
    def marks(self) -> list[tuple[int, int]]:
        return [(each.venue_ns, each.mark_milliticks // 1_000) for each in self.of(MarkUpdated)]


def holding(lots: int, *rows: Row) -> Play:
    """A position of so many lots, taken in a quiet first bar, before the rows of a second one."""
    play = Play([*bars(QUIET, volume=10**6), *rows])
    side = Side.BUY if lots > 0 else Side.SELL
    return play.send(market(1, side, abs(lots))).to(LENGTH - 1)


# --- 1 to 3: the path -------------------------------------------------------------------------------------------------


def test_1_the_path_has_four_points_at_their_times():
    play = Play(bars((100, 130, 80, 110))).to(LENGTH)
    assert play.marks == [(0, 100), (FIRST, 130), (SECOND, 80), (CLOSE, 110)]


@pytest.mark.parametrize(("lots", "extremes"), [(5, [80, 130]), (-5, [130, 80])])
def test_2_the_extreme_that_is_worse_for_the_position_comes_first(lots, extremes):
    play = holding(lots, *bar(LENGTH, (100, 130, 80, 100), VOLUME, LENGTH)).to(2 * LENGTH)
    assert [price for at, price in play.marks if at in (LENGTH + FIRST, LENGTH + SECOND)] == extremes


def test_2_the_side_is_chosen_by_the_position_held_when_the_first_extreme_comes():
    play = holding(5, *bar(LENGTH, (100, 130, 80, 100), 10**6, LENGTH))
    play.to(LENGTH + 1).send(market(2, Side.SELL, 10)).to(2 * LENGTH)
    assert (LENGTH + FIRST, 130) in play.marks


def test_3_while_flat_the_path_whose_fills_are_worth_less_at_the_close_is_taken():
    # at the close the bid has lost 10 a lot, the ask has won 30; the share is 10 lots, so only the first side gets any
    play = Play(bars((100, 130, 70, 80), volume=100))
    play.send(bid(1, 90, 10), ask(2, 110, 10)).to(LENGTH)
    assert play.fills == [(FIRST, 1, 90, 10)]


def test_3_it_may_be_the_other_one():
    play = Play(bars((100, 130, 70, 120), volume=100))
    play.send(bid(1, 90, 10), ask(2, 110, 10)).to(LENGTH)
    assert play.fills == [(FIRST, 2, 110, 10)]


def test_3_of_two_paths_worth_the_same_the_one_that_fills_last_is_taken():
    play = Play(bars((100, 130, 80, 100)))
    play.send(bid(1, 90, 10)).to(LENGTH)
    assert play.fills == [(SECOND, 1, 90, 10)], "no way up to 130 with the position: it closes 10 below"


@pytest.mark.parametrize(("low", "high", "first"), [(80, 110, 80), (95, 130, 130), (90, 110, 90)])
def test_3_where_nothing_tells_them_apart_the_farther_extreme_comes_first(low, high, first):
    play = Play(bars((100, high, low, 100))).to(LENGTH)
    assert (FIRST, first) in play.marks


# --- 4 to 6: what fills -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "is_filled"), [(91, True), (90, False), (89, False)])
def test_4_a_bid_fills_at_its_price_when_the_bar_goes_through_it_not_when_it_touches(price, is_filled):
    play = Play(bars((100, 105, 90, 100))).send(bid(1, price, 4)).to(LENGTH)
    assert play.fills == ([(SECOND, 1, price, 4)] if is_filled else [])


@pytest.mark.parametrize(("price", "is_filled"), [(109, True), (110, False)])
def test_4_an_ask_fills_at_its_price_when_the_bar_goes_through_it(price, is_filled):
    play = Play(bars((100, 110, 95, 100))).send(ask(1, price, 4)).to(LENGTH)
    assert play.fills == ([(SECOND, 1, price, 4)] if is_filled else [])


def test_5_an_order_that_comes_after_the_first_extreme_waits_for_the_next_bar():
    play = Play(bars((100, 130, 80, 100), (100, 101, 80, 100)))
    play.to(FIRST + 1).send(ask(1, 120, 4), bid(2, 90, 4)).to(LENGTH)
    assert play.fills == []
    assert play.to(2 * LENGTH).fills == [(LENGTH + SECOND, 2, 90, 4)]


def test_5_one_that_comes_between_the_open_and_the_first_extreme_does_not():
    play = Play(bars((100, 101, 80, 100)))
    play.to(FIRST - 1).send(bid(1, 90, 4)).to(LENGTH)
    assert len(play.fills) == 1


def test_6_an_open_through_an_order_fills_it_at_its_own_price():
    play = Play(bars(QUIET, (60, 60, 60, 60))).send(bid(1, 90, 4)).to(LENGTH)
    assert play.fills == [(LENGTH, 1, 90, 4)]


def test_6_also_one_that_came_in_the_last_part_of_the_bar_before():
    play = Play(bars(QUIET, (60, 60, 60, 60))).to(CLOSE).send(bid(1, 90, 4)).to(LENGTH)
    assert play.fills == [(LENGTH, 1, 90, 4)]


# --- 7: the share of the volume ---------------------------------------------------------------------------------------


def test_7_fills_get_a_share_of_the_volume_in_the_order_of_the_path():
    play = Play(bars((100, 100, 80, 100), volume=129))
    play.send(bid(1, 90, 8), bid(2, 95, 4), bid(3, 90, 8)).to(LENGTH)
    assert play.fills == [(SECOND, 2, 95, 4), (SECOND, 1, 90, 8)], "12 lots: a tenth of 129, rounded down"
    assert [order[0] for order in play.exchange.open_orders()] == [3]


def test_7_what_is_left_of_an_order_rests_on():
    play = Play(bars((100, 100, 80, 85), (85, 85, 84, 85), volume=100)).send(bid(1, 90, 15)).to(2 * LENGTH)
    assert [(at, lots) for at, _, _, lots in play.fills] == [(SECOND, 10), (LENGTH, 5)]


def test_7_orders_that_take_share_the_same_lots():
    play = Play(bars((100, 100, 80, 100), volume=100)).send(market(1, Side.BUY, 7), bid(2, 90, 8)).to(LENGTH)
    assert [(order, lots) for _, order, _, lots in play.fills] == [(1, 7), (2, 3)]


def test_7_the_share_is_a_setting():
    play = Play(bars((100, 100, 80, 100), volume=100), free(bar_volume_share_ppb=WHOLE)).send(bid(1, 90, 99)).to(LENGTH)
    assert play.fills == [(SECOND, 1, 90, 99)]


@pytest.mark.parametrize("share", [0, WHOLE + 1])
def test_7_a_share_of_nothing_or_more_than_all_is_refused(share):
    with pytest.raises(InvalidSettingError, match="share of a bar's volume must be above 0 and at most 100 %"):
        free(bar_volume_share_ppb=share)


# --- 8 and 9: what the maker sees -------------------------------------------------------------------------------------


def test_8_a_recorded_mark_is_not_moved_by_bars():
    rows = bars((100, 130, 80, 110), QUIET)
    play = Play(sorted([*rows, (8, m.MARK, 99_500, 0)], key=lambda row: row[0])).to(2 * LENGTH)
    assert play.marks == [(0, 100), (8, 99)]


def test_8_while_an_order_fills_the_mark_stands_at_its_price():
    play = Play(bars((100, 100, 80, 100))).send(bid(1, 90, 10)).to(LENGTH)
    assert play.exchange.max_drawdown_quanta == 10 * 10 * 10**12, "10 lots from 90 to 80, nothing won on the way"


def test_9_the_book_is_shown_at_each_close():
    play = Play(bars((100, 130, 80, 110), (110, 112, 108, 111))).to(2 * LENGTH)
    seen = [(each.venue_ns, each.bid_ticks, each.ask_ticks) for each in play.of(BookUpdated)]
    assert seen == [(0, 99, 101), (CLOSE, 109, 111), (LENGTH + CLOSE, 110, 112)]


def test_9_an_open_outside_of_it_is_shown_at_once():
    play = Play(bars(QUIET, (102, 102, 102, 102))).to(LENGTH)
    assert [(each.venue_ns, each.bid_ticks) for each in play.of(BookUpdated)] == [(0, 99), (LENGTH, 101)]


def test_9_a_fill_of_ours_shows_where_the_price_went():
    play = Play(bars((100, 101, 80, 100))).send(bid(1, 90, 4)).to(SECOND)
    assert [(each.venue_ns, each.bid_ticks) for each in play.of(BookUpdated)] == [(0, 99), (SECOND, 79)]


def test_9_the_half_spread_is_a_setting_rounded_up_to_ticks():
    play = Play(bars((1_000, 1_000, 1_000, 1_000)), free(bar_half_spread_ppb=2_500_000))
    (seen,) = play.of(BookUpdated)
    assert (seen.bid_ticks, seen.ask_ticks) == (997, 1_003)
    assert seen.bid_lots == seen.ask_lots == VOLUME // 10


def test_9_a_half_spread_beyond_10_percent_is_refused():
    with pytest.raises(InvalidSettingError, match="half spread assumed for bars must be between 0 and 10 %"):
        free(bar_half_spread_ppb=WHOLE)


# --- 10 to 12: arrivals, empty bars, gaps -----------------------------------------------------------------------------


def test_10_post_only_is_judged_by_the_book_that_was_seen():
    play = Play(bars((100, 130, 80, 100)))
    play.to(FIRST).send(bid(1, 99, 1), bid(2, 101, 1)).to(FIRST + 1)
    assert [(each.order_id, each.reason) for each in play.of(OrderRejected)] == [
        (2, RejectReason.POST_ONLY_WOULD_CROSS)
    ], "the price is at 80, but nobody has shown that"


@pytest.mark.parametrize(("lots", "at_ns", "price"), [(5, FIRST, 79), (5, SECOND, 129), (-5, FIRST, 131)])
def test_10_what_takes_gets_the_point_reached_half_a_spread_worse(lots, at_ns, price):
    play = holding(lots, *bar(LENGTH, (100, 130, 80, 100), VOLUME, LENGTH)).to(LENGTH + at_ns)
    play.send(market(2, Side.SELL if lots > 0 else Side.BUY, 5, reduce_only=True)).to(LENGTH + at_ns + 1)
    assert play.fills[-1] == (LENGTH + at_ns, 2, price, 5)


def test_10_a_limit_is_kept():
    play = Play(bars(QUIET)).send(ioc(1, Side.BUY, 100, 5), ioc(2, Side.BUY, 101, 5)).to(1)
    assert play.fills == [(0, 2, 101, 5)]
    assert [each.order_id for each in play.of(OrderCanceled)] == [1]


def test_10_what_the_share_does_not_give_is_cancelled():
    play = Play(bars(QUIET, volume=30)).send(market(1, Side.BUY, 5)).to(1)
    assert [lots for *_, lots in play.fills] == [3]
    assert [(each.reason, each.filled_lots) for each in play.of(OrderCanceled)] == [
        (CancelReason.IMMEDIATE_REMAINDER, 3)
    ]


def test_11_a_bar_without_volume_moves_the_price_and_fills_nothing():
    play = Play(bars((100, 100, 80, 100), volume=0)).send(bid(1, 90, 4), market(2, Side.BUY, 1)).to(LENGTH)
    assert play.fills == []
    assert (FIRST, 80) in play.marks


def test_11_missing_bars_are_a_gap_in_which_orders_die():
    gap = [(LENGTH, m.GAP_START, 0, 0), (3 * LENGTH, m.GAP_END, 0, 0)]
    rows = [*bars(QUIET), *gap, *bar(3 * LENGTH, (80, 80, 80, 80), VOLUME, LENGTH)]
    play = Play(rows).send(bid(1, 90, 4)).to(4 * LENGTH)
    assert play.fills == []
    assert len(play.of(GapStarted)) == 1
    assert [each.reason for each in play.of(OrderCanceled)] == [CancelReason.MARKET_GAP]


def test_12_after_a_gap_the_next_bar_shows_the_book():
    gap = [(LENGTH, m.GAP_START, 0, 0), (3 * LENGTH, m.GAP_END, 0, 0)]
    play = Play([*bars(QUIET), *gap, *bar(3 * LENGTH, QUIET, VOLUME, LENGTH)]).to(3 * LENGTH)
    assert [(each.venue_ns, each.bid_lots) for each in play.of(BookUpdated)] == [
        (0, 100), (LENGTH, 0), (3 * LENGTH, 100),
    ]  # fmt: skip


def test_12_a_bar_whose_beginning_was_not_seen_does_nothing():
    cut = [row for row in bars((100, 130, 80, 110)) if row[0] > 0]
    play = Play([(0, m.CLEAR_BIDS, 0, 0), *cut, *bar(LENGTH, QUIET, VOLUME, LENGTH)]).to(LENGTH)
    assert play.marks == [(LENGTH, 100)]


# --- funding ----------------------------------------------------------------------------------------------------------


def test_funding_is_paid_at_its_time_at_the_mark_of_the_path():
    second = bar(LENGTH, (100, 130, 80, 110), VOLUME, LENGTH)
    rows = sorted([*second, (LENGTH + FIRST + 1, m.FUNDING, 0, 1_000_000)], key=lambda row: row[0])
    play = holding(5, *rows).to(2 * LENGTH)
    assert [each.amount_quanta for each in play.of(FundingPaid)] == [-5 * 80 * 1_000 * 1_000_000]


# --- liquidation ------------------------------------------------------------------------------------------------------


def test_a_liquidation_at_an_extreme_closes_there():
    rows = [*bars(QUIET, volume=10**6), *bar(LENGTH, (100, 100, 80, 100), 10**6, LENGTH)]
    play = Play(rows, free(balance_tick_lots=150, leverage="10", maintenance_margin_ppb=50_000_000))
    play.send(market(1, Side.BUY, 10)).to(2 * LENGTH)
    assert play.fills == [(0, 1, 101, 10), (LENGTH + FIRST, 0, 79, 10)], "10 lots at 80 need 40 and have -60"
