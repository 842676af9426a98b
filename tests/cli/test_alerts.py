"""`perpmaker alerts`: a test of every channel, and the table of kinds."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest

from perpmaker.cli.alerting import open_alerts, pause_of
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.main import _run
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.monitor.alerts.desk import Alert
from perpmaker.monitor.alerts.kinds import HALT, KINDS
from perpmaker.venues.credentials import ALERT_URLS_VARIABLE
from perpmaker.venues.redaction import remove_redaction
from support.alert_posts import TOKEN, served_webhook
from support.virtual_time import START_NS


class Clock:
    def now_ns(self) -> int:
        return START_NS


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An empty home, no keyring, no proxy before the test's own server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ALERT_URLS_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(keyring, "get_password", lambda *_: None)
    yield
    remove_redaction()


def test_every_address_is_tried_and_named_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def story() -> int:
        async with served_webhook() as hook:
            monkeypatch.setenv(ALERT_URLS_VARIABLE, f"{hook.url}\n json://127.0.0.1:1/{TOKEN}")
            code = await asyncio.to_thread(_run, ["alerts", "test"])
            assert [body["title"] for body in hook.bodies] == ["perpmaker: test"]
            return code

    assert asyncio.run(story()) == ExitCode.FAILED
    out, err = capsys.readouterr()
    assert out.splitlines() == ["json (1 of 2): taken", "json (2 of 2): not taken, it could not be reached"]
    assert TOKEN not in out + err


def test_all_taken_is_exit_code_0(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> int:
        async with served_webhook() as hook:
            monkeypatch.setenv(ALERT_URLS_VARIABLE, hook.url)
            return await asyncio.to_thread(_run, ["alerts", "test"])

    assert asyncio.run(story()) == ExitCode.DURATION
    assert capsys.readouterr().out == "json: taken\n"


def test_without_an_address_it_says_where_to_put_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["alerts", "test"]) == ExitCode.BAD_INPUT
    assert f"there is no address for alerts: set {ALERT_URLS_VARIABLE} in the environment" in capsys.readouterr().err
    with pytest.raises(InvalidSettingError, match="there is no address"):
        open_alerts(Clock())


def test_an_address_that_is_not_understood_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ALERT_URLS_VARIABLE, f"tgram://{TOKEN}")
    assert _run(["alerts", "test"]) == ExitCode.BAD_INPUT
    out, err = capsys.readouterr()
    assert "the address tgram is none that apprise understands" in err
    assert TOKEN not in out + err


def test_the_list_has_every_kind_with_its_pause(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert _run(["alerts", "list"]) == ExitCode.DURATION
    lines = capsys.readouterr().out.splitlines()
    for kind in KINDS:
        line = next(line for line in lines if line.startswith(f"{kind.name}  "))
        assert kind.severity.value in line
        assert pause_of(kind) in line


def test_what_is_opened_delivers_until_it_is_closed_and_tells_its_troubles_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def story() -> None:
        async with served_webhook() as hook:
            monkeypatch.setenv(ALERT_URLS_VARIABLE, f"{hook.url} json://127.0.0.1:1/{TOKEN}")
            alerts = open_alerts(Clock())
            alerts.send(Alert(HALT, "3f2a", "maximum loss of the day", START_NS), "LIVE SOL", "3f2a")
            await asyncio.to_thread(alerts.close)
            assert [body["title"] for body in hook.bodies] == ["LIVE SOL: halt"]

    asyncio.run(story())
    err = capsys.readouterr().err
    assert "alerts: json (2 of 2) did not take a message: it could not be reached" in err
    assert "alerts: 1 message did not reach json (2 of 2)" in err
    assert TOKEN not in err
