"""What would rest at each of five positions: -M, -h, 0, +h, +M.

Rules kept here:

1. Prices, skew and sizes come from the very functions that the maker uses (`perpmaker.quoting`, `perpmaker.risk`), so
   the picture cannot differ from the run.
2. The threshold acts strictly beyond h: at h itself nothing leans yet. That is how the strategy is written, and the
   picture shows it.
3. Where the market's best bid and offer are not known, they stand on the nearest ticks around the price.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from perpmaker.domain.events import BookUpdated
from perpmaker.domain.money import MILLITICKS_PER_TICK
from perpmaker.domain.orders import Side
from perpmaker.domain.reasons import NotResting
from perpmaker.maker.settings import StrategyTerms
from perpmaker.quoting.ladder import LadderShape
from perpmaker.quoting.skew import deviation_lots, skew_fraction
from perpmaker.risk.capacity import ApprovedSide, Caps, approve, caps


@dataclass(frozen=True, slots=True)
class Rung:
    """One level: its price, and its size or the reason why it would not rest (``lots`` is then 0)."""

    side: Side
    level: int
    price_ticks: int
    lots: int
    refusal: NotResting | None


@dataclass(frozen=True, slots=True)
class LadderAt:
    """The ladder at one position. ``shift`` is the lean as a fraction of the price, > 0 when long of the target."""

    position_lots: int
    shift: Fraction
    rungs: Sequence[Rung]
    is_clamped: bool

    def side(self, side: Side) -> list[Rung]:
        """The levels of a side, innermost first."""
        return [rung for rung in self.rungs if rung.side is side]


def ladders(terms: StrategyTerms, price_milliticks: int, book: BookUpdated | None = None) -> list[LadderAt]:
    """The ladders at -M, -h, 0, h and M, without those that coincide.

    Args:
        terms: of the strategy, on this instrument and account.
        price_milliticks: the reference price.
        book: the best bid and offer, see rule 3.
    """
    cap, threshold = terms.max_position_lots, min(terms.threshold_lots, terms.max_position_lots)
    positions = sorted({-cap, -threshold, 0, threshold, cap})
    around = book or _nearest_ticks(price_milliticks)
    return [_ladder_at(terms, position, price_milliticks, around) for position in positions]


def _ladder_at(terms: StrategyTerms, position_lots: int, price_milliticks: int, book: BookUpdated) -> LadderAt:
    shift = skew_fraction(
        deviation_lots(position_lots, terms.target_lots),
        threshold_lots=terms.threshold_lots,
        max_position_lots=terms.max_position_lots,
        strength=terms.skew_strength,
        half_spread=terms.half_spread,
    )
    prices = LadderShape.of(terms.half_spread, terms.levels, shift, terms.skew_mode).price(price_milliticks, book)
    # Entered at this very price, so the equity is the balance.
    cap = caps(terms.max_position_lots, terms.balance_quanta, price_milliticks, terms.margin_rate_ppb)
    rungs = _rungs(Side.BUY, prices.bids, _approved(terms, cap, cap.lots - position_lots))
    rungs += _rungs(Side.SELL, prices.asks, _approved(terms, cap, cap.lots + position_lots))
    return LadderAt(position_lots, shift, rungs, prices.is_clamped)


def _approved(terms: StrategyTerms, cap: Caps, room_lots: int) -> ApprovedSide:
    return approve(terms.order_lots, terms.levels, room_lots, terms.min_lots, is_margin=cap.is_margin)


def _rungs(side: Side, prices: Sequence[int], approved: ApprovedSide) -> list[Rung]:
    rows = zip(prices, approved.lots, approved.refusals, strict=True)
    return [
        Rung(side, level, price, lots if price > 0 else 0, refusal if price > 0 else NotResting.NO_SUCH_PRICE)
        for level, (price, lots, refusal) in enumerate(rows, start=1)
    ]


def _nearest_ticks(price_milliticks: int) -> BookUpdated:
    bid = (price_milliticks - 1) // MILLITICKS_PER_TICK
    ask = price_milliticks // MILLITICKS_PER_TICK + 1
    return BookUpdated(0, 0, bid, 1, ask, 1)
