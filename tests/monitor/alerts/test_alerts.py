"""All alerts of a process: fills of many markets in one message, secrets out, trouble told and never raised."""

import pytest

from perpmaker.domain.orders import Side
from perpmaker.monitor.alerts.alerts import Alerts, Party
from perpmaker.monitor.alerts.desk import Alert
from perpmaker.monitor.alerts.digest import FillsDigest
from perpmaker.monitor.alerts.kinds import FILLS, HALT, STOP
from perpmaker.venues.redaction import hide, remove_redaction
from support.alert_posts import SOL, Silent, fill, opened, posted
from support.virtual_time import START_NS

SECRET = "MARKEDkey0123456789MARKED"  # noqa: S105 - opens nothing


class Clock:
    def __init__(self) -> None:
        self.at_ns = START_NS

    def now_ns(self) -> int:
        return self.at_ns


def joined(alerts: Alerts, name: str) -> FillsDigest:
    digest = FillsDigest(SOL)
    alerts.join(Party(name, f"LIVE {name}", digest, lambda: f"standing of {name}"))
    return digest


def test_fills_are_told_five_minutes_after_the_first() -> None:
    alerts, post, _ = posted(Clock())
    digest = joined(alerts, "sol")
    digest.add(fill(1, at_ns=START_NS))
    digest.add(fill(2, Side.SELL, at_ns=START_NS + 1))
    alerts.tick(START_NS + FILLS.pause_ns - 1)
    assert post.messages == []
    alerts.tick(START_NS + FILLS.pause_ns)
    alerts.tick(START_NS + FILLS.pause_ns + 1)
    (message,) = post.messages
    assert message.title == "LIVE sol: fills"
    assert message.body.splitlines() == [
        "2 fills: bought 0.10 SOL for 10.00 USDC (1), sold 0.10 SOL for 10.00 USDC (1); fees 0.00 USDC",
        "standing of sol",
        "2026-09-21 14:18:20 UTC, run sol",
    ]


def test_all_markets_are_told_together() -> None:
    alerts, post, _ = posted(Clock())
    digests = [joined(alerts, name) for name in ("sol", "btc", "eth")]
    for number, digest in enumerate(digests[:2]):
        digest.add(fill(number, at_ns=START_NS + number))
    alerts.tick(START_NS + FILLS.pause_ns)
    (message,) = post.messages
    assert message.title == "2 markets: fills"
    first, second, last = message.body.splitlines()
    assert first == "LIVE sol: 1 fill: bought 0.10 SOL for 10.00 USDC (1); fees 0.00 USDC; standing of sol"
    assert second.startswith("LIVE btc: 1 fill")
    assert last.endswith("UTC")


def test_fills_that_the_limit_holds_back_go_on_being_counted() -> None:
    alerts, post, _ = posted(Clock())
    digest = joined(alerts, "sol")
    for number in range(40):
        alerts.send(Alert(STOP, f"run {number}", "words", START_NS), "x", None)
    sent = len(post.messages)
    digest.add(fill(1, at_ns=START_NS))
    alerts.tick(START_NS + FILLS.pause_ns)
    digest.add(fill(2, at_ns=START_NS + FILLS.pause_ns))
    assert (len(post.messages), digest.count) == (sent, 2)
    alerts.tick(START_NS + 3_600 * 10**9)
    assert post.messages[-1].body.startswith("2 fills: bought 0.20 SOL")


def test_a_run_that_is_over_is_not_told_of_any_more() -> None:
    alerts, post, _ = posted(Clock())
    joined(alerts, "sol").add(fill(1, at_ns=START_NS))
    alerts.leave("sol")
    alerts.tick(START_NS + FILLS.pause_ns)
    assert post.messages == []


def test_no_secret_leaves_in_a_message() -> None:
    alerts, post, _ = posted(Clock())
    hide([SECRET])
    try:
        alerts.send(Alert(HALT, "sol", f"key {SECRET} is no good", START_NS), f"LIVE {SECRET}", "sol")
    finally:
        remove_redaction()
    assert SECRET not in str(post.messages)
    assert "key *** is no good" in post.messages[0].body


def test_trouble_is_told_once_and_raised_never() -> None:
    alerts, _, told = posted(Clock())
    for _ in range(2):
        with alerts.guard:
            raise ValueError("no such market")
    assert told == ["alerts: an alert could not be made, the run goes on: ValueError: no such market"]
    with pytest.raises(KeyboardInterrupt), alerts.guard:
        raise KeyboardInterrupt


def test_closing_waits_for_all_channels_together_and_says_what_was_lost() -> None:
    told: list[str] = []
    silent, clock = Silent(), Clock()
    channels = [opened(silent, print) for _ in range(2)]
    for channel in channels:
        join = channel.join

        def patient(patience_s: float, join=join) -> int:
            clock.at_ns += 5 * 10**9
            waited.append(patience_s)
            return join(0)

        channel.join = patient  # type: ignore[method-assign]
    waited: list[float] = []
    alerts = Alerts(channels, clock, told.append)
    alerts.send(Alert(HALT, "sol", "words", START_NS), "LIVE sol", "sol")
    assert silent.has_begun.wait(10)
    alerts.close()
    assert waited == [5.0, 0.0], "the second has no time of its own"
    assert told[0] == "alerts: 1 message did not reach silent"
    silent.release.set()
