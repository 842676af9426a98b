"""docs/faq.md: the six questions are there, and what the answers claim is what the program does."""

import re
from decimal import Decimal

import pytest

from docs.documents import page
from perpmaker.cli.main import _run
from perpmaker.domain.reasons import NotResting
from perpmaker.maker.presets import PRESETS
from support.maker_bench import Bench, instrument

PAGE = page("docs/faq.md")


def quotes(position: str, **settings: str) -> tuple[Decimal, Decimal]:
    """Bid and ask at a price of 100, one level, 1 % away."""
    given = {"max_position": "5", "position_threshold": "0.2", "interval_s": "10", **settings}
    bench = Bench(instrument(), spread="0.01", quantity="0.1", max_orders=1, **given)
    if Decimal(position):
        bench.hold(position, "100")
    bench.price("100")
    return Decimal(bench.bids[0]), Decimal(bench.asks[0])


def test_the_six_questions_come_first() -> None:
    assert [int(n) for n in re.findall(r"^## (\d)\. .+\?$", PAGE, re.MULTILINE)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("flags", [["--long-only"], ["--short-only"], ["--side", "buy"]])
def test_one_side_is_refused_with_the_reason(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["run", "--spread", "5bp", "--quantity", "0.1", *flags]) == 2
    assert "the strategy rests both sides" in capsys.readouterr().err


def test_a_target_is_leant_towards_on_the_side_that_came_and_not_when_flat() -> None:
    towards = {"target_position": "1", "inventory_skew": "0.5"}
    middle = (Decimal(99), Decimal(101))
    assert quotes("0", **towards) == quotes("1", **towards) == quotes("-1", **towards) == middle
    assert quotes("0.5", **towards) > middle > quotes("2", **towards)
    assert quotes("-0.5", **towards) < middle < quotes("-2", **towards)


def test_without_skew_a_target_changes_nothing() -> None:
    assert quotes("2", target_position="0") == quotes("2", target_position="1") == quotes("0")


def test_at_the_cap_only_the_reducing_side_is_quoted() -> None:
    bench = Bench(instrument(), spread="0.01", quantity="0.1", max_orders=1, max_position="1")
    bench.hold("1", "100")
    bench.price("100")
    assert (len(bench.bids), len(bench.asks)) == (0, 1)
    assert NotResting.AT_CAP in bench.maker.quoter.not_resting.values()


def test_the_presets_are_what_is_said_of_them() -> None:
    bold, balanced, careful = (PRESETS[name] for name in ("aggressive", "balanced", "conservative"))
    assert (2 * bold["spread"], bold["quantity"]) == (balanced["spread"], 2 * balanced["quantity"])
    assert (bold["max_orders"], bold["max_position"], "stop_loss" in bold) == (5, 10, False)
    assert (careful["spread"], careful["max_orders"], careful["quantity"]) == (Decimal("0.02"), 1, Decimal("0.05"))
    assert careful["max_position"] == 2
    assert careful["stop_loss"]
