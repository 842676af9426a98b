"""docs/configuration.md is complete and true: keys, ranges, defaults, precedence, commands, the example."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from docs.documents import ROOT, code_names, command, flags, page, rows, section
from perpmaker.cli.configuration.document import DEFAULT_FILE
from perpmaker.cli.configuration.keys import BUDGET_KEYS, MARKET_KEYS, RUN_KEYS, SECTIONS, Key
from perpmaker.cli.configuration.ranges import RANGES
from perpmaker.cli.configuration.words import toml_text
from perpmaker.cli.main import _run
from perpmaker.cli.starting import FOR_ALL
from perpmaker.maker.presets import PRESETS
from perpmaker.risk.budgets import BEYOND, NEARLY
from support.config_files import config

PAGE = page("docs/configuration.md")


@pytest.mark.parametrize(
    ("heading", "keys"),
    [("Keys of a market", MARKET_KEYS), ("Keys of `[budgets]`", BUDGET_KEYS), ("Keys of `[run]`", RUN_KEYS)],
)
def test_every_key_has_its_row_with_values_and_default(heading: str, keys: Mapping[str, Key]) -> None:
    assert rows(section(PAGE, heading)) == [row_of(key) for key in keys.values()]


def row_of(key: Key) -> list[str]:
    if key.kind is bool:
        values = "`true`, `false`"
    elif key.choices:
        values = ", ".join(f"`{choice}`" for choice in key.choices)
    else:
        unit = key.unit.replace("|", " or ") or "text"
        values = f"{unit}: {RANGES[key.name]}" if key.name in RANGES else unit
    return [f"`{key.name}`", values, "not set" if key.default is None else f"`{toml_text(key.default)}`"]


def test_every_section_has_its_row() -> None:
    named = [code_names(row[0])[0] for row in rows(section(PAGE, "The file"))]
    assert named == [f"[{'markets.NAME' if name == 'markets' else name}]" for name in SECTIONS]


def test_the_example_that_is_shown_is_the_file() -> None:
    shown = tomllib.loads(PAGE.split("```toml\n", 1)[1].split("```", 1)[0])
    assert shown == tomllib.loads((ROOT / "examples" / "perpmaker.toml").read_text(encoding="utf-8"))


def test_the_sentence_that_is_shown_is_the_real_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    DEFAULT_FILE.write_text("[markets.sol]\nspraed = 1\n", encoding="utf-8")
    assert _run(["config", "check"]) == 2
    assert capsys.readouterr().err == PAGE.split("```text\n", 1)[1].split("```", 1)[0]


def test_the_preset_that_is_shown_to_lack_a_stop_lacks_it(tmp_path: Path) -> None:
    text = '[defaults]\npreset = "conservative"\n[markets.a]\npreset = "aggressive"\n'
    assert "stop_loss" not in PRESETS["aggressive"]
    assert config(tmp_path, text).markets[0].strategy.stop_loss == PRESETS["conservative"]["stop_loss"]


def test_every_command_and_flag_is_named() -> None:
    told = section(PAGE, "Commands")
    named = {name for row in rows(told) for name in code_names(row[0]) if name.startswith("perpmaker")}
    found = command(["config"]).commands
    assert {name.split()[2] for name in named} == set(found)
    stated = {(code_names(row[1])[0], code_names(row[0])[0]) for row in rows(told) if len(row) == 3}
    assert stated == {(name, flag) for name in found for flag in flags(["config", name]) if flag != "--help"}


def test_what_may_be_typed_beside_several_markets_is_named() -> None:
    told = section(PAGE, "Which value holds").split("only what is the same for all:", 1)[1]
    assert {name.removeprefix("--").replace("-", "_") for name in code_names(told)} == set(FOR_ALL)


def test_the_steps_of_the_budgets_are_the_real_ones() -> None:
    told = section(PAGE, "Keys of `[budgets]`")
    assert re.findall(r"(\d+) %", told) == [str(NEARLY * 100), str(BEYOND * 100)]


def test_the_commands_at_the_beginning_work_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for line in PAGE.split("```sh\n", 1)[1].split("```", 1)[0].splitlines():
        assert _run(line.split()[1:]) == 0, capsys.readouterr().err
