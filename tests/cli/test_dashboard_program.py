"""What the command line hands to the dashboard: a run planned there is the run that the command line would make."""

from dataclasses import fields
from typing import Any

import pytest

from perpmaker.cli import starting
from perpmaker.cli.dashboard_program import SETTABLE, change, form, observed, plan, recorded
from perpmaker.cli.main import _run
from perpmaker.cli.request import Request
from perpmaker.cli.session import settings_by_name
from perpmaker.dashboard.program import Wanted
from perpmaker.domain.errors import InvalidSettingError, UnknownNameError, UserError
from perpmaker.maker.presets import PRESETS
from perpmaker.maker.settings import StrategySettings


def made_by_command_line(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> Request:
    """What `perpmaker run` makes of these words."""
    made: list[Request] = []

    def keep(request: Request) -> int:
        made.append(request)
        return 0

    monkeypatch.setattr("perpmaker.cli.run.start", keep)
    assert _run(["run", *arguments]) == 0
    assert starting.start is not keep
    return made[0]


WANTED = [
    Wanted(exchange="sim", preset="neutral"),
    Wanted(exchange="sim", preset="conservative", settings={"spread": "5bp", "stop_loss": "-20", "interval": "2.5"}),
    Wanted(exchange="sim", symbol="BTC_USDC_PERP", settings={"spread": " 0.1% ", "quantity": "0.001", "seed": "7"}),
    Wanted(exchange="sim", preset="balanced", settings={"close_on_exit": "true", "max_daily_loss": "0"}),
    Wanted(exchange="sim", preset="balanced", settings={"close_on_exit": "false", "skew_mode": "printed"}),
    Wanted(exchange="backpack", preset="balanced", settings={"max_book_age": "800ms", "balance": "500"}),
    Wanted(exchange="backpack", preset="balanced", settings={"max_loss": "5", "duration": "0"}, is_live=True),
    Wanted(exchange=" binance ", symbol="BTC/USDT:USDT", preset="aggressive", settings={"maker_fee": "-0.5bp"}),
]


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_the_words_make_the_run_that_was_planned(wanted: Wanted, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan(wanted)
    request = made_by_command_line(planned.arguments, monkeypatch)
    assert request.strategy == planned.strategy
    assert request.symbol == planned.symbol
    assert (request.wires is not None and request.wires.is_live) == wanted.is_live
    assert request.watching.needs_real_time == (request.wires is None)
    for field in fields(planned.account):
        assert getattr(planned.account, field.name) == getattr(request.simulation, field.name)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_as_the_form_has_it_is_the_preset(name: str) -> None:
    in_words = plan(Wanted(exchange="sim", settings=form().presets[name]))
    assert in_words.strategy == plan(Wanted(exchange="sim", preset=name)).strategy


def test_every_default_that_the_form_shows_can_be_typed() -> None:
    typed = {field.name: field.default for field in form().fields if field.default is not None}
    given = {name: text for name, text in typed.items() if name not in {"shared_account", "max_book_age"}}
    assert plan(Wanted(exchange="sim", settings={**given, "spread": "1%", "quantity": "0.1"}))
    assert set(typed) <= set(SETTABLE)


def test_a_strategy_that_a_journal_names_is_read_back_as_it_was() -> None:
    strategy = plan(WANTED[4]).strategy
    found, account = recorded({**settings_by_name(strategy), "maker_fee": "0.0001", "leverage": "5"})
    assert found == strategy
    assert (str(account.maker_fee), str(account.leverage)) == ("0.0001", "5")
    with pytest.raises(InvalidSettingError, match="no spread or no quantity"):
        recorded({"quantity": "1"})


def test_a_change_tells_what_was_and_what_would_be() -> None:
    strategy = StrategySettings(**PRESETS["neutral"])  # type: ignore[arg-type]  # its values have the fields' types
    changed = change(strategy, {"spread": "5bp", "quantity": "0.1"})
    assert changed.told == {"spread": ("0.01", "0.0005")}
    assert change(changed.strategy, {"spread": "1%"}).strategy == strategy


def test_only_the_synthetic_market_was_observed() -> None:
    assert observed("SOMETHING_ELSE") is None
    seen = observed("SOL_USDC_PERP")
    assert seen is not None
    assert seen.touches_per_hour is None, "that would be of another spread"


REFUSED: list[tuple[dict[str, Any], type[UserError], str]] = [
    ({"exchange": "binanc"}, UnknownNameError, "did you mean binance"),
    ({"exchange": "binance", "symbol": None}, InvalidSettingError, "symbol is missing"),
    ({"preset": "brave"}, UnknownNameError, "there is no such preset"),
    ({"symbol": "A\x00B"}, InvalidSettingError, "no control characters"),
    ({"settings": {"spread": "5bp", "max_orders": "51"}}, InvalidSettingError, "max_orders"),
    ({"settings": {"close_on_exit": "perhaps"}}, InvalidSettingError, "must be true or false"),
    ({"settings": {"order_latency": "Recorded:/etc/passwd"}}, InvalidSettingError, "a file cannot be named"),
]


@pytest.mark.parametrize(("changes", "kind", "expected"), REFUSED)
def test_what_cannot_be_is_refused(changes: dict[str, Any], kind: type[UserError], expected: str) -> None:
    with pytest.raises(kind, match=expected):
        plan(Wanted(**{"exchange": "sim", "symbol": "SOL_USDC_PERP", "preset": "neutral", **changes}))
