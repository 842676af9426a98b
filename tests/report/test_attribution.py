"""The terms of the attribution: by hand, and summed exactly for whatever fills and prices."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.events import FundingPaid
from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT, fee_quanta
from perpmaker.domain.orders import Side
from perpmaker.domain.position import Position
from perpmaker.report.attribution import HOUR_NS, WHOLE, Attribution, Execution, Group, Terms, attribute, times_needed

S = 10**9
Q = QUANTA_PER_MILLITICK_LOT
START = 1_000 * HOUR_NS
END = START + 60 * S


class Steps:
    """Prices that change at given times and stay until the next; the mark lies a little beside the mid."""

    def __init__(self, mids: Mapping[int, int], basis: int = 0) -> None:
        self._mids = sorted(mids.items())
        self._basis = basis

    def mid(self, ts_ns: int) -> int:
        return max((entry for entry in self._mids if entry[0] <= ts_ns), default=self._mids[0])[1]

    def mark(self, ts_ns: int) -> int:
        return self.mid(ts_ns) + self._basis


def bought(
    at_s: float, price: int, *, lots: int = 10, fee: int = 0, level: int = 1, is_maker: bool = True
) -> Execution:
    return Execution(START + int(at_s * S), lots, price, fee, level, is_maker)


def sold(at_s: float, price: int, *, lots: int = 10, fee: int = 0, level: int = 1, is_maker: bool = True) -> Execution:
    return Execution(START + int(at_s * S), -lots, price, fee, level, is_maker)


def split(
    *executions: Execution, mids: Mapping[float, int], basis: int = 0, end_ns: int = END, funding: int = 0
) -> Attribution:
    prices = Steps({START + int(at_s * S): mid for at_s, mid in mids.items()}, basis)
    paid = [FundingPaid(START + S, START + S, funding)] if funding else []
    return attribute(executions, paid, prices, start_ns=START, end_ns=end_ns, end_mark_milliticks=prices.mark(end_ns))


def test_a_fill_captures_its_distance_to_the_mid_before_it_then_the_mid_moves_then_the_position_is_carried() -> None:
    # Bought 10 at 99 when the mid was 100; 5 s later the mid is 97, at the end 98.5.
    found = split(bought(10, 99_000, fee=7), mids={0: 100_000, 10: 98_000, 14: 97_000, 20: 98_500})
    assert found.total == Terms(spread=10 * 1_000 * Q, adverse=10 * -3_000 * Q, inventory=10 * 1_500 * Q, maker_fees=-7)


def test_the_mid_before_a_fill_does_not_know_what_happened_at_its_instant() -> None:
    found = split(bought(10, 99_000), mids={0: 100_000, 10: 98_000}, end_ns=START + 10 * S)
    assert found.total.spread == 10 * 1_000 * Q
    assert found.total.adverse == 10 * -2_000 * Q


def test_a_round_trip_is_carried_from_the_age_of_its_opener_to_the_age_of_its_closer() -> None:
    # Bought at 99 with the mid at 100 (which stays); sold at 103 with the mid at 102, which goes on to 104.
    found = split(bought(10, 99_000, level=1), sold(30, 103_000, level=2), mids={0: 100_000, 20: 102_000, 32: 104_000})
    assert found.by_level() == {
        Group(Side.BUY, 1): Terms(spread=10 * 1_000 * Q, inventory=10 * 4_000 * Q),
        Group(Side.SELL, 2): Terms(spread=10 * 1_000 * Q, adverse=-10 * 2_000 * Q),
        WHOLE: Terms(),
    }
    assert found.total.total == 10 * 4_000 * Q, "bought at 99, sold at 103"


def test_a_stop_pays_the_spread_and_the_fee_of_a_taker() -> None:
    found = split(sold(10, 99_500, fee=9, level=0, is_maker=False), mids={0: 100_000})
    assert found.total == Terms(spread=-10 * 500 * Q, taker_fees=-9)


def test_an_open_position_is_valued_at_the_mark_so_its_distance_to_the_mid_has_a_term() -> None:
    found = split(bought(10, 100_000), mids={0: 100_000}, basis=40)
    assert found.total == Terms(mark=10 * 40 * Q)
    assert found.by_side()[None] == Terms(mark=10 * 40 * Q)


def test_a_position_that_was_taken_over_is_inventory_at_once() -> None:
    taken = Execution(START + S, 10, 95_000, 0, 0, is_maker=False, is_fill=False)
    found = split(taken, mids={0: 100_000, 3: 101_000})
    assert found.total == Terms(takeover=10 * 5_000 * Q, inventory=10 * 1_000 * Q)


def test_an_hour_has_the_terms_of_what_happened_in_it() -> None:
    # Bought 2 s before the hour is full: its first 5 s lie in both hours.
    prices = {0: 100_000, 3_599: 99_000, 3_601: 98_000, 3_700: 99_500}
    found = split(bought(3_598, 99_900), mids=prices, end_ns=START + HOUR_NS + 500 * S, funding=-3)
    first, second = found.by_hour().values()
    assert first == Terms(spread=10 * 100 * Q, adverse=-10 * 1_000 * Q, funding=-3)
    assert second == Terms(adverse=-10 * 1_000 * Q, inventory=10 * 1_500 * Q)


def test_a_run_without_fills_has_nothing_to_split() -> None:
    found = split(mids={0: 100_000})
    assert found.total == Terms()
    assert list(found.by_hour()) == [START]


executions = st.builds(
    Execution,
    ts_ns=st.integers(START, START + 3 * HOUR_NS),
    signed_lots=st.integers(-50, 50).filter(bool),
    price_milliticks=st.integers(1, 200).map(lambda ticks: ticks * 1_000),
    fee_quanta=st.integers(-(10**16), 10**16),
    level=st.integers(0, 3),
    is_maker=st.booleans(),
    is_fill=st.integers(0, 9).map(bool),
)
mids = st.dictionaries(st.integers(START, START + 3 * HOUR_NS), st.integers(500, 200_000), min_size=1, max_size=12)


@given(
    st.lists(executions, max_size=25), mids, st.integers(-300, 300), st.integers(1, 2 * HOUR_NS), st.integers(0, 10**20)
)
def test_the_terms_sum_to_the_change_of_equity_to_the_last_quantum(
    made: list[Execution], steps: dict[int, int], basis: int, horizon_ns: int, funding: int
) -> None:
    prices, end_ns = Steps(steps, basis), START + 3 * HOUR_NS
    found = attribute(
        made,
        [FundingPaid(START, START, funding)],
        prices,
        start_ns=START,
        end_ns=end_ns,
        end_mark_milliticks=prices.mark(end_ns),
        horizon_ns=horizon_ns,
    )
    assert found.total.total == profit(made, prices.mark(end_ns), funding)
    for parts in (found.by_side(), found.by_level(), found.by_hour()):
        assert sum(terms.total for terms in parts.values()) == found.total.total
    for index, (hour, terms) in enumerate(found.by_hour().items()):
        hour_end = min(hour + HOUR_NS, end_ns)
        is_last = index == len(found.hours) - 1
        known = [one for one in made if one.ts_ns < hour_end or is_last]
        before = [one for one in made if one.ts_ns < hour]
        gained = profit(known, prices.mark(hour_end), funding if index == 0 else 0)
        assert terms.total == gained - profit(before, prices.mark(hour), 0), "each hour explains itself"


def profit(made: list[Execution], mark: int, funding: int) -> int:
    """What the position itself says, from flat."""
    position = Position()
    for one in sorted(made, key=lambda one: one.ts_ns):
        position.apply_correction(one.signed_lots, one.price_milliticks)
        position.fees_quanta += one.fee_quanta if one.is_fill else 0
    position.apply_funding(funding)
    return position.profit_quanta(mark)


@given(st.lists(executions, max_size=10), st.integers(1, HOUR_NS))
def test_no_other_prices_are_asked_for_than_were_announced(made: list[Execution], horizon_ns: int) -> None:
    end_ns = START + 3 * HOUR_NS
    announced = times_needed(made, START, end_ns, horizon_ns)

    class Strict(Steps):
        def mid(self, ts_ns: int) -> int:
            assert ts_ns in announced
            return 100_000

    prices = Strict({START: 1})
    attribute(made, [], prices, start_ns=START, end_ns=end_ns, end_mark_milliticks=1, horizon_ns=horizon_ns)


def test_a_fee_of_a_real_fill_keeps_its_last_quantum() -> None:
    fee = fee_quanta(99, 10, 123_457)
    assert split(bought(1, 99_000, fee=fee), mids={0: 99_000}).total.maker_fees == -fee
