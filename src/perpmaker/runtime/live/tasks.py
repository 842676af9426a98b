"""The tasks of a run: whatever breaks in one is told to who runs it, and all of them end with it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from perpmaker.domain.errors import PerpmakerError


class Tasks:
    """Args: ``failed`` is told what a task raised."""

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self._failed = failed
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
        """Start a task; it is held until it has ended."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    def cancel(self, but: "asyncio.Task[None] | None" = None) -> "list[asyncio.Task[None]]":
        """Cancel all but one; returns those that are on their way out."""
        leaving = [task for task in self._running if task is not but]
        for task in leaving:
            task.cancel()
        return leaving

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error if isinstance(error, Exception) else PerpmakerError(str(error)))
