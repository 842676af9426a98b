"""Whatever a configuration file is, it is read or refused with one sentence; a secret in it is always refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.cli.configuration.document import looks_secret, read_document
from perpmaker.cli.configuration.keys import BUDGET_KEYS, DASHBOARD_KEYS, MARKET_KEYS, RUN_KEYS
from perpmaker.domain.errors import ConfigError, CredentialsError, UserError
from support.config_files import MINIMAL, write

HIDDEN = "c2VjcmV0LW9mLW15LWFjY291bnQ"
SECRET_KEYS = [
    "api_key", "apiKey", "API-KEY", "secret", "api_secret", "PERPMAKER_BACKPACK_SECRET", "password", "passphrase",
    "private_key", "token", "access_token", "mnemonic", "seed_phrase", "wallet_address", "key", "pwd", "auth",
]  # fmt: skip


@pytest.mark.parametrize("name", SECRET_KEYS)
@pytest.mark.parametrize("section", ["", "[defaults]\n", "[markets.sol]\n", "[run]\n", "[accounts.backpack]\n"])
def test_a_secret_is_refused_wherever_it_stands_and_never_shown(tmp_path: Path, name: str, section: str) -> None:
    with pytest.raises(CredentialsError) as refused:
        read_document(write(tmp_path, f'{section}"{name}" = "{HIDDEN}"\n'))
    assert HIDDEN not in str(refused.value)
    assert name in str(refused.value)
    assert "environment, .env or the system keyring" in str(refused.value)


def test_a_secret_within_a_list_of_sections_is_found(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="api_key"):
        read_document(write(tmp_path, f'accounts = [{{ name = "a", api_key = "{HIDDEN}" }}]'))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o606, 0o666])
def test_where_others_can_read_the_file_the_key_is_to_be_replaced(tmp_path: Path, mode: int) -> None:
    with pytest.raises(CredentialsError, match="others can read this file, so take it for known and make a new one"):
        read_document(write(tmp_path, f'[defaults]\nsecret = "{HIDDEN}"\n', mode))


def test_where_nobody_else_can_read_it_there_is_no_such_word(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError) as refused:
        read_document(write(tmp_path, f'[defaults]\nsecret = "{HIDDEN}"\n', 0o600))
    assert "others" not in str(refused.value)


@pytest.mark.parametrize("key", ["journal", "base_url"])
def test_a_password_in_an_address_is_a_secret(tmp_path: Path, key: str) -> None:
    with pytest.raises(CredentialsError) as refused:
        read_document(write(tmp_path, f'[run]\n{key} = "postgresql://me:{HIDDEN}@host/db"\n'))
    assert HIDDEN not in str(refused.value)
    assert "PGPASSWORD" in str(refused.value)
    assert read_document(write(tmp_path, f'[run]\n{key} = "postgresql://me@host:5432/db"\n'))


def test_no_key_of_the_file_looks_like_a_secret() -> None:
    names = (*MARKET_KEYS, *BUDGET_KEYS, *RUN_KEYS, *DASHBOARD_KEYS)
    assert not [name for name in names if looks_secret(name)]


def test_a_market_may_be_called_as_it_likes(tmp_path: Path) -> None:
    assert read_document(write(tmp_path, "[markets.token]\nspread = 0.01\n"))


def test_a_file_without_secrets_may_be_read_by_others(tmp_path: Path) -> None:
    assert read_document(write(tmp_path, MINIMAL, 0o644))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[markets", "is not TOML"),
        ("[markets.sol]\nspread = \n", "line 2"),
        ("[a]\n[a]\n", "is not TOML"),
        ("a = 1\na = 2\n", "is not TOML"),
        (b"\x00\x01\xff\xfe", "is not plain text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "is not plain text"),
        ("spread = 1e999999999999999999999999", "beyond any real size"),
        ("when = 2026-99-99", "perpmaker.toml"),
        ("a = " + "[" * 3000, "perpmaker.toml"),
        ("\n".join(["a = ["] + ["["] * 5000), "nested too deeply"),
        (f"{'a.' * 5000}b = 1", "line 1 is longer than 4096"),
        ("#" * 100 + "\n" + ("#" + "x" * 1000 + "\n") * 1100, "larger than a megabyte"),
    ],
)
def test_what_is_no_configuration_file_is_told_in_one_sentence(
    tmp_path: Path, content: str | bytes, expected: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        read_document(write(tmp_path, content))
    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert expected in str(refused.value)


def test_a_missing_file_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`perpmaker config init` writes one"):
        read_document(tmp_path / "missing.toml")


def test_a_folder_and_a_device_are_no_configuration_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        read_document(tmp_path)
    with pytest.raises(ConfigError, match="is not a plain file"):
        read_document(Path("/dev/null"))


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    with_both = b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode()
    assert read_document(write(tmp_path, with_both)) == read_document(write(tmp_path, MINIMAL))


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = write(tmp_path_factory.getbasetemp(), content)
    try:
        read_document(file)
    except UserError as refused:
        assert "\n" not in str(refused)  # noqa: PT017 - not being refused is right, too
