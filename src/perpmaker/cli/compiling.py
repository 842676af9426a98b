"""Compiling the floors from domain to maker, and proving the result before anything uses it.

Rules kept here:

1. What is compiled is a copy of the very bytes that gave the build its name, in a folder that has nothing else.
2. A build is put in its place only after a simulated run gave the same order list with it as with plain Python.
   Its list of files is written last and it is moved in one step: there is no half of a build.
3. What is missing on this machine is named before anything is begun.
"""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

from perpmaker import compiled
from perpmaker.domain.errors import UserError

_BUILD_PROGRAM: Final = Path(__file__).with_name("mypyc_build.py")
_PROOF: Final = "perpmaker.cli.compiled_proof"
_PACKAGES: Final = Path(__file__).parents[2]
_LAST_LINES: Final = 3


def missing_tool() -> str | None:
    """What has to be installed before anything can be compiled; None where nothing has."""
    if importlib.util.find_spec("mypyc") is None or importlib.util.find_spec("setuptools") is None:
        return "mypy and setuptools are missing: install perpmaker[fast], or run `pip install mypy setuptools`"
    if os.name != "posix":
        return None  # setuptools looks for the compiler of such a system itself
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if shutil.which(compiler) is None:
        return f"a C compiler is missing: there is no {compiler}; on Debian `apt install gcc` brings one"
    headers = Path(sysconfig.get_path("include"))
    if not (headers / "Python.h").is_file():
        return (
            f"Python's headers are missing: there is no {headers}/Python.h; on Debian `apt install python3-dev` has it"
        )
    return None


def compile_floors(sources: compiled.Sources) -> Path:
    """Make the build of these sources, replacing a damaged one, and return its folder.

    Raises:
        UserError: a tool is missing, the sources do not pass, or the result does not do as plain Python does.
        OSError: the cache folder cannot be written.
    """
    if (missing := missing_tool()) is not None:
        raise UserError(f"nothing was compiled: {missing}")
    name, cache = compiled.build_name(sources), compiled.cache_folder()
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="build-", dir=cache) as work:
        made = Path(work) / "compiled" / name
        made.mkdir(mode=0o700, parents=True)
        made.parent.chmod(0o700)
        _build(name, sources, Path(work), made)
        _prove(Path(work))
        place = cache / name
        shutil.rmtree(place, ignore_errors=True)
        made.rename(place)
    return place


def _build(name: str, sources: compiled.Sources, work: Path, made: Path) -> None:
    for path, text in sources.items():
        file = work / "perpmaker" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)
    (work / "perpmaker" / "__init__.py").touch()
    modules = compiled.compiled_modules(sources)
    files = [f"{module.replace('.', '/')}.py" for module in modules]
    group = compiled.library_of(name).removesuffix("__mypyc")
    _run([str(_BUILD_PROGRAM), group, "out", *files], work, "the floors could not be compiled")
    lines = [f"mypy {version('mypy')}"]
    for module in (*modules, compiled.library_of(name)):
        extension = work / "out" / f"{module.replace('.', '/')}{compiled.SUFFIX}"
        text = extension.read_bytes()
        file_name = f"{module}{compiled.SUFFIX}"
        (made / file_name).write_bytes(text)
        lines.append(f"{sha256(text).hexdigest()}  {file_name}")
    (made / compiled.FILE_LIST).write_text("\n".join([*lines, ""]), encoding="ascii")


def _prove(work: Path) -> None:
    """Run the same simulation with the new build and with plain Python."""
    (with_build, its_orders), (without, orders) = (
        _run(
            ["-m", _PROOF],
            work,
            "the compiled floors do not run",
            **{compiled.SWITCH: switch, compiled.PLACE: str(work)},
        ).split()
        for switch in ("1", "0")
    )
    if (with_build, without) != ("compiled", "plain"):
        raise UserError("the sources were changed while they were compiled: run `perpmaker compile` again")
    if its_orders != orders:
        raise UserError("the compiled floors do not decide as plain Python does: they are not used; please report this")


def _run(arguments: list[str], folder: Path, failure: str, **environment: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own interpreter and programs
        [sys.executable, "-P", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**_without_settings(), "PYTHONPATH": str(_PACKAGES), **environment},
    )  # fmt: skip
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-_LAST_LINES:]
        raise UserError(f"{failure}: {' / '.join(said)}")
    return done.stdout


def _without_settings() -> dict[str, str]:
    """The environment without this program's own variables: among them may be keys of an exchange."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PERPMAKER_")}
