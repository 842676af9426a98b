"""The live attribution: at every moment its terms are the profit, and they are the report's."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.events import BookUpdated, Event, Filled, FundingPaid, MarkUpdated, PositionCorrected
from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT as Q
from perpmaker.domain.orders import Side
from perpmaker.domain.position import Position
from perpmaker.monitor.attribution import KEPT_NS, MOST_MIDS, LiveAttribution
from perpmaker.report.attribution import Execution, Terms, attribute

S = 10**9
START = 1_000_000 * S


def book(at_ns: int, mid_ticks: int, *, bid_lots: int = 1, ask_lots: int = 1) -> BookUpdated:
    return BookUpdated(at_ns, at_ns, mid_ticks - 1, bid_lots, mid_ticks + 1, ask_lots)


def filled(at_ns: int, side: Side, ticks: int, lots: int, *, venue_ns: int | None = None, fee: int = 0) -> Filled:
    return Filled(at_ns, at_ns if venue_ns is None else venue_ns, at_ns, 1, side, ticks, lots, True, fee)


def told(attribution: LiveAttribution, *events: Event) -> Terms:
    for event in events:
        attribution.on_step(event.at_ns, [event], [])
    return attribution.terms


@pytest.fixture
def paper() -> LiveAttribution:
    return LiveAttribution(is_live=False)


def test_nothing_has_been_earned_before_anything_happened(paper: LiveAttribution) -> None:
    assert paper.terms == Terms()


def test_a_fill_captures_spread_then_the_mid_moves_then_the_position_is_carried(paper: LiveAttribution) -> None:
    terms = told(paper, book(START, 100), filled(START + S, Side.BUY, 99, 10, fee=7), book(START + 2 * S, 97))
    assert terms == Terms(spread=10 * 1_000 * Q, adverse=-10 * 3_000 * Q, maker_fees=-7)
    terms = told(paper, book(START + 10 * S, 98))
    assert terms == Terms(spread=10 * 1_000 * Q, adverse=-10 * 3_000 * Q, inventory=10 * 1_000 * Q, maker_fees=-7)


def test_an_execution_that_is_told_late_counts_when_it_happened(paper: LiveAttribution) -> None:
    late = filled(START + 9 * S, Side.BUY, 99, 10, venue_ns=START + S)
    terms = told(
        paper, book(START, 100), book(START + 2 * S, 97), book(START + 8 * S, 98), late, book(START + 9 * S, 96)
    )
    assert terms == Terms(spread=10 * 1_000 * Q, adverse=-10 * 3_000 * Q, inventory=-10 * 1_000 * Q)


def test_live_it_counts_when_it_was_told_since_the_venues_clock_is_another() -> None:
    late = filled(START + 9 * S, Side.BUY, 99, 10, venue_ns=START + S)
    terms = told(LiveAttribution(is_live=True), book(START, 100), book(START + 2 * S, 97), late)
    assert terms == Terms(spread=-10 * 2_000 * Q)


def test_a_position_taken_over_before_there_is_a_price_is_valued_at_the_first(paper: LiveAttribution) -> None:
    taken = PositionCorrected(START, START, 10, 95_000)
    assert told(paper, taken) == Terms(), "worth what it cost until somebody names a price"
    assert told(paper, MarkUpdated(START + 1, START + 1, 96_000)).total == 10 * 1_000 * Q
    assert told(paper, book(START + 2, 100)) == Terms(takeover=10 * 5_000 * Q, mark=-10 * 4_000 * Q)


def test_a_book_with_one_side_changes_no_mid(paper: LiveAttribution) -> None:
    terms = told(
        paper, book(START, 100), filled(START + 1, Side.SELL, 101, 10), book(START + 2, 300, ask_lots=0)
    )  # fmt: skip
    assert terms == Terms(spread=10 * 1_000 * Q)


def test_memory_is_bounded_by_time_and_by_number(paper: LiveAttribution) -> None:
    for step in range(5 * MOST_MIDS):
        told(paper, book(START + step, 100 + step % 2))
    assert len(paper._mids._times) <= 2 * MOST_MIDS + 1
    for step in range(1, 400):
        told(paper, book(START + step * S, 100 + step % 2))
    assert len(paper._mids._times) <= 2 * KEPT_NS // S + 2


# --- whatever happens ---

moments = st.integers(0, 200 * S)
price_ticks = st.integers(5, 200)
happenings = st.one_of(
    st.tuples(st.just("book"), moments, price_ticks, st.integers(0, 6), st.just(0), st.booleans()),
    st.tuples(st.just("mark"), moments, price_ticks, st.just(0), st.just(0), st.booleans()),
    st.tuples(
        st.just("fill"), moments, price_ticks, st.integers(-40, 40).filter(bool), st.integers(0, KEPT_NS), st.booleans()
    ),
    st.tuples(
        st.just("correction"), moments, price_ticks, st.integers(-40, 40).filter(bool), st.just(0), st.booleans()
    ),
    st.tuples(st.just("funding"), moments, price_ticks, st.integers(-9, 9), st.just(0), st.booleans()),
)


def events_of(happened: Sequence[tuple[str, int, int, int, int, bool]]) -> list[Event]:
    """In order of time. A delay is how long after it happened an execution is told."""
    found: list[Event] = []
    for number, (kind, after_ns, ticks, lots, delay_ns, flag) in enumerate(sorted(happened, key=lambda one: one[1])):
        at_ns = START + after_ns
        if kind == "book":
            found.append(book(at_ns, ticks, bid_lots=lots))
        elif kind == "mark":
            found.append(MarkUpdated(at_ns, at_ns, ticks * 1_000 + 7))
        elif kind == "fill":
            side = Side.BUY if lots > 0 else Side.SELL
            fee = ticks * lots
            found.append(Filled(at_ns, at_ns - delay_ns, number, 1, side, ticks, abs(lots), flag, fee))
        elif kind == "correction":
            found.append(PositionCorrected(at_ns, at_ns, lots, ticks * 1_000))
        else:
            found.append(FundingPaid(at_ns, at_ns, lots))
    return found


class Known:
    """The market as the events told it, for the report's attribution."""

    def __init__(self, events: Sequence[Event]) -> None:
        books = [one for one in events if isinstance(one, BookUpdated) and one.bid_lots and one.ask_lots]
        self._mids = [(one.at_ns, (one.bid_ticks + one.ask_ticks) * 500) for one in books]
        self._marks = [(one.at_ns, one.mark_milliticks) for one in events if isinstance(one, MarkUpdated)]

    def __bool__(self) -> bool:
        return bool(self._mids)

    def mid(self, ts_ns: int) -> int:
        return next((mid for at_ns, mid in reversed(self._mids) if at_ns <= ts_ns), self._mids[0][1])

    def mark(self, ts_ns: int) -> int:
        return next((mark for at_ns, mark in reversed(self._marks) if at_ns <= ts_ns), self.mid(ts_ns))


@given(st.lists(happenings, max_size=40), st.booleans())
def test_the_terms_sum_to_the_profit_at_every_moment(happened: list, is_live: bool) -> None:
    attribution, position, mark = LiveAttribution(is_live=is_live), Position(), None
    for event in events_of(happened):
        terms = told(attribution, event)
        if isinstance(event, MarkUpdated):
            mark = event.mark_milliticks
        elif isinstance(event, Filled):
            position.apply_fill(event.side, event.price_ticks, event.lots, event.fee_quanta)
        elif isinstance(event, PositionCorrected):
            position.apply_correction(event.change_lots, event.price_milliticks)
        elif isinstance(event, FundingPaid):
            position.apply_funding(event.amount_quanta)
        if mark is not None:
            assert terms.total == position.profit_quanta(mark)


@given(st.lists(happenings, max_size=40), st.booleans())
def test_the_terms_are_those_of_the_report(happened: list, is_live: bool) -> None:
    events = events_of(happened)
    prices, end_ns = Known(events), START + 201 * S
    if not prices:
        return
    executions = [
        Execution(
            event.at_ns if is_live else event.venue_ns, event.side * event.lots, event.price_ticks * 1_000,
            event.fee_quanta, 1, event.is_maker,
        )
        for event in events if isinstance(event, Filled)
    ]  # fmt: skip
    executions += [
        Execution(event.at_ns, event.change_lots, event.price_milliticks, 0, 0, is_maker=False, is_fill=False)
        for event in events
        if isinstance(event, PositionCorrected)
    ]
    expected = attribute(
        executions,
        [event for event in events if isinstance(event, FundingPaid)],
        prices,
        start_ns=START,
        end_ns=end_ns,
        end_mark_milliticks=prices.mark(end_ns),
    )
    assert told(LiveAttribution(is_live=is_live), *events, book(end_ns, 0, bid_lots=0)) == expected.total
