"""Tells the observers of a live run, after the requests of a step are on their way and in the order of the steps.

An observer that breaks does not keep the others from hearing, now or later; who runs the run is told of it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from perpmaker.domain.commands import Command
from perpmaker.domain.events import Event
from perpmaker.runtime.observer import Observer


class Audience:
    """Keeps what happened until the loop comes round.

    Args:
        observers: told of every step, in this order.
        failed: told what an observer raised.
    """

    def __init__(self, observers: Sequence[Observer], failed: Callable[[Exception], None]) -> None:
        self.observers = observers
        self._failed = failed
        self._steps: deque[tuple[int, Event, Sequence[Command]]] = deque()

    def keep(self, now_ns: int, event: Event, commands: Sequence[Command]) -> None:
        """A step was taken; its requests are tasks already, so they come first."""
        if not self._steps:
            asyncio.get_running_loop().call_soon(self.tell)
        self._steps.append((now_ns, event, commands))

    def tell(self) -> None:
        """Tell everything that was kept."""
        while self._steps:
            now_ns, event, commands = self._steps.popleft()
            for observer in self.observers:
                try:
                    observer.on_step(now_ns, (event,), commands)
                except Exception as error:  # noqa: BLE001 - whatever broke, the others must hear
                    self._failed(error)
