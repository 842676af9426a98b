"""A change of the file while its markets run: what can be taken up between two refreshes, and what cannot."""

from dataclasses import fields
from pathlib import Path

import pytest

from perpmaker.cli.configuration.changes import MAX_DAILY_LOSS, changes, reason_against
from perpmaker.cli.configuration.keys import MARKET_KEYS, RUN_KEYS
from perpmaker.cli.flags import StrategyFlags
from perpmaker.dashboard.security.users import hash_password
from support.config_files import MINIMAL, config

TWO = MINIMAL + '[markets.eth]\nsymbol = "ETH_USDC_PERP"\nspread = "4bp"\nquantity = 0.01\n'


def test_the_same_file_changes_nothing(tmp_path: Path) -> None:
    assert changes(config(tmp_path, TWO), config(tmp_path, TWO)) == ((), ())


def test_the_same_value_written_otherwise_changes_nothing(tmp_path: Path) -> None:
    assert changes(config(tmp_path, TWO), config(tmp_path, TWO.replace('"5bp"', "0.0005"))) == ((), ())


def test_a_number_of_the_strategy_is_applied_to_its_market_alone(tmp_path: Path) -> None:
    found = changes(config(tmp_path, TWO), config(tmp_path, TWO.replace('"5bp"', '"6bp"')))
    assert found.refused == ()
    assert [str(change) for change in found.applicable] == ['[markets.sol] spread: "5bp" -> "6bp"']
    assert found.applicable[0].market == "sol"


def test_a_default_is_applied_to_every_market_that_takes_it(tmp_path: Path) -> None:
    old = config(tmp_path, TWO)
    new = config(tmp_path, f"[defaults]\nstop_loss = 5\n{TWO}")
    assert [(change.market, change.key) for change in changes(old, new).applicable] == [
        ("sol", "stop_loss"), ("eth", "stop_loss"),
    ]  # fmt: skip


def test_a_preset_is_applied_as_what_it_gives(tmp_path: Path) -> None:
    new = config(tmp_path, f"[defaults]\npreset = 'aggressive'\n{MINIMAL}")
    keys = {change.key for change in changes(config(tmp_path, MINIMAL), new).applicable}
    assert keys == {"max_orders", "target_position", "max_position", "inventory_skew", "interval"}


def test_budgets_are_applied(tmp_path: Path) -> None:
    found = changes(config(tmp_path, MINIMAL), config(tmp_path, f"{MINIMAL}[budgets]\nmax_drawdown = 9\n"))
    assert [str(change) for change in found.applicable] == ["[budgets] max_drawdown: 0 -> 9"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'{MINIMAL}symbol = "BTC_USDC_PERP"\n', "it would be another market; start again to apply it"),
        (f"{MINIMAL}balance = 5\n", "[markets.sol] balance: 10000 -> 5: not applied, the simulated exchange"),
        (f"{MINIMAL}seed = 5\n", "the market data is opened at the start"),
        (f"{MINIMAL}[run]\njournal = 'none'\n", '[run] journal: not set -> "none": not applied, where the run is told'),
        (f"{MINIMAL}[run]\nmetrics_port = 9\n", "who looks on is chosen at the start"),
        (f"{MINIMAL}[run]\nduration = 5\n", "when the run ends is fixed at the start"),
        (TWO, "[markets.eth]: not applied, a market is opened at the start"),
        (MINIMAL.replace("sol", "main"), "[markets.sol]: not applied, a market ends with the run"),
    ],
)  # fmt: skip
def test_what_a_run_was_built_from_is_refused_with_the_reason(tmp_path: Path, text: str, expected: str) -> None:
    found = changes(config(tmp_path, MINIMAL), config(tmp_path, text))
    assert found.applicable == ()
    assert any(expected in str(change) for change in found.refused)


def test_of_the_page_no_password_is_repeated(tmp_path: Path) -> None:
    def with_user(hashed: str) -> str:
        return (
            f'{MINIMAL}[dashboard]\nport = 9000\n[dashboard.users.ann]\nrole = "viewer"\npassword_hash = "{hashed}"\n'
        )

    one, other = hash_password("correct horse"), hash_password("battery staple")
    found = changes(config(tmp_path, with_user(one)), config(tmp_path, with_user(other).replace("9000", "9001")))
    assert [str(change) for change in found.refused] == [
        "[dashboard] port: 9000 -> 9001: not applied, the page is opened at the start; start again to apply it",
        "[dashboard.users]: not applied, the page is opened at the start; start again to apply it",
    ]


def test_both_at_once_are_told_apart(tmp_path: Path) -> None:
    found = changes(config(tmp_path, MINIMAL), config(tmp_path, f"{MINIMAL}balance = 5\nstop_loss = 1\n"))
    assert [change.key for change in found.applicable] == ["stop_loss"]
    assert [change.key for change in found.refused] == ["balance"]


def test_only_the_strategy_and_the_limit_of_the_day_can_change() -> None:
    free = {name for name, key in {**MARKET_KEYS, **RUN_KEYS}.items() if not reason_against(key)}
    assert free == {field.name for field in fields(StrategyFlags)} - {"duration"} | {MAX_DAILY_LOSS}


def test_what_comes_and_goes_with_another_exchange_is_not_applied(tmp_path: Path) -> None:
    real = f'{MINIMAL}exchange = "backpack"\nmax_daily_loss = 5\n'
    found = changes(config(tmp_path, real), config(tmp_path, f"{MINIMAL}stop_loss = 1\n"))
    assert found.applicable == ()
    assert {"exchange", "max_daily_loss", "stop_loss"} <= {change.key for change in found.refused}
    assert {change.reason for change in found.refused} == {"it would be another market"}
