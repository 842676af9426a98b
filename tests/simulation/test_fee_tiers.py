"""Fees by the volume of the last 30 days (rule 5 of `kernel_accounts`)."""

import pytest

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.events import Filled
from perpmaker.domain.money import QUANTA_PER_TICK_LOT, notional_quanta
from perpmaker.domain.orders import Side
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.fee_tiers import FeeTier
from simulation.markets import Market, book, market, terms, until

DAY_NS = 86_400 * 10**9
TIERS = (FeeTier(1_000 * QUANTA_PER_TICK_LOT, 100_000, 400_000), FeeTier(3_000 * QUANTA_PER_TICK_LOT, -50_000, 300_000))


def rates(days, **changes):
    """The taker fee of one buy of ten lots at 100 ticks (1,000 tick-lots) on each of these days, parts per billion."""
    rows = [row for day in days for row in book(day * DAY_NS, {}, {100: 10}) + book(day * DAY_NS + 1, {99: 1}, {})]
    exchange = SimulatedExchange(Market(rows), terms(fee_tiers=TIERS, **changes))
    told = []
    for number, day in enumerate(days, start=1):
        exchange.advance(until(day * DAY_NS + 5))
        while exchange.now_ns < day * DAY_NS + 5:
            exchange.advance(until(day * DAY_NS + 5))
        exchange.submit([market(number, Side.BUY, 10)])
        told += exchange.advance(until(day * DAY_NS + 6))
        told += exchange.advance(until(day * DAY_NS + 6))
    return [e.fee_quanta * 10**9 // notional_quanta(e.price_ticks, e.lots) for e in told if isinstance(e, Filled)]


def test_the_tier_of_a_day_follows_from_the_thirty_days_before_it():
    assert rates([1, 2, 3, 4, 5]) == [500_000, 400_000, 400_000, 300_000, 300_000]


def test_what_was_traded_today_counts_from_tomorrow_and_for_thirty_days():
    assert rates([1, 31]) == [500_000, 400_000]
    assert rates([1, 32]) == [500_000, 500_000]
    assert rates([1, 500]) == [500_000, 500_000]


def test_volume_from_before_the_start_counts_as_traded_on_the_day_before():
    volume = 3_000 * QUANTA_PER_TICK_LOT
    assert rates([10, 39, 40], volume_quanta=volume) == [300_000, 300_000, 400_000]
    assert rates([10], volume_quanta=volume - 1) == [400_000]


@pytest.mark.parametrize("tiers", [(FeeTier(0, 1, 1),), (TIERS[1], TIERS[0]), (FeeTier(1, 10**9, 0),), TIERS[:1] * 21])
def test_impossible_tiers_are_refused(tiers):
    with pytest.raises(InvalidSettingError):
        terms(fee_tiers=tiers)
