"""What pages are told: everything once, in order, however slowly they ask; the same text for all who keep up."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.dashboard.run_state import Place, RunState
from perpmaker.monitor.history import MOST_ITEMS
from perpmaker.monitor.view import Hello, Item, News, RunView, Sample
from support.dashboard_runs import blank_view


def view(revision: int) -> RunView:
    return msgspec.structs.replace(blank_view(), revision=revision)


def item(seq: int) -> Item:
    return Item(seq=seq, at_ns=seq, kind="note", text=f"line {seq}")


def sample(at_ns: int) -> Sample:
    return Sample(at_ns, "100", None, [], [], "0", "0")


class Run:
    """Tells a state what a run would."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.samples: list[Sample] = []
        self.revision = 0

    def hello(self) -> Hello:
        self.revision += 1
        kept = self.items[-MOST_ITEMS:]
        first_seq = kept[0].seq if kept else 1
        return Hello(view=view(self.revision), items=kept, samples=self.samples, first_seq=first_seq)

    def news(self, items: int = 0, samples: int = 0) -> News:
        self.revision += 1
        new = [item(len(self.items) + 1 + more) for more in range(items)]
        points = [sample(len(self.samples) + 1 + more) for more in range(samples)]
        self.items += new
        self.samples += points
        return News(view=view(self.revision), items=new, samples=points)


class Page:
    """Keeps what it is told, as the page in the browser does."""

    def __init__(self, state: RunState, place: Place | None = None) -> None:
        self.state = state
        self.place = place or Place()
        self.seqs: list[int] = []
        self.times: list[int] = []
        self.texts: list[str] = []
        self.revision = 0

    def begin(self) -> None:
        self.hear(self.state.hello(self.place))

    def catch_up(self) -> None:
        if self.place.version < self.state.version:
            self.hear(self.state.news(self.place))

    def hear(self, text: str) -> None:
        self.texts.append(text)
        told = msgspec.json.decode(text)
        if told["type"] == "hello" and self.seqs and told["items"] and told["items"][0]["seq"] <= self.seqs[-1]:
            self.seqs, self.times = [], []
        self.seqs += [each["seq"] for each in told.get("items", [])]
        self.times += [each[0] for each in told.get("samples", [])]
        self.revision = (told.get("view") or {"revision": self.revision})["revision"]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans(), st.booleans()), max_size=40))
def test_every_page_has_heard_everything_once_and_in_order_whenever_it_asked(steps):
    run, state = Run(), RunState()
    state.take(run.hello())
    pages = [Page(state), Page(state)]
    for page in pages:
        page.begin()
    for items, samples, first_asks, breaks in steps:
        state.take(run.news(items, samples))
        if breaks:
            state.take(run.hello())  # linked again: all of it once more
        if first_asks:
            pages[0].catch_up()
    for page in pages:
        page.catch_up()
        assert page.seqs == [each.seq for each in run.items]
        assert page.times == [each.at_ns for each in run.samples]
        assert page.revision == run.revision


def test_pages_that_keep_up_are_told_the_very_same_text():
    run, state = Run(), RunState()
    state.take(run.hello())
    pages = [Page(state) for _ in range(3)]
    for page in pages:
        page.begin()
    state.take(run.news(2, 1))
    for page in pages:
        page.catch_up()
    assert pages[0].texts[-1] is pages[1].texts[-1] is pages[2].texts[-1]


def test_a_slow_page_is_told_the_newest_view_in_one_message():
    run, state = Run(), RunState()
    state.take(run.hello())
    page = Page(state)
    page.begin()
    for _ in range(50):
        state.take(run.news(1, 0))
    page.catch_up()
    assert len(page.texts) == 2
    assert page.revision == run.revision
    assert page.place.version == state.version


def test_a_page_that_comes_back_is_told_what_it_missed_and_no_more():
    run, state = Run(), RunState()
    run.news(10, 10)
    state.take(run.hello())
    page = Page(state, Place(seq=7, sampled_ns=8))
    page.begin()
    assert page.seqs == [8, 9, 10]
    assert page.times == [9, 10]


def test_a_page_that_was_away_for_longer_than_is_kept_begins_anew():
    run, state = Run(), RunState()
    state.take(run.hello())
    page = Page(state)
    page.begin()
    state.take(run.news(5))
    page.catch_up()
    state.take(run.news(MOST_ITEMS))
    state.take(run.news(100))
    page.catch_up()
    assert msgspec.json.decode(page.texts[-1])["type"] == "hello"
    assert page.seqs[-MOST_ITEMS:] == [each.seq for each in run.items[-MOST_ITEMS:]]


def test_a_page_that_knows_more_than_the_run_has_said_begins_anew():
    run, state = Run(), RunState()
    run.news(3, 3)
    state.take(run.hello())
    page = Page(state, Place(seq=1_000, sampled_ns=1_000))
    page.begin()
    assert page.seqs == [1, 2, 3]
    assert page.times == [1, 2, 3]


def test_what_is_not_new_wakes_nobody():
    run, state = Run(), RunState()
    first = run.hello()
    assert state.take(first)
    version = state.version
    assert not state.take(first)
    assert not state.take(News())
    assert state.version == version


def test_what_is_kept_is_bounded():
    run, state = Run(), RunState()
    state.take(run.hello())
    for _ in range(3_000):
        state.take(run.news(3, 1))
    told = msgspec.json.decode(state.hello(Place()))
    assert len(told["items"]) == MOST_ITEMS
    assert told["first_seq"] == told["items"][0]["seq"] == 9_000 - MOST_ITEMS + 1
    assert len(told["samples"]) <= 1_500
