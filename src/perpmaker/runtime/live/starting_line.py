"""Where the markets of a fleet wait for each other before anything is sent: all of them begin, or none does."""

import asyncio

from perpmaker.domain.errors import UserError


class NotStartedError(UserError):
    """Another market of the fleet could not begin, so none does."""


class StartingLine:
    """Markets come here by name, once each; those that cannot come are reported missing."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._missing: str | None = None
        self._all_here = asyncio.Event()

    async def ready(self) -> None:
        """Wait for the others.

        Raises:
            NotStartedError: one of them cannot begin.
        """
        self._left -= 1
        if self._left == 0:
            self._all_here.set()
        await self._all_here.wait()
        if self._missing is not None:
            raise NotStartedError(f"market {self._missing} could not begin, so none did")

    def cannot_begin(self, name: str) -> None:
        """A market has ended; if the others still wait for it, they begin no more."""
        if not self._all_here.is_set():
            self._missing = name
            self._all_here.set()
