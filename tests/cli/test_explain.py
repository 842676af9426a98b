"""`perpmaker explain`: what it says before an order is sent, to people and to programs."""

import json
import random
import shlex
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from perpmaker.cli import fetching
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.main import app
from perpmaker.data.importers.plan import ImportOptions
from perpmaker.data.importing import import_recording
from perpmaker.domain.errors import InvalidSettingError

DOCUMENT = shlex.split(
    "--spread 0.01 --quantity 0.1 --max-orders 2 --target-position 0 --max-position 5 --position-threshold 2 "
    "--inventory-skew 0 --stop-loss -1 --take-profit 5 --duration 3600 --interval 10"
)
HEALTHY = shlex.split(
    "--spread 20bp --quantity 0.1 --max-orders 2 --max-position 5 --position-threshold 0.4 --inventory-skew 0.5 "
    "--stop-loss 40 --interval 10"
)


@pytest.fixture
def bars(tmp_path: Path) -> Callable[[Path], Path]:
    """Makes a recording of five hours of bars of a minute that wander by a few basis points."""

    def make(dest: Path) -> Path:
        rng = random.Random(4)
        lines, close = ["ts_ms,open,high,low,close,volume"], 15_000
        for minute in range(300):
            opened, close = close, close + rng.randrange(-20, 21)
            high, low = max(opened, close) + rng.randrange(15), min(opened, close) - rng.randrange(15)
            prices = ",".join(f"{price / 100:.2f}" for price in (opened, high, low, close))
            lines.append(f"{1_767_600_000_000 + minute * 60_000},{prices},1000")
        source = tmp_path / "bars.csv"
        source.write_text("\n".join(lines) + "\n", encoding="utf-8")
        options = ImportOptions("SOLUSDT", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"), None, overwrite=False)
        import_recording("ohlcv", [source], dest, options)
        return dest

    return make


def explain(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["explain", *arguments])


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(explain(*DOCUMENT, "--json").stdout)
    return found


def test_the_documents_command_is_told_what_it_will_do(told: dict[str, Any]) -> None:
    assert [finding["key"] for finding in told["findings"]][:1] == ["stop inside ladder"]
    assert {"skew is off", "out of reach"} <= {finding["key"] for finding in told["findings"]}
    assert told["settings"]["position_threshold"].startswith("no effect")
    assert [ladder["position"] for ladder in told["ladders"]] == ["-5.00", "-2.00", "0.00", "2.00", "5.00"]
    at_cap = told["ladders"][-1]["levels"]
    assert [level["why_not"] for level in at_cap if level["side"] == "buy"] == ["at cap", "at cap"]
    assert {one["name"] for one in told["expected"]} >= {"fills", "margin at the cap", "stop loss by noise alone"}


def test_people_get_the_same_in_words() -> None:
    shown = explain(*DOCUMENT)
    assert shown.exit_code == 0
    assert "harmful: --stop-loss:" in shown.stdout
    assert "what would rest, by position" in shown.stdout
    assert "--inventory-skew" in shown.stdout


def test_strict_refuses_what_is_harmful_and_lets_the_healthy_pass() -> None:
    assert explain(*DOCUMENT, "--strict").exit_code == ExitCode.BAD_INPUT
    assert explain(*HEALTHY, "--strict").exit_code == ExitCode.DURATION


def test_the_page_holds_the_ladder_as_a_picture_and_fetches_nothing(tmp_path: Path) -> None:
    file = tmp_path / "advice.html"
    assert explain(*DOCUMENT, "--html", str(file)).exit_code == 0
    page = file.read_text(encoding="utf-8")
    assert 'id="chart-ladder"' in page
    assert "stopped out by a move" in page
    assert "http://" not in page.split("<script>")[0]


def test_a_page_that_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    refused = explain(*DOCUMENT, "--html", str(tmp_path / "none" / "a.html"))
    assert isinstance(refused.exception, InvalidSettingError)


def test_recordings_are_observed_and_rehearsed(tmp_path: Path, bars: Callable[[Path], Path]) -> None:
    found = json.loads(explain(*HEALTHY, "--data", str(bars(tmp_path / "bars")), "--json").stdout)
    assert found["data"] == "bars"
    assert any(one["how"].startswith("rehearsed") for one in found["expected"])


def test_an_exchange_is_asked_for_its_last_day_of_bars(
    monkeypatch: pytest.MonkeyPatch, bars: Callable[[Path], Path]
) -> None:
    asked: list[tuple[Any, ...]] = []

    def fetch(dest: Path, *what: Any, span_ns: tuple[int, int], **_more: Any) -> ExitCode:
        asked.append((*what, span_ns[1] - span_ns[0]))
        bars(dest)
        return ExitCode.DURATION

    monkeypatch.setattr(fetching, "fetch_history", fetch)
    shown = explain(*HEALTHY, "--exchange", "backpack", "--symbol", "SOL_USDC_PERP", "--json")
    assert json.loads(shown.stdout)["data"] == "backpack"
    assert asked == [("backpack", "SOL_USDC_PERP", "bars", 24 * 3_600 * 10**9)]


def test_an_exchange_needs_a_symbol_and_no_other_data() -> None:
    assert isinstance(explain(*HEALTHY, "--exchange", "backpack").exception, InvalidSettingError)
