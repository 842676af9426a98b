"""A channel: handing over never waits, a dead one delays nobody, nothing is lost without being counted."""

import threading

from perpmaker.monitor.alerts.channel import CAPACITY, Channel
from perpmaker.monitor.alerts.kinds import Severity
from perpmaker.monitor.alerts.wording import Message
from support.alert_posts import Box, Silent, opened


def letter(number: int = 0) -> Message:
    return Message(f"{number}", "", Severity.INFO)


def close(channel: Channel) -> int:
    channel.start_closing()
    return channel.join(10)


def test_messages_arrive_in_their_order() -> None:
    box = Box()
    channel = opened(box, print)
    for number in range(10):
        channel.put(letter(number))
    assert close(channel) == 0
    assert box.offered == [letter(number) for number in range(10)]
    assert channel.taken == 10


def test_handing_over_goes_on_while_the_service_never_answers() -> None:
    """Were one `put` to wait, this would never end: the thread of the channel is stuck for good."""
    silent = Silent()
    channel = Channel(silent, print)
    channel.put(letter())
    assert silent.has_begun.wait(10)
    for number in range(10 * CAPACITY):
        channel.put(letter(number))
    assert channel.dropped == 9 * CAPACITY
    silent.release.set()
    close(channel)
    assert channel.taken == CAPACITY + 1


def test_a_full_queue_keeps_the_newest() -> None:
    box, gate = Box(), threading.Event()
    deliver = box.deliver
    begun = threading.Event()

    def held(message):
        begun.set()
        gate.wait()
        return deliver(message)

    box.deliver = held
    channel = opened(box, print, capacity=3)
    channel.put(letter())
    assert begun.wait(10)
    for number in range(1, 10):
        channel.put(letter(number))
    gate.set()
    assert close(channel) == 6
    assert [message.title for message in box.offered] == ["0", "7", "8", "9"]


def test_a_dead_channel_does_not_delay_another() -> None:
    silent, box = Silent(), Box()
    channels = opened(silent, print), opened(box, print)
    for channel in channels:
        channel.put(letter())
    box.wait_for(lambda: len(box.offered) == 1)
    silent.release.set()


def test_what_was_not_taken_is_offered_again_before_what_came_later() -> None:
    box = Box("busy", None)
    channel = opened(box, print)
    channel.put(letter(1))
    channel.put(letter(2))
    box.wait_for(lambda: len(box.offered) == 3)
    assert [message.title for message in box.offered] == ["1", "1", "2"]
    assert close(channel) == 0


def test_after_the_last_pause_it_is_given_up_and_counted() -> None:
    box = Box(*["it could not be reached"] * 3)
    channel = opened(box, print)
    channel.put(letter(1))
    channel.put(letter(2))
    box.wait_for(lambda: len(box.offered) == 4)
    assert close(channel) == 1
    assert (channel.handed, channel.taken, channel.dropped) == (2, 1, 0)


def test_the_first_failure_is_told_once_by_name() -> None:
    told: list[str] = []
    channel = opened(Box(*["it could not be reached"] * 6), told.append)
    channel.put(letter())
    channel.put(letter())
    close(channel)
    assert told == [
        "alerts: box did not take a message: it could not be reached; the run goes on, and it is tried again"
    ]


def test_an_error_of_the_service_is_a_failure_and_its_words_are_not_told() -> None:
    told: list[str] = []
    box = Box(ValueError("https://host/SECRET"))
    channel = opened(box, told.append)
    channel.put(letter())
    box.wait_for(lambda: len(box.offered) == 2)
    assert close(channel) == 0
    assert "it broke with ValueError" in told[0]
    assert "SECRET" not in told[0]


def test_closing_does_not_wait_for_a_pause() -> None:
    box = Box("busy")
    channel = opened(box, print, pauses_s=(3600.0,))
    channel.put(letter())
    box.wait_for(lambda: len(box.offered) == 1)
    channel.start_closing()
    assert channel.join(10) == 0
    assert not channel._thread.is_alive()


def test_closing_gives_up_on_what_never_answers_and_counts_all_of_it() -> None:
    silent = Silent()
    channel = opened(silent, print)
    for number in range(3):
        channel.put(letter(number))
    assert silent.has_begun.wait(10)
    channel.start_closing()
    assert channel.join(0) == 3
    assert channel._thread.daemon, "it ends with the program"
    silent.release.set()


def test_closing_one_that_is_full_and_busy_ends_it_all_the_same() -> None:
    silent = Silent()
    channel = opened(silent, print, capacity=2)
    channel.put(letter())
    assert silent.has_begun.wait(10)
    channel.put(letter(1))
    channel.put(letter(2))
    channel.start_closing()
    silent.release.set()
    assert channel.join(10) == 0
    assert channel.taken == 3
