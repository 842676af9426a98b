"""The floors from domain to maker as machine code, where `perpmaker compile` made some: served at import, never stale.

Rules kept here:

1. A build is used only if it was made from the very sources that are about to run, by this Python, with the same rules
   of building: its name is a digest of all of them. After any change plain Python runs, and nobody needs to act.
2. All or nothing. Every file of a build is compared with its digest, and the library with the code of all modules is
   loaded, before the first module is served. Whatever is missing, damaged or cannot be loaded leaves plain Python.
3. ``PERPMAKER_COMPILED=0`` (also ``no``, ``off``, ``false``) means plain Python.
4. Code is loaded only from a folder of this user, or of root, that no other user can write to.
5. Nothing of this package is imported here: this runs before all the rest of it.
"""

import os
import sys
from collections.abc import Sequence
from hashlib import sha256
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

SWITCH: Final = "PERPMAKER_COMPILED"
PLACE: Final = "PERPMAKER_CACHE"
SUFFIX: Final = EXTENSION_SUFFIXES[0]
"""Of a module of machine code: it names the Python and the platform that it is for."""

FILE_LIST: Final = "files.sha256"
"""In the folder of a build, written last: which mypy made it, then a digest and a name per file."""

_PACKAGE: Final = Path(__file__).parent
_FLOORS: Final = ("domain", "quoting", "risk", "execution", "maker")
# An enum with a constructor of its own, which mypyc cannot compile; frozen dataclasses that are sent to other
# processes, which cannot be pickled when they are compiled; a table of numbers.
_LEFT_PLAIN: Final = frozenset({
    "perpmaker.domain.orders", "perpmaker.domain.instrument", "perpmaker.maker.settings", "perpmaker.risk.budgets",
    "perpmaker.maker.presets",
})  # fmt: skip
_BUILDER: Final = ("compiled.py", "cli/compiling.py", "cli/mypyc_build.py")
_OFF: Final = frozenset({"0", "no", "off", "false"})
_OTHERS_MAY_WRITE: Final = 0o022
_ROOT: Final = 0

Sources = dict[str, bytes]
"""Source text by path within the package, e.g. ``domain/money.py``, in a fixed order."""


def cache_folder() -> Path:
    """Where builds are kept: below ``PERPMAKER_CACHE``, or where this user's caches belong."""
    if named := os.environ.get(PLACE):
        return Path(named) / "compiled"
    from platformdirs import user_cache_path  # noqa: PLC0415 - milliseconds, and not needed where the place is named

    return user_cache_path("perpmaker") / "compiled"


def read_sources() -> Sources:
    """The text of every module of the floors, compiled or not: code that is compiled has constants of all in it."""
    files = [file for floor in _FLOORS for file in sorted((_PACKAGE / floor).glob("*.py"))]
    return {file.relative_to(_PACKAGE).as_posix(): file.read_bytes() for file in files}


def compiled_modules(sources: Sources) -> list[str]:
    """The full names of those that are compiled."""
    names = (f"perpmaker.{path.removesuffix('.py').replace('/', '.')}" for path in sources)
    return [name for name in names if not name.endswith(".__init__") and name not in _LEFT_PLAIN]


def build_name(sources: Sources) -> str:
    """What a build of these sources for this Python is called: 32 hexadecimal digits."""
    machine = os.uname().machine if hasattr(os, "uname") else ""
    digest = sha256(f"{sys.version} {SUFFIX} {machine}".encode())
    for path, text in (*sources.items(), *((path, (_PACKAGE / path).read_bytes()) for path in _BUILDER)):
        digest.update(f"\n{path} {len(text)}\n".encode())
        digest.update(text)
    return digest.hexdigest()[:32]


def library_of(name: str) -> str:
    """The module with the code of all modules of a build. Its name differs between builds: they cannot be mixed."""
    return f"perpmaker_{name}__mypyc"


def whole_build(folder: Path, sources: Sources) -> dict[str, Path]:
    """The file of every module of the build in this folder, the library included.

    Raises:
        OSError: there is none, it cannot be read, or others could have written it.
        ValueError: it is damaged.
    """
    for place in (folder.parent, folder):
        _require_own(place)
    files = {}
    for line in (folder / FILE_LIST).read_text(encoding="ascii").splitlines()[1:]:
        digest, file_name = line.split("  ")
        file = folder / file_name
        if sha256(file.read_bytes()).hexdigest() != digest:
            raise ValueError(f"{file} is damaged")
        files[file_name.removesuffix(SUFFIX)] = file
    if files.keys() != {library_of(folder.name), *compiled_modules(sources)}:
        raise ValueError(f"{folder} is not complete")
    return files


def _require_own(folder: Path) -> None:
    status = folder.stat()
    if not hasattr(os, "getuid"):
        return  # a system without owners of this kind
    if status.st_uid not in (os.getuid(), _ROOT) or status.st_mode & _OTHERS_MAY_WRITE:
        raise PermissionError(f"{folder} can be written by others")


class _Finder(MetaPathFinder):
    """Finds the modules of one build, and no others."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        file = self._files.get(fullname)
        return None if file is None else spec_from_file_location(fullname, file)


def is_wanted() -> bool:
    """Whether the environment leaves it to what is there: it does not ask for plain Python."""
    return os.environ.get(SWITCH, "").lower() not in _OFF


def is_served() -> bool:
    """Whether this process runs compiled floors."""
    return any(isinstance(finder, _Finder) for finder in sys.meta_path)


def serve() -> None:
    """From now on import the floors as machine code, if there is a whole build of exactly these sources."""
    if not is_wanted() or is_served():
        return
    try:
        sources = read_sources()
        name = build_name(sources)
        finder = _Finder(whole_build(cache_folder() / name, sources))
    except (ImportError, OSError, ValueError):  # also an environment without what names the place
        return
    sys.meta_path.insert(0, finder)
    try:
        import_module(library_of(name))
    except ImportError:
        sys.meta_path.remove(finder)
