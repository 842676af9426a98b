"""Data grades: how much of a market a recording holds, what fills an order on it, and in which direction that errs.

The rules here are those that the simulated exchange keeps, in plain sentences: `kernel_fill`, `kernel_queue`,
`kernel_bars` and `graded_rows` have them exactly.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from perpmaker.data.format import DepthGrade, RecordingInfo


@dataclass(frozen=True, slots=True)
class Grade:
    """One grade.

    Args:
        name: as in the provenance of a recording.
        title: what it holds, in a few words.
        fill_rules: what fills a resting order, and what else is assumed; a sentence each.
        bias: how results on it differ from those of a real market, as far as that is known.
    """

    name: DepthGrade
    title: str
    fill_rules: tuple[str, ...]
    bias: str


_CROSSED: Final = "A resting order fills at its own price when the other side's best comes to it or through it."
_THROUGH: Final = "It fills when a trade prints strictly through its price."

EVERY_CHANGE: Final = Grade(
    "every-change",
    "every change of the order book, and every trade",
    (
        _CROSSED,
        _THROUGH,
        (
            "At its price it fills by its place in the queue: behind everything that rested there when it "
            "arrived, moved up by trades, and by cancellations as the queue model says."
        ),
    ),
    "Others do not react to our orders, and what we take is back at the next statement of its level. Small "
    "orders are simulated well; large ones look better than they are.",
)

SNAPSHOTS: Final = Grade(
    "snapshots",
    "the top levels of the order book now and then, and every trade",
    (
        _CROSSED,
        _THROUGH,
        (
            "At its price it fills by its place in the queue, as far as the snapshots show it: between two of "
            "them only trades move it up, and a price beyond the levels shown counts as having nobody there."
        ),
        "Where the book was silent for too long, the recording is blind: orders are cancelled, and nothing fills.",
    ),
    "The book is old by up to the time between two snapshots: quotes are placed on a price that has moved, "
    "which costs more than on the real market, while queues beyond the shown levels look empty, which earns "
    "more.",
)

BEST: Final = Grade(
    "best",
    "the best bid and offer, and every trade",
    (
        _CROSSED,
        _THROUGH,
        "An order at the best price stands behind the size shown there; before it, it is alone.",
        (
            "An order behind the best stands behind an unknown queue, and joins behind the whole of what is first"
            " shown at its price, never ahead of it; until then only a trade or a quote through its price fills "
            "it."
        ),
        "What takes gets the size of the best price, no more.",
    ),
    "Pessimistic for orders that wait behind the best: whoever joined after us counts as having been there "
    "before. Orders that take more than the best size fill later than they would.",
)

TRADES_ONLY: Final = Grade(
    "none",
    "trades alone",
    (
        (
            "The best bid and offer are inferred: the price of the last trade of a seller and of a buyer; sizes "
            "are unknown."
        ),
        (
            "A resting order fills when a trade prints strictly through its price, in full and at its own price; "
            "a trade at its price never fills it."
        ),
        "What takes gets the size of the last trade at the inferred price.",
    ),
    "Pessimistic in the number of fills, and each fill is one that the price went through, so the market "
    "moves against us after fills more than it would. The inferred spread is wider than the real one after a "
    "run of trades on one side.",
)

BARS: Final = Grade(
    "bars",
    "open, high, low, close and volume of each bar",
    (
        (
            "Inside of a bar the price goes from the open to one extreme, to the other, and to the close; the extreme "
            "that is worse for the position held comes first, and while flat the path whose fills are worth less at "
            "the close."
        ),
        (
            "A resting order fills only when the bar goes strictly through its price, at its own price, and only if "
            "it rested when the first extreme came; an open beyond it fills it, too."
        ),
        "All our fills of a bar together take at most a stated share of its volume (--bar-volume-share).",
        (
            "The maker sees a book at each close and where a fill of its own shows the price, one assumed half spread "
            "on either side (--bar-half-spread); else only marks. What takes pays the half spread."
        ),
        "Missing bars are a gap: orders are cancelled, and nothing fills.",
    ),
    "Pessimistic in fills: each is one that the price went through, queues never help, and an order that follows a "
    "fill waits for the next bar, so round trips inside of a bar are not seen. Optimistic in one respect: a stop is "
    "seen at the points of a bar's path, not at every price between them. Say of bars only what is slower than "
    "several of them.",
)

GRADES: Final = MappingProxyType({grade.name: grade for grade in (EVERY_CHANGE, SNAPSHOTS, BEST, TRADES_ONLY, BARS)})
"""All grades by name, the best first."""


def grade_of(info: RecordingInfo) -> Grade:
    """The grade of a recording."""
    return GRADES[info.provenance.depth]
