"""One place that alerts go to, behind a queue: what it does, or does not do, is nobody else's time.

Rules kept here:

1. Handing over a message never waits: the queue is bounded, and a full one drops its oldest. How many were put and how
   many were taken is counted.
2. Each channel has a thread of its own, so that a dead one delays no other. The thread ends with the program, whatever
   it is waiting for.
3. A message that was not taken is offered again, after longer and longer pauses: the network that an alert tells of may
   be the one that it needs. After the last pause it is given up.
4. The first failure is told, once, by the channel's name; no address, and nothing that a service said, is in it.
"""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from perpmaker.monitor.alerts.wording import Message

CAPACITY: Final = 100
PAUSES_S: Final = (5.0, 30.0, 120.0)
"""Before a message that was not taken is offered again."""


class Service(Protocol):
    """Where messages go; see `perpmaker.monitor.alerts.services`."""

    @property
    def name(self) -> str:
        """For people: without anything of the address that is secret."""
        ...

    def deliver(self, message: Message) -> str | None:
        """Hand a message over, however long that takes; None when it was taken, else why not, a clause."""
        ...


class Channel:
    """Begins at once; `start_closing` and `join` end it.

    Args:
        service: takes the messages, in the channel's thread.
        tell: told in a sentence that a message was not taken, in the channel's thread.
        capacity: messages that may wait, > 0.
        pauses_s: see `PAUSES_S`.

    Attributes:
        name: the service's.
        handed: messages that were put.
        taken: messages that were taken.
        dropped: messages that were never offered, since too many waited.
    """

    def __init__(
        self,
        service: Service,
        tell: Callable[[str], None],
        capacity: int = CAPACITY,
        pauses_s: tuple[float, ...] = PAUSES_S,
    ) -> None:
        self.name = service.name
        self.handed = 0
        self.taken = 0
        self.dropped = 0
        self._service = service
        self._tell = tell
        self._pauses_s = pauses_s
        self._is_told = False
        self._closing = threading.Event()
        self._waiting: queue.Queue[Message | None] = queue.Queue(capacity)
        self._thread = threading.Thread(target=self._run, name=f"alerts-{self.name}", daemon=True)
        self._thread.start()

    def put(self, message: Message) -> None:
        """Hand over a message; rule 1."""
        self.handed += 1
        while True:
            try:
                self._waiting.put_nowait(message)
            except queue.Full:
                with suppress(queue.Empty):  # the thread may have been quicker
                    self._waiting.get_nowait()
                    self.dropped += 1
            else:
                return

    def start_closing(self) -> None:
        """Nothing more is put from here on; what waits is offered once more, without pauses."""
        self._closing.set()
        with suppress(queue.Full):  # then the thread has something to do, and looks for itself
            self._waiting.put_nowait(None)

    def join(self, patience_s: float) -> int:
        """Wait until all is delivered, but no longer than this. Returns how many messages were not taken, in all."""
        self._thread.join(max(0.0, patience_s))
        return self.handed - self.taken

    def _run(self) -> None:
        while not (self._closing.is_set() and self._waiting.empty()):
            message = self._waiting.get()
            if message is not None:
                self._deliver(message)

    def _deliver(self, message: Message) -> None:
        for pause_s in (*self._pauses_s, None):
            is_last_time = pause_s is None or self._closing.is_set()
            why = self._offered(message)
            if why is None:
                self.taken += 1
                return
            self._tell_once(why)
            if is_last_time:
                return
            self._closing.wait(pause_s)

    def _offered(self, message: Message) -> str | None:
        try:
            return self._service.deliver(message)
        except Exception as error:  # noqa: BLE001 - a service's code is a library's; its words may hold the address
            return f"it broke with {type(error).__name__}"

    def _tell_once(self, why: str) -> None:
        if not self._is_told:
            self._is_told = True
            self._tell(f"alerts: {self.name} did not take a message: {why}; the run goes on, and it is tried again")
