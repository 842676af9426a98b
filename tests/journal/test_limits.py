"""Results by day, and latches: what a restart must not forget."""

from dataclasses import replace
from decimal import Decimal

import pytest

from perpmaker.journal import limits, readers
from perpmaker.journal.limits import Latch, active_latches, clear_latches, day_profit, set_latch
from perpmaker.journal.writer import Journal, RunStart

ACCOUNT = "backpack:abc"
LATCH = Latch(
    account=ACCOUNT,
    symbol="SOL_USDC_PERP",
    kind="maximum loss",
    text="lost 10.00 USDC, the limit is 10",
    run_id="live-1",
    set_at_ns=5,
)


def test_the_result_of_a_day_is_the_last_word_of_every_run_of_the_account(
    journal: Journal, about_live: RunStart
) -> None:
    exact = Decimal("-0.000000000000000000000000000001")
    with journal.begin_run(about_live) as one:
        one.daily_result("2026-11-24", Decimal(1_000))
        one.flush()
        one.daily_result("2026-11-24", Decimal("-12.5"))
        one.daily_result("2026-11-25", Decimal(3))
    with journal.begin_run(replace(about_live, run_id="live-2", tag=8)) as two:
        two.daily_result("2026-11-24", exact)
    with journal.begin_run(replace(about_live, run_id="other", account="backpack:def")) as other:
        other.daily_result("2026-11-24", Decimal(77))
    assert day_profit(journal, ACCOUNT, "2026-11-24", excluding_run_no=None) == Decimal("-12.5") + exact
    assert day_profit(journal, ACCOUNT, "2026-11-24", excluding_run_no=two.run_no) == Decimal("-12.5")
    assert day_profit(journal, ACCOUNT, "2026-11-25", excluding_run_no=two.run_no) == 3
    assert day_profit(journal, ACCOUNT, "2026-11-26", excluding_run_no=None) == 0
    assert limits.run_day_profit(journal, readers.load_run(journal, "live-1"), "2026-11-24") == Decimal("-12.5")
    assert limits.run_day_profit(journal, readers.load_run(journal, "live-1"), "2026-11-26") == 0


def test_a_run_of_no_account_has_no_result_of_a_day(journal: Journal, about: RunStart) -> None:
    with journal.begin_run(about) as run, pytest.raises(ValueError, match="run run-1 belongs to no account"):
        run.daily_result("2026-11-24", Decimal(1))


def test_a_latch_stays_as_it_was_set_until_it_is_cleared(journal: Journal) -> None:
    set_latch(journal, LATCH)
    set_latch(journal, replace(LATCH, text="said again", set_at_ns=9))
    assert active_latches(journal, ACCOUNT, "SOL_USDC_PERP") == [LATCH]
    assert clear_latches(journal, ACCOUNT, "SOL_USDC_PERP", cleared_at_ns=10, cleared_by="me") == [LATCH]
    assert active_latches(journal, ACCOUNT, "SOL_USDC_PERP") == []
    assert clear_latches(journal, ACCOUNT, "SOL_USDC_PERP", cleared_at_ns=11, cleared_by="you") == []


def test_a_latch_that_was_cleared_can_be_set_anew(journal: Journal) -> None:
    set_latch(journal, LATCH)
    clear_latches(journal, ACCOUNT, cleared_at_ns=10, cleared_by="me")
    again = replace(LATCH, set_at_ns=20)
    set_latch(journal, again)
    assert active_latches(journal, ACCOUNT) == [again]


def test_a_latch_of_the_account_stops_every_symbol_and_one_of_a_symbol_only_that(journal: Journal) -> None:
    of_account = replace(LATCH, symbol=None, kind="maximum loss of the day")
    set_latch(journal, LATCH)
    set_latch(journal, of_account)
    assert active_latches(journal, ACCOUNT, "SOL_USDC_PERP") == [LATCH, of_account]
    assert active_latches(journal, ACCOUNT, "BTC_USDC_PERP") == [of_account]
    assert active_latches(journal, ACCOUNT) == [LATCH, of_account]
    assert active_latches(journal, "backpack:def", "SOL_USDC_PERP") == []


def test_clearing_one_symbol_leaves_the_others(journal: Journal) -> None:
    other = replace(LATCH, symbol="BTC_USDC_PERP")
    set_latch(journal, LATCH)
    set_latch(journal, other)
    assert clear_latches(journal, ACCOUNT, "SOL_USDC_PERP", cleared_at_ns=10, cleared_by="me") == [LATCH]
    assert active_latches(journal, ACCOUNT) == [other]
