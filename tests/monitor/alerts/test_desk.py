"""What is sent and what is held back: never more than the limit, nothing lost, errors and ends always."""

import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from perpmaker.monitor.alerts.desk import HOUR_NS, PER_HOUR, Alert, AlertDesk
from perpmaker.monitor.alerts.kinds import (
    BUDGET,
    END,
    FAILED_END,
    HALT,
    KINDS,
    MINUTE_NS,
    RECONCILIATION,
    STALE,
    STOP,
    VENUE,
    Severity,
)

MARKETS = ("a", "b")


def alert(kind=STALE, at_ns=0, market="a", text="words"):
    return Alert(kind, market, text, at_ns)


def texts(desk, alerts):
    """What of these is sent, in order."""
    return [sent.text for each in alerts if (sent := desk.take(each)) is not None]


def test_the_first_is_sent_as_it_is() -> None:
    assert AlertDesk().take(alert()) == alert()


def test_the_same_again_within_its_pause_is_held_back_and_told_with_the_next() -> None:
    seconds = (0, 5, 10, 15, STALE.pause_ns // 10**9)
    sent = texts(AlertDesk(), [alert(at_ns=second * 10**9) for second in seconds])
    assert sent == ["words", "words\n3 more like this since 00:00:05"]


def test_what_was_told_once_is_not_told_again() -> None:
    times = (0, 1, STALE.pause_ns, 2 * STALE.pause_ns)
    assert texts(AlertDesk(), map(alert, [STALE] * 4, times))[-1] == "words"


def test_kinds_and_markets_do_not_hold_each_other_back() -> None:
    assert len(texts(AlertDesk(), [alert(), alert(STOP), alert(market="b")])) == 3


def test_other_words_of_an_error_are_sent_the_same_are_not() -> None:
    said = [alert(VENUE, text="keys"), alert(VENUE, text="keys"), alert(VENUE, text="market")]
    assert texts(AlertDesk(), said) == ["keys", "market\n1 more like this since 00:00:00"]


def test_what_concerns_all_markets_is_told_once_whichever_tells_it() -> None:
    desk = AlertDesk()
    assert texts(desk, [alert(BUDGET, market=name) for name in "abcd"]) == ["words"]
    assert texts(desk, [alert(BUDGET, at_ns=1, text="free again")]) == ["free again"], "nothing was held back"


def test_the_message_that_uses_the_limit_up_says_until_when() -> None:
    desk = AlertDesk(per_hour=2)
    sent = texts(desk, [alert(at_ns=MINUTE_NS), alert(STOP, 2 * MINUTE_NS), alert(RECONCILIATION, 3 * MINUTE_NS)])
    assert sent[1:] == ["words\n2 messages within an hour: until 01:01:00 UTC only errors and ends of runs are sent"]
    (later,) = texts(desk, [alert(RECONCILIATION, HOUR_NS + MINUTE_NS)])
    assert later.startswith("words\n1 more like this since 00:03:00\n")


def test_an_error_and_the_end_pass_when_the_limit_is_used_up() -> None:
    desk = AlertDesk(per_hour=1)
    said = [alert(), alert(STOP), alert(HALT, text="it ends"), alert(END, text="it ended")]
    assert texts(desk, said)[1:] == ["it ends", "it ended\nheld back: stop loss 1"]


def test_the_end_tells_what_was_held_back_of_its_market_and_of_all() -> None:
    desk = AlertDesk(per_hour=1)
    said = [alert(STOP), alert(), alert(market="b"), alert(market="b"), alert(BUDGET, market="b")]
    texts(desk, said)
    assert texts(desk, [alert(END, text="over")]) == ["over\nheld back: stale book 1, budget 1"]
    assert texts(desk, [alert(END, text="over", market="b")]) == ["over\nheld back: stale book 2"]


ALERTS = st.builds(
    Alert,
    st.sampled_from(KINDS),
    st.sampled_from(MARKETS),
    st.sampled_from(["x", "y"]),
    st.integers(0, 40 * MINUTE_NS),
)


@st.composite
def streams(draw):
    """Alerts in the order of their times; the pauses between them are often shorter than their kind's."""
    at_ns, told = 0, []
    for each in draw(st.lists(ALERTS, max_size=60)):
        at_ns += each.at_ns // draw(st.sampled_from([1, 100, 10**6]))
        told.append(each._replace(at_ns=at_ns))
    return told


def is_free(kind) -> bool:
    """Has no share in the limit of an hour."""
    return kind.severity is Severity.ERROR or kind.is_last


@given(streams(), st.integers(1, 5))
def test_no_hour_has_more_than_the_limit(stream, per_hour) -> None:
    desk = AlertDesk(per_hour)
    times = [each.at_ns for each in stream if desk.take(each) and not is_free(each.kind)]
    assert all(later - first >= HOUR_NS for first, later in zip(times, times[per_hour:], strict=False))


@given(streams())
def test_two_of_a_kind_and_market_keep_its_pause(stream) -> None:
    desk, last = AlertDesk(), {}
    for each in stream:
        if each.kind.is_last or each.kind.holds_same_only or not desk.take(each):
            continue
        key = each.kind, each.kind.is_shared or each.market
        assert key not in last or each.at_ns - last[key] >= each.kind.pause_ns
        last[key] = each.at_ns


@given(streams(), st.integers(1, 3))
def test_every_error_with_words_of_its_own_and_every_end_is_sent(stream, per_hour) -> None:
    desk, last = AlertDesk(per_hour), {}
    for each in stream:
        key = each.kind, each.market
        is_sent = desk.take(each) is not None
        if each.kind.is_last or (is_free(each.kind) and last.get(key) != each.text):
            assert is_sent
        if is_sent:
            last[key] = each.text


@given(streams(), st.integers(1, 5))
def test_whatever_is_not_sent_is_counted_in_a_later_message(stream, per_hour) -> None:
    desk, said = AlertDesk(per_hour), Counter()
    stream = [each for each in stream if each.kind not in (END, FAILED_END) and not each.kind.is_shared]
    ends = [Alert(END, market, "", 10**6 * HOUR_NS) for market in MARKETS]
    for each in [*stream, *ends]:
        sent = desk.take(each)
        if sent is None:
            continue
        said[each.kind.name] += 1
        said[each.kind.name] += sum(
            int(count) for count in re.findall(r"^(\d+) more like this", sent.text, re.MULTILINE)
        )
        for held in re.findall(r"^held back: (.*)$", sent.text, re.MULTILINE):
            said.update({name.rpartition(" ")[0]: int(name.rpartition(" ")[2]) for name in held.split(", ")})
    del said[END.name]
    assert said == Counter(each.kind.name for each in stream)


def test_the_limit_is_what_the_documents_say() -> None:
    assert PER_HOUR == 30
