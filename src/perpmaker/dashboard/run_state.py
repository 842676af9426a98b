"""What the dashboard knows of one run: the newest view and what is kept of its log and charts, told to any number of
pages.

Rules kept here:

1. What a run tells is put together here and encoded once, however many pages are told.
2. A page has no queue. It has a `Place`: what it was told last. Who is one message behind gets that message; who is
   further behind gets one message with the newest view and all that it missed. So no page is ever told out of order,
   twice, or costs memory by being slow.
3. What is kept is bounded, as in the run itself. A page that is further behind than that begins anew.
4. A run that is linked again says everything once more; only what is new of that is told on.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter

import msgspec

from perpmaker.dashboard.chart import Chart
from perpmaker.monitor.history import MOST_ITEMS
from perpmaker.monitor.view import Hello, Item, News, RunView, Sample


@dataclass(slots=True)
class Place:
    """How far a page has been told: a version of the state, the last item and the last sample of it."""

    version: int = -1
    seq: int = 0
    sampled_ns: int = 0

    def begin_anew(self) -> None:
        """As if it had been told nothing."""
        self.version, self.seq, self.sampled_ns = -1, 0, 0


class RunState:
    """Filled from a link by one reader, told to pages. ``version`` grows with every message that brings something."""

    def __init__(self) -> None:
        self.version = 0
        self.view: RunView | None = None
        self._items: deque[Item] = deque(maxlen=MOST_ITEMS)
        self._chart = Chart()
        self._before = Place()
        """Where a page must be for the newest message to be all that it lacks."""
        self._newest = ""

    @property
    def samples(self) -> Sequence[Sample]:
        """The points of its charts that are kept, in the order of their times."""
        return self._chart.after(0)

    @property
    def is_over(self) -> bool:
        """Whether the very last view has come."""
        return self.view is not None and self.view.is_over

    def take(self, message: Hello | News) -> bool:
        """Take up what a run has told. Returns whether any of it was new."""
        before = self._end()
        items = [item for item in message.items if item.seq > before.seq]
        samples = [sample for sample in message.samples if sample.at_ns > before.sampled_ns]
        view = message.view
        if view is not None and self.view is not None and view.revision <= self.view.revision:
            view = None
        if isinstance(message, Hello):
            self._chart.replace(message.samples)
        else:
            self._chart.extend(samples)
        if not (items or samples or view):
            return False
        self._items.extend(items)
        self.view = view or self.view
        self._before = before
        self._newest = _encoded(News(view=view, items=items, samples=samples))
        self.version += 1
        return True

    def hello(self, place: Place) -> str:
        """Everything that a page at this place lacks, to begin with; the place moves to the end. There is a view."""
        assert self.view is not None
        if place.seq > self._end().seq:  # of another life of this run: nothing that the page has is of use
            place.begin_anew()
        first_seq = self._items[0].seq if self._items else 1
        hello = Hello(
            view=self.view,
            items=self._items_after(place.seq),
            samples=self._chart.after(place.sampled_ns),
            first_seq=first_seq,
        )
        self._move(place)
        return _encoded(hello)

    def news(self, place: Place) -> str:
        """One message with all that a page at this place lacks; the place moves to the end. There is something."""
        assert place.version < self.version
        if place == self._before:
            self._move(place)
            return self._newest
        if self._items and place.seq + 1 < self._items[0].seq:
            place.begin_anew()
            return self.hello(place)
        samples = self._chart.after(place.sampled_ns)
        news = News(view=self.view, items=self._items_after(place.seq), samples=samples)
        self._move(place)
        return _encoded(news)

    def _items_after(self, seq: int) -> list[Item]:
        return list(islice(self._items, bisect_right(self._items, seq, key=attrgetter("seq")), None))

    def _end(self) -> Place:
        return Place(self.version, self._items[-1].seq if self._items else 0, self._chart.last_ns)

    def _move(self, place: Place) -> None:
        end = self._end()
        place.version, place.seq, place.sampled_ns = end.version, end.seq, end.sampled_ns


def _encoded(message: Hello | News) -> str:
    return msgspec.json.encode(message).decode()
