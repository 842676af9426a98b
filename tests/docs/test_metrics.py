"""docs/metrics.md, the dashboard for Grafana and the rules for Prometheus name metrics that exist, and all of them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.documents import ROOT, code_names, page, rows, section
from perpmaker.monitor import metrics_server
from perpmaker.monitor.metric_families import COMMON
from perpmaker.monitor.metrics import BUCKETS_S, DESCRIBED
from perpmaker.runtime.live.rate_limit import RESERVE_SHARE

PAGE = page("docs/metrics.md")
RULES_FILE = ROOT / "ops" / "prometheus" / "alerts.yml"
TESTS_FILE = ROOT / "ops" / "prometheus" / "alerts_test.yml"
CONFIG_FILE = ROOT / "ops" / "prometheus" / "prometheus.yml"
DASHBOARD: dict[str, Any] = json.loads((ROOT / "ops" / "grafana" / "perpmaker.json").read_text(encoding="utf-8"))

RULES = [r for group in yaml.safe_load(RULES_FILE.read_text(encoding="utf-8"))["groups"] for r in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
ANNOTATIONS = [one["expr"] for one in DASHBOARD["annotations"]["list"]]

BY_NAME = {one.name: one for one in DESCRIBED}
OF_PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes", "up"}
"""Of `prometheus_client`, and of Prometheus itself."""

has_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def named(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Every metric that an expression names, with the labels that it selects by."""
    for name, labels in re.findall(r"\b(perpmaker_\w+|process_\w+|up)\b(\{[^}]*\})?", expression):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels))


def family(name: str) -> str:
    """A histogram is named by its series."""
    return re.sub(r"_(bucket|sum|count)$", "", name) if name not in BY_NAME else name


def labels_of(name: str) -> set[str]:
    if name in OF_PROCESS:
        return {"instance", "job"}
    described = BY_NAME[family(name)]
    own = {"le"} if described.kind == "histogram" else {described.name} if described.kind == "stateset" else set()
    return {"instance", "job", *described.labels, *own}


def promtool(*words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *words], input=given, capture_output=True, text=True, check=False)


# --- the page ---


def test_the_table_is_that_of_the_program() -> None:
    told = [row for row in rows(section_with_parts("What is told")) if row[0].startswith("`perpmaker_")]
    assert told == [
        [f"`{one.name}`", one.kind, ", ".join(f"`{label}`" for label in own_labels(one.labels)), one.help]
        for one in DESCRIBED
    ]


def section_with_parts(heading: str) -> str:
    return PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def own_labels(labels: tuple[str, ...]) -> list[str]:
    return [label for label in labels if label not in COMMON]


def test_the_labels_that_all_have_are_named() -> None:
    assert set(COMMON) <= set(code_names(section(PAGE, "What is told")))


def test_every_rule_has_its_row_with_severity_and_patience() -> None:
    assert [row[:3] for row in rows(section(PAGE, "Alert rules"))] == [
        [rule["alert"], rule["labels"]["severity"], rule.get("for", "")] for rule in RULES
    ]


def test_the_bounds_that_are_stated_are_the_real_ones() -> None:
    server = metrics_server
    stated = f"At most {server.MOST_A_SECOND} requests a second are looked at,\n  {server.MOST_CLIENTS} at a time, "
    assert f"{stated}{server.PATIENCE_S:g} s each" in PAGE
    assert (BUCKETS_S[0], BUCKETS_S[-1]) == (1e-6, 50)
    assert f"{RESERVE_SHARE:g}" == "0.25", "the rule for the headroom, and the page, say a quarter"


def test_every_file_that_is_named_exists() -> None:
    files = set(re.findall(r"ops/[\w/.]+\w", PAGE))
    assert len(files) == 4
    assert all((ROOT / file).is_file() for file in files)


def test_the_example_asks_the_port_that_the_page_serves_on() -> None:
    (job,) = yaml.safe_load(CONFIG_FILE.read_text(encoding="utf-8"))["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]
    assert target == "127.0.0.1:8322"
    assert "--metrics-port 8322" in PAGE
    assert job["job_name"] == "perpmaker", "a rule asks for this name"


# --- rules and dashboard ---


@pytest.mark.parametrize("expression", [*EXPRESSIONS, *ANNOTATIONS, *(rule["expr"] for rule in RULES)])
def test_every_metric_and_label_that_is_asked_for_exists(expression: str) -> None:
    found = list(named(expression))
    assert found
    for name, labels in found:
        assert name in OF_PROCESS or family(name) in BY_NAME, name
        assert labels <= labels_of(name), (name, labels - labels_of(name))


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_what_a_legend_shows_is_there_to_be_shown(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        grouped = re.search(r"by \(([^)]*)\)", target["expr"])
        kept = {label.strip() for label in grouped[1].split(",")} if grouped else set()
        there = kept or set.intersection(*(labels_of(name) for name, _ in named(target["expr"])))
        assert shown <= there, target["expr"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_what_an_alert_says_is_there_to_be_said(rule: dict[str, Any]) -> None:
    said = set(re.findall(r"\$labels\.(\w+)", "".join(rule["annotations"].values())))
    name, _ = next(iter(named(rule["expr"])))
    assert said <= labels_of(name)
    assert set(rule["annotations"]) == {"summary", "description"}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}


def test_every_metric_is_on_the_dashboard_or_in_a_rule_or_only_tells_more_of_one() -> None:
    used = {
        family(name) for text in [*EXPRESSIONS, *ANNOTATIONS, *(r["expr"] for r in RULES)] for name, _ in named(text)
    }
    aside = {
        "perpmaker_run_info", "perpmaker_build_info", "perpmaker_run_due_timestamp_seconds",
        "perpmaker_equity_start_quote", "perpmaker_position_threshold_base", "perpmaker_entry_price_quote",
        "perpmaker_order_size_base",
    }  # fmt: skip
    assert set(BY_NAME) - used == aside


def test_the_dashboard_has_a_row_for_each_part_and_one_place_for_each_panel() -> None:
    titles = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert titles == ["Money", "Quoting", "Execution", "Wires", "Health"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_the_dashboard_can_be_narrowed_down_to_a_market_and_every_panel_follows() -> None:
    variables = {one["name"] for one in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource", "instance", "mode", "market"}
    for expression in EXPRESSIONS:
        for name, labels in named(expression):
            chosen = variables & labels_of(name)
            assert chosen <= labels, f"{name} does not follow {chosen - labels}"


def test_every_rule_is_tested_to_fire_and_to_be_quiet() -> None:
    fires: set[str] = set()
    is_quiet: set[str] = set()
    for case in yaml.safe_load(TESTS_FILE.read_text(encoding="utf-8"))["tests"]:
        for check in case["alert_rule_test"]:
            (fires if check["exp_alerts"] else is_quiet).add(check["alertname"])
    names = {rule["alert"] for rule in RULES}
    assert fires == is_quiet == names


# --- what promtool says ---


@has_promtool
@pytest.mark.parametrize(
    "words",
    [("check", "rules", RULES_FILE), ("check", "config", CONFIG_FILE), ("test", "rules", TESTS_FILE)],
    ids=lambda words: " ".join(map(str, words[:2])),
)
def test_promtool_agrees(words: tuple[Any, ...]) -> None:
    done = promtool(*map(str, words))
    assert done.returncode == 0, done.stdout + done.stderr


@has_promtool
def test_promtool_understands_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    asked = [re.sub(r"\$\w+", ".*", text.replace("$__rate_interval", "5m")) for text in [*EXPRESSIONS, *ANNOTATIONS]]
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(asked)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = promtool("check", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
