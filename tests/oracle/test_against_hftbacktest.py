"""hftbacktest 2.4.4 and our exchange agree on the same decisions: on the position at every step, and on the equity.

Where the two exchanges differ, and why it does not show here, is listed in docs/fidelity.md.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from oracle.hftbacktest_process import PYTHON, Hftbacktest, job
from oracle.markets import CASES, SECOND_NS, HeldMarket
from oracle.play_ours import LADDER_LATENCY_NS, MAKER_LATENCY_NS, LadderPlayer, exchange, run_maker
from perpmaker.domain.money import QUANTA_PER_TICK_LOT
from support.order_lists import OrderRecorder

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "data"
INTERVALS_S = (1, 10)
MOST_DIFFERENCE = 1e-9
"""In the quote currency: hftbacktest sums floats, we sum integers."""

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason=f"hftbacktest has no environment at {PYTHON}: make test builds it"
)


class Stage(NamedTuple):
    """Every market that is here, hftbacktest with all jobs, and what our maker did in each of its own."""

    markets: dict[str, HeldMarket]
    hftbacktest: Hftbacktest
    recorders: dict[tuple[str, int], OrderRecorder]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("oracle")
    markets = {
        name: case.build(RECORDINGS, folder / f"recording {name}")
        for name, case in CASES.items()
        if RECORDINGS.is_dir() or not case.is_recorded
    }
    runs = [(name, seconds) for name in markets for seconds in INTERVALS_S]
    recorders = {(name, seconds): run_maker(markets[name], CASES[name].half_spread, seconds) for name, seconds in runs}
    ladders = [(job(f"ladder {n} {s}", n, markets[n], s, LADDER_LATENCY_NS), CASES[n].ladder) for n, s in runs]
    # After its last row a market is over for hftbacktest; our maker still cancels what rests.
    ends_ns = {name: int(market.rows.ts_ns[-1]) for name, market in markets.items()}
    lists = [
        (
            job(f"maker {n} {s}", n, markets[n], s, MAKER_LATENCY_NS),
            recorders[n, s].orders().before(ends_ns[n]).without_stillborn(),
        )
        for n, s in runs
    ]
    with Hftbacktest(folder, markets, ladders, lists) as hftbacktest:
        yield Stage(markets, hftbacktest, recorders)


def marked(name: str) -> Any:
    return pytest.param(name, marks=[pytest.mark.recordings] if CASES[name].is_recorded else [])


def on_every_case(test: Callable[..., None]) -> Callable[..., None]:
    named = pytest.mark.parametrize("name", [marked(name) for name in CASES])(test)
    return pytest.mark.parametrize("seconds", INTERVALS_S)(named)


def market_of(stage: Stage, name: str) -> HeldMarket:
    if name not in stage.markets:
        pytest.skip(f"the real recordings are not here: {RECORDINGS}")
    return stage.markets[name]


def at_mid(market: HeldMarket, answer: dict[str, Any], position: int, cash: int, fee_quanta: int) -> float:
    """Our equity, with the position at the mid that hftbacktest shows at its last step; ``cash`` in tick-lots."""
    doubled = 2 * cash + position * (int(answer["best_bid_ticks"]) + int(answer["best_ask_ticks"]))
    return float(market.instrument.money(doubled * QUANTA_PER_TICK_LOT // 2 - fee_quanta))


def equity_of(market: HeldMarket, answer: dict[str, Any]) -> float:
    """hftbacktest's equity, by its own formula and in its own floats."""
    tick_size, lot_size = float(market.instrument.tick_size), float(market.instrument.lot_size)
    mid = (int(answer["best_bid_ticks"]) + int(answer["best_ask_ticks"])) / 2 * tick_size
    return float(answer["cash"]) + int(answer["positions"][-1]) * lot_size * mid - float(answer["fee"])


def assert_same_positions(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert len(ours) == len(theirs)
    differing = np.flatnonzero(ours != theirs)
    assert differing.size == 0, f"{differing.size} of {len(ours)} positions differ, the first at step {differing[0]}"


@on_every_case
def test_a_ladder_that_follows_book_and_position_has_the_same_position_at_every_step_and_the_same_equity(
    stage: Stage, name: str, seconds: int
):
    """Each decision rests on those before it: one fill more or less would change all that follows."""
    market = market_of(stage, name)
    stage.hftbacktest.play(f"ladder {name} {seconds}")
    theirs = stage.hftbacktest.answer(f"ladder {name} {seconds}")
    interval_ns = seconds * SECOND_NS
    ours = LadderPlayer(exchange(market, LADDER_LATENCY_NS), CASES[name].ladder, interval_ns).play(
        market.steps(interval_ns)
    )
    assert_same_positions(ours.positions, theirs["positions"])
    assert ours.fills == theirs["fills"] > 100
    assert (ours.best_bid_ticks, ours.best_ask_ticks) == (theirs["best_bid_ticks"], theirs["best_ask_ticks"])
    equity = at_mid(market, theirs, int(ours.positions[-1]), ours.cash, ours.fee_quanta)
    assert equity == pytest.approx(equity_of(market, theirs), rel=0, abs=MOST_DIFFERENCE)


@on_every_case
def test_the_orders_of_our_market_maker_give_the_same_position_at_every_step_and_the_same_equity(
    stage: Stage, name: str, seconds: int
):
    """The maker answers fills at once, so these orders are sent at any time, not only at steps."""
    market = market_of(stage, name)
    recorder = stage.recorders[name, seconds]
    stage.hftbacktest.play(f"maker {name} {seconds}")
    theirs = stage.hftbacktest.answer(f"maker {name} {seconds}")
    looks_ns = market.start_ns + seconds * SECOND_NS * np.arange(1, market.steps(seconds * SECOND_NS) + 1)
    assert_same_positions(recorder.positions(looks_ns), theirs["positions"])
    known = [fill for fill in recorder.fills if fill.at_ns <= looks_ns[-1]]
    assert len(known) == theirs["fills"] > 10
    cash = -sum(fill.side * fill.lots * fill.price_ticks for fill in known)
    position, fee_quanta = sum(fill.side * fill.lots for fill in known), sum(fill.fee_quanta for fill in known)
    equity = at_mid(market, theirs, position, cash, fee_quanta)
    assert equity == pytest.approx(equity_of(market, theirs), rel=0, abs=MOST_DIFFERENCE)
