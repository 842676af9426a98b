"""`perpmaker compile`: the same decisions as plain Python to the last order, and plain Python wherever there is doubt.

One build is made for all of these tests, half a minute of work; they skip where there is no C compiler.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from perpmaker import compiled
from perpmaker.cli import compiling

TESTS = Path(__file__).resolve().parents[1]
PACKAGE = Path(compiled.__file__).parent
SAY = "from perpmaker import compiled; import perpmaker.maker.quoter as q; print(compiled.is_served(), q.__file__)"
Both = tuple[dict[str, Any], dict[str, Any]]

MISSING = compiling.missing_tool()
needs_a_compiler = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))


def python(*arguments: str, cache: Path, source: Path = PACKAGE, **environment: str) -> str:
    """What another interpreter prints that finds the package where `source` is."""
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        env={
            **os.environ, "PYTHONPATH": os.pathsep.join((str(source.parent), str(TESTS))),
            compiled.PLACE: str(cache), compiled.SWITCH: "1", **environment,
        },
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


def perpmaker(*words: str, cache: Path, **environment: str) -> str:
    return python("-m", "perpmaker", *words, cache=cache, **environment)


def is_compiled(cache: Path, source: Path = PACKAGE, **environment: str) -> bool:
    """Which of the two runs; every floor must be the same one."""
    served, file = python("-c", SAY, cache=cache, source=source, **environment).split()
    assert file.endswith(compiled.SUFFIX if served == "True" else ".py")
    return served == "True"


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = tmp_path_factory.mktemp("cache")
    said = perpmaker("compile", cache=cache)
    assert "a simulated hour gave the same orders as plain Python" in said
    return cache


@pytest.fixture
def cache(build: Path, tmp_path: Path) -> Path:
    """A copy of the build that a test may spoil."""
    return Path(shutil.copytree(build, tmp_path / "cache"))


def folder(cache: Path) -> Path:
    (only,) = (cache / "compiled").iterdir()
    return only


@pytest.fixture(scope="module")
def said(build: Path) -> Both:
    """What the fixed runs print, compiled and plain."""
    program = str(TESTS / "support" / "compiled_runs.py")
    with_build, without = (json.loads(python(program, cache=build, **{compiled.SWITCH: on})) for on in "10")
    assert (with_build.pop("maker"), without.pop("maker")) == ("compiled", "plain")
    return with_build, without


@needs_a_compiler
class TestTheSame:
    def test_every_run_has_the_same_orders_and_ends_alike(self, said: Both) -> None:
        assert said[0]["runs"] == said[1]["runs"]

    def test_every_refusal_is_the_same_error_in_the_same_words(self, said: Both) -> None:
        assert said[0]["refused"] == said[1]["refused"]
        assert said[0]["misused"] == said[1]["misused"]
        assert not {"accepted"} & set(said[0]["refused"])

    def test_what_is_sent_to_another_process_arrives(self, said: Both) -> None:
        assert said[0]["kept"] == said[1]["kept"]

    def test_the_runs_meet_what_a_market_can_bring(self, said: Both) -> None:
        plays = [play for plays in said[0]["runs"].values() for play in plays]
        met = {what for play in plays for what in (*play["notices"], *play["events"], play["end"])}
        assert met >= {
            "GapStarted", "GapEnded", "Filled", "OrderRejected", "OrderCanceled", "Liquidated", "TimerFired",
            "stop loss", "take profit", "maximum drawdown", "maximum loss", "liquidated", "position closed",
        }  # fmt: skip
        assert min(play["commands"] for play in plays) > 10


@needs_a_compiler
class TestNeverStale:
    def test_a_build_is_used_where_there_is_one_and_says_so(self, build: Path) -> None:
        assert is_compiled(build)
        assert perpmaker("--version", cache=build).endswith(", compiled maker\n")
        assert "the maker runs compiled" in perpmaker("compile", "--status", cache=build)
        assert "nothing to do" in perpmaker("compile", cache=build)

    @pytest.mark.parametrize("off", ["0", "off", "No", "false"])
    def test_one_variable_turns_it_off(self, build: Path, off: str) -> None:
        assert not is_compiled(build, **{compiled.SWITCH: off})

    @pytest.mark.parametrize("edited", ["domain/orders.py", "quoting/skew.py", "risk/__init__.py", "compiled.py"])
    def test_any_change_of_a_source_means_plain_python(self, build: Path, tmp_path: Path, edited: str) -> None:
        tree = tmp_path / "perpmaker"
        shutil.copytree(PACKAGE, tree, ignore=shutil.ignore_patterns("__pycache__", "assets"))
        assert is_compiled(build, tree), "wherever the same sources lie"
        with (tree / edited).open("a") as file:
            file.write("\n")
        assert not is_compiled(build, tree)

    def test_a_new_module_means_plain_python(self, build: Path, tmp_path: Path) -> None:
        tree = tmp_path / "perpmaker"
        shutil.copytree(PACKAGE, tree, ignore=shutil.ignore_patterns("__pycache__", "assets"))
        (tree / "quoting" / "other.py").touch()
        assert not is_compiled(build, tree)

    def test_another_python_has_another_build(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sources = compiled.read_sources()
        name = compiled.build_name(sources)
        monkeypatch.setattr(sys, "version", "3.99")
        assert compiled.build_name(sources) != name


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip_a_byte(file: Path) -> None:
    text = bytearray(file.read_bytes())
    text[len(text) // 2] ^= 0xFF
    file.write_bytes(text)


def files_of(build: Path) -> Iterator[Path]:
    yield next(build.glob("perpmaker_*"))
    yield build / f"perpmaker.maker.quoter{compiled.SUFFIX}"
    yield build / compiled.FILE_LIST


@needs_a_compiler
class TestDamage:
    @pytest.mark.parametrize("which", range(3))
    @pytest.mark.parametrize("damage", [truncate, flip_a_byte, Path.unlink])
    def test_a_damaged_build_means_plain_python(self, cache: Path, damage: Any, which: int) -> None:
        damage(list(files_of(folder(cache)))[which])
        assert not is_compiled(cache)
        assert "none, or damaged" in perpmaker("compile", "--status", cache=cache)

    def test_a_list_that_ends_early_means_plain_python(self, cache: Path) -> None:
        listed = folder(cache) / compiled.FILE_LIST
        listed.write_text("".join(listed.read_text().splitlines(keepends=True)[:-3]))
        assert not is_compiled(cache)

    def test_code_that_cannot_be_loaded_means_plain_python(self, cache: Path) -> None:
        library = next(folder(cache).glob("perpmaker_*"))
        listed = folder(cache) / compiled.FILE_LIST
        before = compiled.sha256(library.read_bytes()).hexdigest()
        library.write_text("no code")
        listed.write_text(listed.read_text().replace(before, compiled.sha256(b"no code").hexdigest()))
        assert not is_compiled(cache)

    @pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
    def test_a_folder_that_others_can_write_is_not_trusted(self, cache: Path) -> None:
        folder(cache).chmod(0o777)
        assert not is_compiled(cache)

    def test_removing_it_leaves_nothing(self, cache: Path) -> None:
        assert perpmaker("compile", "--remove", cache=cache) == "deleted 1 build\n"
        assert not any((cache / "compiled").iterdir())
        assert not is_compiled(cache)


class TestWithoutTools:
    def test_a_missing_compiler_is_named_in_one_sentence(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "perpmaker", "compile"],
            env={**os.environ, compiled.PLACE: str(tmp_path), "CC": "no-such-compiler"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert done.stderr.startswith("perpmaker: nothing was compiled: ")
        assert done.stderr.count("\n") == 1
        assert "Traceback" not in done.stderr
        assert not list(tmp_path.iterdir())


def test_an_environment_that_cannot_say_where_builds_are_runs_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    monkeypatch.delenv(compiled.PLACE, raising=False)
    monkeypatch.setenv(compiled.SWITCH, "1")
    compiled.serve()
    assert not compiled.is_served()
