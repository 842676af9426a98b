"""Where the addresses of alerts come from: the places of keys, with the same care."""

from pathlib import Path

import keyring
import pytest

from perpmaker.domain.errors import CredentialsError
from perpmaker.venues.credentials import ALERT_URLS_VARIABLE, load_alert_urls, load_credentials
from perpmaker.venues.redaction import hide, redact, remove_redaction

TOKEN = "MARKEDtoken0123456789MARKED"  # noqa: S105 - opens nothing


@pytest.fixture(autouse=True)
def ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """An empty working directory, environment and keyring; what the keyring holds, by user."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ALERT_URLS_VARIABLE, raising=False)
    held: dict[str, str] = {}
    monkeypatch.setattr(keyring, "get_password", lambda _service, user: held.get(user))
    return held


def found() -> list[str]:
    return [url.get_secret_value() for url in load_alert_urls()]


def test_none_is_an_empty_list() -> None:
    assert found() == []


def test_several_are_parted_by_spaces_or_line_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALERT_URLS_VARIABLE, " json://a  tgram://b/c\njson://d \n")
    assert found() == ["json://a", "tgram://b/c", "json://d"]


def test_the_environment_comes_first_then_the_file_then_the_keyring(
    monkeypatch: pytest.MonkeyPatch, ring: dict[str, str]
) -> None:
    ring["alert/urls"] = "json://ring"
    assert found() == ["json://ring"]
    Path(".env").write_text(f'{ALERT_URLS_VARIABLE}="json://file json://two?a=b&c=d"\n')
    Path(".env").chmod(0o600)
    assert found() == ["json://file", "json://two?a=b&c=d"]
    monkeypatch.setenv(ALERT_URLS_VARIABLE, "json://environment")
    assert found() == ["json://environment"]


def test_a_file_that_others_can_read_is_refused_by_whoever_reads_it() -> None:
    Path(".env").write_text(f"{ALERT_URLS_VARIABLE}=json://{TOKEN}\n")
    Path(".env").chmod(0o644)
    for load in (load_alert_urls, lambda: load_credentials("backpack")):
        with pytest.raises(CredentialsError, match=r"run `chmod 600 \.env` first") as raised:
            load()
        assert TOKEN not in str(raised.value)


def test_they_are_no_keys_of_an_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALERT_URLS_VARIABLE, "json://a")
    with pytest.raises(CredentialsError, match="the keys for backpack are missing"):
        load_credentials("backpack")


def test_they_do_not_show_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALERT_URLS_VARIABLE, f"json://{TOKEN}")
    assert TOKEN not in repr(load_alert_urls())


def test_whatever_is_hidden_is_taken_out_beside_the_keys() -> None:
    try:
        hide(["first-secret-1"])
        hide(["second-secret-2"])
        assert redact("first-secret-1 and second-secret-2") == "*** and ***"
    finally:
        remove_redaction()
