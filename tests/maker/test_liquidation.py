"""What the maker does when the exchange has closed its position: books it, says so, and ends."""

from perpmaker.domain.commands import Halt, Notice, NoticeKind, Place
from perpmaker.domain.events import (
    LIQUIDATION_ORDER_ID,
    BookUpdated,
    EndReason,
    Filled,
    Liquidated,
    MarkUpdated,
    OrderCanceled,
)
from perpmaker.domain.orders import CancelReason, Side
from support.maker_bench import Bench, instrument


def liquidated_bench(left_lots: int) -> Bench:
    """Long 10 lots; the exchange cancels everything and closes all but ``left_lots``."""
    bench = Bench(instrument(), spread="0.01", quantity="0.1", max_orders=1, max_position="5")
    bench.send(BookUpdated(1, 1, 9_999, 100, 10_001, 100))
    bench.send(MarkUpdated(1, 1, 10_000_000))
    quote = next(order for order in bench.maker.orders if order.side is Side.BUY)
    bench.send(Filled(2, 2, 1, quote.order_id, Side.BUY, quote.price_ticks, quote.lots, True, 0))
    for order in list(bench.maker.orders):
        bench.send(OrderCanceled(3, 3, order.order_id, 0, CancelReason.LIQUIDATION))
    held = bench.maker.position.lots
    bench.sent.clear()
    bench.send(Filled(3, 3, 2, LIQUIDATION_ORDER_ID, Side.SELL, 9_000, held - left_lots, False, 77))
    assert bench.sent == []  # what follows tells what to do
    bench.send(Liquidated(3, 3, left_lots - held, left_lots))
    return bench


def test_the_closing_fill_is_booked_with_its_fee_and_is_no_anomaly():
    bench = liquidated_bench(0)
    assert (bench.maker.position.lots, bench.maker.position.fees_quanta) == (0, 77)
    kinds = [command.kind for command in bench.sent if isinstance(command, Notice)]
    assert kinds == [NoticeKind.LIQUIDATED, NoticeKind.ENDING]


def test_the_run_ends_as_liquidated_and_nothing_is_quoted():
    bench = liquidated_bench(0)
    assert bench.sent[-1] == Halt(EndReason.LIQUIDATED)
    assert not [command for command in bench.sent if isinstance(command, Place)]


def test_what_is_left_is_closed_first():
    bench = liquidated_bench(1)
    closing = [command for command in bench.sent if isinstance(command, Place)]
    assert [(order.side, order.lots, order.reduce_only) for order in closing] == [(Side.SELL, 1, True)]
    assert not [command for command in bench.sent if isinstance(command, Halt)]
