"""What the journal says of orders, and how far away the exchange was by it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from perpmaker.domain.events import Filled
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import RejectReason, Side
from perpmaker.journal.readers import RunRecord
from perpmaker.report.rows import CancelAsked, OrderNews, Placed, RunRows, Story
from perpmaker.research.fidelity_clock import SAME
from perpmaker.research.fidelity_latency import LEAST_ANSWERS, measure, place_unstamped
from perpmaker.research.fidelity_orders import SentOrder, SentOrders, sent_orders

MS = 1_000_000
INSTRUMENT = Instrument("SOL_USDC_PERP", "SOL", "USDC", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))


def run(**changes: Any) -> RunRecord:
    values: dict[str, Any] = {
        "run_no": 1, "run_id": "a", "started_at_ns": 0, "ended_at_ns": None, "end_reason": None, "version": "0",
        "exchange": "backpack", "symbol": "SOL_USDC_PERP", "market_type": "perp", "mode": "paper", "seed": None,
        "command_line": "", "settings": {}, "instrument": INSTRUMENT, "provenance": {}, "summary": None,
        "account": None, "tag": None, "pid": None, "host": None, "endpoint": None, "heartbeat_ns": None,
    }  # fmt: skip
    return RunRecord(**{**values, **changes})


def read(*story: Story) -> SentOrders:
    return sent_orders(RunRows(run(), list(story), [], [], []), SAME)


def placed(number: int, at_ms: int) -> Placed:
    return Placed(at_ms * MS, number, Side.BUY, 100, 10, True, False, 2)


def news(kind: str, number: int, at_ms: float, venue_ms: float | None = None, reason: str | None = None) -> OrderNews:
    venue_ns = round((at_ms if venue_ms is None else venue_ms) * MS)
    return OrderNews(round(at_ms * MS), venue_ns, kind, number, reason)


def filled(fill_id: int, number: int, lots: int, venue_ms: int) -> Filled:
    return Filled((venue_ms + 1) * MS, venue_ms * MS, fill_id, number, Side.BUY, 100, lots, True, 7)


def test_an_order_has_its_times_by_the_venues_stamps_and_its_fills_once() -> None:
    told = [news("accepted", 1, 20, 10.0), news("accepted", 1, 21, 10.4), news("accepted", 1, 40, 39.0)]
    found = read(placed(1, 0), *told, filled(1, 1, 4, 50), filled(1, 1, 4, 50), news("canceled", 1, 70, 60.0))
    order = found.orders[1]
    assert (order.level, order.sent_ns, order.answered_ns) == (2, 0, 20 * MS)
    assert order.arrived_ns == 10.4 * MS, "the earliest stamp, and within a millisecond of it the finest"
    assert (order.filled_lots, order.first_fill_ns, order.ended_ns) == (4, 50 * MS, 60 * MS)
    assert order.was_cancelled
    assert order.last_ns == 60 * MS


def test_an_order_that_was_filled_ends_with_its_last_fill() -> None:
    order = read(placed(1, 0), news("accepted", 1, 20), filled(1, 1, 4, 50), filled(2, 1, 6, 55)).orders[1]
    assert order.last_ns == 55 * MS
    assert not order.was_cancelled


def test_what_never_left_is_left_out_and_counted() -> None:
    found = read(
        placed(1, 0), news("rejected", 1, 0, reason=RejectReason.PRE_TRADE.value),
        placed(2, 0), news("canceled", 2, 1),
        placed(3, 0), news("rejected", 3, 20, reason=RejectReason.POST_ONLY_WOULD_CROSS.value),
    )  # fmt: skip
    assert list(found.orders) == [3]
    assert found.left_out == {RejectReason.PRE_TRADE.value: 1, "withdrawn before it was sent": 1}


def test_an_order_that_may_have_waited_for_a_cancel_of_everything_is_not_alone() -> None:
    found = read(
        placed(1, 0), placed(2, 0), news("accepted", 1, 20), news("accepted", 2, 20),
        CancelAsked(50 * MS, 1), placed(3, 50), news("accepted", 3, 55),
        CancelAsked(60 * MS, 2), CancelAsked(60 * MS, 3), placed(4, 60),
        news("canceled", 1, 70), placed(5, 75), news("canceled", 2, 80), news("canceled", 3, 80), placed(6, 90),
    )  # fmt: skip
    alone = {number: order.is_alone for number, order in found.orders.items()}
    assert alone == {1: True, 2: True, 3: True, 4: False, 5: False, 6: True}


def orders(times: Sequence[tuple[int, int, int]], *, is_alone: bool = True) -> list[SentOrder]:
    """Sent, arrived and answered, in milliseconds."""
    return [
        SentOrder(
            number, Side.BUY, 1, 100, 10, True, sent * MS, is_alone, answered_ns=answered * MS, arrived_ns=arrived * MS
        )
        for number, (sent, arrived, answered) in enumerate(times)
    ]


def test_latency_is_half_the_round_trip_and_what_is_more_is_the_feeds() -> None:
    """A market that is heard 7 ms late: the order stands 30 ms behind the messages that it answered."""
    found = measure(
        [*orders([(at, at + 30, at + 46) for at in range(20)]), *orders([(5, 500, 900)] * 40, is_alone=False)]
    )
    assert found is not None
    assert (found.order_ns, found.feed_ns, found.delay_ns) == (23 * MS, 7 * MS, 30 * MS)
    assert found.answers == 20


def test_a_few_slow_answers_change_nothing() -> None:
    found = measure(orders([(at, at + 23, at + 46) for at in range(20)] + [(0, 5_000, 9_000)] * 5))
    assert found is not None
    assert (found.order_ns, found.feed_ns) == (23 * MS, 0)


def test_with_too_few_answers_nothing_is_said() -> None:
    assert measure(orders([(0, 23, 46)] * (LEAST_ANSWERS - 1))) is None


def test_a_refusal_arrived_half_a_round_trip_before_its_answer() -> None:
    known = orders([(at, at + 30, at + 46) for at in range(20)])
    latency = measure(known)
    assert latency is not None
    refused = SentOrder(99, Side.BUY, 1, 100, 10, True, 0, answered_ns=146 * MS, refusal="post-only would cross")
    place_unstamped([refused], latency)
    assert refused.arrived_ns == 130 * MS, "it had waited for 100 ms"


@pytest.mark.parametrize("kind", ["cancel_rejected", "outcome_unknown"])
def test_an_order_whose_fate_is_not_told_stays_open(kind: str) -> None:
    order = read(placed(1, 0), news(kind, 1, 20)).orders[1]
    assert order.last_ns is None
    assert order.is_unknown is (kind == "outcome_unknown")


def test_stamps_that_are_rounded_are_no_feed_latency() -> None:
    known = orders([(at, at, at) for at in range(20)])
    for order in known:
        order.arrived_ns = order.sent_ns + 300
    found = measure(known)
    assert found is not None
    assert (found.order_ns, found.feed_ns, found.delay_ns) == (0, 0, 0)
