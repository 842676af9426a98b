"""Fetches page after page into a folder, through rate limits and broken connections.

Rules kept here:

1. Every page is on disk before the next is asked for; whatever ends a fetch, the next start goes on behind that page.
2. An error that asking again may mend is waited out, longer every time, and longer still where the exchange asks for
   less haste. After `MOST_FAILURES` in a row it is the end, with what was fetched kept. Every other error is the end at
   once.
3. The first page must begin where it was asked to. Where it begins later, a shorter page is asked for: one that begins
   elsewhere shows that the exchange gives its newest rows whatever is asked, and that is an error.
4. Every answer moves the beginning of the next question on, so a fetch ends.
"""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final, TypeVar

from perpmaker.data.fetch.folder import FetchFolder
from perpmaker.data.fetch.pages import examine
from perpmaker.data.format import utc
from perpmaker.domain.errors import RecordingError
from perpmaker.venues.backoff import Backoff
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.history.source import Answer, HistorySource

MOST_FAILURES: Final = 20
"""In a row; about half a minute, or 12 minutes where the exchange limits the rate."""

SLOWER: Final = 20
"""How many times longer a wait is where the exchange asks for less haste."""

_HASTE: Final = frozenset({"RateLimitExceeded", "DDoSProtection"})
_PROBE_ROWS: Final = 10

_Result = TypeVar("_Result")

OnPage = Callable[[int, int], None]
"""Called after every page with the time up to which all is there, in ms, and the rows so far."""


class Fetcher:
    """Brings a folder to its end.

    Args:
        source: where pages come from; its market has been looked up.
        folder: where they go.
        random: for the waits.
        on_trouble: told in a sentence of every error that is waited out.
    """

    def __init__(
        self, source: HistorySource, folder: FetchFolder, random: Random, on_trouble: Callable[[str], None]
    ) -> None:
        self._source = source
        self._folder = folder
        self._random = random
        self._on_trouble = on_trouble

    async def run(self, on_page: OnPage) -> None:
        """Fetch until nothing is missing.

        Raises:
            VenueError: the exchange has refused, or failed too often.
            RecordingError: an answer cannot be true, or the folder cannot be written.
        """
        folder, request, paging = self._folder, self._folder.request, self._source.paging
        while not folder.is_complete:
            cursor_ms = folder.next_ms
            answer = await self._page(cursor_ms, paging.limit)
            page = examine(answer.rows, cursor_ms, request, paging, folder.notes, is_whole=answer.is_whole)
            is_first = page.rows and not folder.rows and not answer.is_whole
            if is_first and page.rows[0].ts_ms >= cursor_ms + 2 * max(paging.bar_ms, 1):
                await self._check_beginning(cursor_ms, page.rows[0].ts_ms)
            folder.add(page.rows, page.next_ms)
            on_page(folder.next_ms, folder.rows)

    async def _page(self, since_ms: int, limit: int) -> Answer:
        to_ms = self._folder.request.to_ms
        return await patiently(
            lambda: self._source.page(since_ms, to_ms, limit), self._source.name, self._random, self._on_trouble
        )

    async def _check_beginning(self, asked_ms: int, first_ms: int) -> None:
        """Rule 3. An empty probe proves nothing: some exchanges answer for ``limit`` bars of time."""
        probe = (await self._page(asked_ms, _PROBE_ROWS)).rows
        begins_ms = min((row.ts_ms for row in probe if row.ts_ms >= asked_ms), default=first_ms)
        if begins_ms != first_ms:
            raise RecordingError(
                f"{self._source.name} gives its newest {self._folder.request.kind} whatever is asked for "
                f"({utc(first_ms * 1_000_000)} UTC and later, asked for {utc(asked_ms * 1_000_000)}): its history "
                "cannot be fetched, choose another exchange"
            )


async def patiently(
    ask: Callable[[], Awaitable[_Result]], name: str, random: Random, on_trouble: Callable[[str], None]
) -> _Result:
    """The answer to a question, asked again while that may help.

    Raises:
        VenueError: a person must mend it, or it went wrong `MOST_FAILURES` times in a row.
    """
    backoff = Backoff(random)
    for _ in range(MOST_FAILURES - 1):
        try:
            return await ask()
        except VenueError as error:
            if error.reaction is not Reaction.RETRY:
                raise
            wait_s = backoff.next_s() * (SLOWER if error.code in _HASTE else 1)
            on_trouble(f"{error}; waiting {wait_s:.1f} s")
            await asyncio.sleep(wait_s)
    try:
        return await ask()
    except VenueError as error:
        raise VenueError(
            f"{name} has failed {MOST_FAILURES} times in a row, the last time so: {error}", error.reaction, error.code
        ) from error
