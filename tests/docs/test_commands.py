"""Every command in every `sh` block of every document is executed, page by page, from top to bottom.

What reaches an exchange reaches the testnet; what would take real time takes two seconds. `make demo` and what stands
around it are executed by `.ci/newcomer`, `make test` by whoever runs this; `curl` by `test_testnet`, the programs of
examples/ by `test_examples`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.documents import BLOCK, PAGES, ROOT, page
from docs.served_testnet import served_testnet
from docs.shell_blocks import BACKGROUND, NO_RUN, Shown, shown_commands
from docs.typist import Typist
from perpmaker.venues.redaction import remove_redaction

COMMANDS = {path: list(shown_commands(path)) for path in PAGES}
THE_SAME = "README.zh-CN.md"
"""Has the commands of README.md, see `test_readme`."""
SHOWING = [path for path, shown in COMMANDS.items() if path.name != THE_SAME and any(c.is_executed for c in shown)]


@pytest.fixture(scope="module")
def typist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Typist]:
    folder = tmp_path_factory.mktemp("terminal")
    with served_testnet(folder) as served, pytest.MonkeyPatch.context() as patch:
        for name, value in served.keys.items():
            patch.setenv(name, value)
        somebody = Typist(tmp_path_factory.mktemp("pattern"), served, patch)
        somebody.settle()
        yield somebody
    remove_redaction()


def test_the_documents_show_commands() -> None:
    assert {path.name for path in SHOWING} >= {"README.md", "tutorial.md", "running.md", "live.md"}


@pytest.mark.parametrize("path", SHOWING, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_of_a_page_works_in_its_order(
    path: Path, typist: Typist, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typist.go_home(tmp_path / "home")
    for shown in COMMANDS[path]:
        if not shown.is_executed:
            continue
        code = typist.type(shown)
        out, err = capsys.readouterr()
        assert code == 0, f"{path.name}, line {shown.line}: {shown.text}\n{err or out}"
        assert says_what_it_is(shown, out), f"{path.name}, line {shown.line}: {shown.text}\n{out}"


def says_what_it_is(shown: Shown, out: str) -> bool:
    """A run on an exchange says first whether its orders are real; one into a file says it there."""
    if " run" not in shown.text or "--exchange backpack" not in shown.text or " > " in shown.text:
        return True
    is_live = "--live" in shown.text
    return ("LIVE: real orders" in out) == is_live and ("PAPER: the market is" in out) != is_live


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_not_executed_says_why_and_nothing_else_stands_behind_sh(path: Path) -> None:
    for shown in COMMANDS[path]:
        if shown.how not in {"", BACKGROUND}:
            reason = shown.how.removeprefix(f"{NO_RUN}: ")
            assert reason != shown.how, f"{path.name}, line {shown.line}: {shown.how}"
            assert reason, f"{path.name}, line {shown.line}: say why it is not executed"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_with_a_command_is_such_a_block(path: Path) -> None:
    for block in BLOCK.findall(path.read_text(encoding="utf-8")):
        opening, _, body = block.strip().partition("\n")
        if not opening.startswith("```sh"):
            assert not re.search(r"^ *(perpmaker [a-z]+ |python run.py )(?!\d)", body, re.MULTILINE), (
                f"{path.name}:\n{block}"
            )


def test_the_rule_is_told_to_readers() -> None:
    told = page("docs/README.md")
    assert all(f"`{how}`" in told for how in ("sh", f"sh {BACKGROUND}", f"sh {NO_RUN}: WHY"))
