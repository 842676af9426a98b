"""Decides which alerts are sent: what comes too often is held back, counted, and told with the next.

Rules kept here:

1. The same kind of the same market is sent at most once in its pause; of kinds that hold back the same words only, the
   same words. What is held back is counted; the next one says how many there were, and the message of the run's end
   says what no next one told.
2. The same words about all markets, within their pause, are one message that several markets told: not counted.
3. Within any hour at most `PER_HOUR` messages are sent that are neither errors nor ends of runs. The one that uses the
   limit up says so, and until when.
4. No limit holds an error back but that of its pause, and nothing the end of a run.
5. No clock: every alert says when it happened, and that never goes back.
"""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from perpmaker.monitor.alerts.kinds import MINUTE_NS, AlertKind, Severity
from perpmaker.monitor.alerts.wording import of_repeats

PER_HOUR: Final = 30
HOUR_NS: Final = 60 * MINUTE_NS

_ALL: Final = ""
"""Stands for the market of what concerns all of them."""


class Alert(NamedTuple):
    """Something to be told. ``market`` is the run that it is about, by its id; ``at_ns`` when it happened."""

    kind: AlertKind
    market: str
    text: str
    at_ns: int


@dataclass(slots=True)
class _Line:
    """What is known of one kind of one market."""

    sent_ns: int | None = None
    text: str = ""
    held: int = 0
    held_since_ns: int = 0


class AlertDesk:
    """For all runs of a process. ``per_hour`` is rule 3's limit, above 0."""

    def __init__(self, per_hour: int = PER_HOUR) -> None:
        self._per_hour = per_hour
        self._lines: dict[tuple[str, str], _Line] = {}
        self._sent_ns: deque[int] = deque()

    def take(self, alert: Alert) -> Alert | None:
        """The alert as it is to be sent, with what was held back before it; None where it is held back itself."""
        if alert.kind.is_last:
            return alert._replace(text="\n".join([alert.text, *self._untold(alert.market)]))
        line = self._line(alert)
        if not self.would_send(alert):
            if alert.kind.is_shared and self._is_in_pause(alert, line):  # rule 2
                return None
            line.held_since_ns = line.held_since_ns if line.held else alert.at_ns
            line.held += 1
            return None
        told = [alert.text]
        if line.held:
            told.append(of_repeats(line.held, line.held_since_ns))
        line.sent_ns, line.text, line.held = alert.at_ns, alert.text, 0
        if alert.kind.severity is not Severity.ERROR:
            self._sent_ns.append(alert.at_ns)
            if len(self._sent_ns) == self._per_hour:
                until = datetime.fromtimestamp((self._sent_ns[0] + HOUR_NS) // 10**9, UTC)
                told.append(
                    f"{self._per_hour} messages within an hour: until {until:%H:%M:%S} UTC only errors and ends of "
                    "runs are sent"
                )
        return alert._replace(text="\n".join(told))

    def would_send(self, alert: Alert) -> bool:
        """Whether `take` would give it out."""
        if alert.kind.is_last:
            return True
        if self._is_in_pause(alert, self._line(alert)):
            return False
        return alert.kind.severity is Severity.ERROR or self._has_room(alert.at_ns)

    @staticmethod
    def _is_in_pause(alert: Alert, line: _Line) -> bool:
        if line.sent_ns is None or alert.at_ns - line.sent_ns >= alert.kind.pause_ns:
            return False
        return line.text == alert.text or not alert.kind.holds_same_only

    def _line(self, alert: Alert) -> _Line:
        market = _ALL if alert.kind.is_shared else alert.market
        return self._lines.setdefault((alert.kind.name, market), _Line())

    def _has_room(self, now_ns: int) -> bool:
        while self._sent_ns and self._sent_ns[0] <= now_ns - HOUR_NS:
            self._sent_ns.popleft()
        return len(self._sent_ns) < self._per_hour

    def _untold(self, market: str) -> list[str]:
        """What was held back of a market that has ended, and of all of them; from here on it is told."""
        held = []
        for key in [key for key in self._lines if key[1] in {market, _ALL}]:
            line = self._lines[key]
            if line.held:
                held.append(f"{key[0]} {line.held}")
            line.held = 0
            if key[1] == market:
                del self._lines[key]
        return [f"held back: {', '.join(held)}"] if held else []
