"""What of an address is secret, and what may be shown."""

import pytest

from perpmaker.monitor.alerts.addresses import names_of, scheme_of, secrets_of
from perpmaker.venues.redaction import Redactor

TOKEN = "AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"  # noqa: S105 - opens nothing


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (f"tgram://123456789:{TOKEN}/12315544/", "tgram"),
        ("https://discord.com/api/webhooks/1/x", "https"),
        (TOKEN, "without a scheme"),
        (f"{TOKEN}://x", "without a scheme"),
        ("", "without a scheme"),
    ],
)
def test_only_a_scheme_is_shown(address: str, shown: str) -> None:
    assert scheme_of(address) == shown


def test_addresses_are_told_apart_by_their_number() -> None:
    assert names_of(["json://a"]) == ["json"]
    assert names_of(["json://a", "tgram://b/c"]) == ["json (1 of 2)", "tgram (2 of 2)"]


@pytest.mark.parametrize(
    ("address", "secret"),
    [
        (f"tgram://123456789:{TOKEN}/12315544/", TOKEN),
        (f"https://api.telegram.org/bot123456789:{TOKEN}/sendMessage", TOKEN),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "JHMHI8qBe7bk2ZwO5U711o3dV_js"),
        ("mailtos://me:pass-word@example.com", "pass-word"),
        ("mailtos://me%40example.com:p%40ss@smtp.example.com", "p@ss"),
        ("json://127.0.0.1:8080/hook?key=4f5e6d7c8b", "4f5e6d7c8b"),
        ("ntfys://my-very-own-topic-of-alerts", "my-very-own-topic-of-alerts"),
    ],
)
def test_what_is_secret_is_taken_out_of_any_text(address: str, secret: str) -> None:
    redactor = Redactor(secrets_of(address))
    assert secret not in redactor.redact(f"POST {address} failed: {secret} is no good")


@pytest.mark.parametrize("honest", ["example.com", "127.0.0.1", "perpmaker", "SOL_USDC_PERP", "1767614400", "alerts"])
def test_words_of_honest_sentences_stay(honest: str) -> None:
    redactor = Redactor(
        secrets_of("json://example.com:8080/perpmaker/SOL_USDC_PERP/alerts?from=127.0.0.1&id=1767614400")
    )
    assert redactor.redact(f"about {honest} today") == f"about {honest} today"
