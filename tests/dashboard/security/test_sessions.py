"""Sessions and one-time tokens: bounded, ending by themselves, known by digests only."""

import pytest

from perpmaker.dashboard.security.sessions import IDLE_NS, LONGEST_NS, MOST_EACH, MOST_TOKENS, TOKEN_NS, Sessions
from perpmaker.dashboard.security.tokens import new_secret
from perpmaker.dashboard.security.users import Role
from support.hand_clock import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def sessions(clock) -> Sessions:
    return Sessions(clock, new_secret)


def test_a_cookie_finds_its_session_and_no_other_text_does(sessions):
    cookie = sessions.open("ann", Role.TRADER)
    found = sessions.find(cookie)
    assert (found.name, found.role) == ("ann", Role.TRADER)
    for other in ("", cookie[:-1], cookie + "x", cookie.upper(), found.key):
        assert sessions.find(other) is None


def test_neither_cookie_nor_one_time_token_is_kept(sessions):
    cookie = sessions.open("ann", Role.TRADER)
    session = sessions.find(cookie)
    token = sessions.new_token(session)
    held = f"{sessions._sessions!r} {session!r} {list(session.tokens)}"
    assert cookie not in held
    assert token not in held


def test_a_session_that_is_not_used_ends(sessions, clock):
    cookie = sessions.open("ann", Role.TRADER)
    clock.advance(IDLE_NS - 1)
    assert sessions.find(cookie) is not None
    clock.advance(IDLE_NS)
    assert sessions.find(cookie) is None


def test_a_session_that_is_used_ends_all_the_same_in_the_end(sessions, clock):
    cookie = sessions.open("ann", Role.TRADER)
    session = sessions.find(cookie)
    for _ in range(LONGEST_NS // (IDLE_NS // 2) - 1):
        clock.advance(IDLE_NS // 2)
        assert sessions.is_open(session)
    clock.advance(IDLE_NS // 2)
    assert not sessions.is_open(session)


def test_who_logs_out_ends_this_session_only(sessions):
    one, other = sessions.open("ann", Role.TRADER), sessions.open("ann", Role.TRADER)
    sessions.close(sessions.find(one))
    assert sessions.find(one) is None
    assert sessions.find(other) is not None


def test_one_session_too_many_ends_the_one_of_the_same_person_that_was_not_used_for_longest(sessions, clock):
    of_bob = sessions.open("bob", Role.VIEWER)
    cookies = []
    for _ in range(MOST_EACH):
        clock.advance(1)
        cookies.append(sessions.open("ann", Role.TRADER))
    clock.advance(1)
    sessions.find(cookies[0])
    clock.advance(1)
    sessions.open("ann", Role.TRADER)
    assert sessions.find(cookies[0]) is not None
    assert sessions.find(cookies[1]) is None
    assert sessions.find(of_bob) is not None
    assert len(sessions) == MOST_EACH + 1


def test_sessions_that_have_ended_are_forgotten(sessions, clock):
    for name in range(100):
        sessions.open(str(name), Role.VIEWER)
    clock.advance(IDLE_NS)
    sessions.open("ann", Role.TRADER)
    assert len(sessions) == 1


def test_a_one_time_token_is_good_once_for_its_session_and_for_a_time(sessions, clock):
    one, other = (sessions.find(sessions.open(name, Role.TRADER)) for name in ("ann", "bob"))
    token = sessions.new_token(one)
    assert not sessions.use_token(other, token)
    assert sessions.use_token(one, token)
    assert not sessions.use_token(one, token)
    late = sessions.new_token(one)
    clock.advance(TOKEN_NS)
    assert not sessions.use_token(one, late)


def test_one_time_tokens_are_bounded_and_the_oldest_gives_way(sessions):
    session = sessions.find(sessions.open("ann", Role.TRADER))
    tokens = [sessions.new_token(session) for _ in range(10 * MOST_TOKENS)]
    assert len(session.tokens) == MOST_TOKENS
    assert not sessions.use_token(session, tokens[-MOST_TOKENS - 1])
    assert sessions.use_token(session, tokens[-MOST_TOKENS])
