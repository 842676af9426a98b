"""The same orders through nautilus_trader and through our exchange: where they differ, and why.

Run: ``make crosscheck``. Our market maker trades two hours of the synthetic market; its orders and cancels are then
sent to nautilus_trader at the very same times. Every order falls into one class; docs/fidelity.md explains each.
A class is given only where the rules of both engines, written down, say that exactly this must happen. What they do
not explain is printed, and the command fails.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from nautilus_rules import Fate, Foreteller

from oracle.markets import SECOND_NS, HeldMarket, held
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.runtime.replay import Replay
from perpmaker.simulation import market_events as me
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import BENCHMARK_DAY
from perpmaker.simulation.terms import ExchangeTerms
from support.order_lists import CANCEL, PLACE, OrderList, OrderRecorder

PROJECT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = PROJECT / ".venv-crosscheck" / "bin" / "python"
HOURS: Final = 2
FEED_LATENCY_NS, ORDER_LATENCY_NS = 7_000_000, 23_000_000
MAKER_FEE_PPB, TAKER_FEE_PPB = 200_000, 500_000
LEVERAGE: Final = Decimal(10)

SAME = "same time, price and size"
SAME_END = "no fill in either"
BOTH_REJECT = "rejected by both"
VERDICT = "rejected by one: nautilus judges after the next message, by prices that trades have moved"
THROUGH = "a trade went through our price: nautilus fills later or never"
QUEUE = "our turn in the queue: nautilus fills later or never"
ARRIVAL = "the book crossed it in the message after its arrival, and nautilus had not looked at it before"
HELD_BACK = "one message crossed several of our orders: nautilus fills the best, the others at later messages"
AFTER_CANCEL = "filled by the message after its cancel arrived, before which nautilus has not looked at the cancel"
UNEXPLAINED = "UNEXPLAINED"
CLASSES: Final = (
    SAME, SAME_END, BOTH_REJECT, VERDICT, THROUGH, QUEUE, ARRIVAL, HELD_BACK, AFTER_CANCEL, UNEXPLAINED,
)  # fmt: skip


class Fill(NamedTuple):
    at_ns: int
    price_ticks: int
    lots: int


class Story(NamedTuple):
    """One order: what was asked, and what became of it here and there."""

    order_id: int
    side: int
    price_ticks: int
    arrives_ns: int
    cancel_arrives_ns: int
    ours: list[Fill]
    theirs: list[Fill]
    rejected_here: bool
    rejected_there: bool


def run_maker(market: HeldMarket) -> OrderRecorder:
    """Our market maker over the whole market, with its usual orders of ten lots."""
    settings = StrategySettings(
        spread=Decimal("0.0002"),
        quantity=Decimal("0.1"),
        max_orders=2,
        max_position=Decimal(5),
        position_threshold=Decimal(0),
        inventory_skew=Decimal("0.5"),
        interval_s=Decimal(10),
        duration_s=Decimal(0),
    )
    terms = StrategyTerms.of(settings, market.instrument, Decimal(1_000_000), LEVERAGE)
    exchange = SimulatedExchange(
        market,
        ExchangeTerms(
            maker_fee_ppb=MAKER_FEE_PPB,
            taker_fee_ppb=TAKER_FEE_PPB,
            balance_quanta=terms.balance_quanta,
            leverage=LEVERAGE,
            feed_latency_ns=FEED_LATENCY_NS,
            order_latency_ns=ORDER_LATENCY_NS,
        ),
    )
    recorder = OrderRecorder()
    Replay(MarketMaker(terms, exchange.now_ns), exchange, [recorder]).run()
    return recorder


def run_nautilus(folder: Path, market: HeldMarket, orders: OrderList) -> tuple[np.ndarray, set[int], float]:
    """Its fills (time, order, side, price, lots), the orders that it rejected, and the seconds that it took."""
    instrument = market.instrument
    np.savez(folder / "rows.npz", **market.rows._asdict())
    np.savez(folder / "orders.npz", **orders._asdict())
    job = {
        "tick_size": str(instrument.tick_size),
        "lot_size": str(instrument.lot_size),
        "maker_fee": str(Decimal(MAKER_FEE_PPB) / 10**9),
        "taker_fee": str(Decimal(TAKER_FEE_PPB) / 10**9),
        "order_latency_ns": ORDER_LATENCY_NS,
    }
    (folder / "job.json").write_text(json.dumps(job))
    path = os.pathsep.join((str(PROJECT / "tests"), str(PROJECT / "src")))
    script = PROJECT / "benchmarks" / "crosscheck" / "play_nautilus.py"
    done = subprocess.run(
        [PYTHON, "-P", script, folder], input="run\n", check=True, text=True, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    with np.load(folder / "fills.npz") as answer:
        return answer["fills"], set(answer["refused"].tolist()), float(done.stdout)


def stories(orders: OrderList, recorder: OrderRecorder, fills: np.ndarray, rejected: set[int]) -> Iterable[Story]:
    """Every order, in the order in which they were sent; what happened after the last row counts for neither."""
    ours: dict[int, list[Fill]] = defaultdict(list)
    theirs: dict[int, list[Fill]] = defaultdict(list)
    for fill in recorder.fills:
        ours[fill.order_id].append(Fill(fill.venue_ns, fill.price_ticks, fill.lots))
    for at_ns, order_id, _, price_ticks, lots in fills.tolist():
        theirs[order_id].append(Fill(at_ns, price_ticks, lots))
    cancels = dict(
        zip(orders.order_id[orders.code == CANCEL].tolist(), orders.at_ns[orders.code == CANCEL].tolist(), strict=True)
    )
    for at_ns, code, order_id, side, price_ticks, _ in zip(*(column.tolist() for column in orders), strict=True):
        if code == PLACE:
            yield Story(
                order_id,
                side,
                price_ticks,
                at_ns + ORDER_LATENCY_NS,
                cancels.get(order_id, 2**61) + ORDER_LATENCY_NS,
                ours[order_id],
                theirs[order_id],
                order_id in recorder.rejected_ids,
                order_id in rejected,
            )


class Judge:
    """Knows the rules of both engines, and the market.

    Args:
        rows: the market.
        fates: what must become of each order there.
    """

    def __init__(self, rows: me.MarketChunk, fates: dict[int, Fate]) -> None:
        self._fates = fates
        kinds = rows.kind & me.KIND_MASK
        self._trades = {
            side: (rows.ts_ns[kinds == kind], rows.price[kinds == kind])
            for side, kind in ((1, me.SELL_TRADE), (-1, me.BUY_TRADE))
        }

    def class_of(self, story: Story) -> str:
        """The class of this order; `UNEXPLAINED` where the rules do not say that this had to happen."""
        fate = self._fates.get(story.order_id, Fate())
        if fate.rejected != story.rejected_there or fate.fills != tuple((f.at_ns, f.lots) for f in story.theirs):
            return UNEXPLAINED
        if story.rejected_here or story.rejected_there:
            return BOTH_REJECT if story.rejected_here and story.rejected_there else VERDICT
        if not story.ours and not story.theirs:
            return SAME_END
        if story.ours == story.theirs:
            return SAME
        if story.ours and (not story.theirs or story.ours[0].at_ns < story.theirs[0].at_ns):
            return self._cause(story, fate)
        return AFTER_CANCEL if story.theirs[0].at_ns >= story.cancel_arrives_ns else UNEXPLAINED

    def _cause(self, story: Story, fate: Fate) -> str:
        """Why ours has filled, and theirs not or not like this."""
        times, prices = self._trades[story.side]
        at_ns = story.ours[0].at_ns
        printed = prices[np.searchsorted(times, at_ns) : np.searchsorted(times, at_ns, side="right")]
        beyond = (story.price_ticks - printed) * story.side
        if (beyond > 0).any():
            return THROUGH
        if (beyond == 0).any():
            return QUEUE
        if fate.looked_at_ns == at_ns:
            return ARRIVAL
        return HELD_BACK if fate.held_back_ns == at_ns else UNEXPLAINED


def main() -> None:
    if not PYTHON.exists():
        raise SystemExit(f"nautilus_trader has no environment at {PYTHON}: make crosscheck builds it")
    market = held(SyntheticMarket(BENCHMARK_DAY, seed=1, duration_ns=HOURS * 3_600 * SECOND_NS))
    recorder = run_maker(market)
    end_ns = int(market.rows.ts_ns[-1])
    orders = recorder.orders().before(end_ns - 2 * ORDER_LATENCY_NS)
    with tempfile.TemporaryDirectory() as folder:
        fills, rejected, seconds = run_nautilus(Path(folder), market, orders)
    judge = Judge(market.rows, Foreteller(market.rows, orders, ORDER_LATENCY_NS).run())
    judged = [(judge.class_of(story), story) for story in stories(orders, recorder, fills, rejected)]
    counts = Counter(name for name, _ in judged)
    print(f"{len(market.rows.kind):,} rows in {HOURS} h, {len(judged):,} orders; nautilus_trader took {seconds:.1f} s")
    for name in CLASSES:
        if counts[name]:
            of_it = [story for found, story in judged if found == name]
            later = [s.theirs[0].at_ns - s.ours[0].at_ns for s in of_it if s.ours and s.theirs]
            both = f"; in both {len(later):,}, there {np.median(later) / 1e9:+.3f} s in the median" if later else ""
            print(
                f"{counts[name]:>7,}  {name}: lots here {sum(f.lots for s in of_it for f in s.ours):,}, "
                f"there {sum(f.lots for s in of_it for f in s.theirs):,}{both}"
            )
    for story in [story for name, story in judged if name == UNEXPLAINED][:10]:
        print(story)
    if counts[UNEXPLAINED]:
        raise SystemExit(f"{counts[UNEXPLAINED]} orders differ in a way that docs/fidelity.md does not explain")


if __name__ == "__main__":
    main()
