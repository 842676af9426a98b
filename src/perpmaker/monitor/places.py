"""Where the link of a run is: a Unix domain socket in a folder that is only this user's.

Rules kept here:

1. The folder belongs to this user and is closed to others (0700), or it is not used: who can connect can stop a run.
2. The name of a run becomes the name of a file only where it is nothing but letters, digits, ``-``, ``_`` and ``.``.
3. What a killed run has left is removed by the next that begins.
4. A path is short enough for a socket on every system, or it is said that it is not.
"""

import os
import re
import socket
import stat
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Final

from platformdirs import user_runtime_path

from perpmaker.domain.errors import UserError

PLACE: Final = "PERPMAKER_RUNTIME_DIR"
"""Environment variable: the folder in which the folder of the links is made."""

SUFFIX: Final = ".sock"

MOST_BYTES: Final = 100
"""Of a socket's path. Linux takes 107, macOS 103."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_OTHERS: Final = 0o077
_YOUNG_S: Final = 60


class LinkError(UserError):
    """A run cannot be linked to: it is over, or there is no place for a link, or who answers is no run."""


def link_folder() -> Path:
    """The folder of this user's links, made where it is missing.

    Raises:
        LinkError: it cannot be made, or is not only ours; or this system has no such sockets.
    """
    if sys.platform == "win32":
        raise LinkError("a run has no link on Windows, which lacks Unix sockets for it")
    folder = _folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise LinkError(f"{folder} is no folder but leads elsewhere: name another place in {PLACE}")
        if status.st_uid != os.getuid():
            raise LinkError(f"{folder} belongs to somebody else: name another place in {PLACE}")
        if status.st_mode & _OTHERS:
            folder.chmod(0o700)
    except OSError as error:
        raise LinkError(
            f"the folder {folder} for links to runs cannot be made: {error.strerror}; name another place in {PLACE}"
        ) from error
    return folder


def link_path(run_id: str) -> Path:
    """The socket of a run, whether it is there or not.

    Raises:
        LinkError: as `link_folder`; or there can be no such run, or the path is too long for a socket.
    """
    if not _NAME.fullmatch(run_id):
        raise LinkError(f"there is no run {run_id!r}")
    path = link_folder() / f"{run_id}{SUFFIX}"
    size = len(os.fsencode(path))
    if size >= MOST_BYTES:
        raise LinkError(f"{path}: {size} bytes are too many for a socket, name a shorter place in {PLACE}")
    return path


def remove_dead(own: Path) -> None:
    """Remove what runs have left that were killed: sockets beside our own which nobody answers any more.

    Only those that were a minute old when ours was made: a younger one may be about to listen.
    """
    made_s = own.lstat().st_mtime
    for path in own.parent.glob(f"*{SUFFIX}"):
        with suppress(OSError):
            if path != own and path.lstat().st_mtime < made_s - _YOUNG_S and not _is_answered(path):
                path.unlink()


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.setblocking(False)
        try:
            caller.connect(os.fspath(path))
        except ConnectionRefusedError:
            return False
        except BlockingIOError:
            pass  # somebody is there, with much to do
        return True


def _folder() -> Path:
    if named := os.environ.get(PLACE):
        return Path(named) / "perpmaker"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of systems without a runtime folder, and then names a good one
        return user_runtime_path("perpmaker", appauthor=False)
