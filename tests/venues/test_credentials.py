"""Where keys come from, what is refused, and that nothing of them is shown."""

import copy
import json
import pickle
import traceback
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import NoKeyringError, PasswordDeleteError

from perpmaker.domain.errors import CredentialsError, UnknownNameError
from perpmaker.venues.credentials import Credentials, load_credentials
from support.keys import credentials, pair

KEY, SECRET = pair()
OTHER_KEY, OTHER_SECRET = pair(2)
MARKED = "MARKEDpassword0123456789MARKED"


class Ring(KeyringBackend):
    """A keyring in memory, which remembers what it was asked for."""

    priority = 1  # type: ignore[assignment]  # a property of the class in the base

    def __init__(self, **held: str) -> None:
        super().__init__()
        self.held = {("perpmaker", name): value for name, value in held.items()}
        self.asked: list[str] = []

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append(username)
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        raise PasswordDeleteError(f"{service} {username}")


class Broken(Ring):
    priority = 1  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> str | None:
        raise NoKeyringError(f"no session bus for {service} {username}")


@pytest.fixture(autouse=True)
def ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ring:
    """An empty working directory, an empty environment, an empty keyring."""
    monkeypatch.chdir(tmp_path)
    for exchange in ("BACKPACK", "OKX", "HYPERLIQUID"):
        for name in ("API_KEY", "SECRET", "PASSWORD", "WALLET_ADDRESS", "PRIVATE_KEY"):
            monkeypatch.delenv(f"PERPMAKER_{exchange}_{name}", raising=False)
    ring = Ring()
    monkeypatch.setattr(keyring, "get_password", ring.get_password)
    return ring


def in_environment(monkeypatch: pytest.MonkeyPatch, key: str = KEY, secret: str = SECRET) -> None:
    monkeypatch.setenv("PERPMAKER_BACKPACK_API_KEY", key)
    monkeypatch.setenv("PERPMAKER_BACKPACK_SECRET", secret)


def in_file(path: Path, key: str = KEY, secret: str = SECRET, mode: int = 0o600) -> Path:
    path.write_text(f"# keys\nOTHER=1\nPERPMAKER_BACKPACK_API_KEY={key}\nexport PERPMAKER_BACKPACK_SECRET='{secret}'\n")
    path.chmod(mode)
    return path


def held(found: Credentials) -> list[str]:
    return found.values()


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    in_environment(monkeypatch)
    in_file(Path(".env"), OTHER_KEY, OTHER_SECRET)
    assert held(load_credentials("backpack")) == [KEY, SECRET]


def test_then_the_file_in_the_working_directory(ring: Ring) -> None:
    in_file(Path(".env"))
    ring.set_password("perpmaker", "backpack/api_key", OTHER_KEY)
    assert held(load_credentials("backpack")) == [KEY, SECRET]
    assert ring.asked == [], "nothing was lacking"


def test_then_the_keyring(ring: Ring) -> None:
    ring.set_password("perpmaker", "backpack/api_key", KEY)
    ring.set_password("perpmaker", "backpack/secret", SECRET)
    assert held(load_credentials("backpack")) == [KEY, SECRET]


def test_each_value_comes_from_the_first_place_that_has_it(monkeypatch: pytest.MonkeyPatch, ring: Ring) -> None:
    monkeypatch.setenv("PERPMAKER_BACKPACK_API_KEY", KEY)
    monkeypatch.setenv("PERPMAKER_BACKPACK_SECRET", "")
    ring.set_password("perpmaker", "backpack/secret", SECRET + "\n")
    assert held(load_credentials("backpack")) == [KEY, SECRET]
    assert ring.asked == ["backpack/secret"]


def test_a_file_may_be_named(tmp_path: Path) -> None:
    assert held(load_credentials("backpack", env_file=in_file(tmp_path / "keys"))) == [KEY, SECRET]
    with pytest.raises(CredentialsError, match="nowhere is not there"):
        load_credentials("backpack", env_file=tmp_path / "nowhere")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        CredentialsError, match="set PERPMAKER_BACKPACK_API_KEY and PERPMAKER_BACKPACK_SECRET in the env"
    ):
        load_credentials("backpack")
    monkeypatch.setenv("PERPMAKER_BACKPACK_API_KEY", KEY)
    with pytest.raises(CredentialsError, match=r"set PERPMAKER_BACKPACK_SECRET in the environment, in \.env or in"):
        load_credentials("backpack")


def test_other_exchanges_want_what_ccxt_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERPMAKER_OKX_API_KEY", "k")
    with pytest.raises(CredentialsError, match="PERPMAKER_OKX_SECRET and PERPMAKER_OKX_PASSWORD"):
        load_credentials("okx")
    with pytest.raises(CredentialsError, match=r"PERPMAKER_HYPERLIQUID_PRIVATE_KEY|WALLET_ADDRESS"):
        load_credentials("hyperliquid")
    with pytest.raises(UnknownNameError, match="--exchange nyse: there is no such exchange"):
        load_credentials("nyse")


def test_a_keyring_that_fails_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Broken()
    monkeypatch.setattr(keyring, "get_password", broken.get_password)
    with pytest.raises(CredentialsError, match="are missing: set"):
        load_credentials("backpack")
    in_environment(monkeypatch)
    assert held(load_credentials("backpack")) == [KEY, SECRET]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666])
def test_a_file_that_others_can_read_is_refused_with_the_command_to_run(
    mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_file(Path(".env"), mode=mode)
    in_environment(monkeypatch)  # even then: the file gives the keys away
    with pytest.raises(CredentialsError) as raised:
        load_credentials("backpack")
    assert str(raised.value) == "others can read the keys in .env: run `chmod 600 .env` first"


def test_a_file_without_our_keys_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("DJANGO_DEBUG=1\nPERPMAKER_BACKPACK_SECRET=\n")
    Path(".env").chmod(0o644)
    in_environment(monkeypatch)
    assert held(load_credentials("backpack")) == [KEY, SECRET]


def test_a_file_that_is_not_text_is_refused_without_showing_it() -> None:
    Path(".env").write_bytes(b"PERPMAKER_BACKPACK_SECRET=\xff" + SECRET.encode())
    with pytest.raises(CredentialsError, match="is not plain text") as raised:
        load_credentials("backpack")
    assert SECRET not in "".join(traceback.format_exception(raised.value))


MALFORMED = {
    "not base64": ("not base64 at all!!", SECRET, "PERPMAKER_BACKPACK_API_KEY is not a key of Backpack"),
    "too short": (KEY[:20], SECRET, "PERPMAKER_BACKPACK_API_KEY is not a key of Backpack"),
    "secret of 64 bytes": (KEY, "A" * 88, "PERPMAKER_BACKPACK_SECRET is not a key of Backpack"),
    "exchanged": (SECRET, KEY, "are the wrong way round"),
    "of two keys": (KEY, OTHER_SECRET, "do not belong together"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_keys_that_cannot_be_right_are_told_before_anything_is_sent(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key, secret, expected = MALFORMED[case]
    in_environment(monkeypatch, key, secret)
    with pytest.raises(CredentialsError, match=expected) as raised:
        load_credentials("backpack")
    shown = "".join(traceback.format_exception(raised.value))
    assert key not in shown
    assert secret not in shown
    assert "\n" not in str(raised.value)


def test_the_name_of_the_account_is_the_same_in_every_run_and_tells_nothing() -> None:
    mine, other = credentials(api_key=KEY, secret=SECRET), credentials(api_key=OTHER_KEY, secret=OTHER_SECRET)
    name = mine.account_name("backpack")
    assert name == credentials(api_key=KEY).account_name("backpack"), "the secret is not part of it"
    assert name.startswith("backpack-")
    assert len({name, other.account_name("backpack"), mine.account_name("okx")}) == 3
    assert KEY[:6] not in name
    with pytest.raises(CredentialsError, match="PERPMAKER_BACKPACK_API_KEY"):
        credentials().account_name("backpack")


def test_credentials_show_nothing() -> None:
    found = credentials(api_key=KEY, secret=SECRET, password=MARKED, wallet_address=MARKED, private_key=MARKED)
    for text in (
        repr(found),
        str(found),
        f"{found}",
        repr([found]),
        repr(found.secret),
        json.dumps(found, default=str),
    ):
        assert not any(secret in text for secret in (KEY, SECRET, MARKED)), text
    assert repr(found) == "Credentials(api_key, secret, password, wallet_address, private_key: hidden)"


def test_credentials_are_neither_pickled_nor_copied() -> None:
    found = credentials(api_key=KEY, secret=SECRET)
    for spread in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            spread(found)


def test_a_traceback_with_its_locals_shows_nothing() -> None:
    def fail(found: Credentials) -> None:
        raise ValueError(f"{found}")

    try:
        fail(credentials(api_key=KEY, secret=SECRET))
    except ValueError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "Credentials(api_key, secret: hidden)" in shown
    # The one place that shows them is this test's own call.
    assert SECRET not in shown
    assert KEY not in shown
