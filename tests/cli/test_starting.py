"""What a configuration file starts: a replay, or a fleet that takes up its changes; real money has a limit."""

from pathlib import Path
from typing import Any

import pytest

from perpmaker.cli import fleet_starting, session, starting
from perpmaker.cli.configuration.settings import Config
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.main import _run
from perpmaker.cli.starting import load_for_start
from perpmaker.domain.errors import ConfigError
from support.config_files import MINIMAL, write

REAL = f'{MINIMAL}exchange = "backpack"\n'


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was started instead of being run."""
    found: list[str] = []

    def fleet(_config: Config, _reload: Any) -> ExitCode:
        found.append("fleet")
        return ExitCode.DURATION

    def replay(_request: Any) -> ExitCode:
        found.append("replay")
        return ExitCode.DURATION

    monkeypatch.setattr(fleet_starting, "run_fleet", fleet)
    monkeypatch.setattr(session, "run_session", replay)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MINIMAL, "replay"),
        (f"{MINIMAL}[budgets]\nmax_notional = 100\n", "fleet"),
        (f'{MINIMAL}[markets.eth]\nsymbol = "ETH_USDC_PERP"\nspread = "4bp"\nquantity = 0.01\n', "fleet"),
        (REAL, "fleet"),
        (f"{MINIMAL}[run]\nmetrics_port = 9464\n", "fleet"),
    ],
    ids=["one simulated", "one with a budget", "two", "one real", "one that is looked at"],
)
def test_what_runs_in_real_time_is_a_fleet_which_watches_its_file(
    text: str, expected: str, started: list[str], tmp_path: Path
) -> None:
    assert _run(["run", "--config", str(write(tmp_path, text))]) == 0
    assert started == [expected]


def test_beside_one_real_market_every_flag_may_be_typed(started: list[str], tmp_path: Path) -> None:
    assert _run(["run", "--config", str(write(tmp_path, REAL)), "--spread", "7bp", "--symbol", "ETH_USDC_PERP"]) == 0
    assert started == ["fleet"]


def test_real_money_needs_a_limit_to_its_loss_and_a_budget_of_losses_is_one(tmp_path: Path) -> None:
    live = {"live": True}
    with pytest.raises(ConfigError, match="--live without any limit to the loss"):
        load_for_start(write(tmp_path, REAL), live)
    for size in ("max_notional = 100", "max_margin_share = 0.5"):
        with pytest.raises(ConfigError, match="--live without any limit to the loss"):
            load_for_start(write(tmp_path, f"{REAL}[budgets]\n{size}\n"), live)
    for loss in ("max_drawdown = 10", "max_daily_loss = 10"):
        config = load_for_start(write(tmp_path, f"{REAL}[budgets]\n{loss}\n"), live)
        (market,) = config.markets
        assert market.plan.wires is not None
        assert market.plan.wires.is_live
        assert config.typed == live
    assert load_for_start(write(tmp_path, REAL), {**live, "no_loss_limit": True}).markets


def test_the_limit_that_a_fleet_was_started_with_cannot_be_taken_away_while_it_runs(tmp_path: Path) -> None:
    file = write(tmp_path, f"{REAL}[budgets]\nmax_drawdown = 10\n")
    reloads: list[Any] = []

    def fleet(_config: Config, reload: Any) -> ExitCode:
        reloads.append(reload)
        return ExitCode.DURATION

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fleet_starting, "run_fleet", fleet)
        assert _run(["run", "--config", str(file), "--live"]) == 0
    (reload,) = reloads
    assert reload().budgets.max_drawdown == 10
    write(tmp_path, REAL)
    with pytest.raises(ConfigError, match="--live without any limit to the loss"):
        reload()


def test_what_means_the_same_for_every_market_is_named_as_the_flags_are(tmp_path: Path) -> None:
    two = f'{MINIMAL}[markets.eth]\nsymbol = "ETH_USDC_PERP"\nspread = "4bp"\nquantity = 0.01\n'
    assert _run(["run", "--config", str(write(tmp_path, two)), "--spread", "7bp"]) == ExitCode.BAD_INPUT
    assert "spread" not in starting.FOR_ALL
