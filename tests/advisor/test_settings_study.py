"""The study of the documented settings: scaled as it says, each row a rehearsal, the same on every processor."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from advisor.cases import SOL
from perpmaker.advisor.calibration import HALF_SPREADS, Calibrated, calibrate
from perpmaker.advisor.known_settings import DOCUMENTED, SOL_PRICE, VARIED, scaled
from perpmaker.advisor.rehearsal import rehearse
from perpmaker.advisor.settings_page import page
from perpmaker.advisor.settings_study import ACCOUNT, study_settings
from perpmaker.data.reader import Recording
from perpmaker.domain.errors import RecordingError
from perpmaker.maker.presets import PRESETS
from perpmaker.simulation.first_mark import needed_first_mark
from perpmaker.simulation.market_events import BUY_TRADE
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
from support.recordings import Rows, record

D = Decimal
AT_SOL_PRICE = int(SOL_PRICE * 100 * 1000)
FEW = {"near": replace(DOCUMENTED["neutral"], spread=D("0.0005")), "the command": DOCUMENTED["the command"]}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    market = SyntheticMarket(PROFILES["SOL_USDC_PERP"], 2, duration_ns=1_800 * 10**9)
    return record(tmp_path_factory.mktemp("study") / "sol", market)


def test_the_documents_command_and_its_four_settings_are_known() -> None:
    assert set(DOCUMENTED) == {"the command", *PRESETS}
    command = DOCUMENTED["the command"]
    assert (command.spread, command.quantity, command.max_position, command.stop_loss) == (D("0.01"), D("0.1"), 5, 1)


def test_at_the_price_of_sol_nothing_is_scaled() -> None:
    for settings in (DOCUMENTED | VARIED).values():
        assert scaled(settings, SOL, AT_SOL_PRICE) == settings


def test_elsewhere_an_order_is_worth_the_same_and_all_else_keeps_its_proportion() -> None:
    cheap = scaled(DOCUMENTED["the command"], SOL, AT_SOL_PRICE // 10)
    assert (cheap.quantity, cheap.max_position, cheap.position_threshold) == (1, 50, 20)
    assert (cheap.stop_loss, cheap.take_profit) == (1, 5)


def test_an_order_is_at_least_the_minimum_and_then_everything_is_larger() -> None:
    coarse = replace(SOL, lot_size=D(1), min_quantity=D(1))
    forced = scaled(DOCUMENTED["the command"], coarse, AT_SOL_PRICE)
    assert (forced.quantity, forced.max_position, forced.stop_loss) == (1, 50, 10)


def test_a_row_is_the_rehearsal_of_its_settings(recording: Path) -> None:
    market = study_settings([recording], FEW)[0]
    opened = Recording.open(recording)
    price = needed_first_mark(opened)
    assert [row.name for row in market.rows] == list(FEW)
    for row, settings in zip(market.rows, FEW.values(), strict=True):
        assert row.rehearsed == rehearse(opened, scaled(settings, opened.instrument, price), ACCOUNT)


def test_two_processors_give_the_same_as_one(recording: Path) -> None:
    assert study_settings([recording], FEW, 2) == study_settings([recording], FEW, 1)


def test_a_market_without_a_price_is_refused() -> None:
    with pytest.raises(RecordingError, match="shows no price"):
        needed_first_mark(Rows([(1, BUY_TRADE, 100, 1)]))


def test_the_first_half_estimates_and_the_second_is_what_came(recording: Path) -> None:
    found = calibrate([recording])
    assert [one.half_spread for one in found] == list(HALF_SPREADS)
    near = found[0]
    assert near.hours == pytest.approx(0.25, abs=0.01)
    assert near.estimated > 10
    assert near.met > 10
    assert near.is_within
    assert found[-1].estimated == found[-1].met == 0


@pytest.mark.parametrize(
    ("estimated", "met", "within"), [(2, 1, True), (2.1, 1, False), (1, 2, True), (0, 0, True), (1, 0, False)]
)
def test_an_estimate_is_right_within_a_factor_of_two(estimated: float, met: float, within: bool) -> None:
    assert Calibrated("SOL", "today", D("0.001"), estimated, met, 1).is_within is within


def test_the_page_is_the_same_for_the_same_study_and_names_every_setting(recording: Path) -> None:
    studied, calibrated = study_settings([recording], FEW), calibrate([recording])
    written = page(studied, calibrated, "perpmaker study settings")
    assert written == page(studied, calibrated, "perpmaker study settings")
    assert all(f"| {name} |" in written for name in FEW)
    assert "fills: the command: 0 an hour" in written
    assert "Within a factor of 2: " in written
