"""All that watches one run for those who look on: its history, its picture, its link. Made before the run's driver.

Rules kept here:

1. It is an observer like the others, told after the requests of a step are on their way, and must come after the run's
   statistics and drawdown: what it shows is then the same step's.
2. Nothing that breaks here, and no link that cannot be opened, ends a run: it is noted once.
3. A picture is made when somebody wants it, and for who asks often no more than four times a second.
4. The last picture is told before the link is closed.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from perpmaker.domain.commands import Command
from perpmaker.domain.events import EndReason, Event, Filled
from perpmaker.monitor.attribution import LiveAttribution
from perpmaker.monitor.depth import Depth
from perpmaker.monitor.history import History
from perpmaker.monitor.link_server import LinkServer
from perpmaker.monitor.places import LinkError
from perpmaker.monitor.view import Answer, Ask, Hello, News, RunView, Sample
from perpmaker.monitor.viewer import Subject, Viewer
from perpmaker.runtime.live.run import LiveRun

LIVE: Final = "live"
"""The mode in which executions have the stamps of a clock that is not ours."""

PERIOD_NS: Final = 250_000_000
LINK: Final = "link"
"""The kind of what is noted here."""

_FILLS_KEPT: Final = 10_000


class RunMonitor:
    """Watches one run.

    Args:
        subject: what is looked at.
        note: told a kind and a sentence about what is broken here.

    Attributes:
        depth: a listener of the market, to be told beside the run.
    """

    def __init__(self, subject: Subject, note: Callable[[str, str], None]) -> None:
        self._subject = subject
        self._note_outside = note
        self._attribution = LiveAttribution(is_live=subject.about.mode == LIVE)
        self._history = History(subject.instrument, self._sample)
        self._fills: OrderedDict[int, None] = OrderedDict()
        self._viewer: Viewer | None = None
        self._server: LinkServer | None = None
        self._latest: RunView | None = None
        self._told_seq = 0
        self._told_sample_ns = 0
        self._is_broken = False
        self.depth = Depth()

    async def open(self, run: LiveRun, ask: Callable[[Ask], Awaitable[Answer]]) -> None:
        """The run begins: from now on it can be looked at.

        Args:
            run: its driver.
            ask: carries out what somebody who looks on wants.
        """
        self._viewer = Viewer(self._subject, run, self._attribution, self.depth)
        server = LinkServer(self._subject.about.run_id, self._hello, self._news, ask, self._fail)
        try:
            await server.open()
        except LinkError as error:
            self._note_outside(LINK, f"this run cannot be looked at from outside: {error}")
        else:
            self._server = server

    async def close(self, reason: EndReason) -> None:
        """The run is over, and its summary made: tell the last of it. Takes less than a second."""
        viewer = self._viewer
        if viewer is None or self._latest_is_last:
            return
        try:
            self._history.take_sample(self._subject.clock.now_ns())
            self._latest = viewer.view(end_reason=reason, is_over=True)
        except Exception as error:  # noqa: BLE001 - rule 2
            self._fail(error)
        if self._server is not None:
            await self._server.close()

    def abandon(self) -> None:
        """The run was abandoned: the link goes, without a word."""
        if self._server is not None:
            self._server.abandon()

    def latest_view(self) -> RunView | None:
        """The run as it was a quarter of a second ago at most, or at its end; None before it began.

        For the thread of the run; a picture never changes, so it can be handed on to others.
        """
        if self._viewer is None or self._latest_is_last:
            return self._latest
        now_ns = self._subject.clock.now_ns()
        if self._latest is None or now_ns - self._latest.at_ns >= PERIOD_NS:
            try:
                self._latest = self._viewer.view()
            except Exception as error:  # noqa: BLE001 - rule 2
                self._fail(error)
        return self._latest

    def note(self, kind: str, text: str) -> None:
        """A remark from the wires, or what became of a wish."""
        self._history.note(self._subject.clock.now_ns(), kind, text)

    def on_step(self, now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None:
        if self._is_broken:
            return
        try:
            new = [event for event in events if not isinstance(event, Filled) or self._is_new(event)]
            self._attribution.on_step(now_ns, new, commands)
            self._history.on_step(now_ns, new, commands)
        except Exception as error:  # noqa: BLE001 - rule 2
            self._fail(error)

    @property
    def _latest_is_last(self) -> bool:
        return self._latest is not None and self._latest.is_over

    def _is_new(self, fill: Filled) -> bool:
        """True once per fill: the wires may tell it twice."""
        if fill.fill_id in self._fills:
            return False
        self._fills[fill.fill_id] = None
        if len(self._fills) > _FILLS_KEPT:
            self._fills.popitem(last=False)
        return True

    def _sample(self, now_ns: int) -> Sample | None:
        return None if self._viewer is None else self._viewer.sample(now_ns)

    # --- for the link ---

    def _hello(self) -> Hello:
        history, view = self._history, self._view_for_link()
        self._mark_told()
        return Hello(view=view, items=list(history.items), samples=history.samples, first_seq=history.first_seq)

    def _news(self) -> News:
        history, view = self._history, self._view_for_link()
        items, samples = history.items_from(self._told_seq), history.samples_after(self._told_sample_ns)
        self._mark_told()
        return News(view=view, items=items, samples=samples)

    def _view_for_link(self) -> RunView:
        assert self._viewer is not None
        if self._latest is None or not self._latest.is_over:
            self._latest = self._viewer.view()
        return self._latest

    def _mark_told(self) -> None:
        """Everything up to now: to those who listened already as news, to a new one in his hello."""
        self._told_seq = self._history.next_seq
        self._told_sample_ns = self._history.last_sample_ns

    def _fail(self, error: Exception) -> None:
        if not self._is_broken:
            self._is_broken = True
            self._note_outside(LINK, f"what is shown of this run stands still, it goes on itself: {error!r}")
