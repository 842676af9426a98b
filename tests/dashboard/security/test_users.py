"""Users and tokens: who is who, what is kept of a secret, and that nothing is learned from a refusal."""

import asyncio

import pytest

from perpmaker.dashboard.security.tokens import MOST_TOKEN, AccessTokens, digest, new_secret
from perpmaker.dashboard.security.users import MOST_PASSWORD, Role, User, Users, hash_password, is_hash

PASSWORD = "correct horse"  # noqa: S105 - of a test
HASH = hash_password(PASSWORD)


def check(users: Users, name: str, password: str) -> User | None:
    return asyncio.run(users.check(name, password))


def test_a_user_is_known_by_his_password():
    users = Users([User(name="ann", role=Role.TRADER, password_hash=HASH)])
    assert check(users, "ann", PASSWORD).role is Role.TRADER
    for name, password in (("ann", "wrong"), ("ann", ""), ("bob", PASSWORD), ("", ""), ("ann", "\ud800")):
        assert check(users, name, password) is None


def test_a_hash_shows_nothing_of_the_password_and_is_another_each_time():
    assert PASSWORD not in HASH
    assert HASH.startswith("$argon2id$")
    assert hash_password(PASSWORD) != HASH
    assert HASH not in repr(User(name="ann", role=Role.TRADER, password_hash=HASH))


def test_a_password_that_is_none_is_not_hashed():
    for wrong in ("", "x" * (MOST_PASSWORD + 1)):
        with pytest.raises(ValueError, match="has 1 to 1000 characters"):
            hash_password(wrong)


def test_what_is_no_hash_in_the_configuration_is_seen_and_lets_nobody_in():
    assert is_hash(HASH)
    for wrong in ("", PASSWORD, HASH[:20], "$argon2id$"):
        assert not is_hash(wrong)
        users = Users([User(name="ann", role=Role.TRADER, password_hash=wrong)])
        assert check(users, "ann", PASSWORD) is None
        assert check(users, "ann", wrong) is None


def test_a_token_gives_its_role_and_is_not_kept():
    tokens, texts = AccessTokens.make()
    assert set(texts) == set(Role)
    for role, text in texts.items():
        assert tokens.role_of(text) is role
        assert text not in repr(vars(tokens))
        assert digest(text) in repr(vars(tokens))


def test_nothing_else_gives_a_role():
    tokens, texts = AccessTokens.make()
    right = texts[Role.TRADER]
    for wrong in ("", right[:-1], right + "x", right.swapcase(), digest(right), "x" * (MOST_TOKEN + 1), "\ud800"):
        assert tokens.role_of(wrong) is None
    assert AccessTokens({}).role_of("") is None


def test_a_secret_has_256_bits_and_is_never_the_same():
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(len(secret) == 43 for secret in made)
