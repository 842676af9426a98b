"""Which runs go on, and the link to each of them.

Rules kept here:

1. A run is here when its socket is there and the journal of this dashboard knows it as unfinished. Runs of other
   journals are not shown.
2. It is looked for every `SCAN_S`: a run that starts is found by itself, one that has ended goes by itself.
3. A run that has ended stays for `KEPT_S`, so that a page that was away still hears its last word; `MOST_ENDED` stay.
4. A run that has gone without a last word, and a socket on which nobody listens (its run was killed), are tried again
   after `AGAIN_S`, not with every look.
5. `MOST_RUNS` are followed; further ones wait for a place.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from random import Random
from typing import Final

from sqlalchemy import select

from perpmaker.dashboard.run_link import Opening, RunLink
from perpmaker.domain.errors import UserError
from perpmaker.journal import schema
from perpmaker.journal.database import translated_errors
from perpmaker.journal.writer import Journal
from perpmaker.monitor.link_client import Link
from perpmaker.monitor.places import SUFFIX, link_folder

SCAN_S: Final = 1.0
KEPT_S: Final = 300.0
AGAIN_S: Final = 30.0
MOST_ENDED: Final = 16
MOST_RUNS: Final = 64
FIRST_VIEW_S: Final = 2.0

_log = logging.getLogger(__name__)

Finding = Callable[[], Iterable[str]]
"""Ids of the runs that can be linked to now; may read files and the journal."""


def runs_with_links(journal: Journal) -> list[str]:
    """Ids of the runs of this journal that have no end and a socket.

    Raises:
        JournalError: the journal cannot be read.
        LinkError: there is no place for links.
    """
    with_socket = [path.name.removesuffix(SUFFIX) for path in link_folder().glob(f"*{SUFFIX}")]
    if not with_socket:
        return []
    runs = schema.runs.c
    query = select(runs.id).where(runs.ended_at_ns.is_(None), runs.id.in_(with_socket)).order_by(runs.run_no.desc())
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        return list(connection.execute(query.limit(MOST_RUNS)).scalars())


class Links:
    """Every run that goes on, by id. `start` begins to look for them, `close` ends it."""

    def __init__(self, find: Finding, random: Random, open_link: Opening = Link.open) -> None:
        self._find = find
        self._random = random
        self._open_link = open_link
        self._links: dict[str, RunLink] = {}
        self._ended_s: dict[str, float] = {}
        self._silent_s: dict[str, float] = {}
        self._scanning: asyncio.Task[None] | None = None
        self._is_failing = False

    def start(self) -> None:
        """Look for runs from now on, in the running loop."""
        self._scanning = asyncio.get_running_loop().create_task(self._scan_on(), name="look-for-runs")

    async def close(self) -> None:
        """Let go of every run; they go on."""
        if self._scanning is not None:
            self._scanning.cancel()
            await asyncio.gather(self._scanning, return_exceptions=True)
        await asyncio.gather(*(link.close() for link in self._links.values()))
        self._links.clear()

    def find(self, run_id: str) -> RunLink | None:
        """The run of this id: one that goes on, or has ended a moment ago."""
        return self._links.get(run_id)

    def running(self) -> list[RunLink]:
        """The runs that go on and have shown something of themselves, in no order."""
        return [link for link in self._links.values() if not link.is_ended and link.state.view is not None]

    async def looked_at(self) -> list[RunLink]:
        """As `running`, each with a view that is fresh; waits `FIRST_VIEW_S` at most for those that are new."""
        links = [link for link in self._links.values() if not link.is_ended]
        for link in links:
            link.want()
        waiting = [asyncio.ensure_future(link.changed(0)) for link in links if link.state.version == 0]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=FIRST_VIEW_S)
            for each in late:
                each.cancel()
        return self.running()

    async def scan(self) -> None:
        """Look once for runs that have started or ended."""
        loop = asyncio.get_running_loop()
        found = list(await loop.run_in_executor(None, self._find))
        now_s = loop.time()
        for run_id, link in list(self._links.items()):
            if run_id not in found and not link.is_open:
                await link.close()  # it ended while nobody looked
        self._drop_ended(now_s)
        self._silent_s = {run_id: until_s for run_id, until_s in self._silent_s.items() if now_s < until_s}
        for run_id in found:
            room = len(self._links) - len(self._ended_s) < MOST_RUNS
            if room and run_id not in self._links and run_id not in self._silent_s:
                self._links[run_id] = RunLink(run_id, self._open_link, self._random)

    def _drop_ended(self, now_s: float) -> None:
        for run_id, link in list(self._links.items()):
            if not link.is_ended:
                continue
            if link.state.view is None:  # it has never said a word: nothing to keep
                self._silent_s[run_id] = now_s + AGAIN_S
                self._drop(run_id)
            elif run_id not in self._ended_s:
                self._ended_s[run_id] = now_s
        for run_id, ended_s in list(self._ended_s.items()):
            kept_s = KEPT_S if self._links[run_id].state.is_over else AGAIN_S
            if now_s - ended_s >= kept_s:
                self._drop(run_id)
        for run_id in list(self._ended_s)[:-MOST_ENDED]:
            self._drop(run_id)

    def _drop(self, run_id: str) -> None:
        del self._links[run_id]
        self._ended_s.pop(run_id, None)

    async def _scan_on(self) -> None:
        while True:
            try:
                await self.scan()
                self._is_failing = False
            except UserError as error:  # the journal or the folder cannot be read now; said once, tried again
                if not self._is_failing:
                    _log.warning("runs cannot be looked for: %s", error)
                self._is_failing = True
            await asyncio.sleep(SCAN_S)
