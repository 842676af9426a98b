"""`perpmaker fidelity` as a user meets it."""

import json
import shlex
from pathlib import Path

import pytest

from perpmaker.cli.main import _run
from perpmaker.journal.readers import list_runs
from perpmaker.journal.writer import open_journal
from perpmaker.simulation.terms import QueueModel
from support.fidelity_runs import CLOSE, Recorded, paper_run


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A paper run, and after it a simulation in the same journal."""
    found = paper_run(
        tmp_path_factory.mktemp("paper"), duration_s=150, latency_ns=40_000_000, model=QueueModel.POWER, spread=CLOSE
    )
    flags = "--spread 3bp --quantity 0.1 --max-position 1 --interval 5 --duration 60 --view none"
    assert _run(["run", *flags.split(), "--journal", found.journal]) == 0
    return found


ASSUMED = "--order-latency 5ms --queue-model risk-averse"


def test_the_latest_run_with_a_recording_is_compared(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["fidelity", "latest", "--journal", recorded.journal, *ASSUMED.split()]) == 0
    out = capsys.readouterr().out
    assert "SOL_USDC_PERP on backpack, paper, against its simulation" in out
    for title in ("the maker deciding again by itself", "where the money came from", "the very orders of the run"):
        assert title in out
    assert "assumed: --order-latency 5ms --feed-latency 0 --queue-model risk-averse" in out
    assert "fitted:  --order-latency 40ms --feed-latency 0 --queue-model " in out
    assert "as fitted: every order was filled alike" in " ".join(out.split())


def test_the_flags_that_it_prints_can_be_given_back_and_leave_no_difference(
    recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["fidelity", "latest", "--journal", recorded.journal, "--json"]
    assert _run([*command, *ASSUMED.split()]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["as_assumed"]["filled_orders"]["only_simulated"] > 0
    assert _run([*command, *shlex.split(found["flags"])]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["as_assumed"]["terms"]["order_latency_ns"] == 40_000_000
    assert again["as_assumed"]["same_orders"]["fills_apart"] == "0.00"
    assert again["as_assumed"]["filled_orders"]["only_happened"] == 0
    assert again["happened"] == found["happened"]
    assert again["happened"]["profit"] == again["as_assumed"]["by_itself"]["profit"]


def test_a_simulation_is_refused_and_so_is_what_is_not_there(
    recorded: Recorded, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_journal(recorded.journal) as journal:
        simulation = list_runs(journal)[0].run_id
    for name, more, sentence in (
        (simulation, [], "is a simulation: nothing happened"),
        ("nonsense", [], "has no run nonsense"),
        ("latest", ["--data", str(tmp_path / "nowhere")], "no such recording"),
        ("latest", ["--queue-exponent", "0", "--queue-model", "power"], "must be above 0"),
    ):
        assert _run(["fidelity", name, "--journal", recorded.journal, *more]) == 2
        error = capsys.readouterr().err
        assert sentence in error
        assert error.count("\n") == 1


def test_the_exponent_is_a_flag_of_the_simulated_exchange(tmp_path: Path) -> None:
    """Quotes in the queues of the best prices, where it matters how cancels move them up."""
    flags = "--spread 0.5bp --quantity 5 --max-position 500 --interval 5 --duration 900 --queue-model power --view none"
    fills = set()
    for exponent in ("0.2", "20"):
        file = tmp_path / f"{exponent}.json"
        command = ["run", *flags.split(), "--queue-exponent", exponent, "--journal", "none", "--summary", str(file)]
        assert _run(command) == 0
        summary = json.loads(file.read_text(encoding="utf-8"))
        assert float(summary["run"]["settings"]["queue_exponent"]) == float(exponent)
        fills.add((summary["fills"], summary["volume_base"], summary["realized_pnl"]))
    assert len(fills) == 2
