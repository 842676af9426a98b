"""docs/strategy.md is true: the drawn ladder, the presets, every reason and notice, every golden scenario."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from docs.documents import page, rows, section
from perpmaker.domain.commands import NoticeKind
from perpmaker.domain.reasons import NotResting
from perpmaker.maker.closer import RETRY_NS
from perpmaker.maker.presets import PRESETS
from perpmaker.maker.quoter import POST_ONLY_RETRY_NS
from perpmaker.maker.settings import StrategySettings
from support.maker_bench import Bench, instrument

PAGE = page("docs/strategy.md")
DRAWING = section(PAGE, "The ladder, drawn").split("```text\n", 1)[1].split("\n```", 1)[0].splitlines()
POSITIONS = [column.removeprefix("x=") for column in DRAWING[0].split()[1:]]
COLUMNS = (
    "spread", "quantity", "max_orders", "target_position", "max_position", "position_threshold", "inventory_skew",
    "stop_loss", "take_profit", "interval_s",
)  # fmt: skip


def drawn(position: str) -> dict[str, Decimal]:
    column = POSITIONS.index(position) + 1
    cells = [line.split() for line in DRAWING[1:]]
    return {row[column]: Decimal(row[0]) for row in cells if row[column] != "."}


@pytest.mark.parametrize("position", POSITIONS)
def test_the_drawn_ladder_is_what_the_maker_quotes(position: str) -> None:
    bench = Bench(
        instrument(), spread="0.01", quantity="0.1", max_orders=2, max_position="5", position_threshold="2",
        inventory_skew="0.5", interval_s="10",
    )  # fmt: skip
    if Decimal(position):
        bench.hold(position, "100")
    bench.price("100")
    quoted = {f"b{level}": Decimal(price) for level, price in enumerate(bench.bids, start=1)}
    quoted |= {f"a{level}": Decimal(price) for level, price in enumerate(bench.asks, start=1)}
    assert drawn(position) == quoted


def test_the_drawing_shows_both_caps_both_thresholds_and_the_middle() -> None:
    assert {"-5", "-2", "0", "+2", "+5"} <= set(POSITIONS)


@pytest.mark.parametrize("name", ["default", *PRESETS])
def test_defaults_and_presets(name: str) -> None:
    stated = {row[0]: row[1:] for row in rows(section(PAGE, "Defaults and presets"))}
    required = {"spread": Decimal("0.01"), "quantity": Decimal(1)}
    settings = StrategySettings(**{**required, **PRESETS.get(name, {})})
    for column, cell in zip(COLUMNS, stated[name], strict=True):
        if cell == "required":
            assert column in required
        else:
            assert Decimal(0 if cell == "off" else cell) == getattr(settings, column)


def test_every_reason_for_not_resting_is_explained_in_order() -> None:
    stated = rows(section(PAGE, "Why a level is not resting"))
    assert [row[0] for row in stated] == [reason.value for reason in NotResting]
    assert all(len(row) == 3 and row[1] and row[2] for row in stated)


def test_every_notice_is_explained_in_order() -> None:
    stated = rows(section(PAGE, "Notices"))
    assert [row[0] for row in stated] == [kind.value for kind in NoticeKind]
    assert all(len(row) == 3 and row[1] and row[2] for row in stated)


def test_every_golden_scenario_is_listed() -> None:
    tests = (Path(__file__).resolve().parents[1] / "maker" / "test_golden.py").read_text(encoding="utf-8")
    listed = {row[0] for row in rows(section(PAGE, "Golden scenarios"))}
    assert {f"A{n}" for n in range(5)} | {f"B{n}" for n in range(1, 10)} | {"C1", "C2", "C3"} == listed
    tested = {
        name.upper() for name in re.findall(r"\b([A-C]\d)\b|(?<=test_)([abc]\d)_", tests) for name in name if name
    }
    assert listed - {"A2", "A3"} <= tested, "A1 to A3 are one round trip"


def test_every_rule_is_there() -> None:
    numbers = re.findall(r"^(\d+)\. \*\*", section(PAGE, "The rules"), re.MULTILINE)
    assert [int(number) for number in numbers] == list(range(1, 18))


def test_the_waiting_times_are_as_stated() -> None:
    assert f"after {POST_ONLY_RETRY_NS // 10**6} ms" in section(PAGE, "The rules")
    assert RETRY_NS == 10**9
    assert "every second" in section(PAGE, "The rules")
