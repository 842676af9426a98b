"""Reading the project's documents: tables, command lines, links; and the real command line beside them."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from perpmaker.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(
        ROOT / name
        for name in ("README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CHANGELOG.md", "examples/README.md")
    ),
    *sorted((ROOT / "docs").glob("*.md")),
]

BLOCK = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
"""A fenced block, also within a list."""

_PROGRAMS = (("python", "run.py"), ("perpmaker",))


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one of any depth."""
    after = re.split(rf"^#+ {re.escape(heading)}$", text, maxsplit=1, flags=re.MULTILINE)[1]
    return re.split(r"^#+ ", after, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The body rows of every table in a text, cell by cell; heads and rules are left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rules = [index for index, line in enumerate(lines) if set(line) <= set("|-: ")]
    dropped = {number for index in rules for number in (index - 1, index)}
    return [[cell.strip() for cell in line.strip("|").split("|")] for n, line in enumerate(lines) if n not in dropped]


def code_names(cell: str) -> list[str]:
    """What a cell names in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def command_lines(text: str) -> Iterator[str]:
    """Every command line of this program in a page: in blocks (continuations joined) and between backticks."""
    for block in BLOCK.findall(text):
        yield from _starting_with_a_program(re.sub(r"\\?\n\s+", " ", textwrap.dedent(block)))
    prose = BLOCK.sub("", text)
    yield from _starting_with_a_program("\n".join(re.findall(r"`([^`\n]+)`", prose)))
    yield from _starting_with_a_program("\n".join(re.findall(r"^ {4}(.+)$", prose, re.MULTILINE)))


def _starting_with_a_program(text: str) -> Iterator[str]:
    for line in text.splitlines():
        words = line.split()
        for program in _PROGRAMS:
            following = words[len(program) : len(program) + 1]
            if words[: len(program)] == list(program) and following and re.match(r"--|[a-z]", following[0]):
                yield line.strip()


def arguments(line: str) -> list[str]:
    """The arguments that the program gets from such a line, redirections left out."""
    words = shlex.split(line.split(" > ", maxsplit=1)[0].replace("[", " ").replace("]", " "))
    return ["run", *words[2:]] if words[0] == "python" else words[1:]


def command(path: list[str]) -> Any:
    """The real command, e.g. ``["data", "import"]``. Typer's classes have no public types."""
    found: Any = typer.main.get_command(app)
    for name in path:
        found = found.commands[name]
    return found


def flags(path: list[str]) -> dict[str, Any]:
    """Every visible flag of a real command with its default; arguments are not flags."""
    return {
        parameter.opts[0]: parameter.default
        for parameter in command(path).params
        if parameter.opts[0].startswith("--") and not getattr(parameter, "hidden", False)
    }
