"""The very orders of a run, through the simulated exchange."""

from perpmaker.data.format import Gap
from perpmaker.domain.orders import Side
from perpmaker.research.fidelity_execution import Distance, compare, queue_classes
from perpmaker.research.fidelity_forced import ForcedPlan, comparable, force
from perpmaker.research.fidelity_orders import Part, SentOrder
from perpmaker.research.fidelity_terms import Assumed
from perpmaker.simulation import market_events as m
from perpmaker.simulation.terms import QueueModel
from simulation.markets import Market, book

NOW = Assumed(0, 0, QueueModel.RISK_AVERSE)
WHOLE = book(0, {99: 5, 98: 5}, {101: 5})


def order(number: int = 1, *, price: int = 99, sent_ns: int = 10, **known: object) -> SentOrder:
    sent = SentOrder(number, Side.BUY, 1, price, 10, True, sent_ns, arrived_ns=sent_ns)
    for name, value in known.items():
        setattr(sent, name, value)
    return sent


def forced(orders, rows, *, delay_ns=0, measured_ns=0, patience_ns=50):
    assumed = Assumed(delay_ns, 0, QueueModel.RISK_AVERSE)
    return force(Market([*WHOLE, *rows]), ForcedPlan(orders, measured_ns, patience_ns, 1_000), assumed)


def test_an_order_arrives_when_it_did_and_a_shift_moves_it_and_its_cancel() -> None:
    trade = [(30, m.SELL_TRADE, 98, 1), (900, m.MARK, 1, 0)]
    cancelled = order(ended_ns=29, was_cancelled=True)
    assert forced([cancelled], trade)[1].parts == []
    later = forced([cancelled], trade, delay_ns=5)[1]
    assert (later.arrived_ns, later.first_fill_ns) == (15, 30), "its cancel comes five later, too: after the trade"
    assert forced([cancelled], trade, delay_ns=21, measured_ns=1)[1].parts == [], "it arrives after the trade"


def test_an_arrival_that_is_not_known_is_the_decision_and_the_delay() -> None:
    found = forced([order(arrived_ns=None)], [(900, m.MARK, 1, 0)], delay_ns=7, measured_ns=3)
    assert found[1].arrived_ns == 17
    found = forced([order(arrived_ns=12)], [(900, m.MARK, 1, 0)], delay_ns=7, measured_ns=None)
    assert found[1].arrived_ns == 17, "nothing was measured, so nothing can be moved"


def test_an_order_that_was_filled_rests_an_interval_longer_and_no_more() -> None:
    filled = order(parts=[Part(20, 99, 10, True, 0)])
    assert forced([filled], [(69, m.SELL_TRADE, 98, 1), (900, m.MARK, 1, 0)])[1].first_fill_ns == 69
    assert forced([filled], [(71, m.SELL_TRADE, 98, 1), (900, m.MARK, 1, 0)])[1].parts == []


def test_an_order_that_was_refused_never_rests() -> None:
    refused = order(refusal="post-only would cross")
    found = forced([refused], [(11, m.SELL_TRADE, 90, 1), (900, m.MARK, 1, 0)])
    assert found[1].parts == []
    assert compare([refused], found).refused_only_real == 1


def test_what_the_simulation_refuses_is_told() -> None:
    crossing = order(price=101)
    found = forced([crossing], [(900, m.MARK, 1, 0)])
    assert found[1].is_refused
    assert compare([crossing], found).refused_only_simulated == 1


def test_execution_is_compared_order_by_order() -> None:
    real = [
        order(1, parts=[Part(20, 99, 10, True, 0)]),
        order(2, price=98, parts=[Part(25, 98, 4, True, 0)], ended_ns=60, was_cancelled=True),
        order(3, price=97, ended_ns=90, was_cancelled=True),
    ]
    found = forced(real, [(30, m.SELL_TRADE, 98, 9), (80, m.SELL_TRADE, 96, 1), (900, m.MARK, 1, 0)])
    both = compare(real, found)
    assert (both.orders, both.both, both.only_real, both.only_simulated) == (3, 2, 0, 1)
    assert (both.real_lots, both.simulated_lots) == (14, 24)
    assert both.median_lag_ns == 7.5, "10 and 5 later"
    assert both.distance == Distance(10, 15)
    assert "optimistic" in both.verdict
    assert [found[number].queue_lots for number in (1, 2, 3)] == [5, 5, 0]
    classes = queue_classes(real, found)
    assert [(each.low_lots, each.orders, each.real_filled, each.simulated_filled) for each in classes] == [
        (0, 1, 0, 1), (5, 1, 1, 1), (5, 1, 1, 1),
    ]  # fmt: skip


def test_orders_that_would_say_something_else_are_left_out_and_counted() -> None:
    orders = [
        order(1, ended_ns=20, was_cancelled=True),
        order(2, rests=False),
        order(3, is_unknown=True),
        order(4, sent_ns=1),
        order(5, sent_ns=200, ended_ns=300, was_cancelled=True),
    ]
    kept, left_out = comparable(orders, [Gap(150, 250, "lost")], 5, 1_000)
    assert [each.order_id for each in kept] == [1]
    assert sorted(left_out.values()) == [1, 1, 1, 1]
