"""Waiting for a stream to open: until it has, until it plainly cannot, or for so long and no longer."""

import asyncio
from typing import Final

from perpmaker.venues.errors import Reaction, VenueError

OPEN_S: Final = 30.0
MOST_ATTEMPTS: Final = 3


class Opening:
    """Whether something that is to be opened has opened, cannot be, or takes too long.

    Args:
        what: what is opened, for the error.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._failures = 0
        self._last: VenueError | None = None

    @property
    def is_done(self) -> bool:
        return self._future.done()

    def succeeded(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    def failed(self, error: VenueError) -> None:
        """An attempt has failed: `MOST_ATTEMPTS` of them, or one that a person must mend, are the end."""
        self._failures += 1
        self._last = error
        if not self._future.done() and (error.reaction is Reaction.STOP or self._failures >= MOST_ATTEMPTS):
            self._future.set_exception(error)

    async def wait(self) -> None:
        """Return when it is open. Raises `VenueError` when it cannot be opened."""
        try:
            async with asyncio.timeout(OPEN_S):
                await self._future
        except TimeoutError:
            late = VenueError(
                f"{self._what} did not open within {OPEN_S:.0f} s: try again later", Reaction.RETRY, "Late"
            )
            raise self._last or late from None
