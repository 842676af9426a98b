"""Many markets, one account: no sequence of fills leads beyond a budget, and reaching one always reduces."""

import random
from decimal import Decimal
from fractions import Fraction

import pytest

from perpmaker.domain.events import EndReason
from perpmaker.domain.orders import Side
from perpmaker.domain.reasons import NotResting
from perpmaker.risk.budgets import Step
from support.crowds import Crowd, Member


def values(member: Member, side: Side) -> list[Decimal]:
    return [
        member.instrument.quantity(order.remaining_lots)
        for order in member.maker.orders
        if order.side is side and order.order_id not in member.cancelling
    ]


def test_without_budgets_nothing_is_refused() -> None:
    crowd = Crowd()
    one = crowd.add("A")
    crowd.pass_time()
    assert values(one, Side.BUY) == values(one, Side.SELL) == [1, 1, 1]


def test_an_order_beyond_the_room_is_refused_before_it_is_sent_and_its_level_says_why() -> None:
    crowd = Crowd(max_notional=250)
    one = crowd.add("A")
    crowd.pass_time()
    assert values(one, Side.BUY) == values(one, Side.SELL) == [1, 1], "the inner levels; two of 100 each way"
    assert one.maker.quoter.not_resting[Side.BUY, 3] is NotResting.BUDGET
    assert one.checks.refusals == {"budget": 4}


def test_what_could_fill_elsewhere_takes_the_room() -> None:
    crowd = Crowd(max_notional=450)
    one, other = crowd.add("A"), crowd.add("B")
    crowd.pass_time()
    assert values(one, Side.BUY) == [1, 1, 1]
    assert values(other, Side.BUY) == [1]
    one.stop(EndReason.INTERRUPTED)
    one.confirm_cancels()
    crowd.pass_time()
    assert one.ended is EndReason.INTERRUPTED
    assert values(other, Side.BUY) == [1, 1, 1], "tried again at the next refresh"


def test_margin_weighs_by_each_markets_own_leverage() -> None:
    crowd = Crowd(max_margin_share="0.002")  # 20 of 10,000; a tenth of each value
    one = crowd.add("A")
    crowd.pass_time()
    assert values(one, Side.BUY) == [1, 1]


def test_at_a_budget_only_the_side_that_reduces_is_quoted_everywhere_and_cannot_turn_the_position() -> None:
    crowd = Crowd(max_notional=1_000)
    long, short, flat = crowd.add("A"), crowd.add("B"), crowd.add("C")
    long.hold("8", "100")
    short.hold("-1.5", "100")
    crowd.pass_time()
    assert crowd.portfolio.step is Step.FREE
    long.price("107")
    assert crowd.portfolio.step is Step.REDUCING
    assert crowd.portfolio.budget is not None
    assert crowd.portfolio.budget.name == "notional"
    crowd.pass_time()
    crowd.pass_time()
    assert values(long, Side.BUY) == []
    assert values(long, Side.SELL) == [1, 1, 1]
    assert values(short, Side.BUY) == [1, Decimal("0.5")]
    assert values(short, Side.SELL) == []
    assert values(flat, Side.BUY) == values(flat, Side.SELL) == []
    assert flat.maker.quoter.not_resting[Side.BUY, 1] is NotResting.BUDGET
    assert any("only what reduces" in text for _, text in flat.notes)


def test_below_nine_tenths_both_sides_are_quoted_again() -> None:
    crowd = Crowd(max_notional=1_000)
    one = crowd.add("A")
    one.hold("9.5", "100")
    one.price("106")
    assert crowd.portfolio.step is Step.REDUCING
    crowd.pass_time()
    one.fill(one.open_ids(Side.SELL)[0], 100)
    assert crowd.portfolio.step is Step.REDUCING, "901 are held"
    crowd.pass_time()
    one.fill(one.open_ids(Side.SELL)[0], 100)
    assert crowd.portfolio.step is Step.FREE
    crowd.pass_time()
    assert values(one, Side.BUY)


def test_a_fifth_beyond_a_size_everything_ends_and_the_positions_stay() -> None:
    crowd = Crowd(max_notional=1_000)
    one, other = crowd.add("A"), crowd.add("B")
    one.hold("9", "100")
    crowd.pass_time()
    one.price("134")
    assert crowd.portfolio.step is Step.HALT
    for member in (one, other):
        member.confirm_cancels()
        assert member.ended is EndReason.BUDGET
    assert one.maker.position.lots == 900


def test_at_four_fifths_of_a_loss_the_markets_reduce_and_at_its_limit_they_close_and_end() -> None:
    crowd = Crowd(max_daily_loss=100)
    one, other = crowd.add("A"), crowd.add("B")
    one.hold("10", "100")
    crowd.pass_time()
    one.price("91.9")
    assert crowd.portfolio.step is Step.REDUCING
    one.price("89.9")
    assert crowd.portfolio.step is Step.HALT
    assert other.maker.end_reason is EndReason.BUDGET_LOSS
    closing = [order for order in one.sent if order.reduce_only]
    assert [order.lots for order in closing] == [1_000]


def test_earlier_runs_of_the_day_count_until_midnight() -> None:
    crowd = Crowd(carried="-75", max_daily_loss=100)
    one = crowd.add("A")
    one.hold("1", "100")
    one.price("94")
    assert crowd.portfolio.step is Step.REDUCING
    crowd.pass_time(86_400)
    one.price("94")
    assert crowd.portfolio.step is Step.FREE


def test_drawdown_counts_from_the_accounts_peak_and_from_before_todays_losses() -> None:
    crowd = Crowd(carried="-50", max_drawdown=100)
    one = crowd.add("A")
    assert {use.name: use.used for use in crowd.portfolio.uses} == {"drawdown": 50}
    one.hold("10", "100")
    one.price("110")
    assert crowd.portfolio.account.peak_equity == 10_100
    one.price("102.1")
    assert {use.name: use.used for use in crowd.portfolio.uses} == {"drawdown": 79}
    one.price("102")
    assert crowd.portfolio.step is Step.REDUCING


def test_the_profit_of_all_markets_is_one_and_what_was_taken_over_is_no_loss() -> None:
    crowd = Crowd(max_drawdown=100)
    one, other = crowd.add("A"), crowd.add("B")
    one.hold("10", "150")  # bought dearer before; the mark is 100
    one.price("95")
    other.hold("-10", "100")
    other.price("95")
    account = crowd.portfolio.account
    assert account.equity == account.peak_equity == 10_000
    assert account.day_profit == 0


def test_a_market_that_begins_late_is_told_where_things_stand() -> None:
    crowd = Crowd(max_notional=1_000)
    one = crowd.add("A")
    one.hold("10", "100")
    late = crowd.add("B")
    crowd.pass_time()
    assert values(late, Side.BUY) == []
    one.price("130")
    too_late = crowd.add("C")
    assert too_late.maker.end_reason is EndReason.BUDGET


def test_what_the_others_settle_is_known_in_quanta_of_ones_own() -> None:
    crowd = Crowd()
    one, other = crowd.add("A"), crowd.add("B")
    crowd.pass_time()
    one.fill(one.open_ids(Side.BUY)[0], 100)
    crowd.pass_time()
    one.fill(one.open_ids(Side.SELL)[0], 100)
    settled = one.maker.position.realized_quanta
    assert settled > 0
    assert other.seat.settled_elsewhere() == settled
    assert one.seat.settled_elsewhere() == 0


def test_a_market_without_a_mark_is_valued_by_its_book() -> None:
    crowd = Crowd(max_notional=250)
    one = crowd.add("A")
    one.maker.state.mark_milliticks = None
    assert one.seat.value(100) == 100
    one.maker.state.book = None
    assert one.seat.value(100) == 100, "the last middle"


@pytest.mark.parametrize("seed", range(30))
def test_no_sequence_of_fills_exceeds_a_budget_and_reaching_one_reduces(seed: int) -> None:
    """Random fills, late cancels, refreshes and price moves over three markets with their real checks."""
    rng = random.Random(seed)
    crowd = Crowd(max_notional=1_500, max_margin_share="0.02")
    members = [crowd.add(name, "100", quantity=Decimal(rng.choice([1, 2, 3]))) for name in ("A", "B", "C")]
    prices = dict.fromkeys(members, 100.0)

    def totals() -> tuple[Fraction, Fraction]:
        """What is held, and the worst that fills could bring about."""
        exposures = [member.seat.exposure for member in members]
        return sum((e.held for e in exposures), Fraction(0)), sum((e.worst for e in exposures), Fraction(0))

    for _ in range(600):
        member = rng.choice(members)
        _, worst_before = totals()
        sent = {each: len(each.sent) for each in members}
        is_price = False
        chance = rng.random()
        if chance < 0.45 and member.maker.orders:
            order = rng.choice(list(member.maker.orders))
            if order.status.is_open:
                member.fill(order.order_id, rng.randint(1, order.remaining_lots))
        elif chance < 0.6:
            member.confirm_cancels()
        elif chance < 0.9:
            crowd.now_ns += 10**9
            member.refresh()
        else:
            is_price = True
            prices[member] *= rng.uniform(0.98, 1.02)
            member.price(f"{prices[member]:.2f}")
        held, worst = totals()
        if crowd.portfolio.step is Step.HALT:
            break
        if not is_price:
            assert worst <= max(1_500, worst_before), "only a move of prices can lead beyond"
        if held >= 1_500:
            assert crowd.portfolio.step is Step.REDUCING
        if crowd.portfolio.step is Step.REDUCING:
            for each in members:
                for order in each.sent[sent[each] :]:
                    position = each.maker.position.lots
                    assert order.side * position < 0, "only what reduces"
                    exposed = each.maker.orders.exposure_lots(order.side)
                    assert exposed <= abs(position), "and it cannot turn the position"
    assert sum(member.checks.refusals["budget"] for member in members), "the budget has mattered"
