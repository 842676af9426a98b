"""docs/alerts.md is complete and true: every kind, its limits, and addresses that are understood."""

import re

import pytest
from pydantic import SecretStr

from docs.documents import BLOCK, code_names, page, rows, section
from perpmaker.cli.alerting import pause_of
from perpmaker.monitor.alerts.alerts import CLOSING_NS
from perpmaker.monitor.alerts.channel import CAPACITY, PAUSES_S
from perpmaker.monitor.alerts.desk import PER_HOUR
from perpmaker.monitor.alerts.kinds import KINDS, LOOP, LOOP_NS, LOOP_SIGNS, MINUTE_NS
from perpmaker.monitor.alerts.services import services_at
from perpmaker.venues.credentials import ALERT_URLS_VARIABLE, KEYRING_SERVICE
from perpmaker.venues.redaction import remove_redaction

PAGE = page("docs/alerts.md")
TABLE = rows(section(PAGE, "What is told"))
ADDRESSES = [code_names(row[1])[0] for row in rows(section(PAGE, "Set up"))]


def words(heading: str) -> str:
    return " ".join(section(PAGE, heading).split())


def test_every_kind_has_its_row_with_its_severity_and_its_pause() -> None:
    assert [row[:3] for row in TABLE] == [[kind.name, kind.severity.value, pause_of(kind)] for kind in KINDS]


def test_every_kind_is_explained() -> None:
    assert all(len(row[3]) > 20 for row in TABLE)
    loop = next(row[3] for row in TABLE if row[0] == LOOP.name)
    assert f"{LOOP_SIGNS} times within {LOOP_NS // MINUTE_NS} minutes" in loop


def test_the_limits_that_are_stated_are_the_real_ones() -> None:
    assert f"at most {PER_HOUR} messages" in words("How often")
    dead = words("When a service is dead")
    assert PAUSES_S == (5, 30, 120)
    assert "after 5 s, 30 s and 2 min" in dead
    assert f"When {CAPACITY} messages wait" in dead
    assert f"waits {CLOSING_NS // 10**9} s at most" in dead


def test_where_addresses_come_from_is_stated() -> None:
    assert f'export {ALERT_URLS_VARIABLE}="' in PAGE
    assert f"service `{KEYRING_SERVICE}`, user `alert/urls`" in " ".join(PAGE.split())


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_that_is_shown_is_understood(address: str) -> None:
    try:
        assert services_at([SecretStr(address)])
    finally:
        remove_redaction()


def test_the_message_that_is_shown_is_of_a_kind_that_there_is() -> None:
    blocks = [block for block in BLOCK.findall(PAGE) if "```text" in block]
    shown = [match[1] for block in blocks for match in re.finditer(r"^\w+ \S+ on \w+: ([a-z ]+)$", block, re.MULTILINE)]
    assert shown
    assert set(shown) <= {kind.name for kind in KINDS}
