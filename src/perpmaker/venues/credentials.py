"""The keys of an account: where they are looked for, and what is checked before any of them is used.

Rules kept here:

1. Each value comes from the first place that has it: the environment, the `.env` file, the system keyring. Never from a
   flag: a command line can be read by everybody on the machine.
2. A `.env` file with secrets that group or others can read is refused, even when the environment has the keys.
3. What is missing or malformed is told in one sentence that names the variable, and never shows a value.
4. `Credentials` shows nothing: not in repr, str, a traceback's locals, nor by pickle, which is refused.
5. The keyring is asked only for what the other places lack, and a keyring that fails has nothing.

Names: ``PERPMAKER_<EXCHANGE>_API_KEY``, ``_SECRET``, ``_PASSWORD``, ``_WALLET_ADDRESS``, ``_PRIVATE_KEY``;
in the keyring service ``perpmaker``, user ``<exchange>/api_key`` and so on. The addresses of alerts, which hold tokens,
are read in the same way: ``PERPMAKER_ALERT_URLS``, user ``alert/urls``.
"""

import base64
import binascii
import hashlib
import os
import stat
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, NoReturn

import keyring
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dotenv import dotenv_values
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from perpmaker.domain.errors import CredentialsError, UnknownNameError

ENV_FILE: Final = Path(".env")
"""Looked for in the working directory."""

KEYRING_SERVICE: Final = "perpmaker"

ALERT_URLS_VARIABLE: Final = "PERPMAKER_ALERT_URLS"
"""The addresses that alerts are sent to, parted by spaces or line breaks."""

_KEY_BYTES: Final = 32
_OPEN_TO_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_CCXT_NAMES: Final = {
    "apiKey": "api_key",
    "secret": "secret",
    "password": "password",
    "walletAddress": "wallet_address",
    "privateKey": "private_key",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The keys of one account; what an exchange does not use is None. ``get_secret_value()`` gives the text."""

    api_key: SecretStr | None = None
    secret: SecretStr | None = None
    password: SecretStr | None = None
    wallet_address: SecretStr | None = None
    private_key: SecretStr | None = None

    def __repr__(self) -> str:
        held = [name for name in CREDENTIAL_NAMES if getattr(self, name) is not None]
        return f"Credentials({', '.join(held)}: hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials are not pickled: let the other process load its own")

    def values(self) -> list[str]:
        """Every text that must not be shown, for `perpmaker.venues.redaction`."""
        held = [getattr(self, name) for name in CREDENTIAL_NAMES]
        return [value.get_secret_value() for value in held if value is not None]

    def account_name(self, exchange: str) -> str:
        """A name of the account that is no secret: a digest of its public part, the same in every run.

        Another API key of the same account gives another name, where the exchange knows accounts by key. A private key
        is digested only where there is nothing else: it is too long to be guessed from that.

        Raises:
            CredentialsError: there is neither a wallet address nor an API key.
        """
        public = self.wallet_address or self.api_key or self.private_key
        if public is None:
            raise CredentialsError(f"there are no keys for {exchange}: set {_variable(exchange, 'api_key')}")
        digest = hashlib.sha256(f"perpmaker:{exchange}:{public.get_secret_value()}".encode()).hexdigest()
        return f"{exchange}-{digest[:12]}"


CREDENTIAL_NAMES: Final = tuple(field.name for field in fields(Credentials))


def load_credentials(exchange: str, *, env_file: Path | None = None) -> Credentials:
    """The keys for one exchange, checked.

    Args:
        exchange: ``backpack``, or another exchange by its ccxt id.
        env_file: instead of `.env` in the working directory; it must exist then.

    Raises:
        CredentialsError: keys are missing or malformed, or lie in a file that others can read.
        UnknownNameError: there is no such exchange.
    """
    needed = _needed(exchange)
    if env_file is not None and not env_file.is_file():
        raise CredentialsError(f"the file of keys {env_file} is not there: give the right path, or leave it out")
    file = env_file or ENV_FILE
    if file.is_file():
        _check_file(file)
    found = _found(exchange, file, needed)
    missing = [_variable(exchange, name) for name in needed if getattr(found, name) is None]
    if missing:
        raise CredentialsError(
            f"the keys for {exchange} are missing: set {_listed(missing)} in the environment, in {ENV_FILE} "
            f"or in the system keyring (service {KEYRING_SERVICE}, user {exchange}/{needed[0]})"
        )
    if exchange == "backpack":
        _check_backpack(found)
    return found


def load_alert_urls() -> list[SecretStr]:
    """The addresses that alerts are sent to, in their order; empty where there are none.

    Raises:
        CredentialsError: they lie in a file that others can read, or are no plain text.
    """
    if ENV_FILE.is_file():
        _check_file(ENV_FILE)
    found = _read("alert", ENV_FILE, ("urls",), f"the addresses in {ALERT_URLS_VARIABLE}").urls
    return [] if found is None else [SecretStr(url) for url in found.get_secret_value().split()]


def _needed(exchange: str) -> tuple[str, ...]:
    """Which credentials an exchange wants."""
    if exchange == "backpack":
        return "api_key", "secret"
    import ccxt  # noqa: PLC0415 - a third of a second that Backpack does not need

    if exchange not in ccxt.exchanges:
        raise UnknownNameError(f"--exchange {exchange}: there is no such exchange; give backpack or an id of ccxt")
    wanted = [name for name, is_needed in getattr(ccxt, exchange)().requiredCredentials.items() if is_needed]
    beyond = [name for name in wanted if name not in _CCXT_NAMES]
    if beyond:
        raise CredentialsError(f"{exchange} wants {_listed(beyond)} to sign in, which this program cannot give it yet")
    return tuple(_CCXT_NAMES[name] for name in wanted) or ("private_key",)


class _Found(BaseSettings):
    """What the three places hold, by pydantic-settings; its errors never show an input."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True)

    api_key: SecretStr | None = None
    secret: SecretStr | None = None
    password: SecretStr | None = None
    wallet_address: SecretStr | None = None
    private_key: SecretStr | None = None
    urls: SecretStr | None = None


class _Keyring(PydanticBaseSettingsSource):
    """The system keyring, asked for what is needed and was not found before."""

    def __init__(self, exchange: str, needed: tuple[str, ...]) -> None:
        super().__init__(_Found)
        self._exchange = exchange
        self._needed = needed

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the base's
        try:
            value = keyring.get_password(KEYRING_SERVICE, f"{self._exchange}/{field_name}")
        except Exception:  # noqa: BLE001 - backends raise what they like (no session bus, locked, refused); rule 5
            value = None
        return value or None, field_name, False

    def __call__(self) -> dict[str, Any]:
        lacking = [name for name in self._needed if self.current_state.get(name) is None]
        answers = {name: self.get_field_value(_Found.model_fields[name], name)[0] for name in lacking}
        return {name: value for name, value in answers.items() if value is not None}


def _found(exchange: str, file: Path, needed: tuple[str, ...]) -> Credentials:
    found = _read(exchange, file, needed, f"the keys for {exchange}")
    return Credentials(**{name: _stripped(getattr(found, name)) for name in CREDENTIAL_NAMES})


def _read(owner: str, file: Path, needed: tuple[str, ...], called: str) -> _Found:
    """What the three places hold for an exchange, or for another owner of secrets."""

    class Here(_Found):
        """The same, for this owner: its last source is the keyring."""

        model_config = SettingsConfigDict(
            env_prefix=_variable(owner, ""), env_file=file, env_file_encoding="utf-8", env_ignore_empty=True
        )

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],  # noqa: ARG003 - the base's signature
            init_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return env_settings, dotenv_settings, _Keyring(owner, needed)

    try:
        return Here()
    except ValueError:  # pydantic's own is one
        raise CredentialsError(f"{called} cannot be read: they must be plain text") from None


def _stripped(value: SecretStr | None) -> SecretStr | None:
    """Without the line break that copying adds; nothing left is nothing given."""
    plain = "" if value is None else value.get_secret_value().strip()
    return SecretStr(plain) if plain else None


def _check_file(file: Path) -> None:
    """Rule 2. A `.env` of something else, without keys of ours, is nobody's business."""
    try:
        mode = file.stat().st_mode
        names = [name.upper() for name, value in dotenv_values(file, interpolate=False).items() if value]
    except OSError as error:
        raise CredentialsError(f"the file of keys {file} cannot be read: {error.strerror}") from None
    except ValueError:  # not text; the error would show a piece of it
        raise CredentialsError(f"the file of keys {file} is not plain text: write NAME=value lines in UTF-8") from None
    endings = tuple(f"_{name.upper()}" for name in CREDENTIAL_NAMES)
    has_keys = any(name.startswith("PERPMAKER_") and name.endswith(endings) for name in names)
    has_secrets = has_keys or ALERT_URLS_VARIABLE in names
    if has_secrets and os.name == "posix" and mode & _OPEN_TO_OTHERS:
        raise CredentialsError(f"others can read the keys in {file}: run `chmod 600 {file}` first")


def _check_backpack(credentials: Credentials) -> None:
    """Both keys are base64 of 32 bytes, and the public one is the secret one's."""
    public = _key_bytes("api_key", credentials.api_key)
    seed = _key_bytes("secret", credentials.secret)
    if _public_of(seed) == public:
        return
    key, secret = _variable("backpack", "api_key"), _variable("backpack", "secret")
    if _public_of(public) == seed:
        raise CredentialsError(f"{key} and {secret} are the wrong way round: exchange the two values")
    raise CredentialsError(
        f"{key} and {secret} do not belong together: the secret makes another public key; copy both from the same key"
    )


def _key_bytes(name: str, value: SecretStr | None) -> bytes:
    try:
        plain = base64.b64decode("" if value is None else value.get_secret_value(), validate=True)
    except (binascii.Error, ValueError):
        plain = b""
    if len(plain) != _KEY_BYTES:
        raise CredentialsError(
            f"{_variable('backpack', name)} is not a key of Backpack: it must be {_KEY_BYTES} bytes in base64 "
            "(44 characters); copy it again"
        )
    return plain


def _public_of(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _variable(exchange: str, name: str) -> str:
    return f"PERPMAKER_{exchange.upper()}_{name.upper()}"


def _listed(names: list[str]) -> str:
    return " and ".join(names) if len(names) <= 2 else f"{', '.join(names[:-1])} and {names[-1]}"
