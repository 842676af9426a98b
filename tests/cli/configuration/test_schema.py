"""The schema for editors says what the program says: it takes what is right and refuses what is wrong."""

import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.cli.configuration.keys import MARKET_KEYS, SECTIONS
from perpmaker.cli.configuration.schema import schema, schema_text

jsonschema = pytest.importorskip("jsonschema")

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "perpmaker.toml"


def errors(text: str) -> list[str]:
    validator = jsonschema.Draft202012Validator(schema())
    return [error.message for error in validator.iter_errors(tomllib.loads(text))]


USER = "[markets.a]\n[dashboard.users.ana]\n"
HASH = f"password_hash = '$argon2id$v=19$m=65536,t=3,p=4${'a' * 22}${'b' * 43}'\n"


def test_users_of_the_dashboard_are_valid() -> None:
    assert errors(f"{USER}role = 'viewer'\n{HASH}") == []


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert json.loads(schema_text()) == schema()


def test_the_example_is_valid() -> None:
    assert errors(EXAMPLE.read_text(encoding="utf-8")) == []


def test_every_key_has_its_description_and_unit() -> None:
    found = schema()["properties"]
    for section, keys in SECTIONS.items():
        part = found["markets"]["additionalProperties"] if section == "markets" else found[section]
        assert list(part["properties"]) == [*keys, *(["users"] if section == "dashboard" else [])]
        assert part["additionalProperties"] is False
        for name, key in keys.items():
            assert key.help in part["properties"][name]["description"]
            assert key.unit in part["properties"][name]["description"]


@pytest.mark.parametrize(
    "line",
    ["spread = 0.0005", "spread = '5bp'", "spread = '0.05 %'", "feed_latency = '10ms'", "feed_latency = 0",
     "feed_latency = 'lognormal:10ms:0.5'", "reference = 'mark'", "close_on_exit = true", "max_orders = 3",
     "max_orders = '3'", "speed = 'max'", "speed = 2.5", "maker_fee = -0.0001", "max_book_age = '5s'"],
)  # fmt: skip
def test_what_the_program_takes_is_valid(line: str) -> None:
    assert errors(f"[markets.a]\n{line}\n") == []
    name, value = line.split(" = ")
    MARKET_KEYS[name].read(tomllib.loads(f"a = {value}", parse_float=Decimal)["a"])


@pytest.mark.parametrize(
    "text",
    ["[markets.a]\nspraed = 1", "[markets.a]\nspread = 0", "[markets.a]\nspread = 'wide'", "[markets.a]\nspread = true",
     "[markets.a]\nmax_orders = 51", "[markets.a]\nmax_orders = 1.5", "[markets.a]\nreference = 'middle'",
     "[markets.a]\nfeed_latency = 10", "[markets.a]\nmax_book_age = 'long'", "[markets.a]\nclose_on_exit = 1",
     "[markets.a]\nlive = true", "[markets.a]\nduration = 1", "[markets.'a b']\nspread = 1", "[markets]", "[defaults]",
     "[market.a]\nspread = 1", f"{USER}password = 'a'\nrole = 'viewer'", f"{USER}role = 'boss'\n{HASH}",
     f"{USER}{HASH}", f"{USER}role = 'viewer'\npassword_hash = 'plain'", "[markets.a]\n[dashboard]\nport = 70000",
     "[markets.a]\n[budgets]\nmax_margin_share = 2", "[markets.a]\nsymbol = ''"],
)  # fmt: skip
def test_what_the_program_refuses_is_not_valid(text: str) -> None:
    assert errors(text)


@given(st.sampled_from(sorted(MARKET_KEYS)), st.one_of(st.booleans(), st.integers(-100, 100), st.text(max_size=6)))
def test_no_value_that_the_program_takes_is_refused(name: str, value: Any) -> None:
    key = MARKET_KEYS[name]
    try:
        key.read(value)
    except ValueError:
        return
    validator = jsonschema.Draft202012Validator(schema()["properties"]["defaults"])
    is_odd_text = isinstance(value, str) and not value.isascii()  # e.g. digits of other scripts
    assert is_odd_text or validator.is_valid({name: value}), value
