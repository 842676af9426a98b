"""The flags of the simulated exchange that make it a perpetual future's: margin, fee tiers, latencies."""

import json
import shlex
from decimal import Decimal

import pytest

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.main import _run

LEVERED = shlex.split(
    "--spread 1bp --quantity 2 --max-position 1000 --balance 10 --leverage 50 --interval 1 --duration 600"
)


def run(tmp_path, *flags):
    """The exit code and the summary without what differs between equal runs."""
    path = tmp_path / "summary.json"
    code = _run(["run", "--view", "none", "--journal", "none", "--summary", str(path), *LEVERED, *flags])
    summary = json.loads(path.read_text()) if path.exists() else {}
    return code, {name: value for name, value in summary.items() if name not in {"wall_s", "events_per_s"}}


def test_an_account_that_cannot_carry_its_position_is_liquidated_and_the_books_are_exact(tmp_path):
    code, summary = run(tmp_path, "--maintenance-margin", "2%")
    assert code == ExitCode.LIQUIDATED
    assert summary["position"] == "0.00"
    change = Decimal(summary["equity_end"]) - Decimal(summary["equity_start"])
    earned = sum(Decimal(summary[name]) for name in ("realized_pnl", "unrealized_pnl", "funding"))
    assert change == earned - Decimal(summary["fees"])


def test_a_maintenance_margin_of_zero_never_liquidates(tmp_path):
    code, _ = run(tmp_path, "--maintenance-margin", "0")
    assert code != ExitCode.LIQUIDATED


def test_drawn_latencies_give_the_same_run_again_and_are_written_as_they_are_typed(tmp_path):
    flags = ["--feed-latency", "lognormal:5ms:0.8:50ms", "--order-latency", "lognormal:10ms:0.5"]
    first, again = run(tmp_path, *flags), run(tmp_path, *flags)
    assert first == again
    settings = first[1]["run"]["settings"]
    assert settings["feed_latency_ns"] == "lognormal:5000000ns:0.8:50000000ns"
    typed = ["--feed-latency", settings["feed_latency_ns"], "--order-latency", settings["order_latency_ns"]]
    assert run(tmp_path, *typed) == first


def test_a_recorded_series_of_one_row_is_a_constant(tmp_path):
    series = tmp_path / "latency.csv"
    series.write_text("ts_ns,latency_ns\n0,10000000\n")
    same, constant = run(tmp_path, "--order-latency", f"recorded:{series}")[1], run(tmp_path)[1]
    assert same.pop("run")["settings"]["order_latency_ns"] == f"recorded:{series}"
    constant.pop("run")
    assert same == constant


def test_the_tier_of_the_volume_before_the_start_holds(tmp_path):
    tiers = tmp_path / "tiers.csv"
    tiers.write_text("from_notional,maker_fee,taker_fee\n1000,-0.0001,0.0003\n")
    below, within = (run(tmp_path, "--fee-tiers", str(tiers), "--volume-30d", volume)[1] for volume in ("999", "1000"))
    assert Decimal(below["fees"]) > 0 > Decimal(within["fees"])


@pytest.mark.parametrize("text", ["lognormal:10ms", "lognormal:10:1", "lognormal:10ms:9", "lognormal:10ms:1:5ms"])
def test_a_latency_that_is_none_is_refused(tmp_path, text):
    assert run(tmp_path, "--order-latency", text)[0] == ExitCode.BAD_INPUT
