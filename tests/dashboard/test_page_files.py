"""The page's own files: no markup from data, nothing from other hosts, the charts as npm gave them, and every word of
the program in both languages.

The tables of words are plain JSON behind an ``export default``, so that they can be read here.
"""

import ast
import hashlib
import json
import re
from decimal import Decimal
from enum import Enum
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import perpmaker.advisor
import perpmaker.dashboard
import perpmaker.runtime.live
from perpmaker.advisor.advice import advise
from perpmaker.advisor.case import Account, Case, Observed, Rehearsed
from perpmaker.advisor.finding import Harm
from perpmaker.advisor.findings import CHECKS
from perpmaker.cli.dashboard_program import make_program
from perpmaker.domain.commands import NoticeKind
from perpmaker.domain.events import EndReason
from perpmaker.domain.orders import RejectReason
from perpmaker.domain.reasons import NotResting
from perpmaker.maker.market_maker import Phase
from perpmaker.maker.presets import PRESETS
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.monitor import history, view
from perpmaker.monitor.metric_families import STATES
from perpmaker.quoting.skew import SkewMode
from perpmaker.report.attribution import Terms
from perpmaker.report.terms import LABELS
from perpmaker.risk import budgets
from perpmaker.simulation.synthetic_profiles import PROFILES

STATIC = Path(perpmaker.dashboard.__file__).parent / "static"
WEB = Path(__file__).parents[2] / "web"
SCRIPTS = sorted((STATIC / "js").rglob("*.js"))
CODE = [script for script in SCRIPTS if script.parent.name != "i18n"]
VENDORED = STATIC / "vendor" / "lightweight-charts.mjs"

MOST_LINES = 250


def exported(name: str) -> Any:
    """What a module of i18n exports."""
    text = (STATIC / "js" / "i18n" / name).read_text(encoding="utf-8")
    return json.loads(text.split("export default ", 1)[1].rstrip().removesuffix(";"))


EN, ZH, WORDS = exported("en.js"), exported("zh.js"), exported("words.zh.js")
SENTENCES = exported("sentences.zh.js")


def name_of(path: Path) -> str:
    return path.relative_to(STATIC).as_posix()


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_a_module_opens_with_what_it_is_and_is_short(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert text.startswith("// ")
    if script.parent.name != "i18n":
        assert len(text.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_data_never_become_markup_or_code(script: Path) -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc|setHTML"
    assert re.search(forbidden, script.read_text(encoding="utf-8")) is None


def test_no_script_or_style_stands_in_the_page() -> None:
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    assert re.search(r"<style|\sstyle=|\son\w+=|javascript:", text) is None
    assert all(re.fullmatch(r"<script [^>]*src=\"/static/[^\"]+\"[^>]*></script>", tag) for tag in
               re.findall(r"<script.*?</script>", text, re.DOTALL))  # fmt: skip
    for path in re.findall(r"(?:src|href)=\"/static/([^\"]+)\"", text):
        assert (STATIC / path).is_file(), path


def test_nothing_of_another_host_is_loaded() -> None:
    """Names of the charts' maker are told and linked to, as their licence asks; everything else is our own."""
    own = [*SCRIPTS, STATIC / "index.html", *STATIC.glob("css/*.css"), STATIC / "icon.svg"]
    for file in own:
        hosts = re.findall(r"(?:https?:)?//[a-z][\w.-]*\.[a-z]{2,}[^\s\"'`)]*", file.read_text(encoding="utf-8"))
        assert set(hosts) <= {"https://www.tradingview.com/", "http://www.w3.org/2000/svg"}, name_of(file)


def test_the_charts_are_those_that_are_recorded_and_that_npm_gave() -> None:
    recorded = (STATIC / "vendor" / "SHA256SUMS").read_text(encoding="utf-8").split()
    assert recorded == [hashlib.sha256(VENDORED.read_bytes()).hexdigest(), VENDORED.name]
    package = WEB / "node_modules" / "lightweight-charts"
    if package.exists():
        original = package / "dist" / "lightweight-charts.standalone.production.mjs"
        assert VENDORED.read_bytes() == original.read_bytes(), "run make dashboard-assets"
        assert (STATIC / "vendor" / "LICENSE").read_bytes() == (package / "LICENSE").read_bytes()


def test_their_maker_is_named_as_the_licence_asks() -> None:
    notice = (STATIC / "vendor" / "NOTICE").read_text(encoding="utf-8")
    shell = (STATIC / "js" / "shell.js").read_text(encoding="utf-8")
    assert "TradingView" in notice
    assert "TradingView Lightweight Charts™" in shell
    assert 'href: "https://www.tradingview.com/"' in shell


def test_the_lock_names_versions_and_hashes_and_no_address() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
    wanted = json.loads((WEB / "package.json").read_text(encoding="utf-8"))["dependencies"]["lightweight-charts"]
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages["node_modules/lightweight-charts"]["version"] == wanted
    assert all("integrity" in package and "resolved" not in package for package in packages.values())
    assert f"Charts™ v{wanted}" in VENDORED.read_text(encoding="utf-8")[:200]


def test_what_comes_over_the_wire_has_the_same_names_on_both_sides() -> None:
    text = (WEB / "types" / "wire.d.ts").read_text(encoding="utf-8")
    structs = (
        view.About, view.Level, view.Book, view.Position, view.Skew, view.Profit, view.Latency, view.Health,
        view.Counts, view.Budget, view.RunView, view.Item,
    )  # fmt: skip
    for struct in structs:
        found = re.search(rf"interface {struct.__name__} \{{(.*?)\}}", text, re.DOTALL)
        assert found is not None, struct
        assert re.findall(r"(\w+)\??:", found[1]) == list(struct.__struct_fields__)
    order = re.search(r"/\*\* \[(.*?)\] \*/\ntype Sample", text)
    assert order is not None
    assert order[1].split(", ") == list(view.Sample.__struct_fields__)


def test_both_languages_have_the_same_keys_with_the_same_places() -> None:
    assert list(EN) == list(ZH)
    for key, text in EN.items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", ZH[key])), key
        assert ZH[key], key


def test_every_key_that_is_used_is_there_and_every_one_there_is_used() -> None:
    code = "\n".join(script.read_text(encoding="utf-8") for script in CODE)
    quoted = {text for text in re.findall(r'"([a-z][\w-]*(?:\.[\w-]+)+)"', code) if not text.endswith(".js")}
    made = re.findall(r"t\([^`\"]*`([a-z_]+\.)\$\{[^}]*\}([.\w]*)`", code)
    assert {text for text in quoted if text.split(".")[0] in {key.split(".")[0] for key in EN}} <= set(EN)
    used = {key for key in EN if key in quoted or any(key.startswith(a) and key.endswith(b) for a, b in made)}
    used |= {key for key in EN if "." not in key and f't("{key}")' in code}
    assert sorted(set(EN) - used) == []


def values(kind: type[Enum]) -> set[str]:
    return {member.value for member in kind}


def findings() -> set[str]:
    """The keys of all findings, as they stand in the checks."""
    keys = set()
    for name in ("settings_checks.py", "market_checks.py"):
        tree = ast.parse((Path(perpmaker.advisor.__file__).parent / name).read_text(encoding="utf-8"))
        calls = [
            node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding"
        ]
        keys |= {ast.literal_eval(call.args[0]) for call in calls}
    assert len(keys) == len(CHECKS)
    return keys


def live_words(pattern: str) -> set[str]:
    """What the live side says, by its source."""
    folder = Path(perpmaker.runtime.live.__file__).parent
    return {word for file in folder.glob("*.py") for word in re.findall(pattern, file.read_text(encoding="utf-8"))}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("phase", values(Phase)),
        ("not_resting", values(NotResting) | live_words(r'_set_blind\("([^"]+)"')),
        ("reject", values(RejectReason)),
        ("end_reason", values(EndReason)),
        ("kind", values(NoticeKind) | live_words(r'\bnote\("([^"]+)"') | history._WARNINGS | history._ERRORS
         | {history.FILL, history.FUNDING, "control", "journal", "recording"}),
        ("state", set(STATES) - {"none"}),
        ("term", set(Terms._fields)),
        ("harm", {harm.name.lower() for harm in Harm}),
        ("finding", findings()),
        ("budget", {budgets.NOTIONAL, budgets.MARGIN, budgets.DRAWDOWN, budgets.DAILY_LOSS}
         | {step.name.lower() for step in budgets.Step}),
        ("count", {part for name in live_words(r'counts\[f?"([^"{]+)') for part in name.removesuffix(": ").split(": ")}
         | live_words(r'venue_failed\("([^"]+)"')),
        ("preset", set(PRESETS)),
    ],
)  # fmt: skip
def test_every_word_of_the_program_is_translated(table: str, said: set[str]) -> None:
    assert said - set(WORDS[table]) == set()


def test_every_field_of_the_form_is_translated() -> None:
    form = make_program().form()
    for field in form.fields:
        assert field.name in WORDS["flag"], field.name
        assert field.name in WORDS["help"], field.name
        assert field.panel in WORDS["panel"], field.panel
        assert set(field.choices or ()) <= set(WORDS["setting"]), field.name


def test_the_names_of_the_terms_are_those_of_the_report() -> None:
    text = (STATIC / "js" / "panels" / "profit.js").read_text(encoding="utf-8")
    found = re.search(r"const ENGLISH = (\{.*?\});", text, re.DOTALL)
    assert found is not None
    assert json.loads(re.sub(r",\s*\}", "}", found[1])) == LABELS


def cases() -> list[Case]:
    """Settings that make the advisor say everything it can, and the reverse."""
    instrument = PROFILES["SOL_USDC_PERP"].instrument
    observed = Observed(
        hours=1.0, spread=0.004, volatility_s=0.0004, touches_per_hour=1.0, funding_rate=0.0001, name="x"
    )
    calm = Observed(hours=1.0, spread=0.00001, volatility_s=1e-6, touches_per_hour=1.0, funding_rate=-0.0001, name="x")
    rehearsed = Rehearsed(
        hours=2.0, last_milliticks=15_000_000, fills=1, fills_of_level={1: 1}, volume=1.0, fees=0.1, profit=-1.0,
        stops=0, takes=0, time_at_cap=0.5, uptime=0.5, edge_bp=1.0, adverse_bp=0.5,
    )  # fmt: skip
    found = []
    for levels, skew, mode, stop, take, target, margin in product(
        (1, 3), ("0", "0.5"), SkewMode, ("0", "0.5", "5000"), ("0", "0.1", "900"), ("0", "1"), ("0", "0.0125")
    ):
        for spread, threshold, cap, seen, run in (
            ("0.0001", "5", "2", observed, rehearsed),
            ("0.01", "0", "50", calm, None),
            ("0.00001", "40", "60", None, None),
            ("0.001", "0.2", "0.2", observed, rehearsed),
        ):
            settings = StrategySettings(
                spread=Decimal(spread), quantity=Decimal("0.1"), max_orders=levels, inventory_skew=Decimal(skew),
                skew_mode=mode, stop_loss=Decimal(stop), take_profit=Decimal(take),
                target_position=min(Decimal(target), Decimal(cap)), position_threshold=Decimal(threshold),
                max_position=Decimal(cap),
            )  # fmt: skip
            account = Account(
                maker_fee=Decimal("0.0002"), taker_fee=Decimal("0.0005"), balance=Decimal(500), leverage=Decimal(10),
                maintenance_margin=Decimal(margin),
            )  # fmt: skip
            found.append(
                Case(
                    settings=settings, terms=StrategyTerms.of(settings, instrument, account.balance, account.leverage),
                    instrument=instrument, account=account, price_milliticks=15_000_000, observed=seen, rehearsed=run,
                )
            )  # fmt: skip
    return found


def test_every_sentence_of_the_advisor_is_translated() -> None:
    said: set[str] = set()
    keys: set[str] = set()
    for case in cases():
        advice = advise(case)
        keys |= {finding.key for finding in advice.findings}
        said |= set(advice.sentences.values())
        said |= {text for one in advice.findings for text in (one.what, one.why, one.better) if text}
        said |= {text for one in advice.expectations for text in (one.name, one.value, one.how)}
    assert keys == findings(), "these cases bring out every finding"
    patterns = [re.compile("(.+?)".join(map(re.escape, re.split(r"\{\d\}", english)))) for english, _ in SENTENCES]
    untold = {text for text in said if not any(pattern.fullmatch(text) for pattern in patterns)}
    numbers = {text for text in untold if re.fullmatch(r"[+-]?[\d.,]+ ?(%|bp|[A-Z]+)?( \(.*\))?", text)}
    assert sorted(untold - numbers) == []


def test_a_translation_has_the_places_of_its_pattern() -> None:
    for english, chinese in SENTENCES:
        assert sorted(set(re.findall(r"\{\d\}", english))) == sorted(set(re.findall(r"\{\d\}", chinese))), english
