"""What each setting does, in a sentence with this market's numbers."""

from dataclasses import fields
from decimal import Decimal

from advisor.cases import case
from perpmaker.advisor.sentences import SENTENCES, sentences
from perpmaker.maker.settings import Recenter, StrategySettings

D = Decimal
DOCUMENT = {
    "spread": D("0.01"),
    "quantity": D("0.1"),
    "max_orders": 2,
    "max_position": D(5),
    "position_threshold": D(2),
    "inventory_skew": D(0),
    "stop_loss": D(-1),
    "take_profit": D(5),
}


def test_every_setting_has_its_sentence_and_nothing_else_has() -> None:
    assert sorted(SENTENCES) == sorted(field.name for field in fields(StrategySettings))


def test_the_spread_is_told_in_every_unit() -> None:
    told = sentences(case(**DOCUMENT))["spread"]
    assert told == (
        "level 1 rests 1 % = 100 bp = 1.00 USDC (100 ticks) from the price on each side, level i at i times that; "
        "a round trip at level 1 earns 0.2 USDC before fees"
    )


def test_what_the_documents_stop_means_at_the_cap_and_after_one_fill() -> None:
    told = sentences(case(**DOCUMENT))["stop_loss"]
    assert "a move of 0.2 % at the cap, 10 % with one fill held" in told


def test_the_threshold_says_that_it_does_nothing_while_skew_is_off() -> None:
    assert sentences(case(**DOCUMENT))["position_threshold"].startswith("no effect")
    leaning = sentences(case(**(DOCUMENT | {"inventory_skew": D("0.5")})))["position_threshold"]
    assert "after 21 fills of one side in a row" in leaning


def test_the_cap_is_told_in_fills() -> None:
    assert "50 fills of one side in a row lead there" in sentences(case(**DOCUMENT))["max_position"]


def test_drift_matters_only_where_quotes_wait() -> None:
    assert sentences(case(**DOCUMENT))["max_drift"].startswith("no effect")
    waits = sentences(case(**DOCUMENT, recenter=Recenter.FILL, max_drift=D("0.02")))
    assert waits["max_drift"] == "the quotes follow once the price is 2 % away"
