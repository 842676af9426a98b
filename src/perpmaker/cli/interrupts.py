"""Ctrl-C and SIGTERM: the first ends a run cleanly, the second at once."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from perpmaker.domain.events import EndReason

_REASONS = {signal.SIGINT: EndReason.INTERRUPTED, signal.SIGTERM: EndReason.TERMINATED}


class Abandoned(BaseException):
    """A second interrupt: stop now, clean nothing up. Not an `Exception`, so that nothing handles it on the way."""


@contextmanager
def ending_cleanly(
    request_stop: Callable[[EndReason], None], abandon: Callable[[], object] | None = None
) -> Iterator[None]:
    """While this lasts, a first signal asks for a clean end and a second one raises `Abandoned`.

    Where an exception out of a signal handler would be lost (an event loop catches what its callbacks raise),
    ``abandon`` is called instead.
    """
    asked = False

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            if abandon is None:
                raise Abandoned
            abandon()
            return
        asked = True
        request_stop(_REASONS[signal.Signals(number)])

    before = {number: signal.signal(number, handle) for number in _REASONS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
