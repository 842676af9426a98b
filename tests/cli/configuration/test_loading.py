"""From file to settings: precedence, sources, and one sentence for every mistake, with its place."""

from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.cli.configuration.keys import BUDGET_KEYS, MARKET_KEYS, RUN_KEYS, SECTIONS
from perpmaker.cli.configuration.loading import load_config
from perpmaker.cli.configuration.settings import Source
from perpmaker.cli.configuration.words import toml_text
from perpmaker.cli.flags import ExchangeFlags, StrategyFlags
from perpmaker.cli.request import View
from perpmaker.cli.run_flags import FeedFlags, MarketFlags, OutputFlags, WireFlags, plan_of
from perpmaker.cli.watch_flags import WatchFlags
from perpmaker.domain.errors import ConfigError, InvalidSettingError, UnknownNameError, UserError
from perpmaker.maker.presets import PRESETS
from perpmaker.risk.budgets import BudgetLimits
from support.config_files import MINIMAL, config, write

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "perpmaker.toml"

LAYERS = {
    "program": ("", "", Decimal(0), Source.PROGRAM),
    "preset of defaults": ('preset = "conservative"', "", Decimal(50), Source.DEFAULTS_PRESET),
    "defaults": ('preset = "conservative"\nstop_loss = 7', "", Decimal(7), Source.DEFAULTS),
    "preset of the market": (
        'preset = "conservative"\nstop_loss = 7', 'preset = "balanced"', Decimal(200), Source.MARKET_PRESET,
    ),
    "market": (
        'preset = "conservative"\nstop_loss = 7', 'preset = "balanced"\nstop_loss = 8', Decimal(8), Source.MARKET,
    ),
}  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_the_market_goes_before_its_preset_before_the_defaults_before_theirs(tmp_path: Path, layer: str) -> None:
    defaults, market, expected, source = LAYERS[layer]
    found = config(tmp_path, f"[defaults]\n{defaults}\n{MINIMAL}{market}\n").market("sol")
    assert found.strategy.stop_loss == expected
    assert found.settings["stop_loss"].source is source


def test_what_the_markets_preset_lacks_comes_from_the_defaults(tmp_path: Path) -> None:
    assert "stop_loss" not in PRESETS["aggressive"]
    text = f'[defaults]\npreset = "conservative"\nmax_loss = 9\n{MINIMAL}preset = "aggressive"\n'
    found = config(tmp_path, text).market("sol")
    assert found.strategy.max_orders == PRESETS["aggressive"]["max_orders"]
    assert found.strategy.stop_loss == PRESETS["conservative"]["stop_loss"]
    assert found.strategy.max_loss == 9


def test_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    found = config(tmp_path, f"{MINIMAL}stop_loss = 8\n", stop_loss=Decimal(3), preset="balanced").market("sol")
    assert found.strategy.stop_loss == 3
    assert found.strategy.spread == PRESETS["balanced"]["spread"], "also a preset that is typed"
    assert found.settings["stop_loss"].source is Source.TYPED


def test_a_number_and_the_flags_text_are_the_same_and_exact(tmp_path: Path) -> None:
    texts = ["spread = 0.0005", 'spread = "5bp"', 'spread = "0.05%"', "spread = 5e-4", 'spread = "0.0005"']
    spreads = {config(tmp_path, f"[markets.a]\nquantity = 0.1\n{text}\n").markets[0].strategy.spread for text in texts}
    assert spreads == {Decimal("0.0005")}
    assert config(tmp_path, MINIMAL).markets[0].strategy.quantity == Decimal("0.1")


def test_a_file_with_one_market_is_what_the_flags_would_be(tmp_path: Path) -> None:
    text = '[markets.sol]\nspread = "5bp"\nquantity = 0.1\nseed = 3\nbalance = 500\norder_latency = "3ms"\n'
    as_flags = plan_of(
        MarketFlags(),
        StrategyFlags(spread=Decimal("0.0005"), quantity=Decimal("0.1")),
        WireFlags(max_book_age=5 * 10**9),
        FeedFlags(seed=3, speed=float("inf")),
        ExchangeFlags(balance=Decimal(500), feed_latency=10**7, order_latency=3 * 10**6),
    )
    assert config(tmp_path, text).markets[0].plan == as_flags


def test_budgets_and_run_are_read(tmp_path: Path) -> None:
    text = (
        f"{MINIMAL}[budgets]\nmax_notional = 5000\nmax_margin_share = '50%'\n"
        "[run]\nduration = 5\njournal = 'none'\nview = 'lines'\n"
    )
    found = config(tmp_path, text)
    assert found.budgets == BudgetLimits(max_notional=Decimal(5000), max_margin_share=Decimal("0.5"))
    assert found.output == OutputFlags(journal="none", view=View.LINES)
    assert found.markets[0].strategy.duration_s == 5
    assert found.needs_fleet
    assert not config(tmp_path, MINIMAL).needs_fleet


def test_the_duration_of_the_run_goes_before_a_presets(tmp_path: Path) -> None:
    found = config(tmp_path, "[markets.sol]\npreset = 'neutral'\n[run]\nduration = 0\n")
    assert found.markets[0].strategy.duration_s == 0


def test_a_default_that_means_nothing_on_an_exchange_is_left_out_there(tmp_path: Path) -> None:
    text = (
        '[defaults]\nmax_book_age = "2s"\nseed = 9\n'
        + MINIMAL
        + MINIMAL.replace("sol", "live")
        + ('exchange = "backpack"\n')
    )
    found = config(tmp_path, text)
    simulated, real = found.market("sol"), found.market("live")
    assert simulated.plan.wires is None
    assert simulated.plan.data.seed == 9
    assert real.plan.wires is not None
    assert real.plan.wires.max_book_age_ns == 2 * 10**9
    assert "seed" not in real.settings
    assert "max_book_age" not in simulated.settings


def test_live_is_asked_for_on_the_command_line_and_only_of_real_exchanges(tmp_path: Path) -> None:
    text = MINIMAL + MINIMAL.replace("sol", "live") + 'exchange = "backpack"\nmax_loss = 5\n'
    found = config(tmp_path, text, live=True)
    assert found.market("sol").plan.wires is None
    wires = found.market("live").plan.wires
    assert wires is not None
    assert wires.is_live
    with pytest.raises(InvalidSettingError, match="every market of it is on the embedded exchange"):
        config(tmp_path, MINIMAL, live=True)
    with pytest.raises(ConfigError, match="--live without any limit to the loss"):
        config(tmp_path, text.replace("max_loss = 5", ""), live=True)


MISTAKES = {
    "unknown key": ("[markets.a]\nspraed = 1\n", "[markets.a] spraed is unknown; did you mean spread?"),
    "flag's dashes": ("[defaults]\nmax-orders = 1\n", "max-orders is unknown; did you mean max_orders?"),
    "nothing like it": ("[defaults]\nqqqqqq = 1\n", "[defaults] qqqqqq is unknown; `perpmaker config show` lists"),
    "key of a budget": ("[defaults]\nmax_notional = 1\n", "write it under [budgets]"),
    "duration of a market": ("[markets.a]\nduration = 1\n", "duration does not belong here: write it under [run]"),
    "key of a market": ("[run]\nspread = 1\n", "write it under [defaults] or [markets.NAME]"),
    "unknown section": ("[market.a]\nspread = 1\n", "there is no section [market]; did you mean [markets.NAME]?"),
    "strange section": ("[zzz]\na = 1\n", "there is no section [zzz]; there are [defaults]"),
    "key in no section": ("spread = 1\n", "spread = 1 stands in no section"),
    "live": ("[defaults]\nlive = true\n", "real orders are asked for on the command line only"),
    "waiver": ("[defaults]\nno-loss-limit = true\n", "on the command line only: type --no-loss-limit"),
    "one side": ("[defaults]\nlong_only = true\n", "there is no long-only or short-only mode"),
    "no market": ("[defaults]\nspread = 1\n", "has no market: write a section [markets.NAME]"),
    "empty markets": ("[markets]\n", "has no market"),
    "markets is a number": ("markets = 3\n", "[markets] holds sections, not 3"),
    "markets is a list": ("[[markets]]\nspread = 1\n", "[markets] holds sections, not a list"),
    "key right in markets": ("[markets]\nspread = 1\n", "keys of every market stand in [defaults]"),
    "defaults is a number": (f"defaults = 3\n{MINIMAL}", "[defaults] must be a section with keys, not 3"),
    "name with a space": ('[markets."a b"]\nspread = 1\n', "a market's name is 1 to 32 letters"),
    "no spread": ("[markets.a]\nquantity = 1\n", "[markets.a] spread is missing: give it there or in [defaults]"),
    "no quantity": ("[markets.a]\nspread = 0.01\n", "[markets.a] quantity is missing"),
    "not a number": ("[markets.a]\nspread = 'wide'\n", '[markets.a] spread = "wide": is not a number'),
    "time without unit": ("[defaults]\nfeed_latency = 10\n", "[defaults] feed_latency = 10: needs a unit: 10ms"),
    "truth for a number": ("[defaults]\nspread = true\n", "[defaults] spread = true: must be a number"),
    "number for a truth": ("[defaults]\nclose_on_exit = 1\n", "close_on_exit = 1: must be true or false"),
    "number for a text": ("[markets.a]\nsymbol = 3\n", "symbol = 3: must be text between quotes"),
    "empty text": ("[markets.a]\nsymbol = ''\n", 'symbol = "": must be text'),
    "control character": ('[defaults]\nfeed = "a\\u0000b"\n', 'feed = "a\\u0000b": must be text between quotes'),
    "a list": ("[defaults]\nspread = [1]\n", "spread = a list: must be a number"),
    "a table": ("[defaults.spread]\na = 1\n", "spread = a section: must be a number"),
    "a date": ("[defaults]\nspread = 2026-01-01\n", "spread = 2026-01-01: must be a number"),
    "not a choice": ("[defaults]\nreference = 'middle'\n", "must be mid, micro, last or mark"),
    "no such preset": ("[defaults]\npreset = 'neutrl'\n", 'preset = "neutrl": must be neutral, balanced,'),
    "spot": ("[defaults]\nmarket_type = 'spot'\n", 'market_type = "spot": must be perp'),
    "out of range": ("[defaults]\nmax_orders = 51\n", "max_orders = 51: must be at least 1 and at most 50"),
    "not whole": ("[defaults]\nmax_orders = 1.5\n", "max_orders = 1.5: is not a whole number"),
    "nan": ("[defaults]\nspread = nan\n", "spread = NaN: must be a finite number"),
    "infinite": ("[budgets]\nmax_notional = inf\n", "[budgets] max_notional = Infinity: must be a finite number"),
    "negative budget": ("[budgets]\nmax_drawdown = -1\n", "[budgets] max_drawdown = -1: must be at least 0"),
    "share above one": ("[budgets]\nmax_margin_share = 2\n", "max_margin_share = 2: must be at least 0 and at most 1"),
    "enormous": ("[defaults]\nquantity = 1e300\n", "is beyond any real size"),
    "enormous whole": (f"[defaults]\nquantity = 0x{'f' * 3000}\n", "is beyond any real size"),
    "two keys together": (
        f"{MINIMAL}target_position = 2\nmax_position = 1\n",
        "[markets.sol] target_position = 2: is above max_position 1: lower it",
    ),
    "of the defaults": (
        f"[defaults]\ntarget_position = 2\n{MINIMAL}",
        "[defaults] target_position = 2, for the market sol: is above max_position 1",
    ),
    "of a preset": (
        "[markets.a]\npreset = 'balanced'\nmax_position = 0.5\n",
        "[markets.a] target_position = 1 (preset balanced of the market): is above max_position 0.5",
    ),
    "wires of a simulation": (f"{MINIMAL}base_url = 'http://x'\n", "base_url does nothing on sim"),
    "seed of a real market": (f"{MINIMAL}exchange = 'backpack'\nseed = 2\n", "seed does nothing on a real exchange"),
    "no such exchange": (f"{MINIMAL}exchange = 'bynance'\nsymbol = 'X'\n", "did you mean binance?"),
    "no symbol": (f"{MINIMAL}exchange = 'okx'\n", "[markets.sol] symbol is missing: say which market of okx"),
    "the same market twice": (
        MINIMAL + MINIMAL.replace("sol", "also") + "symbol = 'SOL_USDC_PERP'\n",
        "[markets.also] trades SOL_USDC_PERP on sim, as [markets.sol] does",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence_with_its_place_and_what_would_be_right(tmp_path: Path, mistake: str) -> None:
    text, expected = MISTAKES[mistake]
    with pytest.raises(UserError) as refused:
        config(tmp_path, text)
    assert expected in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path))
    assert "\n" not in str(refused.value)


def test_a_market_is_found_by_name_or_the_nearest_is_named(tmp_path: Path) -> None:
    one = config(tmp_path, MINIMAL)
    assert one.market(None) is one.markets[0]
    with pytest.raises(UnknownNameError, match="did you mean sol"):
        one.market("sool")
    two = config(tmp_path, MINIMAL + MINIMAL.replace("sol", "eth") + "symbol = 'ETH_USDC_PERP'\n")
    with pytest.raises(UnknownNameError, match="say --market sol or eth"):
        two.market(None)


def test_every_flag_of_a_run_is_a_key_or_has_a_reason_not_to_be() -> None:
    groups = (MarketFlags, StrategyFlags, WireFlags, FeedFlags, ExchangeFlags, OutputFlags, WatchFlags)
    names = {field.name for group in groups for field in fields(group)}
    assert names == set(MARKET_KEYS) | set(RUN_KEYS) | {"live", "no_loss_limit"}
    assert set(BUDGET_KEYS) == {field.name for field in fields(BudgetLimits)}


SCALARS = st.one_of(
    st.booleans(), st.integers(), st.text(max_size=20), st.dates(),
    st.decimals(), st.sampled_from(["5bp", "10ms", "1%", "max", "sim", "mid", "", "recorded:x", "lognormal:1ms:1"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda v: st.one_of(st.lists(v, max_size=3), st.dictionaries(st.text(max_size=8), v, max_size=3))
)
ANY_KEYS = st.one_of(
    st.sampled_from([*MARKET_KEYS, *BUDGET_KEYS, *RUN_KEYS, "live", "markets", "api_key"]), st.text(max_size=12)
)
TABLES = st.dictionaries(ANY_KEYS, VALUES, max_size=5)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "defaults": TABLES,
        "markets": st.one_of(
            st.dictionaries(st.one_of(st.sampled_from(["a", "b"]), st.text(max_size=5)), TABLES), VALUES
        ),
        "budgets": TABLES,
        "run": TABLES,
        "other": VALUES,
    },
)


def as_toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_text(key)} = {as_toml(held)}" for key, held in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_toml(held) for held in value) + "]"
    if isinstance(value, Decimal) and not value.is_finite():
        return "nan" if value.is_nan() else ("inf" if value > 0 else "-inf")
    return value.isoformat() if isinstance(value, date) else toml_text(value)


@given(DOCUMENTS)
def test_any_document_is_understood_or_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    text = "\n".join(f"{toml_text(section)} = {as_toml(held)}" for section, held in document.items())
    file = write(tmp_path_factory.getbasetemp(), text)
    try:
        load_config(file)
    except UserError as refused:
        assert "\n" not in str(refused)  # noqa: PT017 - not being refused is right, too
        assert str(refused).isprintable()  # noqa: PT017
        assert len(str(refused)) < 700  # noqa: PT017


@given(st.sampled_from(sorted(MARKET_KEYS)), SCALARS)
def test_any_value_of_any_key_is_understood_or_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: Any
) -> None:
    file = write(tmp_path_factory.getbasetemp(), f"[defaults]\n{key} = {as_toml(value)}\n{MINIMAL}")
    try:
        load_config(file)
    except UserError as refused:
        assert str(refused).isprintable()  # noqa: PT017


PIECES = st.sampled_from(['"', "[", "]]", "=", "\n", "0x", "'''", "{", "#", "inf", "1979-05-27"])


@given(st.data())
def test_a_file_with_any_damage_is_understood_or_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    for _ in range(data.draw(st.integers(1, 3))):
        begin = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(begin, min(begin + 30, len(text))))
        text = text[:begin] + data.draw(st.one_of(st.just(""), st.text(max_size=8), PIECES)) + text[end:]
    try:
        load_config(write(tmp_path_factory.getbasetemp(), text.encode("utf-8", "surrogatepass")))
    except UserError as refused:
        assert str(refused).isprintable()  # noqa: PT017 - not being refused is right, too


def test_the_sections_are_those_of_the_file() -> None:
    assert list(SECTIONS) == ["defaults", "markets", "budgets", "run", "dashboard"]
