"""What a recording of less than a book begins with, and the bid and offer that trades alone leave behind."""

from decimal import Decimal
from pathlib import Path

import pytest

from perpmaker.data.format import DepthGrade, Provenance
from perpmaker.data.grades import GRADES, grade_of
from perpmaker.data.reader import Recording
from perpmaker.data.writer import RecordingWriter
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation import market_events as me

INSTRUMENT = Instrument("T", "T", "USD", Decimal("0.01"), Decimal("0.1"), Decimal("0.1"))
Row = tuple[int, int, int]


def written(folder: Path, depth: DepthGrade, *messages: list[Row] | None) -> list[Row]:
    """Messages a nanosecond apart; None is a gap of one. Returns the rows as they are read back."""
    provenance = Provenance("test", 1, "test", {}, [], depth, "recorded", "test")
    with RecordingWriter(folder / "r", INSTRUMENT, provenance) as writer:
        for ns, message in enumerate(messages):
            if message is None:
                writer.start_gap(ns, ns, "test")
                writer.end_gap(ns, ns)
            else:
                writer.message(ns, ns, message)
    recording = Recording.open(folder / "r")
    assert grade_of(recording.info).name == depth
    return [
        (kind & me.KIND_MASK, price, lots)
        for chunk in recording.chunks()
        for kind, price, lots in zip(chunk.kind.tolist(), chunk.price.tolist(), chunk.lots.tolist(), strict=True)
    ]


def quotes(folder: Path, *trades: tuple[int, int] | None) -> list[Row]:
    """What trades alone add: each is a price, and lots that are negative where a seller took."""
    messages = [
        None if trade is None else [(me.BUY_TRADE if trade[1] > 0 else me.SELL_TRADE, trade[0], abs(trade[1]))]
        for trade in trades
    ]
    rows = written(folder, "none", *messages)
    return [row for row in rows if row[0] in (me.BEST_BID, me.BEST_ASK)]


@pytest.mark.parametrize(("depth", "code"), [("best", me.BEST_ONLY), ("none", me.NO_QUEUES)])
def test_a_recording_of_less_than_a_book_says_so_first(tmp_path: Path, depth: DepthGrade, code: int):
    assert written(tmp_path, depth, [(me.BEST_BID, 99, 5)])[0] == (me.DEPTH, 0, code)


@pytest.mark.parametrize("depth", ["every-change", "snapshots", "bars"])
def test_the_others_are_written_as_they_are(tmp_path: Path, depth: DepthGrade):
    assert written(tmp_path, depth, [(me.SELL_TRADE, 99, 5)]) == [(me.SELL_TRADE, 99, 5)]


def test_the_last_trade_of_a_seller_is_the_bid_and_of_a_buyer_the_ask(tmp_path: Path):
    assert quotes(tmp_path, (99, -5), (101, 7)) == [(me.BEST_BID, 99, 5), (me.BEST_ASK, 101, 7)]


def test_a_trade_pushes_the_other_side_one_tick_behind_itself(tmp_path: Path):
    assert quotes(tmp_path, (99, -5), (101, 7), (98, 3), (99, -1)) == [
        (me.BEST_BID, 99, 5), (me.BEST_ASK, 101, 7),
        (me.BEST_BID, 97, 3), (me.BEST_ASK, 98, 3),
        (me.BEST_BID, 99, 1), (me.BEST_ASK, 100, 1),
    ]  # fmt: skip


def test_at_the_lowest_price_there_is_no_bid_below(tmp_path: Path):
    assert quotes(tmp_path, (1, -5), (1, 2)) == [(me.BEST_BID, 1, 5), (me.BEST_BID, 0, 0), (me.BEST_ASK, 1, 2)]


def test_after_a_gap_nothing_is_inferred_from_before_it(tmp_path: Path):
    assert quotes(tmp_path, (99, -5), (101, 7), None, (99, -5)) == [
        (me.BEST_BID, 99, 5), (me.BEST_ASK, 101, 7), (me.BEST_BID, 99, 5),
    ]  # fmt: skip


def test_every_grade_has_rules_and_a_bias():
    assert list(GRADES) == ["every-change", "snapshots", "best", "none", "bars"]
    for name, grade in GRADES.items():
        assert grade.name == name
        assert len(grade.fill_rules) >= 3
        assert grade.bias.endswith(".")
        assert all(rule.endswith(".") for rule in grade.fill_rules)
