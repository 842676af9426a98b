"""The one door to numba: typed, cached on disk, and never stale.

Rules kept here:

1. A compiled function keeps the Python signature that it was written with, so callers stay type-checked.
2. numba's disk cache watches only the file of the function that was called. The kernel spreads over several modules,
   so its entry point also carries a digest of all their sources: a change in any of them compiles anew.
3. With ``NUMBA_DISABLE_JIT=1`` the very same functions run as plain Python.
"""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

from numba import njit

_P = ParamSpec("_P")
_R = TypeVar("_R")


def compiled(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile a function that other compiled functions call (it lives in the cache of its entry point)."""
    # No wrappers for Python and C callers: nobody calls these from there, and they double the time to compile.
    jit = njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
    return cast("Callable[_P, _R]", jit(function))


def entry_point(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile a function that Python calls, and keep the machine code on disk."""
    return cast("Callable[_P, _R]", njit(cache=True, error_model="numpy")(function))


def sources_digest(*files: str) -> int:
    """A number that changes when the text of any of these files does."""
    digest = 0
    for file in files:
        digest = zlib.crc32(Path(file).read_bytes(), digest)
    return digest
