"""Connections to Backpack that the markets of a process have in common.

Rules kept here:

1. Requests use one pool of connections; public streams one websocket for each address, private ones one for each
   address and account.
2. Nothing is connected before it is needed. Who made the pool closes it, and nobody else.
"""

from random import Random

from perpmaker.venues.backpack.http import HttpPool
from perpmaker.venues.backpack.shared_stream import SharedStream


class BackpackPool:
    """Connections for one market or for several."""

    def __init__(self) -> None:
        self.http = HttpPool()
        self._streams: dict[tuple[str, str | None], SharedStream] = {}

    def stream(self, url: str, random: Random, account: str | None = None) -> SharedStream:
        """The websocket of an address: the public one, or that of an account."""
        key = url, account
        if key not in self._streams:
            self._streams[key] = SharedStream(url, random)
        return self._streams[key]

    async def close(self) -> None:
        """Close what requests use; a websocket is closed by the last who leaves it."""
        await self.http.close()
