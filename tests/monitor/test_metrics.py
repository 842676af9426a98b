"""Prometheus is told what the view says, in its own units, and nothing that is not known."""

import asyncio
import re
import shutil
import subprocess
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from perpmaker.domain.orders import RejectReason
from perpmaker.maker.market_maker import Phase
from perpmaker.monitor.metrics import BUCKETS_S, DESCRIBED, RunMetrics, Snapshot, keep_showing
from perpmaker.monitor.view import Level, RunView
from perpmaker.runtime.live.vital_signs import VitalSigns
from support.views import AT_NS, BUDGETS, SEEN, seen
from support.virtual_time import run_virtual

ON_PAPER = {"exchange": "backpack", "symbol": "SOL_USDC_PERP", "market": "SOL_USDC_PERP", "mode": "paper"}


def collected(*views: RunView, signs: VitalSigns | None = None, **queues: int) -> CollectorRegistry:
    metrics = RunMetrics("1.2.3", {"alerts": lambda: 4}, {"log": lambda: 5})
    for view in views:
        metrics.show(Snapshot.of(view, signs or VitalSigns(), queues))
    return metrics.registry()


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, {**ON_PAPER, **labels})


@pytest.mark.parametrize(
    ("name", "labels", "told"),
    [
        ("perpmaker_run_up", {}, 1),
        ("perpmaker_run_paused", {}, 0),
        ("perpmaker_run_start_timestamp_seconds", {}, AT_NS / 1e9 - 60),
        ("perpmaker_view_timestamp_seconds", {}, AT_NS / 1e9),
        ("perpmaker_equity_quote", {}, 10000.123456789),
        ("perpmaker_net_profit_quote", {}, 0.123456789),
        ("perpmaker_fees_quote", {}, -0.166543211),
        ("perpmaker_profit_term_quote", {"term": "spread"}, 0.2),
        ("perpmaker_loss_limit_quote", {"limit": "max_drawdown"}, 25),
        ("perpmaker_traded_volume_quote_total", {}, 42.5),
        ("perpmaker_position_base", {}, -0.3),
        ("perpmaker_position_cap_base", {}, 1),
        ("perpmaker_side_capped", {"side": "buy"}, 0),
        ("perpmaker_mark_price_quote", {}, 141.2551),
        ("perpmaker_best_price_quote", {"side": "sell"}, 141.26),
        ("perpmaker_skew_ticks", {}, -1.5),
        ("perpmaker_order_price_quote", {"side": "buy", "level": "1"}, 141.2),
        ("perpmaker_order_queue_ahead_base", {"side": "buy", "level": "1"}, 2.5),
        ("perpmaker_levels", {"side": "sell", "state": "resting"}, 1),
        ("perpmaker_levels", {"side": "buy", "state": "none"}, 1),
        ("perpmaker_levels_not_resting", {"side": "buy", "why": "at cap"}, 1),
        ("perpmaker_fills_total", {"side": "sell"}, 2),
        ("perpmaker_orders_rejected_total", {"reason": "post-only would cross"}, 2),
        ("perpmaker_requests_total", {}, 40),
        ("perpmaker_wire_events_total", {"event": "requests: place"}, 25),
        ("perpmaker_rate_limit_headroom_ratio", {}, 0.9),
        ("perpmaker_clock_offset_seconds", {}, -0.00325),
        ("perpmaker_book_age_seconds", {}, 0.0125),
        ("perpmaker_blind", {}, 0),
        ("perpmaker_last_reconciliation_timestamp_seconds", {}, AT_NS / 1e9 - 1),
    ],
)
def test_what_the_view_says_is_told_in_base_units(name: str, labels: dict[str, str], told: float) -> None:
    assert value(collected(SEEN), name, **labels) == pytest.approx(told, rel=1e-12)


@pytest.mark.parametrize(
    ("unknown", "name"),
    [
        ({"mark": None}, "perpmaker_mark_price_quote"),
        ({"health__book_age_ms": None}, "perpmaker_book_age_seconds"),
        ({"health__rate_headroom": None}, "perpmaker_rate_limit_headroom_ratio"),
        ({"health__clock_offset_ms": None}, "perpmaker_clock_offset_seconds"),
        ({"health__reconciled_at_ns": None}, "perpmaker_last_reconciliation_timestamp_seconds"),
        ({"position__entry_price": None}, "perpmaker_entry_price_quote"),
        ({}, "perpmaker_run_due_timestamp_seconds"),
    ],
)
def test_what_is_not_known_has_no_sample(unknown: dict[str, Any], name: str) -> None:
    assert value(collected(seen(**unknown)), name) is None


def test_a_level_without_an_order_and_an_order_without_an_estimate_have_no_sample() -> None:
    registry = collected(SEEN)
    assert value(registry, "perpmaker_order_price_quote", side="buy", level="2") is None
    assert value(registry, "perpmaker_order_queue_ahead_base", side="sell", level="2") is None


@pytest.mark.parametrize("text", ["0", "", "off", "nan"])
def test_a_limit_that_is_off_is_no_limit(text: str) -> None:
    registry = collected(seen(settings={"max_loss": text}))
    assert value(registry, "perpmaker_loss_limit_quote", limit="max_loss") is None
    assert value(registry, "perpmaker_loss_limit_quote", limit="max_drawdown") is None


def test_every_reason_for_a_refusal_has_its_zero_so_that_the_first_one_is_an_increase() -> None:
    registry = collected(SEEN)
    told = {reason: value(registry, "perpmaker_orders_rejected_total", reason=reason.value) for reason in RejectReason}
    assert told == {reason: 2 if reason is RejectReason.POST_ONLY_WOULD_CROSS else 0 for reason in RejectReason}


@pytest.mark.parametrize("phase", list(Phase))
def test_exactly_one_phase_is_on(phase: Phase) -> None:
    registry = collected(seen(phase=phase.value))
    on = {one for one in Phase if value(registry, "perpmaker_run_phase", perpmaker_run_phase=one.value)}
    assert on == {phase}


def test_why_a_run_ends_is_told_once_it_does() -> None:
    assert value(collected(SEEN), "perpmaker_run_end_info", reason="stop loss") is None
    over = collected(seen(phase="ended", end_reason="stop loss", is_over=True))
    assert value(over, "perpmaker_run_end_info", reason="stop loss") == 1
    assert value(over, "perpmaker_run_up") == 0


def test_why_it_is_blind_is_told_while_it_is() -> None:
    registry = collected(seen(health__blind_for=["book stale", "account unknown"]))
    assert value(registry, "perpmaker_blind") == 1
    assert value(registry, "perpmaker_blind_reason", reason="book stale") == 1
    assert value(collected(SEEN), "perpmaker_blind_reason", reason="book stale") is None


def test_two_orders_on_one_level_are_one_series() -> None:
    twice = [
        Level(side="buy", level=1, price=price, quantity="1", state=state, queue_ahead=None, why=None)
        for price, state in (("1", "being cancelled"), ("2", "resting"))
    ]
    assert value(collected(seen(levels=twice)), "perpmaker_order_price_quote", side="buy", level="1") == 2


def test_the_markets_of_a_fleet_stand_side_by_side_by_their_names() -> None:
    registry = collected(
        seen(about__market="sol", position__quantity="1"), seen(about__market="sol2", position__quantity="2")
    )
    assert value(registry, "perpmaker_position_base", market="sol") == 1
    assert value(registry, "perpmaker_position_base", market="sol2") == 2


def test_the_newest_view_of_a_market_replaces_the_one_before() -> None:
    registry = collected(SEEN, seen(position__quantity="0.7"))
    assert value(registry, "perpmaker_position_base") == 0.7


def test_budgets_are_of_the_process_as_the_newest_view_has_them() -> None:
    older = seen(about__market="a", budgets=[], budget_step=None)
    newer = seen(about__market="b", at_ns=AT_NS + 1, budgets=BUDGETS, budget_step="REDUCING")
    registry = collected(newer, older)
    assert registry.get_sample_value("perpmaker_budget_used_quote", {"budget": "notional"}) == 120.5
    assert registry.get_sample_value("perpmaker_budget_limit_quote", {"budget": "notional"}) == 500
    steps = {
        name: registry.get_sample_value("perpmaker_budget_step", {"perpmaker_budget_step": name})
        for name in ("free", "reducing", "halt")
    }
    assert steps == {"free": 0, "reducing": 1, "halt": 0}


def test_without_budgets_there_is_nothing_to_tell_of_them() -> None:
    told = generate_latest(collected(SEEN)).decode()
    assert "perpmaker_budget_used_quote{" not in told
    assert "perpmaker_budget_step{" not in told


def test_queues_of_the_run_and_of_the_process_are_told() -> None:
    registry = collected(SEEN, journal=17)
    assert value(registry, "perpmaker_queue_depth", queue="journal") == 17
    assert registry.get_sample_value("perpmaker_process_queue_depth", {"queue": "alerts"}) == 4
    assert registry.get_sample_value("perpmaker_dropped_total", {"queue": "log"}) == 5


def test_the_version_is_told_before_any_run() -> None:
    assert collected().get_sample_value("perpmaker_build_info", {"version": "1.2.3"}) == 1


# --- histograms ---


def test_buckets_are_seconds_and_every_one_is_a_bucket_of_the_run() -> None:
    assert BUCKETS_S[:4] == (1e-6, 2e-6, 5e-6, 1e-5)
    assert BUCKETS_S[-1] == 50
    assert len(BUCKETS_S) == 24


def test_what_took_as_long_as_a_bound_is_within_it() -> None:
    signs = VitalSigns()
    for took_ns in (900, 1_000, 1_001, 60_000, 100 * 10**9):
        signs.decision.add(took_ns)
    registry = collected(SEEN, signs=signs)
    name = "perpmaker_decision_latency_seconds"
    assert value(registry, f"{name}_bucket", le="1e-06") == 2
    assert value(registry, f"{name}_bucket", le="2e-06") == 3
    assert value(registry, f"{name}_bucket", le="0.0001") == 4
    assert value(registry, f"{name}_bucket", le="50") == 4
    assert value(registry, f"{name}_bucket", le="+Inf") == value(registry, f"{name}_count") == 5
    assert value(registry, f"{name}_sum") == pytest.approx(100.000062901)


def test_wire_times_are_by_kind_of_request() -> None:
    signs = VitalSigns()
    signs.wire["place"].add(80_000_000)
    registry = collected(SEEN, signs=signs)
    assert value(registry, "perpmaker_wire_latency_seconds_count", request="place") == 1
    assert value(registry, "perpmaker_wire_latency_seconds_bucket", request="place", le="0.1") == 1
    assert value(registry, "perpmaker_wire_latency_seconds_bucket", request="place", le="0.05") == 0


def test_a_snapshot_does_not_change_with_what_it_was_taken_of() -> None:
    signs, queues = VitalSigns(), {"journal": 1}
    snapshot = Snapshot.of(SEEN, signs, queues)
    signs.decision.add(1)
    signs.wire["cancel"].add(1)
    queues["journal"] = 2
    assert snapshot.decision.cumulative[-1] == 0
    assert snapshot.wire == {}
    assert snapshot.queues == {"journal": 1}


# --- showing ---


def test_a_market_is_shown_every_second_from_its_first_view_and_once_more_at_its_end() -> None:
    shown: list[Snapshot] = []
    looks = iter([None, *[Snapshot.of(SEEN, VitalSigns())] * 9])

    class Board(RunMetrics):
        def show(self, snapshot: Snapshot) -> None:
            shown.append(snapshot)

    async def play() -> None:
        task = asyncio.create_task(keep_showing(Board("1"), lambda: next(looks)))
        await asyncio.sleep(3.5)
        assert len(shown) == 3
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_virtual(play)
    assert len(shown) == 4


# --- the form of it ---


def everything() -> CollectorRegistry:
    """With a sample in every family."""
    signs = VitalSigns()
    signs.decision.add(1)
    signs.wire["place"].add(1)
    full = seen(
        end_reason="duration reached", about__ends_at_ns=AT_NS, health__blind_for=["book stale"], budgets=BUDGETS,
        budget_step="free",
    )  # fmt: skip
    return collected(full, signs=signs, journal=0)


def test_every_metric_that_is_described_is_told_with_its_labels_and_nothing_else_is() -> None:
    described = {one.name.removesuffix("_info").removesuffix("_total"): one for one in DESCRIBED}
    found = {metric.name: metric for metric in everything().collect() if metric.name.startswith("perpmaker_")}
    assert found.keys() == described.keys()
    for name, metric in found.items():
        own = set(described[name].labels) | ({name} if metric.type == "stateset" else set())
        assert metric.samples, name
        assert all(set(sample.labels) - {"le"} == own for sample in metric.samples), name
        assert (metric.type, metric.documentation) == (described[name].kind, described[name].help)


def test_names_follow_the_rules_of_prometheus() -> None:
    for one in DESCRIBED:
        assert re.fullmatch(r"perpmaker_[a-z]+(_[a-z]+)*", one.name)
        assert one.name.endswith("_total") == (one.kind == "counter")
        assert one.name.endswith("_info") == (one.kind == "info")
        assert not re.search(r"_(ms|ns|us|milliseconds|percent)(_|$)", one.name)
        assert one.help.endswith(".")
    assert len({one.name for one in DESCRIBED}) == len(DESCRIBED)


def test_it_can_be_read_back() -> None:
    text = generate_latest(everything()).decode()
    names = {family.name for family in text_string_to_metric_families(text)}
    assert "perpmaker_position_base" in names
    lines = [line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(set(lines)) == len(lines), "one series twice"


def test_a_symbol_cannot_break_out_of_its_label() -> None:
    hostile = 'X"} 1\nfalse_metric{a="\\'
    text = generate_latest(collected(seen(about__symbol=hostile))).decode()
    assert not any(line.startswith("false_metric") for line in text.splitlines())
    told = {sample.labels["symbol"] for family in text_string_to_metric_families(text) for sample in family.samples
            if "symbol" in sample.labels}  # fmt: skip
    assert told == {hostile}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_say_about_it() -> None:
    own = CollectorRegistry()
    metrics = RunMetrics("1.2.3")
    metrics.show(Snapshot.of(SEEN, VitalSigns()))
    own.register(metrics)
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=generate_latest(own), capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
