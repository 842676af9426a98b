"""Runs whose truth is known, held against their simulation."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from perpmaker.domain.errors import UnknownNameError
from perpmaker.journal.readers import LATEST
from perpmaker.journal.writer import open_journal
from perpmaker.report.attribution import Terms
from perpmaker.research.fidelity import Fidelity, choose_run, read_fidelity
from perpmaker.research.fidelity_execution import Distance
from perpmaker.research.fidelity_figures import Figures
from perpmaker.research.fidelity_fit import LEAST_FILLS
from perpmaker.research.own_orders import OwnOrders
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
from perpmaker.simulation.terms import QueueModel
from support.fidelity_runs import CLOSE, GappyMarket, Recorded, live_run, paper_run

MS = 1_000_000


def fidelity(recorded: Recorded, own: OwnOrders | None = None, **given: Any) -> Fidelity:
    with open_journal(recorded.journal) as journal:
        return read_fidelity(journal, choose_run(journal, LATEST, None), None, given, own)


def assert_alike(simulated: Figures, real: Figures) -> None:
    """Equal, but for the microseconds by which a timer of the loop comes late."""
    assert simulated.resting_ns == pytest.approx(real.resting_ns, rel=1e-5)
    assert replace(simulated, resting_ns=real.resting_ns) == real


@pytest.fixture(scope="module")
def far_paper(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """On paper, 80 ms away, where cancels move a queue up by a power law."""
    return paper_run(
        tmp_path_factory.mktemp("paper"), duration_s=400, latency_ns=80 * MS, model=QueueModel.POWER, exponent=1.5,
        spread=CLOSE,
    )  # fmt: skip


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The second of two runs: it takes over a position, goes on with a recording, and closes at its end."""
    return live_run(tmp_path_factory.mktemp("live"), duration_s=120, before_s=31, spread=CLOSE, close_on_exit=True)


def test_a_paper_run_and_its_simulation_are_the_same_fill_by_fill(far_paper: Recorded) -> None:
    found = fidelity(far_paper)
    assert found.real.filled_orders > 100
    assert found.before.forced.distance == Distance(0, 0)
    assert found.before.forced.refused_only_real == found.before.forced.refused_only_simulated == 0
    assert found.before.matches.only_real == found.before.matches.only_simulated == 0
    assert_alike(found.before.free, found.real)
    assert not found.warnings


def test_the_money_of_both_adds_up_by_the_same_terms(far_paper: Recorded) -> None:
    found = fidelity(far_paper)
    assert found.run.summary is not None
    gained = found.run.instrument.money(found.real.terms.total)
    assert float(gained) == pytest.approx(
        float(found.run.summary["equity_end"]) - float(found.run.summary["equity_start"]), abs=1e-3
    ), "the mark at the end is the recording's"
    assert found.real.terms.maker_fees < 0
    assert found.real.terms != Terms()


def test_latency_and_queue_are_found_from_other_assumptions(far_paper: Recorded) -> None:
    found = fidelity(far_paper, order_latency_ns=10 * MS, queue_model=QueueModel.RISK_AVERSE, queue_exponent=3.0)
    assert found.before.forced.distance.lots > 0
    assert found.before.matches.only_real > 0
    assert found.before.matches.only_simulated > 0
    assert found.latency is not None
    assert found.fit is not None
    assert found.fitted is not None
    assert found.fitted.order_latency_ns == 80 * MS
    assert found.fitted.feed_latency_ns == 0
    assert found.fitted.queue_model is QueueModel.POWER
    assert found.fit.low <= 1.5 <= found.fit.high
    assert found.fitted.exponent == pytest.approx(1.5, abs=0.5)
    assert found.after is not None
    assert found.after.forced.distance.lots == 0
    assert found.after.forced.distance < found.before.forced.distance
    assert found.after.matches.only_real + found.after.matches.only_simulated < (
        found.before.matches.only_real + found.before.matches.only_simulated
    )


def test_too_few_fills_are_said_and_no_queue_is_fitted(tmp_path: Path) -> None:
    found = fidelity(paper_run(tmp_path, duration_s=60, interval_s=60), queue_model=QueueModel.POWER)
    assert found.real.filled_orders < LEAST_FILLS
    assert found.fit is None
    assert any(f"no queue model is fitted to fewer than {LEAST_FILLS}" in warning for warning in found.warnings)
    assert any("Latency is not measured" in warning for warning in found.warnings)
    assert found.after is None


def test_a_gap_and_a_stop_are_gone_through_as_the_run_did(tmp_path: Path) -> None:
    feed = GappyMarket(SyntheticMarket(PROFILES["SOL_USDC_PERP"], 7), 40, 47, 300)
    found = fidelity(paper_run(tmp_path, duration_s=600, feed=feed, stop_after_s=90.5, spread=CLOSE))
    assert found.run.end_reason == "interrupted"
    assert any("1 gaps" in warning for warning in found.warnings)
    assert any("gap of the recording" in reason for reason in found.left_out)
    assert found.before.forced.distance == Distance(0, 0)
    assert_alike(found.before.free, found.real)


def test_a_live_run_on_the_testnet_is_simulated_nearly_lot_by_lot(live: Recorded) -> None:
    """Not quite: its stream tells a level before the trade that emptied it, where the exchange had it the other way."""
    found = fidelity(live)
    assert found.own is OwnOrders.BESIDE, "a loopback address is the testnet's"
    assert found.real.filled_orders > 100
    assert found.own_rows == found.real.fills, "each execution was printed once more, beside the market"
    assert found.fitted is not None
    assert found.fitted.order_latency_ns < MS
    assert found.after is not None
    assert found.after.forced.distance.lots <= found.after.forced.real_lots // 100
    assert found.after.forced.only_real == 0
    assert found.after.matches.only_real == 0
    assert found.after.matches.only_simulated <= found.after.matches.both // 25


def test_prints_of_the_run_itself_would_fill_it_twice(live: Recorded) -> None:
    untouched = fidelity(live, OwnOrders.ABSENT)
    assert untouched.own_rows == 0
    assert untouched.before.forced.simulated_lots >= untouched.before.forced.real_lots
    assert untouched.before.forced.distance > fidelity(live).before.forced.distance


def test_a_run_without_a_recording_or_of_a_simulation_is_refused(far_paper: Recorded, tmp_path: Path) -> None:
    with open_journal(str(tmp_path / "empty.db")) as journal, pytest.raises(UnknownNameError, match="--record"):
        choose_run(journal, LATEST, None)
    far_paper.recording.rename(tmp_path / "moved")
    try:
        with pytest.raises(UnknownNameError, match="cannot be replayed"):
            fidelity(far_paper)
        with open_journal(far_paper.journal) as journal:
            run = choose_run(journal, LATEST, None)
            found = read_fidelity(journal, run, tmp_path / "moved", {}, None)
        assert found.before.forced.distance == Distance(0, 0)
    finally:
        (tmp_path / "moved").rename(far_paper.recording)
