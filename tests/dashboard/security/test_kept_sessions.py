"""Sessions outlive a restart: in a file that is only ours, without a cookie in it."""

import stat

import pytest

from perpmaker.dashboard.security.kept_sessions import SessionsFile
from perpmaker.dashboard.security.sessions import IDLE_NS, LONGEST_NS, Sessions
from perpmaker.dashboard.security.tokens import new_secret
from perpmaker.dashboard.security.users import Role, User, Users
from support.hand_clock import HandClock

ANN = User(name="ann", role=Role.TRADER, password_hash="")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def start(tmp_path, clock):
    """A new dashboard on the same file; with these users in its configuration."""

    def begin(*users: User) -> Sessions:
        return Sessions(clock, new_secret, SessionsFile(tmp_path / "run" / "sessions", Users(users), clock))

    return begin


def test_who_was_logged_in_still_is_after_a_restart(start):
    cookie = start(ANN).open("ann", Role.TRADER)
    token_cookie = start(ANN).open("viewer (token)", Role.VIEWER)
    again = start(ANN)
    assert again.find(cookie).role is Role.TRADER
    assert again.find(token_cookie).role is Role.VIEWER


def test_who_logged_out_is_out_after_a_restart_too(start):
    before = start()
    cookie = before.open("trader (token)", Role.TRADER)
    before.close(before.find(cookie))
    assert start().find(cookie) is None


def test_the_file_is_only_ours_and_has_no_cookie(start, tmp_path):
    cookie = start().open("trader (token)", Role.TRADER)
    file = tmp_path / "run" / "sessions"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert cookie not in file.read_text()
    assert [path.name for path in file.parent.iterdir()] == ["sessions"]


@pytest.mark.parametrize("users", [(), (User(name="ann", role=Role.VIEWER, password_hash=""),)])
def test_a_user_who_was_taken_out_or_has_another_role_is_out(start, users):
    cookie = start(ANN).open("ann", Role.TRADER)
    assert start(*users).find(cookie) is None


def test_a_session_ends_by_its_age_whatever_is_restarted(start, clock):
    cookie = start(ANN).open("ann", Role.TRADER)
    clock.advance(IDLE_NS)
    assert start(ANN).find(cookie) is not None  # a restart counts as activity
    clock.advance(LONGEST_NS - IDLE_NS)
    assert start(ANN).find(cookie) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'[{"key": "x"}]', b"\xff" * 100])
def test_a_file_that_cannot_be_read_costs_a_login_and_nothing_else(start, tmp_path, content, caplog):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "sessions").write_bytes(content)
    sessions = start()
    assert len(sessions) == 0
    assert "everybody must log in again" in caplog.text
    cookie = sessions.open("trader (token)", Role.TRADER)
    assert start().find(cookie) is not None


def test_a_link_in_its_place_is_not_followed(start, tmp_path):
    cookie = start().open("trader (token)", Role.TRADER)
    file = tmp_path / "run" / "sessions"
    elsewhere = file.rename(tmp_path / "elsewhere")
    file.symlink_to(elsewhere)
    sessions = start()
    assert sessions.find(cookie) is None
    sessions.open("trader (token)", Role.TRADER)
    assert not file.is_symlink()


def test_a_place_that_cannot_be_written_is_said_and_nobody_is_kept_out(tmp_path, clock, caplog):
    (tmp_path / "file").write_text("")
    sessions = Sessions(clock, new_secret, SessionsFile(tmp_path / "file" / "sessions", Users([]), clock))
    assert sessions.find(sessions.open("trader (token)", Role.TRADER)) is not None
    assert "cannot be kept" in caplog.text
