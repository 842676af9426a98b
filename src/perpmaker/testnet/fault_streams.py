"""Faults of the websocket: frames that are lost, late, doubled or out of order, and connections that fail.

Rules kept here:

1. Without a fault a frame goes to its subscriber at once.
2. A connection that has gone stale stays so until the fault is over; one that is opened meanwhile is not.
3. Late updates keep their order, shuffled ones do not, and doubled ones come a second time later.
4. The frames themselves are never changed.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from aiohttp import WSCloseCode

from perpmaker.testnet.fault_kinds import FaultKind
from perpmaker.testnet.faults import Fault, Faults
from perpmaker.testnet.stream_names import StreamKind
from perpmaker.testnet.subscriber import Subscriber

_STEP_S: Final = 1e-6  # keeps frames of equal times in order: the loop's timers do not


class StreamGate:
    """Stands between the streams and their subscribers.

    Args:
        faults: what goes wrong now.
        subscribers: gives the connections that are open.
    """

    def __init__(self, faults: Faults, subscribers: Callable[[], Iterable[Subscriber]]) -> None:
        self._faults = faults
        self._subscribers = subscribers
        self._late_until_s = 0.0
        self._swapped: dict[Subscriber, bytes] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        faults.listeners.append(self._on_fault)

    @property
    def is_refusing(self) -> bool:
        """Whether a new websocket is to be refused."""
        return self._faults.strikes(FaultKind.STREAM_REFUSED) is not None

    def deliver(self, kind: StreamKind, subscriber: Subscriber, frame: bytes) -> None:
        """Send a frame, or do to it what the faults say."""
        faults = self._faults
        if not faults.active:
            subscriber.send(frame)
        elif faults.is_on(FaultKind.MAINTENANCE):
            return
        elif kind is StreamKind.DEPTH:
            self._deliver_depth(subscriber, frame)
        elif kind.is_private:
            self._deliver_update(subscriber, frame)
        else:
            subscriber.send(frame)

    def forget(self, subscriber: Subscriber) -> None:
        self._swapped.pop(subscriber, None)

    def close(self) -> None:
        """Nothing that is late comes any more."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._faults.listeners.remove(self._on_fault)

    def _deliver_depth(self, subscriber: Subscriber, frame: bytes) -> None:
        faults = self._faults
        if faults.strikes(FaultKind.DEPTH_GAP):
            return
        held = self._swapped.pop(subscriber, None)
        if held is None and faults.strikes(FaultKind.DEPTH_SWAPPED):
            self._swapped[subscriber] = frame
            return
        subscriber.send(frame)
        if held is not None:
            subscriber.send(held)
        if faults.strikes(FaultKind.DEPTH_TWICE):
            subscriber.send(frame)

    def _deliver_update(self, subscriber: Subscriber, frame: bytes) -> None:
        faults = self._faults
        now_s = asyncio.get_running_loop().time()
        due_s = now_s
        if late := faults.strikes(FaultKind.UPDATES_LATE):
            due_s += late.amount / 1000
        due_s = max(due_s, self._late_until_s + _STEP_S if self._late_until_s > now_s else 0)
        if shuffled := faults.strikes(FaultKind.UPDATES_SHUFFLED):
            due_s += faults.random.uniform(0, shuffled.amount / 1000)
        elif due_s > now_s:
            self._late_until_s = due_s
        if due_s > now_s:
            self._send_at(due_s, subscriber, frame)
        else:
            subscriber.send(frame)
        if twice := faults.strikes(FaultKind.UPDATES_TWICE):
            self._send_at(due_s + twice.amount / 1000, subscriber, frame)

    def _send_at(self, due_s: float, subscriber: Subscriber, frame: bytes) -> None:
        def fire() -> None:
            self._timers.discard(timer)
            subscriber.send(frame)

        timer = asyncio.get_running_loop().call_at(due_s, fire)
        self._timers.add(timer)

    def _on_fault(self, fault: Fault, begins: bool) -> None:
        act = _BEGIN.get(fault.kind) if begins else _END.get(fault.kind)
        if act is None:
            return
        for subscriber in list(self._subscribers()):
            act(subscriber, fault)
            if begins:
                self._faults.struck[fault.kind] += 1


def _go_stale(subscriber: Subscriber, _fault: Fault) -> None:
    subscriber.is_stale = True


def _recover(subscriber: Subscriber, _fault: Fault) -> None:
    subscriber.is_stale = False


def _cut(subscriber: Subscriber, _fault: Fault) -> None:
    subscriber.cut()


def _close(subscriber: Subscriber, _fault: Fault) -> None:
    subscriber.close(WSCloseCode.GOING_AWAY, "server is shutting down")


def _replay(subscriber: Subscriber, fault: Fault) -> None:
    recent = list(subscriber.recent)
    for frame in recent[-fault.amount :]:
        subscriber.send(frame)


_BEGIN: Final[dict[FaultKind, Callable[[Subscriber, Fault], None]]] = {
    FaultKind.STREAM_STALE: _go_stale,
    FaultKind.STREAM_DROPPED: _cut,
    FaultKind.STREAM_CLOSED: _close,
    FaultKind.STREAM_REFUSED: _cut,
    FaultKind.STREAM_REPLAYED: _replay,
}
_END: Final[dict[FaultKind, Callable[[Subscriber, Fault], None]]] = {FaultKind.STREAM_STALE: _recover}
