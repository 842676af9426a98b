"""Reports of runs for the page: each made by a process of its own, a few at once, the newest ones kept.

Rules kept here:

1. `AT_ONCE` are made at the same time and `MOST_WAITING` may wait; more are refused at once.
2. Who asks for what is being made already waits for that one. It is made to its end, also when nobody waits any more.
3. Only what cannot change any more is kept: reports of runs that are over, `KEPT` of them.
4. A journal's password goes through a pipe, never into a process list; keys of exchanges do not go along.
"""

import asyncio
import os
import sys
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from perpmaker.dashboard.answers import Refused
from perpmaker.dashboard.report_process import Made, Wanted

AT_ONCE: Final = 1
MOST_WAITING: Final = 8
KEPT: Final = 8
LONGEST_S: Final = 300.0

_MODULE: Final = "perpmaker.dashboard.report_process"

Maker = Callable[[Wanted], Awaitable[Made]]


class Reports:
    """Makes reports of the runs of one journal. ``make`` is for tests."""

    def __init__(self, journal_url: str, make: Maker | None = None) -> None:
        self._journal_url = journal_url
        self._make = make or in_a_process
        self._free = asyncio.Semaphore(AT_ONCE)
        self._making: dict[Wanted, asyncio.Task[Made]] = {}
        self._kept: OrderedDict[Wanted, Made] = OrderedDict()

    async def page(self, run_id: str, *, is_over: bool) -> str:
        """The page of a run. Refuses with 409 what cannot be made, with 503 too many."""
        made = await self._have(Wanted(self._journal_url, (run_id,), is_page=True), is_over=is_over)
        return made.page or ""

    async def comparison(self, run_ids: Sequence[str], *, are_over: bool) -> dict[str, Any]:
        """Runs side by side, in this order. Refuses as `page`."""
        made = await self._have(Wanted(self._journal_url, tuple(run_ids), is_page=False), is_over=are_over)
        return made.comparison or {}

    async def _have(self, wanted: Wanted, *, is_over: bool) -> Made:
        if wanted in self._kept:
            self._kept.move_to_end(wanted)
            return self._kept[wanted]
        making = self._making.get(wanted)
        if making is None:
            if len(self._making) >= MOST_WAITING:
                raise Refused(503, "too many reports are being made; try again in a moment", {"Retry-After": "5"})
            making = asyncio.get_running_loop().create_task(self._made(wanted, is_over=is_over), name="report")
            self._making[wanted] = making
            making.add_done_callback(lambda _: self._making.pop(wanted, None))
        made = await asyncio.shield(making)
        if made.refused is not None:
            raise Refused(409, made.refused)
        return made

    async def _made(self, wanted: Wanted, *, is_over: bool) -> Made:
        async with self._free:
            made = await self._make(wanted)
        if is_over and made.refused is None:
            self._kept[wanted] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made


async def in_a_process(wanted: Wanted) -> Made:
    """Have it made by a new process, in `LONGEST_S` at most."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", _MODULE,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.startswith("PERPMAKER_")},
    )  # fmt: skip
    try:
        told, _ = await asyncio.wait_for(process.communicate(msgspec.json.encode(wanted)), LONGEST_S)
    except TimeoutError:
        return Made(refused=f"the report was not made within {LONGEST_S:g} s; `perpmaker report` takes its time")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        return Made(refused="the report could not be made; `perpmaker report` says why")
    return msgspec.json.decode(told, type=Made)
