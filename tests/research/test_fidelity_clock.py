"""The venue's stamps on the recording's line."""

from pathlib import Path

import numpy as np

from perpmaker.data.format import Provenance
from perpmaker.data.reader import Recording
from perpmaker.data.writer import RecordingWriter
from perpmaker.research.fidelity_clock import LEAST_MESSAGES, SAME, VenueLine, line_of
from perpmaker.simulation import market_events as m
from support.recordings import INSTRUMENT

MS = 1_000_000
PROVENANCE = Provenance("test", 1, "perpmaker", {}, [], "every-change", "recorded", "a clock")


def line(*pairs: tuple[int, int]) -> VenueLine:
    received, stamped = zip(*pairs, strict=True)
    return VenueLine(np.array(received, np.int64), np.array(stamped, np.int64))


def test_the_clocks_need_not_agree() -> None:
    """The venue is an hour ahead, messages take 30 ms."""
    hour = 3_600 * 10**9
    made = line(*[(second * 10**9 + 30 * MS, second * 10**9 + hour) for second in range(10)])
    assert made.delay_ns == 30 * MS - hour
    assert made.place(5 * 10**9 + hour + 400 * MS) == 5 * 10**9 + 430 * MS


def test_what_came_first_at_the_venue_comes_first_on_the_line() -> None:
    """The third message was late: what the venue had stamped before it comes before it, and the other way round."""
    made = line((10, 0), (110, 100), (350, 200), (360, 300), (410, 400))
    assert made.delay_ns == 10
    assert made.place(150) == 160
    assert made.place(205) == 350, "after the message of 200, however late that was"
    assert made.place(310) == 360
    assert line((10, 0), (110, 100), (205, 200), (310, 300)).place(199) == 204, "before the message of 200"


def test_on_paper_the_stamps_are_on_the_line() -> None:
    assert SAME.place(123) == 123


def test_only_the_messages_of_the_run_count_each_once(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "r", INSTRUMENT, PROVENANCE) as writer:
        for number in range(3 * LEAST_MESSAGES):
            is_inside = LEAST_MESSAGES <= number < 2 * LEAST_MESSAGES
            at_ns = number * 1_000
            writer.message(at_ns, at_ns - (7 if is_inside else 500), [(m.BID, 10, 1), (m.ASK, 12, 1)])
    recording = Recording.open(tmp_path / "r")
    found = line_of(recording, LEAST_MESSAGES * 1_000, (2 * LEAST_MESSAGES - 1) * 1_000)
    assert found is not None
    assert (found.delay_ns, found.spread_ns) == (7, 0)
    assert line_of(recording, LEAST_MESSAGES * 1_000, (2 * LEAST_MESSAGES - 2) * 1_000) is None


def test_a_fill_happens_with_the_first_message_of_its_stamp() -> None:
    made = line((10_000, 0), (30_000, 20_000), (30_500, 20_000), (50_000, 40_000))
    assert made.place(20_000) == 30_500, "an order arrives after what the venue had told by then"
    assert made.place_fill(20_000) == 30_000
    assert made.place_fill(19_500) == 30_000, "rounded down to the microsecond"
    assert made.place_fill(25_000) == made.place(25_000)
    assert SAME.place_fill(7) == 7
