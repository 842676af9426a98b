"""Bad input: one clear sentence, exit code 2, no traceback, and nothing left behind."""

from pathlib import Path

import pytest

from perpmaker.cli.main import _run

GOOD = {"--exchange": "sim", "--symbol": "SOL_USDC_PERP", "--spread": "0.01", "--quantity": "0.1", "--duration": "10"}

BAD_FLAGS = {
    "zero spread": (["--spread", "0"], "--spread 0"),
    "negative spread": (["--spread", "-0.01"], "--spread -0.01"),
    "spread that is not a number": (["--spread", "wide"], "'wide' is not a number"),
    "spread NaN": (["--spread", "nan"], "'nan' must be a finite number"),
    "spread infinite": (["--spread", "inf"], "'inf' must be a finite number"),
    "spread that puts a bid below zero": (["--spread", "40%", "--max-orders", "3"], "--spread 0.40"),
    "quantity below the minimum": (["--quantity", "0.001"], "below SOL_USDC_PERP's minimum order of 0.01"),
    "quantity off the lot": (["--quantity", "0.105"], "use 0.10 or 0.11"),
    "quantity zero": (["--quantity", "0"], "--quantity 0"),
    "no levels": (["--max-orders", "0"], "--max-orders 0"),
    "a thousand levels": (["--max-orders", "1000"], "--max-orders 1000"),
    "levels that are no number": (["--max-orders", "two"], "'two'"),
    "negative threshold": (["--position-threshold", "-1"], "--position-threshold -1"),
    "target above the cap": (["--target-position", "2", "--max-position", "1"], "above max_position 1"),
    "cap of zero": (["--max-position", "0"], "--max-position 0"),
    "cap below the minimum order": (["--max-position", "0.001"], "nothing could be quoted"),
    "infinite cap": (["--max-position", "inf"], "'inf' must be a finite number"),
    "share of a bar too fine": (["--bar-half-spread", "1e-39"], "is finer than 0.000000001"),
    "feed of a name that is too long": (["--feed", "a" * 3000], "there is no such recording"),
    "NaN stop": (["--stop-loss", "nan"], "'nan' must be a finite number"),
    "negative take": (["--take-profit", "-5"], "--take-profit -5"),
    "negative drawdown": (["--max-drawdown", "-5"], "--max-drawdown -5"),
    "negative drift": (["--max-drift", "-0.1"], "--max-drift -0.1"),
    "interval of zero": (["--interval", "0"], "--interval 0"),
    "negative duration": (["--duration", "-1"], "--duration -1"),
    "NaN duration": (["--duration", "NaN"], "'NaN' must be a finite number"),
    "absurdly long number": (["--quantity", "1e999999"], "beyond any real size"),
    "unknown symbol": (["--symbol", "DOGE_USDC_PERP"], "has no such symbol; it has SOL_USDC_PERP"),
    "unknown exchange": (["--exchange", "nyse"], "nyse"),
    "misspelt exchange": (["--exchange", "backpak"], "backpack"),
    "real money on sim": (["--live"], "--live does nothing on sim"),
    "a recording on a real exchange": (["--exchange", "backpack", "--feed", "x"], "--feed does nothing on a real"),
    "a daily limit on sim": (["--max-daily-loss", "5"], "--max-daily-loss does nothing on sim"),
    "real money without a limit": (["--exchange", "backpack", "--live"], "or say --no-loss-limit"),
    "negative loss limit": (["--max-loss", "-1"], "--max-loss -1"),
    "negative daily loss limit": (["--exchange", "backpack", "--max-daily-loss", "-3"], "--max-daily-loss -3"),
    "book age of zero": (["--exchange", "backpack", "--max-book-age", "0"], "--max-book-age 0"),
    "unreachable exchange": (
        ["--exchange", "backpack", "--base-url", "http://127.0.0.1:1", "--ws-url", "ws://127.0.0.1:1"],
        "127.0.0.1 cannot be reached",
    ),
    "unknown preset": (["--preset", "yolo"], "neutral, balanced, aggressive, conservative"),
    "unknown feed": (["--feed", "/nowhere/at/all"], "there is no such recording"),
    "spot": (["--market-type", "spot"], "perpetual futures only"),
    "long only": (["--long-only"], "no long-only or short-only mode"),
    "short only": (["--short-only"], "no long-only or short-only mode"),
    "a side": (["--side", "long"], "no long-only or short-only mode"),
    "unknown skew mode": (["--skew-mode", "sideways"], "'sideways'"),
    "unknown flag": (["--leverag", "3"], "--leverag"),
    "negative seed": (["--seed", "-1"], "seed"),
    "speed of zero": (["--speed", "0"], "above 0"),
    "balance of zero": (["--balance", "0"], "--balance 0"),
    "balance NaN": (["--balance", "nan"], "'nan' must be a finite number"),
    "leverage below one": (["--leverage", "0.5"], "--leverage 0.5"),
    "fee of a hundred percent": (["--maker-fee", "1"], "100 % or more"),
    "fee finer than a part per billion": (["--maker-fee", "0.00000000001"], "finer than"),
    "latency without a unit": (["--feed-latency", "5"], "5ms, 5us or 5s"),
    "negative latency": (["--order-latency", "-5ms"], "not negative"),
    "unknown queue model": (["--queue-model", "hopeful"], "'hopeful'"),
    "summary in no folder": (["--summary", "/nowhere/at/all/summary.json"], "there is no folder"),
    "journal in no folder": (["--journal", "/proc/nowhere/journal.db"], "/proc/nowhere"),
    "journal that is a folder": (["--journal", "/usr"], "/usr"),
    "journal of an unknown kind": (["--journal", "oracle://host/db"], "oracle"),
}


def arguments(extra: list[str]) -> list[str]:
    flags = {**GOOD}
    if "--journal" not in extra:
        flags["--journal"] = "none"
    return ["run", *(part for pair in flags.items() for part in pair), *extra]


@pytest.mark.parametrize("case", BAD_FLAGS)
def test_one_sentence_and_exit_code_2(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    extra, expected = BAD_FLAGS[case]
    assert _run(arguments(extra)) == 2
    captured = capsys.readouterr()
    assert captured.out == "", "nothing may have started"
    assert captured.err.startswith("perpmaker: ")
    assert captured.err.count("\n") == 1, captured.err
    assert expected in captured.err


@pytest.mark.parametrize("missing", ["--spread", "--quantity"])
def test_spread_and_quantity_must_be_given(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    flags = arguments([])
    at = flags.index(missing)
    assert _run(flags[:at] + flags[at + 2 :]) == 2
    assert f"{missing} is missing" in capsys.readouterr().err


def test_a_folder_that_is_no_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(arguments(["--feed", str(tmp_path)])) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_the_skew_is_clamped_with_a_notice(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(arguments(["--inventory-skew", "7"])) == 0
    assert "--inventory-skew 7 is outside 0..1: 1 is used" in capsys.readouterr().out


def test_the_sign_of_the_target_is_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(arguments(["--target-position", "-1"])) == 0
    assert capsys.readouterr().err == ""
