"""The ladder at five positions is the ladder that the maker would rest there."""

from decimal import Decimal

from advisor.cases import PRICE_MILLITICKS, case
from perpmaker.advisor.ladder import LadderAt, ladders
from perpmaker.domain.orders import Side
from perpmaker.domain.reasons import NotResting
from perpmaker.quoting.skew import SkewMode

D = Decimal
# The golden scenarios of the specification: tick 0.01, lot 0.01, price 100.
GOLDEN = {"spread": D("0.01"), "position_threshold": D(2)}


def at(position: str, **changes: object) -> LadderAt:
    """The ladder at this position: one of the five, since it is made the threshold's or the cap's."""
    found = ladders(case(**(GOLDEN | changes)).terms, PRICE_MILLITICKS)
    return next(ladder for ladder in found if ladder.position_lots == int(D(position) * 100))


def prices(ladder: LadderAt, side: Side) -> list[str]:
    return [f"{rung.price_ticks / 100:g}" for rung in ladder.side(side) if rung.lots]


def test_there_are_five_positions_in_order() -> None:
    assert [ladder.position_lots for ladder in ladders(case(**GOLDEN).terms, PRICE_MILLITICKS)] == [
        -500,
        -200,
        0,
        200,
        500,
    ]


def test_positions_that_coincide_are_shown_once() -> None:
    terms = case(position_threshold=D(5)).terms
    assert [ladder.position_lots for ladder in ladders(terms, PRICE_MILLITICKS)] == [-500, 0, 500]
    assert len(ladders(case(position_threshold=D(0)).terms, PRICE_MILLITICKS)) == 3


def test_flat_both_sides_rest_around_the_price() -> None:
    flat = at("0")
    assert prices(flat, Side.BUY) == ["99", "98"]
    assert prices(flat, Side.SELL) == ["101", "102"]
    assert flat.shift == 0


def test_at_the_threshold_itself_nothing_leans_yet() -> None:
    assert at("2").shift == 0


def test_at_the_cap_only_the_reducing_side_is_quoted_and_it_leans() -> None:
    full = at("5")
    assert prices(full, Side.BUY) == []
    assert {rung.refusal for rung in full.side(Side.BUY)} == {NotResting.AT_CAP}
    assert prices(full, Side.SELL) == ["100", "101"]  # leans by 1 %
    short = at("-5")
    assert prices(short, Side.SELL) == []
    assert prices(short, Side.BUY) == ["100", "99"]


def test_printed_mode_leans_the_other_way_on_the_asks() -> None:
    full = at("5", skew_mode=SkewMode.PRINTED)
    assert prices(full, Side.SELL) == ["102", "103"]


def test_margin_is_named_as_the_reason_where_it_is_the_cap() -> None:
    full = at("5", account={"balance": D(1), "leverage": D(1)})
    assert {rung.refusal for rung in full.side(Side.BUY)} == {NotResting.NO_MARGIN}
