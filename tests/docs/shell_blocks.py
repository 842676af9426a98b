"""The `sh` blocks of the documents, command by command, with what the word behind `sh` says of them.

`sh` is executed, `sh background` goes on until it is ended, `sh no-run: WHY` is not executed: docs/README.md tells it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(r"^ *```sh(?P<how> [^\n]*)?\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)

BACKGROUND = "background"
NO_RUN = "no-run"


class Shown(NamedTuple):
    """A command of a document: in which line it ends, what it says, and what is to be done with it."""

    line: int
    text: str
    how: str = ""

    @property
    def is_executed(self) -> bool:
        return not self.how.startswith(NO_RUN)


def shown_commands(path: Path) -> Iterator[Shown]:
    """Every command of every `sh` block of a page, from top to bottom; continued lines are one command."""
    text = path.read_text(encoding="utf-8")
    for block in _BLOCK.finditer(text):
        first = text.count("\n", 0, block.start("body")) + 1
        how = (block["how"] or "").strip()
        begun = ""
        for number, line in enumerate(block["body"].splitlines(), start=first):
            begun = f"{begun} {line.strip()}".strip()
            if begun.endswith("\\"):
                begun = begun[:-1].rstrip()
                continue
            if begun and not begun.startswith("#"):
                yield Shown(number, begun, how)
            begun = ""
