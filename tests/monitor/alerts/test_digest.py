"""Executions in digests: each in exactly one, sums exact."""

import re
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.orders import Side
from perpmaker.monitor.alerts.digest import FillsDigest
from support.alert_posts import SOL, fill

MINUTE = 60 * 10**9


def digest(*fills):
    made = FillsDigest(SOL)
    for each in fills:
        made.add(each)
    return made


def test_both_sides_with_their_sums_and_the_fees() -> None:
    fee = SOL.money_to_quanta(Decimal("0.005"))
    told = digest(fill(1, fee=fee), fill(2, lots=5, fee=fee), fill(3, Side.SELL, 10_100, 7)).take()
    assert told == "3 fills: bought 0.15 SOL for 15.00 USDC (2), sold 0.07 SOL for 7.07 USDC (1); fees 0.01 USDC"


def test_a_side_without_executions_is_left_out() -> None:
    assert digest(fill(1, Side.SELL)).take() == "1 fill: sold 0.10 SOL for 10.00 USDC (1); fees 0.00 USDC"


def test_what_was_taken_is_told_and_the_next_begins_anew() -> None:
    made = digest(fill(1, at_ns=5))
    assert (made.count, made.since_ns) == (1, 5)
    made.take()
    assert (made.count, made.since_ns) == (0, None)


def test_an_execution_that_is_told_again_counts_once_also_after_its_digest() -> None:
    made = digest(fill(1), fill(1))
    assert made.count == 1
    made.take()
    made.add(fill(1))
    assert (made.count, made.since_ns) == (0, None)


FILLS = st.builds(
    fill,
    st.integers(1, 30),
    st.sampled_from(Side),
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    fee=st.integers(-(10**14), 10**14),
)


@given(st.lists(FILLS | st.none(), max_size=60))
def test_all_digests_together_are_all_executions_to_the_last_digit(told) -> None:
    """None stands for the moment of a digest."""
    made, texts, seen = FillsDigest(SOL), [], {}
    for each in [*told, None]:
        if each is not None:
            seen.setdefault(each.fill_id, each)
            made.add(each)
        elif made.count:
            texts.append(made.take())
    for did, side in (("bought", Side.BUY), ("sold", Side.SELL)):
        parts = [re.search(rf"{did} (\S+) SOL for (\S+) USDC \((\d+)\)", text) for text in texts]
        mine = [each for each in seen.values() if each.side is side]
        assert sum(int(part[3]) for part in parts if part) == len(mine)
        assert sum(Decimal(part[1]) for part in parts if part) == SOL.quantity(sum(each.lots for each in mine))
        assert sum(Decimal(part[2]) for part in parts if part) == sum(
            SOL.price(each.price_ticks) * SOL.quantity(each.lots) for each in mine
        )
    fees = [Decimal(text.rpartition("fees ")[2].split()[0]) for text in texts]
    assert sum(fees) == SOL.money(sum(each.fee_quanta for each in seen.values()))
