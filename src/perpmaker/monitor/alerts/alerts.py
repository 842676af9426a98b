"""All alerts of a process: one desk that decides, one channel for each address, and the runs whose fills are told.

Rules kept here:

1. Nothing here waits but `Alerts.close`, at the very end of the program.
2. Executions of all runs are told in one message, `FILLS.pause_ns` after the first that is not told yet; where the desk
   holds it back they go on being counted.
3. Secrets are taken out of every message.
4. An error in here is told once and reaches nobody: no run ends for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from perpmaker.monitor.alerts.channel import Channel
from perpmaker.monitor.alerts.desk import Alert, AlertDesk
from perpmaker.monitor.alerts.digest import FillsDigest
from perpmaker.monitor.alerts.kinds import FILLS
from perpmaker.monitor.alerts.wording import message
from perpmaker.venues.clock import Clock
from perpmaker.venues.redaction import redact

CLOSING_NS: Final = 5 * 10**9
"""How long the channels together are waited for at the end."""


@dataclass(frozen=True, slots=True)
class Party:
    """A run that is told of: its id, its name in titles, its fills, and what it holds and has made now."""

    run_id: str
    name: str
    digest: FillsDigest
    standing: Callable[[], str]


class Alerts:
    """Made once for a process, before its runs begin.

    Args:
        channels: where everything goes.
        clock: the time of day.
        tell: told in sentences what went wrong with the alerts themselves; from any thread.
    """

    def __init__(self, channels: Sequence[Channel], clock: Clock, tell: Callable[[str], None]) -> None:
        self.guard = Guard(tell)
        self._channels = channels
        self._clock = clock
        self._tell = tell
        self._desk = AlertDesk()
        self._parties: dict[str, Party] = {}

    def join(self, party: Party) -> None:
        """A run begins."""
        self._parties[party.run_id] = party

    def send(self, alert: Alert, name: str, run_id: str | None) -> bool:
        """Send what the desk lets through. ``name`` says in the title what it is about. Whether it was sent."""
        sent = self._desk.take(alert)
        if sent is None:
            return False
        made = message(sent.kind, name, sent.text, sent.at_ns, run_id)
        made = made._replace(title=redact(made.title), body=redact(made.body))
        for channel in self._channels:
            channel.put(made)
        return True

    def tick(self, now_ns: int) -> None:
        """Time has passed: executions may be due."""
        since = [party.digest.since_ns for party in self._parties.values() if party.digest.since_ns is not None]
        if since and now_ns - min(since) >= FILLS.pause_ns:
            self._tell_fills(now_ns)

    def leave(self, run_id: str) -> None:
        """A run is over."""
        self._parties.pop(run_id, None)

    def close(self) -> None:
        """Deliver what waits, for `CLOSING_NS` at most, and say what was lost."""
        deadline_ns = self._clock.now_ns() + CLOSING_NS
        for channel in self._channels:
            channel.start_closing()
        for channel in self._channels:
            lost = channel.join((deadline_ns - self._clock.now_ns()) / 10**9)
            if lost:
                self._tell(f"alerts: {lost} message{'' if lost == 1 else 's'} did not reach {channel.name}")

    def _tell_fills(self, now_ns: int) -> None:
        if not self._desk.would_send(Alert(FILLS, "", "", now_ns)):
            return
        parties = [party for party in self._parties.values() if party.digest.count]
        if len(parties) == 1:
            party = parties[0]
            text = f"{party.digest.take()}\n{party.standing()}"
            self.send(Alert(FILLS, party.run_id, text, now_ns), party.name, party.run_id)
            return
        lines = [f"{party.name}: {party.digest.take()}; {party.standing()}" for party in parties]
        self.send(Alert(FILLS, "", "\n".join(lines), now_ns), f"{len(parties)} markets", None)


class Guard:
    """Rule 4, as a context."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._is_told = False

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        if not self._is_told:
            self._is_told = True
            self._tell(redact(f"alerts: an alert could not be made, the run goes on: {type(error).__name__}: {error}"))
        return True
