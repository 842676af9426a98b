"""`perpmaker config` and `perpmaker run --config`: what they say, what they write, how they end."""

import re
import tomllib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from perpmaker.cli.configuration.loading import load_config
from perpmaker.cli.configuration.questions import Question, answers
from perpmaker.cli.configuration.template import written
from perpmaker.cli.examination import Examination
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.explaining import Question as Asked
from perpmaker.cli.main import _run
from perpmaker.maker.presets import PRESETS
from support.config_files import MINIMAL, config, write

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "perpmaker.toml"


def test_check_says_what_would_run_and_where_its_values_come_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["config", "check", str(EXAMPLE)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{EXAMPLE}: 3 markets"
    assert [line.partition(":")[0] for line in said if re.match(r"(sol|eth|btc): ", line)] == ["sol", "eth", "btc"]
    assert said[1].startswith("sol: sim SOL_USDC_PERP: spread 5bp, quantity 0.1, max_orders 2, max_position 3")
    assert said[2].startswith("  market: symbol, spread; defaults: exchange, preset")
    assert "preset neutral of the defaults: quantity" in said[2]
    assert said[-2] == "budgets: max_notional 2000, max_margin_share 50%, max_drawdown 150, max_daily_loss 100"
    assert said[-1] == "run: duration 600, journal none, view auto"


def test_check_finds_the_file_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run(["config", "check"]) == 2
    assert "there is no configuration file perpmaker.toml" in capsys.readouterr().err
    write(tmp_path, MINIMAL)
    assert _run(["config", "check"]) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[markets.a]\nspraed = 1\n", "did you mean spread?"),
        (f"{MINIMAL}symbol = 'SOX'\n", '[markets.sol] symbol = "SOX": '),
        (f"{MINIMAL}max_position = 0.001\n", "[markets.sol] max_position = 0.001: is below SOL_USDC_PERP's minimum"),
        (f"{MINIMAL}feed = '/nowhere'\n", "/nowhere"),
        (MINIMAL.replace("0.1", "0.105"), "[markets.sol] quantity = 0.105: is not a whole number of lots of 0.01"),
    ],
)  # fmt: skip
def test_check_ends_with_2_and_one_sentence(
    tmp_path: Path, text: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["config", "check", str(write(tmp_path, text))]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert expected in said.err


def test_show_is_a_file_that_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["config", "show", str(EXAMPLE)]) == 0
    shown = config(tmp_path, capsys.readouterr().out)
    example = load_config(EXAMPLE)
    assert [market.plan for market in shown.markets] == [market.plan for market in example.markets]
    assert (shown.budgets, shown.output) == (example.budgets, example.output)


def test_show_of_one_market_tells_every_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["config", "show", str(EXAMPLE), "--market", "btc"]) == 0
    said = re.sub(r" +#", " #", capsys.readouterr().out)
    assert "[markets.sol]" not in said
    for line in ('spread = "3bp" # market', "max_loss = 100 # defaults", 'reference = "mid" # program',
                 "stop_loss = 50 # preset conservative of the market", "duration = 600 # its section"):  # fmt: skip
        assert line in said.splitlines()
    assert _run(["config", "show", str(EXAMPLE), "--market", "bct"]) == 2
    assert "did you mean btc?" in capsys.readouterr().err


def test_init_writes_a_file_that_passes_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new.toml"
    assert _run(["config", "init", str(file), "--yes"]) == 0
    assert _run(["config", "check", str(file)]) == 0
    capsys.readouterr()
    market = load_config(file).market("sol")
    assert market.strategy.spread == Decimal("0.0005")
    assert market.strategy.max_loss == 50, "nobody starts without a limit to the loss"


def test_init_replaces_nothing_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, MINIMAL)
    assert _run(["config", "init", str(file), "--yes"]) == 2
    assert "say --force to replace it" in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == MINIMAL
    assert _run(["config", "init", str(file), "--yes", "--force"]) == 0
    assert file.read_text(encoding="utf-8") != MINIMAL


def test_init_asks_nothing_where_nobody_can_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["config", "init", str(tmp_path / "new.toml")]) == 2
    assert "say --yes" in capsys.readouterr().err
    assert not (tmp_path / "new.toml").exists()


def test_init_into_a_folder_that_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["config", "init", str(tmp_path / "no" / "new.toml"), "--yes"]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("preset", ["none", *PRESETS])
@pytest.mark.parametrize("exchange", ["sim", "backpack", "binance"])
def test_what_is_commented_out_in_a_new_file_is_what_holds_anyway(tmp_path: Path, preset: str, exchange: str) -> None:
    typed = {"exchange": exchange, "preset": preset}
    text = written(Path("new.toml"), answers(lambda question: typed.get(question.key, question.otherwise), fail))
    plain = config(tmp_path, text)
    uncommented = config(tmp_path, re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE))
    assert uncommented.markets[0].plan == plain.markets[0].plan
    assert (uncommented.budgets, uncommented.output) == (plain.budgets, plain.output)


def test_a_new_file_explains_every_key_of_its_market(tmp_path: Path) -> None:
    text = written(Path("new.toml"), answers(lambda question: question.otherwise, fail))
    explained = " ".join(re.sub(r"^# ?", "", line) for line in text.splitlines())
    for name, setting in config(tmp_path, text).markets[0].settings.items():
        assert re.search(rf"^(# )?{name} (=|is not set)", text, re.MULTILINE), name
        assert " ".join(setting.key.help.split()) in explained


def test_an_answer_that_cannot_be_is_asked_for_again() -> None:
    typed = iter(["sim", "", "no", "none", "wide", "-1", "5bp"])
    asked: list[str] = []
    refused: list[str] = []

    def ask(question: Question) -> str:
        asked.append(question.key)
        return next(typed, "")

    found = answers(ask, refused.append)
    assert found["spread"] == "5bp"
    assert found["quantity"] == Decimal("0.1")
    assert asked[:7] == ["exchange", "symbol", "preset", "preset", "spread", "spread", "spread"]
    assert refused == [
        "no: must be neutral, balanced, aggressive or conservative",
        "wide: is not a number",
        "-1: must be above 0 and at most 1",
    ]


def test_a_preset_answers_for_the_ladder() -> None:
    asked: list[str] = []

    def ask(question: Question) -> str:
        asked.append(question.key)
        return "balanced" if question.key == "preset" else question.otherwise

    found = answers(ask, fail)
    assert asked == ["exchange", "symbol", "preset", "max_position", "stop_loss", "max_loss"]
    assert found["stop_loss"] == PRESETS["balanced"]["stop_loss"]


def fail(why: str) -> None:
    raise AssertionError(why)


def test_schema_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["config", "schema"]) == 0
    assert '"https://json-schema.org/draft/2020-12/schema"' in capsys.readouterr().out


def played(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert _run(["run", *arguments]) == 0
    said = capsys.readouterr().out
    return re.sub(r" +", " ", re.sub(r"\([\d,]+/s\)", "", said))


def test_a_run_of_a_file_with_one_market_is_the_run_of_its_flags(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, f"{MINIMAL}seed = 3\n[run]\njournal = 'none'\nduration = 20\n")
    flags = ["--spread", "5bp", "--quantity", "0.1", "--seed", "3", "--journal", "none", "--duration", "20"]
    assert played(capsys, "--config", str(file)) == played(capsys, *flags)


def test_a_flag_beside_the_file_overrides_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, f"{MINIMAL}seed = 3\n[run]\njournal = 'none'\nduration = 20\n")
    flags = ["--spread", "5bp", "--quantity", "0.2", "--seed", "1", "--journal", "none", "--duration", "10"]
    beside = ["--quantity", "0.2", "--seed", "1", "--duration", "10"]
    assert played(capsys, "--config", str(file), *beside) == played(capsys, *flags), "also by its own default"


@pytest.mark.parametrize(
    ("text", "flags", "expected"),
    [
        ("[markets", [], "is not TOML"),
        (MINIMAL, ["--live"], "every market of it is on the embedded exchange"),
        (MINIMAL, ["--long-only"], "there is no long-only"),
    ],
)  # fmt: skip
def test_a_run_that_cannot_be_is_refused_in_one_sentence(
    tmp_path: Path, text: str, flags: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["run", "--config", str(write(tmp_path, text)), *flags]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert expected in said.err


def test_doctor_examines_every_market_on_a_real_exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[Examination] = []

    def examined(one: Examination) -> ExitCode:
        wanted.append(one)
        return ExitCode.DURATION if len(wanted) == 1 else ExitCode.BAD_INPUT

    monkeypatch.setattr("perpmaker.cli.examination.examine", examined)
    real = '[markets.{0}]\nexchange = "backpack"\nsymbol = "{0}"\nquantity = 1\n'
    text = MINIMAL + real.format("A") + real.format("B") + '[defaults]\nspread = "9bp"\n[budgets]\nmax_daily_loss = 7\n'
    assert _run(["doctor", "--live", "--config", str(write(tmp_path, text)), "--max-loss", "3"]) == 2, "the worse one"
    assert [(one.exchange, one.symbol) for one in wanted] == [("backpack", "A"), ("backpack", "B")]
    for one in wanted:
        assert one.has_keys
        assert one.settings is not None
        assert (one.settings.spread, one.settings.max_loss) == (Decimal("0.0009"), 3)
        assert (one.max_daily_loss, one.budgets.max_daily_loss) == (0, 7), "each is checked as what it is"


def test_doctor_has_nothing_to_examine_where_all_is_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["doctor", "--config", str(EXAMPLE)]) == 2
    assert "every market is on sim" in capsys.readouterr().err


def test_explain_takes_a_market_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Asked] = []

    def answered(question: Asked) -> ExitCode:
        asked.append(question)
        return ExitCode.DURATION

    monkeypatch.setattr("perpmaker.cli.explaining.answer", answered)
    assert _run(["explain", "--config", str(EXAMPLE), "--market", "btc", "--quantity", "0.002"]) == 0
    market = load_config(EXAMPLE).market("btc")
    assert load_config(EXAMPLE, {"quantity": Decimal("0.002")}, "btc").market("sol").strategy.quantity == Decimal("0.1")
    (question,) = asked
    assert question.settings == replace(market.strategy, quantity=Decimal("0.002"))
    assert (question.symbol, question.seed, question.simulation) == ("BTC_USDC_PERP", 7, market.plan.simulation)


def test_with_several_markets_only_what_is_the_same_for_all_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["run", "--config", str(EXAMPLE), "--spread", "1%"]) == 2
    assert "--spread beside" in capsys.readouterr().err


def test_the_example_says_what_it_shows() -> None:
    example = load_config(EXAMPLE)
    assert {market.exchange for market in example.markets} == {"sim"}
    assert example.market("sol").strategy.spread == Decimal("0.0005"), "before the preset's"
    assert example.market("btc").strategy.max_orders == PRESETS["conservative"]["max_orders"]
    assert set(tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))) == {"defaults", "markets", "budgets", "run"}
