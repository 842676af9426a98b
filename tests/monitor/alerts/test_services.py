"""apprise on real sockets: what arrives, what failed and why, and that nothing of an address is seen."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.monitor.alerts.channel import Channel
from perpmaker.monitor.alerts.kinds import Severity
from perpmaker.monitor.alerts.services import services_at
from perpmaker.monitor.alerts.wording import Message
from perpmaker.venues.redaction import remove_redaction
from support.alert_posts import TOKEN, served_silence, served_webhook

LETTER = Message("LIVE SOL_USDC_PERP on backpack: halt", "maximum loss of the run\n<b>&amp;", Severity.ERROR)


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No proxy between the test and its own server, and a folder of its own."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    yield
    remove_redaction()


def services(*urls: str):
    return services_at([SecretStr(url) for url in urls])


def test_a_message_arrives_word_for_word_with_its_severity() -> None:
    async def story() -> None:
        async with served_webhook() as hook:
            (service,) = services(hook.url)
            assert await asyncio.to_thread(service.deliver, LETTER) is None
            (body,) = hook.bodies
            assert (body["title"], body["message"], body["type"]) == (LETTER.title, LETTER.body, "failure")

    asyncio.run(story())


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_refusal_is_told_with_its_status(status: int) -> None:
    async def story() -> None:
        async with served_webhook() as hook:
            hook.status = status
            (service,) = services(hook.url)
            assert await asyncio.to_thread(service.deliver, LETTER) == f"it answered with status {status}"

    asyncio.run(story())


def test_a_port_where_nobody_listens_could_not_be_reached() -> None:
    (service,) = services(f"json://127.0.0.1:1/{TOKEN}")
    assert service.deliver(LETTER) == "it could not be reached"


def test_who_accepts_and_never_answers_is_not_waited_for_beyond_the_time_in_the_address() -> None:
    async def story() -> None:
        async with served_silence() as port:
            (service,) = services(f"json://127.0.0.1:{port}/{TOKEN}?rto=0.2")
            assert await asyncio.to_thread(service.deliver, LETTER) == "it could not be reached"

    asyncio.run(story())


def test_a_dead_address_keeps_no_message_from_the_living() -> None:
    """The run's side hands all of them over before anybody has answered."""

    async def story() -> None:
        async with served_webhook() as hook, served_silence() as port:
            urls = (f"json://127.0.0.1:{port}/{TOKEN}?rto=0.2", f"json://127.0.0.1:1/{TOKEN}", hook.url)
            told: list[str] = []
            channels = [Channel(service, told.append, pauses_s=()) for service in services(*urls)]
            for number in range(5):
                for channel in channels:
                    channel.put(LETTER._replace(title=str(number)))
            await hook.until(5)
            assert [body["title"] for body in hook.bodies] == [str(number) for number in range(5)]
            for channel in channels:
                channel.start_closing()
            lost = [await asyncio.to_thread(channel.join, 10) for channel in channels]
            assert lost == [5, 5, 0]
            assert len(told) == 2
            assert TOKEN not in "".join(told)

    asyncio.run(story())


@pytest.mark.parametrize("url", [f"tgram://{TOKEN}", f"nowhere://{TOKEN}", TOKEN, f"discord://x/?{TOKEN}"])
def test_an_address_that_is_not_understood_is_refused_by_its_scheme_only(
    url: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidSettingError) as raised:
        services("json://127.0.0.1:1/x", url)
    assert f"{url.partition(':')[0] if '://' in url else 'without a scheme'} (2 of 2)" in str(raised.value)
    out, err = capfd.readouterr()
    assert TOKEN not in str(raised.value) + out + err + caplog.text


def test_neither_a_log_nor_a_terminal_nor_a_repr_sees_an_address(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def story() -> None:
        async with served_webhook() as hook:
            hook.status = 403
            mail = f"mailto://me:{TOKEN}@example.com?smtp=127.0.0.1&from=me@example.com&to=a@example.com"
            found = services(hook.url, f"json://127.0.0.1:1/{TOKEN}", mail)
            for service in found:
                assert await asyncio.to_thread(service.deliver, LETTER) is not None
                assert TOKEN not in repr(service) + service.name

    asyncio.run(story())
    out, err = capfd.readouterr()
    assert "urllib3" in caplog.text, "it does log requests at this level"
    assert TOKEN not in out + err + caplog.text
    assert not logging.getLogger("apprise").propagate, "its own words are in no log of the program"


def test_apprise_starts_no_thread_and_writes_no_file(tmp_path: Path) -> None:
    (service,) = services("json://127.0.0.1:1/x")
    before = threading.active_count()
    service.deliver(LETTER)
    assert threading.active_count() == before
    assert list(tmp_path.iterdir()) == []
