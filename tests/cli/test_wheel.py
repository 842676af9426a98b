"""The package as others get it: a wheel that has everything, and works in an environment and a folder of its own."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from perpmaker import __version__

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "perpmaker"
DEMO = (
    "run --exchange sim --symbol SOL_USDC_PERP --spread 5bp --quantity 0.1 --max-orders 2 --max-position 2 "
    "--position-threshold 0.2 --inventory-skew 0.5 --duration 3600 --interval 10 --seed 7"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program in an environment that has nothing but the wheel; its dependencies are those of this one."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder)
    own = next((folder / "lib").glob("python*")) / "site-packages"
    (own / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, str(wheel)], check=True, capture_output=True)
    carry_over_compiled_code(own / "perpmaker")
    return folder / "bin" / "perpmaker"


def carry_over_compiled_code(package: Path) -> None:
    """Compiling takes a minute and is not what is examined here: the code is taken from where it was compiled."""
    for compiled in SOURCE.rglob("*.nb[ic]"):
        there = package / compiled.relative_to(SOURCE)
        there.parent.mkdir(exist_ok=True)
        shutil.copy2(compiled, there)
    for file in SOURCE.rglob("*.py"):
        if (package / file.relative_to(SOURCE)).exists():
            shutil.copystat(file, package / file.relative_to(SOURCE))


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("perpmaker/")}
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "src/perpmaker"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    files = {name.removeprefix("src/") for name in tracked.stdout.splitlines() if (ROOT / name).exists()}
    assert packed == files
    assert {Path(name).suffix for name in packed} - {".py"}, "pages' styles and scripts, templates"


def test_it_runs_the_demo_from_any_folder(installed: Path, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "100"}
    where = tmp_path / "elsewhere"
    where.mkdir()

    def said(*words: str) -> str:
        done = subprocess.run(
            [str(installed), *words], cwd=where, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert said("--version") == f"perpmaker {__version__}\n"
    assert "-0.365654 USDC" in said(*DEMO.split(), "--view", "lines"), "as the README shows it"
    assert "where the money came from" in said("report", "latest", "--html", "report.html")
    assert "</html>" in (where / "report.html").read_text(encoding="utf-8"), "with its styles and scripts"
    assert {path.name for path in where.iterdir()} == {"report.html"}, "nothing else is left behind"


def test_what_runs_is_the_wheel(installed: Path, tmp_path: Path) -> None:
    command = [str(installed.with_name("python")), "-c", "import perpmaker; print(perpmaker.__file__)"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()
    assert Path(found).is_relative_to(installed.parents[1])
