"""What one reader has not taken yet: it grows no larger than a bound, however long he does not read.

Rules kept here:

1. News that wait become one: the newest view, and all items and samples in their order.
2. Who is so far behind that more than `MOST_ITEMS` or `MOST_SAMPLES` wait is lost: he must begin anew with a `Hello`.
3. `Hello` and `Answer` stay what they are, and keep their place before later news.
"""

import asyncio
from collections import deque
from typing import Final

from perpmaker.monitor.view import News, ToViewer

MOST_ITEMS: Final = 2_000
MOST_SAMPLES: Final = 600
MOST_MESSAGES: Final = 64
"""Hellos and answers that wait: more than a reader who reads can ever have."""


class Outbox:
    """Filled by one side, emptied by the other, both in one event loop.

    Attributes:
        is_lost: the reader was too slow (rule 2); nothing is kept for him any more.
    """

    def __init__(self) -> None:
        self._waiting: deque[ToViewer] = deque()
        self._changed = asyncio.Event()
        self._is_closed = False
        self.is_lost = False

    def put(self, message: ToViewer) -> None:
        """Keep a message for the reader."""
        if self.is_lost or self._is_closed:
            return
        last = self._waiting[-1] if self._waiting else None
        if isinstance(message, News) and isinstance(last, News):
            message = self._waiting[-1] = _joined(last, message)
        else:
            self._waiting.append(message)
        if isinstance(message, News):
            self.is_lost = len(message.items) > MOST_ITEMS or len(message.samples) > MOST_SAMPLES
        self.is_lost = self.is_lost or len(self._waiting) > MOST_MESSAGES
        if self.is_lost:
            self._waiting.clear()
        self._changed.set()

    def close(self) -> None:
        """Nothing more will come; what waits can still be taken."""
        self._is_closed = True
        self._changed.set()

    async def take(self) -> ToViewer | None:
        """The next message, as soon as there is one; None when none will come any more."""
        while not self._waiting:
            if self._is_closed or self.is_lost:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()


def _joined(old: News, new: News) -> News:
    return News(view=new.view or old.view, items=old.items + new.items, samples=old.samples + new.samples)
