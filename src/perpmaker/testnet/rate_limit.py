"""Requests per minute of one account.

Any 60 seconds hold no more than the limit; a request that is refused does not count.
"""

from collections import deque

_MINUTE_NS = 60 * 10**9


class MinuteLimit:
    """Counts requests.

    Args:
        most: requests in any minute.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._times: deque[int] = deque()

    def admits(self, now_ns: int) -> bool:
        """Whether one more request may pass now; if so it is counted."""
        times = self._times
        while times and times[0] <= now_ns - _MINUTE_NS:
            times.popleft()
        if len(times) >= self._most:
            return False
        times.append(now_ns)
        return True
