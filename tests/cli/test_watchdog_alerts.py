"""A watchdog's alerts: each of its actions, and a block that opens and closes them."""

from typing import Any

import keyring
import pytest

from perpmaker.cli.watchdog_alerts import acts, watchdog_alerts
from perpmaker.cli.watching import nobody
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.monitor.alerts.kinds import Severity
from perpmaker.runtime.live.watchdog import Action
from perpmaker.venues.credentials import ALERT_URLS_VARIABLE
from support.alert_posts import posted
from support.virtual_time import START_NS


class Clock:
    def now_ns(self) -> int:
        return START_NS


class Run:
    run_id, symbol, exchange = "3f2a", "SOL_USDC_PERP", "backpack"


def test_every_action_is_told_with_what_was_done() -> None:
    alerts, post, _ = posted(Clock())
    act, run = acts(alerts, Clock()), Run()
    known: Any = run
    act(known, Action.BEGINS, "")
    act(known, Action.DONE, "cancelled 2 orders of ours; none is left, by the venue's own count")
    act(known, Action.RETURNS, "")
    assert [message.body.splitlines()[0] for message in post.messages] == [
        "the run fell silent: its orders are being cancelled",
        "the run was cleaned up after: cancelled 2 orders of ours; none is left, by the venue's own count",
        "the run is alive again: it is left alone and watched again",
    ]
    assert set(post.titles) == {"SOL_USDC_PERP on backpack: watchdog"}
    assert {message.severity for message in post.messages} == {Severity.ERROR}


def test_a_broken_alert_does_not_reach_the_watchdog(monkeypatch: pytest.MonkeyPatch) -> None:
    alerts, post, told = posted(Clock())

    def broken(_message: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(post, "put", broken)
    known: Any = Run()
    acts(alerts, Clock())(known, Action.BEGINS, "")
    assert len(told) == 1


def test_who_wants_no_alerts_needs_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALERT_URLS_VARIABLE, "rubbish")
    with watchdog_alerts(are_wanted=False) as act:
        assert act is nobody


def test_who_wants_them_and_has_no_address_is_told_before_anything_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALERT_URLS_VARIABLE, "")
    monkeypatch.setattr(keyring, "get_password", lambda *_: None)
    with pytest.raises(InvalidSettingError, match="there is no address for alerts"), watchdog_alerts(are_wanted=True):
        pass
