"""The loss of a UTC day: over runs, over midnight, and without what a position had lost before."""

from decimal import Decimal

import pytest

from perpmaker.domain.events import EndReason, Filled, MarkUpdated, PositionCorrected
from perpmaker.domain.money import notional_quanta
from perpmaker.domain.orders import Side
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.runtime.live.daily_loss import DailyLoss, DayResult, utc_day
from support.live_bench import Bench, play
from support.scripted_venue import INSTRUMENT
from support.virtual_time import START_NS

LIMIT = notional_quanta(100, 1)  # a lot, 1.00 lower
DAY_NS = 86_400 * 10**9


class Day:
    """Plays events to a maker, and to the counting."""

    def __init__(self, limit: int | None = LIMIT, carried: int = 0) -> None:
        settings = StrategySettings(spread=Decimal("0.01"), quantity=Decimal("0.1"))
        self.maker = MarketMaker(StrategyTerms.of(settings, INSTRUMENT, Decimal(10_000), Decimal(10)), 0)
        self.daily = DailyLoss(limit, carried, START_NS)
        self.now_ns = START_NS
        self.fills = 0

    def tell(self, event) -> bool:
        self.maker.on_event(event)
        return self.daily.is_reached(self.now_ns, event, self.maker.state)

    def mark(self, ticks: int) -> bool:
        return self.tell(MarkUpdated(self.now_ns, self.now_ns, ticks * 1_000))

    def fill(self, side: Side, ticks: int, lots: int = 1, fee: int = 0) -> bool:
        self.fills += 1
        return self.tell(Filled(self.now_ns, self.now_ns, self.fills, 0, side, ticks, lots, True, fee))

    def take_over(self, lots: int, entry_ticks: int) -> bool:
        return self.tell(PositionCorrected(self.now_ns, self.now_ns, lots, entry_ticks * 1_000))


def test_the_open_position_counts_at_the_mark():
    day = Day()
    assert not day.mark(10_000)
    assert not day.fill(Side.BUY, 10_000)
    assert not day.mark(9_901)
    assert day.mark(9_900)


def test_fees_count():
    day = Day()
    day.mark(10_000)
    assert not day.fill(Side.BUY, 10_000, fee=LIMIT - 1)
    assert day.fill(Side.SELL, 10_000, fee=1)


def test_reached_once_it_stays_reached():
    day = Day()
    day.mark(10_000)
    day.fill(Side.BUY, 10_000)
    assert day.mark(9_900)
    assert day.mark(11_000)


def test_what_earlier_runs_of_the_day_lost_counts():
    day = Day(carried=-LIMIT + notional_quanta(10, 1))
    day.mark(10_000)
    day.fill(Side.BUY, 10_000)
    assert not day.mark(9_991)
    assert day.mark(9_990)


def test_what_earlier_runs_earned_may_be_lost():
    day = Day(carried=notional_quanta(50, 1))
    day.mark(10_000)
    day.fill(Side.BUY, 10_000)
    assert not day.mark(9_851)
    assert day.mark(9_850)


def test_a_limit_that_was_reached_before_is_reached_at_the_first_price():
    assert Day(carried=-LIMIT).mark(10_000)


def test_at_midnight_the_count_starts_anew():
    day = Day(carried=-LIMIT + 1)
    day.mark(10_000)
    day.fill(Side.BUY, 10_000)
    day.now_ns += DAY_NS
    assert not day.mark(10_000)
    assert not day.mark(9_901)
    assert day.mark(9_900)


def test_what_the_position_lost_before_midnight_is_not_lost_again():
    day = Day()
    day.mark(10_000)
    day.fill(Side.BUY, 10_000)
    assert not day.mark(9_901)
    day.now_ns += DAY_NS
    assert not day.mark(9_900)
    assert not day.mark(9_801)
    assert day.mark(9_800)
    assert day.daily.result == DayResult(utc_day(day.now_ns), -LIMIT)


@pytest.mark.parametrize("mark_first", [True, False])
def test_what_a_position_had_lost_before_it_was_taken_over_counts_for_nobody(mark_first):
    day = Day()
    if mark_first:
        assert not day.mark(9_000)
    assert not day.take_over(5, 10_000)
    assert not day.mark(9_000)
    assert not day.mark(8_981)
    assert day.mark(8_980)


def test_without_a_limit_it_only_counts():
    day = Day(limit=None)
    day.mark(10_000)
    day.fill(Side.SELL, 10_000)
    assert not day.mark(20_000)
    assert day.daily.result.profit_quanta == -notional_quanta(10_000, 1)


def test_another_limit_counts_what_the_day_has_made_so_far():
    day = Day(carried=-LIMIT // 2)
    day.mark(10_000)
    day.fill(Side.BUY, 10_000)
    day.daily.change_limit(10 * LIMIT)
    assert not day.mark(9_900)
    day.daily.change_limit(LIMIT)
    assert day.mark(9_940)
    day.daily.change_limit(None)
    assert day.mark(10_000), "what was reached stays reached"


def test_days_are_utc():
    assert utc_day(0) == "1970-01-01"
    assert utc_day(DAY_NS - 1) == "1970-01-01"
    assert utc_day(DAY_NS) == "1970-01-02"


# --- in a run ---


def test_the_run_closes_and_ends():
    daily = DailyLoss(INSTRUMENT.money_to_quanta(Decimal("0.05")), 0, START_NS)

    async def story(bench: Bench) -> None:
        await bench.start()
        bench.execute(bench.resting(Side.BUY).venue_id, 10)
        await bench.wait(1)
        bench.tell_mark(9_800_000)  # 0.1 bought at 99.00, now 98.00
        await bench.wait(0.1)
        (closing,) = [order for order in bench.ours(Side.SELL) if order.reduce_only]
        bench.execute(closing.venue_id, 10)
        outcome = await bench.task
        assert outcome.reason is EndReason.MAX_DAILY_LOSS
        assert bench.maker.position.lots == 0

    play(story, more=lambda _: {"daily_loss": daily})


def test_a_mark_and_a_takeover_told_at_the_same_moment_are_no_loss():
    daily = DailyLoss(INSTRUMENT.money_to_quanta(Decimal("0.05")), 0, START_NS)

    async def story(bench: Bench) -> None:
        await bench.start()
        now_ns = bench.clock.now_ns()
        bench.tell_mark(9_000_000)
        bench.run.tell(PositionCorrected(now_ns, now_ns, 10, 10_000_000))
        bench.venue.books.lots += 10
        await bench.wait(0.1)
        assert not bench.maker.is_ending

    play(story, more=lambda _: {"daily_loss": daily})
