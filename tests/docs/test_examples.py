"""Every program in examples/ runs as its first lines say, and says what examples/README.md promises."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.documents import ROOT, page, rows
from docs.shell_blocks import shown_commands

FOLDER = ROOT / "examples"
SAYS = {
    "spreads.py": r"--spread 0.0005 .* fills",
    "results.py": r"simulation .* realized .* duration reached",
    "compare.sh": r"inventory_skew",
    "testnet.sh": r"position   flat\n *orders     0 of our runs",
}
PROGRAMS = sorted(file.name for file in FOLDER.iterdir() if file.suffix in {".py", ".sh"})


def environment(home: Path) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "HOME": str(home), "XDG_DATA_HOME": str(home), "COLUMNS": "120"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one run in its journal."""
    home = tmp_path_factory.mktemp("home")
    command = "perpmaker run --spread 5bp --quantity 0.1 --duration 60 --view none"
    subprocess.run(command.split(), env=environment(home), check=True)
    return home


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_runs_and_says_what_it_is_for(name: str, home: Path) -> None:
    program = "python" if name.endswith(".py") else "sh"
    done = subprocess.run(
        [program, f"examples/{name}"], cwd=ROOT, env=environment(home), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(SAYS[name], done.stdout), done.stdout


def test_every_example_is_listed_and_shown() -> None:
    files = {file.name for file in FOLDER.iterdir() if file.is_file()} - {"README.md"}
    listed = {re.findall(r"\[([^]]+)\]", row[0])[0] for row in rows(page("examples/README.md"))}
    assert listed == files
    shown = {word.rpartition("/")[2] for s in shown_commands(FOLDER / "README.md") for word in s.text.split()}
    assert files <= shown


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_says_how_it_is_started(name: str) -> None:
    program = "python" if name.endswith(".py") else "sh"
    assert f"{program} examples/{name}" in (FOLDER / name).read_text(encoding="utf-8")
