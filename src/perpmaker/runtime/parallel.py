"""The same work on many inputs, on one processor or several: the same results, in the same order.

New processes rather than copies of this one: its threads would not come along. They get the inputs and nothing else, so
no key is ever passed on.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import starmap
from multiprocessing import get_context
from typing import Any, TypeVar

Result = TypeVar("Result")


def carried_out(work: Callable[..., Result], inputs: Sequence[tuple[Any, ...]], processes: int) -> Iterable[Result]:
    """``work`` for each of the inputs.

    Args:
        work: a function of a module, without side effects.
        inputs: its arguments, each of them plain values.
        processes: on how many to spread the work; 1 stays in this one.
    """
    if processes <= 1 or len(inputs) <= 1:
        return starmap(work, inputs)
    with ProcessPoolExecutor(min(processes, len(inputs)), get_context("spawn")) as pool:
        return list(pool.map(work, *zip(*inputs, strict=True)))
