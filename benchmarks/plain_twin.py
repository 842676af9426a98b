"""Plain Python beside the compiled maker: a second process of the same benchmark, asked in turns with the first.

Used by the benchmarks, nothing to run. Where nothing is compiled (`perpmaker compile`) there is no twin.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence

from perpmaker import compiled

ANSWER = "--answer"


class PlainTwin:
    """The same program with ``PERPMAKER_COMPILED=0``; a line of words asks for a run, the line back are its figures."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, sys.argv[0], ANSWER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, compiled.SWITCH: "0"},
        )  # fmt: skip

    def ask(self, *words: object) -> list[float]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(*words, file=self._process.stdin, flush=True)
        return [float(figure) for figure in self._process.stdout.readline().split()]

    def close(self) -> None:
        self._process.communicate()


def plain_twin() -> PlainTwin | None:
    """A twin, where this process runs compiled."""
    return PlainTwin() if compiled.is_served() else None


def answer(play: Callable[..., Sequence[float]]) -> None:
    """Be the twin: answer every line until there are no more."""
    for line in sys.stdin:
        print(*play(*map(int, line.split())), flush=True)
