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
from types import ModuleType
from typing import Any, Final, ParamSpec, TypeVar, cast

from numba import njit as _untyped_njit

njit: Any = _untyped_njit  # numba's types know neither all of its options nor what it returns

# The kernel allocates nothing, so it goes without reference counts: with them each call would count every array up and
# down, which made the kernel five times slower.
_COMMON: Final = {"error_model": "numpy", "_nrt": False}
# Functions that only compiled code calls get no wrappers for other callers: they double the time to compile.
_INNER: Final = {**_COMMON, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

_P = ParamSpec("_P")
_R = TypeVar("_R")


def compiled(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile a function that other compiled functions call (it lives in the cache of its entry point)."""
    return cast("Callable[_P, _R]", njit(**_INNER)(function))


def inlined(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """`compiled`, and copied into each caller: for what happens at every row of market data."""
    return cast("Callable[_P, _R]", njit(**_INNER, forceinline=True)(function))


def entry_point(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile a function that Python calls, and keep the machine code on disk."""
    return cast("Callable[_P, _R]", njit(cache=True, **_COMMON)(function))


def sources_digest(*modules: ModuleType) -> int:
    """A number that changes when the source text of any of these modules does."""
    digest = 0
    for module in modules:
        digest = zlib.crc32(Path(str(module.__file__)).read_bytes(), digest)
    return digest
