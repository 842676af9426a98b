"""An asyncio loop whose time is virtual: an hour of waiting takes no time, real loopback sockets work in it.

Rules kept here:

1. Time passes only where everybody waits: no callback is ready, no descriptor is ready, no thread of the executor is
   at work. Then the clock jumps to the next timer. Timers fire in the order of their times.
2. The clock never jumps while bytes are on their way between two sockets of this loop. The kernel's own counters
   decide: what one end has written and the other, waiting to read, has not received yet. So client and server in one
   loop behave as on a network without latency, however busy the machine is.
3. A loop in which nothing can ever happen again raises `DeadlockError` and says what waits where.
4. A test that computes for longer than ``wall_s`` of real time raises `TooSlowError`.

Outside Linux the counters are not there; a jump then waits a millisecond of real time first, which is slower.
"""

import asyncio
import selectors
import socket
import struct
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from typing import Any, TypeVar

START_NS = 1_790_000_000_000_000_000
"""Where virtual time begins unless told: 2026-09-21, a whole second."""

_Result = TypeVar("_Result")

_PATIENCE_S = 0.25  # real seconds that bytes may stay on their way on loopback; then the other end does not read them
_STEP_S = 0.0002

# struct tcp_info of Linux: the counters of bytes, see include/uapi/linux/tcp.h
_TCP_INFO_SIZE = 216
_BYTES_RECEIVED_AT = 128
_NOT_SENT_AT = 144
_BYTES_SENT_AT = 200  # and what of it was sent again
_TCP_ESTABLISHED, _TCP_SYN_SENT, _TCP_LISTEN = 1, 2, 10


class DeadlockError(RuntimeError):
    """Everything waits and nothing is coming."""


class TooSlowError(RuntimeError):
    """More real time was used than the test may take."""


class LoopClock:
    """`perpmaker.venues.clock.Clock` over a loop: with a `VirtualLoop`, virtual time of day."""

    def __init__(self, loop: asyncio.AbstractEventLoop, origin_ns: int = START_NS) -> None:
        self._loop = loop
        self._origin_ns = origin_ns

    def now_ns(self) -> int:
        return self._origin_ns + round(self._loop.time() * 1_000_000_000)


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module. ``time()`` starts at 0, which is ``start_ns`` by the clock."""

    def __init__(self, wall_s: float, start_ns: int = START_NS) -> None:
        self.start_ns = start_ns
        self._virtual = _VirtualSelector(wall_s, self._what_waits)
        super().__init__(self._virtual)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._virtual.now_s

    def run_in_executor(self, executor: Executor | None, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        future = super().run_in_executor(executor, func, *args)
        self._virtual.threads += 1
        future.add_done_callback(self._thread_ended)
        return future

    def grant(self, more_s: float) -> None:
        """Give real time for cleaning up after the bound was reached."""
        self._virtual.deadline_s = max(self._virtual.deadline_s, time.monotonic() + more_s)

    def end_threads(self) -> None:
        self._virtual.threads += 1  # the thread that waits for the others
        self.run_until_complete(self.shutdown_default_executor())

    def _thread_ended(self, _future: object) -> None:
        self._virtual.threads -= 1

    def _what_waits(self) -> str:
        tasks = sorted(asyncio.all_tasks(self), key=asyncio.Task.get_name)
        return "; ".join(f"{task.get_name()} in {_place_of(task)}" for task in tasks) or "no task"


def run_virtual(
    function: Callable[[], Coroutine[Any, Any, _Result]], *, start_ns: int = START_NS, wall_s: float = 120.0
) -> _Result:
    """Run a test in virtual time, from its beginning to its end; tasks that are left are cancelled, as in asyncio.run.

    Raises:
        DeadlockError: nothing is pending and the function has not returned.
        TooSlowError: it took more than ``wall_s`` of real time.
    """
    loop = VirtualLoop(wall_s, start_ns)

    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(function())
    finally:
        try:
            loop.grant(10.0)
            _cancel_all(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.end_threads()
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def virtual_clock() -> LoopClock:
    """The time of day in the running loop, which begins at the ``start_ns`` of `run_virtual`."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return LoopClock(loop, loop.start_ns)


class _VirtualSelector(selectors.BaseSelector):
    """Polls the real selector without waiting; where asyncio would wait, it moves the clock instead."""

    def __init__(self, wall_s: float, what_waits: Callable[[], str]) -> None:
        self.now_s = 0.0
        self.threads = 0
        self.deadline_s = time.monotonic() + wall_s
        self._wall_s = wall_s
        self._what_waits = what_waits
        self._real = selectors.DefaultSelector()
        self._sockets: dict[int, socket.socket] = {}
        self._ends: dict[int, _Ends] = {}
        self._left: dict[_Ends, int] = {}  # connections that nobody waits for any more: closed, or reading is paused

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self._real.register(fileobj, events, data)
        self._watch(key.fd)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = self._real.unregister(fileobj)
        self._unwatch(key.fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        for watched in self._sockets.values():
            watched.detach()
        self._sockets.clear()
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if time.monotonic() > self.deadline_s:
            raise TooSlowError(f"more than {self._wall_s:g} s of real time, at virtual {self.now_s:.3f} s")
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        ready = self._settle()
        if ready:
            return ready
        if self.threads:
            return self._real.select(0.05)  # a thread wakes the loop through its pipe
        if timeout is None:
            raise DeadlockError(f"nothing is pending at virtual {self.now_s:.3f} s; waiting: {self._what_waits()}")
        self.now_s += timeout
        return []

    def _settle(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait, in real time, for what is on its way between our own sockets."""
        if not sys.platform.startswith("linux"):
            return self._real.select(0.001)
        patience_s = time.monotonic() + _PATIENCE_S
        while self._is_in_flight() and time.monotonic() < patience_s:
            ready = self._real.select(_STEP_S)
            if ready:
                return ready
        # What arrived between the poll and the look at the counters.
        ready = self._real.select(0)
        if not ready:
            self._left = {ends: descriptor for ends, descriptor in self._left.items() if _is_open(descriptor, ends)}
        return ready

    def _is_in_flight(self) -> bool:
        """Whether a socket that waits to read, to connect or to accept is about to become ready."""
        written: dict[_Ends, int] = {}
        readers: list[tuple[_Ends, int]] = []
        listening: set[Any] = set()
        keys = self._real.get_map()
        for descriptor, watched in self._sockets.items():
            info = watched.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
            if info[0] == _TCP_SYN_SENT:
                return True
            if info[0] == _TCP_LISTEN:
                listening.add(_address(watched.getsockname))
                continue
            ends = self._ends_of(descriptor, watched)
            (received,) = struct.unpack_from("Q", info, _BYTES_RECEIVED_AT)
            (waiting,) = struct.unpack_from("I", info, _NOT_SENT_AT)
            sent, again = struct.unpack_from("QQ", info, _BYTES_SENT_AT)
            written[ends] = sent - again + waiting
            if info[0] == _TCP_ESTABLISHED and keys[descriptor].events & selectors.EVENT_READ:
                readers.append((ends, received))
        return any(self._is_expecting(ends, received, written, listening) for ends, received in readers)

    def _is_expecting(self, ends: "_Ends", received: int, written: "dict[_Ends, int]", listening: set[Any]) -> bool:
        other = (ends[1], ends[0])
        if other in written:
            return written[other] > received
        if other in self._left:  # closed, its last bytes are on the way; or it does not read, and only stands there
            return not _is_open(self._left[other], other)
        return ends[1] in listening  # connected, and not accepted yet

    def _ends_of(self, descriptor: int, watched: socket.socket) -> "_Ends":
        ends = self._ends.get(descriptor)
        if ends is None:
            ends = (_address(watched.getsockname), _address(watched.getpeername))
            if ends[1] is not None:
                self._ends[descriptor] = ends
        return ends

    def _watch(self, descriptor: int) -> None:
        try:
            watched = socket.socket(fileno=descriptor)
        except OSError:
            return  # no socket
        if watched.family not in (socket.AF_INET, socket.AF_INET6) or watched.type != socket.SOCK_STREAM:
            watched.detach()
            return
        self._sockets[descriptor] = watched
        self._left.pop(self._ends_of(descriptor, watched), None)

    def _unwatch(self, descriptor: int) -> None:
        watched = self._sockets.pop(descriptor, None)
        if watched is not None:
            self._left[self._ends_of(descriptor, watched)] = descriptor
            self._ends.pop(descriptor, None)
            watched.detach()  # the descriptor belongs to its transport


_Ends = tuple[Any, Any]
"""Both addresses of a connection: this end's, the other's."""


def _is_open(descriptor: int, ends: _Ends) -> bool:
    """Whether this end of the connection still has its descriptor."""
    try:
        watched = socket.socket(fileno=descriptor)
    except OSError:
        return False
    try:
        return (_address(watched.getsockname), _address(watched.getpeername)) == ends
    finally:
        watched.detach()


def _address(ask: Callable[[], Any]) -> Any:
    """An end of a connection, None where it has none (any more)."""
    try:
        return ask()[:2]
    except OSError:
        return None


def _cancel_all(loop: VirtualLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))


def _place_of(task: "asyncio.Task[Any]") -> str:
    """The coroutines that a task waits in, outermost first, with their lines."""
    places = []
    waits_for: Any = task.get_coro()
    while getattr(waits_for, "cr_frame", None) is not None:
        places.append(f"{waits_for.cr_code.co_qualname}:{waits_for.cr_frame.f_lineno}")
        waits_for = waits_for.cr_await
    return " > ".join(places) or "its end"
