"""Times as people write them are read exactly, as UTC where they name no zone, or refused."""

import pytest

from perpmaker.domain.moments import moment_ns, moment_text

SECOND = 10**9
DAY_NS = 1_767_571_200 * SECOND
READ = {
    "2026-01-05": DAY_NS,
    "20260105": DAY_NS,
    "2026-01-05T22:54": DAY_NS + (22 * 60 + 54) * 60 * SECOND,
    "2026-01-05 22:54": DAY_NS + (22 * 60 + 54) * 60 * SECOND,
    "2026-01-05T00:00:01Z": DAY_NS + SECOND,
    "2026-01-05T00:00:01+00:00": DAY_NS + SECOND,
    "2026-01-05T02:00+02:00": DAY_NS,
    "2026-01-04T19:00:00-05:00": DAY_NS,
    "2026-01-05T00:00:00.1": DAY_NS + SECOND // 10,
    "2026-01-05T00:00:00.123456789Z": DAY_NS + 123_456_789,
    "1970-01-01": 0,
    "1969-12-31T23:59:59.5Z": -SECOND // 2,
}


@pytest.mark.parametrize("text", READ)
def test_what_is_read(text: str) -> None:
    assert moment_ns(text) == READ[text]


@pytest.mark.parametrize("text", ["", "noon", "2026-13-01", "2026-01-05T25:00", "1767571200", "2026-01-05T00:00.5",
                                  "2026-01-05T00:00:00.1234567891"])  # fmt: skip
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        moment_ns(text)


@pytest.mark.parametrize("at_ns", [0, DAY_NS, DAY_NS + 1, DAY_NS + 120_000_000, -1, 1_767_653_687_567_047_000])
def test_what_is_written_is_read_back(at_ns: int) -> None:
    assert moment_ns(moment_text(at_ns)) == at_ns


def test_it_is_written_as_short_as_it_can_be() -> None:
    assert moment_text(DAY_NS) == "2026-01-05T00:00:00Z"
    assert moment_text(DAY_NS + 250_000_000) == "2026-01-05T00:00:00.25Z"
