"""Questions of which the exchange answers few: thirty a minute, over all histories of an account.

Rules kept here:

1. A question waits for its turn; none is sent that would be refused. A burst of `BURST` may be spent, and comes back
   evenly, so that no minute holds more than the exchange allows.
2. Who asks for the same thing while it waits shares the one answer. An answer is always to a question that was sent
   after it was asked for.
3. The last `RESERVE` of a burst are kept for what a run cannot do without; `can_spare` tells the others.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

PER_MINUTE: Final = 28
"""Two below the exchange's limit: clocks differ, and a person may look at the account, too."""

BURST: Final = 10
RESERVE: Final = 5

GATHER_S: Final = 0.05
"""A question waits at least so long for others to join it."""

APART_NS: Final = 1_000_000_000
"""The same question is not sent more often."""

_REFILL_PER_NS: Final = (PER_MINUTE - BURST) / 60e9

_Answer = TypeVar("_Answer")


class Ration:
    """Counts questions by our clock."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self.now_ns: Final = now_ns
        self._tokens = float(BURST)
        self._at_ns = now_ns()

    @property
    def can_spare(self) -> bool:
        """Whether a question that can also be left out may be asked."""
        self._refill()
        return self._tokens >= RESERVE

    def exhausted(self) -> None:
        """The exchange says that it was asked too often: somebody else asks, too."""
        self._refill()
        self._tokens = min(self._tokens, 0.0)

    async def take(self) -> None:
        """Return when a question may be sent; it is counted."""
        self._refill()
        self._tokens -= 1
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / _REFILL_PER_NS / 1e9)

    def _refill(self) -> None:
        now_ns = self.now_ns()
        self._tokens = min(float(BURST), self._tokens + (now_ns - self._at_ns) * _REFILL_PER_NS)
        self._at_ns = now_ns


class Shared(Generic[_Answer]):
    """One question that several may wait for.

    Args:
        ration: what it is counted against.
        ask: sends it, for everything from a place in the history on (a time or a number).
    """

    def __init__(self, ration: Ration, ask: Callable[[int], Awaitable[_Answer]]) -> None:
        self._ration = ration
        self._ask = ask
        self._since = 0
        self._sent_ns = ration.now_ns() - APART_NS
        self._waiting: asyncio.Task[_Answer] | None = None  # for its turn; not sent yet
        self._tasks: set[asyncio.Task[_Answer]] = set()

    async def answer(self, since: int) -> _Answer:
        """The answer for everything from ``since`` on, or from earlier."""
        if self._waiting is None:
            self._since = since
            self._waiting = asyncio.create_task(self._turn(), name="history")
            self._tasks.add(self._waiting)
            self._waiting.add_done_callback(self._done)
        self._since = min(self._since, since)
        return await asyncio.shield(self._waiting)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _turn(self) -> _Answer:
        try:
            apart_ns = self._sent_ns + APART_NS - self._ration.now_ns()
            await asyncio.sleep(max(GATHER_S, apart_ns / 1e9))
            await self._ration.take()
        finally:
            self._waiting = None  # whoever asks from now on needs another answer
        self._sent_ns = self._ration.now_ns()
        return await self._ask(self._since)

    def _done(self, task: "asyncio.Task[_Answer]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # told to those who still wait
