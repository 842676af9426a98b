"""What the program says in words of its own, collected from its source: sentences, findings, kinds of notes.

A value within a sentence becomes `...`, and what stands behind the last full piece is left as it is.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from docs.documents import ROOT

PACKAGE: Path = ROOT / "src" / "perpmaker"


def template(node: ast.expr) -> str | None:
    """A sentence with `...` for every value in it; None for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        pieces = [part.value if isinstance(part, ast.Constant) else "..." for part in node.values]
        return re.sub(r"(\.\.\.)+", "...", "".join(map(str, pieces)))
    return None


def calls(file: Path, *names: str) -> Iterator[ast.Call]:
    """Every call of a function or method of one of these names."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in names:
                yield node


def sentences(files: list[Path], *names: str) -> set[str]:
    """What is handed to these functions as their first text."""
    found = set()
    for file in files:
        for call in calls(file, *names):
            told = next((text for argument in call.args if (text := template(argument))), None)
            if told and set(told) - set(". ;:"):
                found.add(told)
    return found
