"""ARCHITECTURE.md shows the house as it stands: its floors, its modules, its names, its dependencies."""

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "perpmaker"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

FLOORS = re.findall(r"^(\w+) {2,}\S", PAGE.split("## Floors", 1)[1].split("```", 2)[1], re.MULTILINE)
FILES = sorted(set(re.findall(r"[\w./]+\.(?:py|toml|md)\b", PAGE)) - {"ARCHITECTURE.md"})
NAMES = sorted(set(re.findall(rf"\b(?:{'|'.join(FLOORS)}|kernel_\w+)(?:\.\w+)+", PAGE)) - set(FILES))


def found(file: str) -> bool:
    return (PACKAGE / file).is_file() or (ROOT / file).is_file()


def resolved(name: str) -> object:
    """The module, or the attribute of one, that a dotted name means; kernel modules are named without their floor."""
    parts = (f"simulation.{name}" if name.startswith("kernel_") else name).split(".")
    thing: object = importlib.import_module(f"perpmaker.{parts[0]}")
    for index, part in enumerate(parts[1:], start=2):
        try:
            thing = getattr(thing, part)
        except AttributeError:
            thing = importlib.import_module("perpmaker." + ".".join(parts[:index]))
    return thing


def test_the_page_names_files_and_names_at_all() -> None:
    assert len(FILES) > 20
    assert len(NAMES) > 20


@pytest.mark.parametrize("file", FILES)
def test_every_file_that_is_named_exists(file: str) -> None:
    assert found(file)


@pytest.mark.parametrize("name", [name for name in NAMES if not re.search(r"\.(py|toml|md)$", name)])
def test_every_dotted_name_resolves(name: str) -> None:
    assert resolved(name) is not None


def test_the_floors_are_those_of_the_import_contract_in_the_same_order() -> None:
    contract = next(c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    layers = [layer.strip().removeprefix("perpmaker.") for line in contract["layers"] for layer in line.split("|")]
    assert layers == FLOORS


def test_every_package_has_its_floor() -> None:
    packages = {folder.name for folder in PACKAGE.iterdir() if any(folder.glob("*.py"))}
    assert packages == set(FLOORS)


def test_every_dependency_has_its_reason() -> None:
    section = PAGE.split("## Dependencies", 1)[1].split("\n## ", 1)[0]
    listed = set(re.findall(r"^\| ([a-z0-9-]+) \|", section, re.MULTILINE)) - {"package"}
    declared = {re.split(r"[^\w-]", text, maxsplit=1)[0] for text in PROJECT["project"]["dependencies"]}
    assert listed == declared
