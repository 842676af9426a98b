"""A clock that a test sets."""

from support.virtual_time import START_NS


class HandClock:
    """Stands still until it is advanced."""

    def __init__(self, now_ns: int = START_NS) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        return self._now_ns

    def advance(self, by_ns: int) -> None:
        self._now_ns += by_ns
