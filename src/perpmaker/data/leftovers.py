"""Folders that are written to, held by who writes; those of imports that were killed are removed.

Rules kept here:

1. Whoever writes into a hidden folder holds a lock on it, which the system gives back when the process is gone, however
   it went. A folder that can be locked is nobody's.
2. Where the system has no such locks, every folder counts as ours, and nothing is removed.
"""

import contextlib
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def hidden_beside(dest: Path) -> Path:
    """A new name for what is to become ``dest``."""
    return dest.parent / f".{dest.name}.partial-{secrets.token_hex(4)}"


@contextlib.contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold a folder while the block lasts; False where somebody else does. Raises OSError where it is none."""
    if sys.platform == "win32":
        yield True
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def remove_abandoned(dest: Path) -> None:
    """Remove what imports to ``dest`` that were killed have left beside it."""
    if sys.platform == "win32":
        return
    name = re.compile(re.escape(f".{dest.name}.partial-") + "[0-9a-f]{8}")
    for folder in dest.parent.glob(f".{dest.name}.partial-*"):
        if name.fullmatch(folder.name) and folder.is_dir():
            with contextlib.suppress(OSError), held(folder) as is_ours:
                if is_ours:
                    shutil.rmtree(folder, ignore_errors=True)
