"""Makes the picture of a run at one moment, from what the run itself knows.

Rules kept here:

1. Money, position, mark and counts are those of the run's observers, from which its summary is made: the last view and
   the summary are the same figures, to the last digit. They are a step or two behind the maker, all by the same.
2. Ladder, skew and phase are those of the maker; they are read, never computed a second time.
3. While there is no mark, an open position is valued at the mid; before there is a mid, at what it cost.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from perpmaker.domain.events import EndReason
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import OrderStatus, Side
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.status import LevelStatus, ladder_status, skew_ticks
from perpmaker.monitor.attribution import LiveAttribution
from perpmaker.monitor.depth import Depth
from perpmaker.monitor.health import health_of
from perpmaker.monitor.texts import Texts, decimal_text, ticks_text
from perpmaker.monitor.view import (
    About,
    Book,
    Budget,
    Counts,
    Level,
    Position,
    Profit,
    RunView,
    Sample,
    Skew,
)
from perpmaker.quoting.skew import SkewMode
from perpmaker.runtime.live.drawdown import DrawdownWatch
from perpmaker.runtime.live.portfolio import Portfolio
from perpmaker.runtime.live.run import LiveRun
from perpmaker.runtime.statistics import RunStatistics
from perpmaker.runtime.summary import average_entry_price
from perpmaker.venues.clock import Clock

_STATES: Final = {
    OrderStatus.LIVE: "resting",
    OrderStatus.PENDING_PLACE: "on its way",
    OrderStatus.PENDING_CANCEL: "being cancelled",
    OrderStatus.UNKNOWN: "outcome unknown",
}
_RESTS: Final = frozenset({OrderStatus.LIVE, OrderStatus.PENDING_CANCEL})
_STALE: Final = "book stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is looked at, beside the run's driver.

    ``settings`` are as they act now, by flag name; ``queue_ahead`` estimates the lots ahead of an order, None where it
    cannot; ``portfolio`` has the budgets of a fleet.
    """

    about: About
    maker: MarketMaker
    instrument: Instrument
    statistics: RunStatistics
    drawdown: DrawdownWatch
    clock: Clock
    settings: Callable[[], Mapping[str, str]]
    queue_ahead: Callable[[int], int | None] = lambda _: None
    portfolio: Portfolio | None = None


class Viewer:
    """Looks at one run; nothing of it is changed by that."""

    def __init__(self, subject: Subject, run: LiveRun, attribution: LiveAttribution, depth: Depth) -> None:
        self._subject = subject
        self._run = run
        self._attribution = attribution
        self._depth = depth
        self._texts = Texts(subject.instrument)
        self._revision = 0

    def view(self, *, end_reason: EndReason | None = None, is_over: bool = False) -> RunView:
        """The run as it is now. ``end_reason`` is why it has ended, where the maker does not say why it ends."""
        subject, maker = self._subject, self._subject.maker
        self._revision += 1
        now_ns = subject.clock.now_ns()
        book = self._book()
        reason = end_reason or maker.end_reason
        bid, ask = self._best(book)
        portfolio = subject.portfolio
        return RunView(
            revision=self._revision,
            at_ns=now_ns,
            about=subject.about,
            phase=maker.phase.value,
            is_paused=maker.is_paused,
            end_reason=None if reason is None else reason.value,
            is_over=is_over,
            settings=dict(subject.settings()),
            bid=bid,
            ask=ask,
            mark=self._texts.between(self._attribution.mark),
            book=book,
            levels=[self._level(level) for side in Side for level in ladder_status(maker, side)],
            position=self._position(),
            skew=self._skew(),
            profit=self._profit(),
            health=health_of(self._run, now_ns),
            counts=self._counts(),
            budgets=[] if portfolio is None else _budgets(portfolio),
            budget_step=None if portfolio is None else portfolio.step.name.lower(),
        )

    def sample(self, now_ns: int) -> Sample | None:
        """A point of the charts; None before there is a price."""
        texts, mid, mark = self._texts, self._attribution.mid, self._attribution.mark
        if mid is None and mark is None:
            return None
        return Sample(
            at_ns=now_ns,
            mid=texts.between(mid),
            mark=texts.between(mark),
            bids=self._resting(Side.BUY),
            asks=self._resting(Side.SELL),
            position=texts.quantity(self._subject.statistics.position.lots),
            net=texts.money(self._attribution.terms.total),
        )

    # --- the market ---

    def _book(self) -> Book | None:
        levels = self._depth.levels()
        if levels is None or _STALE in self._run.blind_for:
            return None
        price, quantity = self._texts.price, self._texts.quantity
        bids, asks = ([(price(ticks), quantity(lots)) for ticks, lots in side] for side in levels)
        return Book(bids=bids, asks=asks)

    def _best(self, book: Book | None) -> tuple[str | None, str | None]:
        """Of the book that is shown; where there is none, what the maker goes by."""
        if book is not None:
            return book.bids[0][0] if book.bids else None, book.asks[0][0] if book.asks else None
        seen = self._subject.maker.state.book
        if seen is None:
            return None, None
        bid = self._texts.price(seen.bid_ticks) if seen.bid_lots else None
        return bid, self._texts.price(seen.ask_ticks) if seen.ask_lots else None

    # --- the maker ---

    def _level(self, level: LevelStatus) -> Level:
        side = "buy" if level.side is Side.BUY else "sell"
        if level.order_id is None or level.status is None:
            why = None if level.not_resting is None else level.not_resting.value
            return Level(side=side, level=level.level, price=None, quantity=None, state=None, queue_ahead=None, why=why)
        ahead = self._subject.queue_ahead(level.order_id) if level.status is OrderStatus.LIVE else None
        return Level(
            side=side,
            level=level.level,
            price=self._texts.price(level.price_ticks),
            quantity=self._texts.quantity(level.lots),
            state=_STATES.get(level.status),
            queue_ahead=None if ahead is None else self._texts.quantity(ahead),
            why=None,
        )

    def _resting(self, side: Side) -> list[str]:
        levels = ladder_status(self._subject.maker, side)
        return [self._texts.price(level.price_ticks) for level in levels if level.status in _RESTS]

    def _position(self) -> Position:
        terms, quantity = self._subject.maker.state.terms, self._texts.quantity
        held = self._subject.statistics.position
        capped_side = None
        if abs(held.lots) + terms.min_lots > terms.max_position_lots:
            capped_side = "buy" if held.lots > 0 else "sell"
        entry = average_entry_price(self._subject.instrument, held)
        return Position(
            quantity=quantity(held.lots),
            target=quantity(terms.target_lots),
            threshold=quantity(terms.threshold_lots),
            cap=quantity(terms.max_position_lots),
            entry_price=None if entry is None else f"{entry:f}",
            capped_side=capped_side,
        )

    def _skew(self) -> Skew:
        maker, terms = self._subject.maker, self._subject.maker.state.terms
        anchor = maker.quoter.anchor_milliticks
        lean = round(skew_ticks(maker) * 1_000)  # milliticks, as prices are shown
        shifts = terms.skew_mode is SkewMode.SHIFT
        return Skew(
            mode=terms.skew_mode.value,
            strength=decimal_text(terms.skew_strength),
            reference=self._texts.between(anchor),
            reservation=self._texts.between(None if anchor is None or not shifts else anchor + lean),
            ticks=ticks_text(lean),
        )

    # --- money and counts ---

    def _profit(self) -> Profit:
        money, held, terms = self._texts.money, self._subject.statistics.position, self._attribution.terms
        start = self._subject.maker.state.terms.balance_quanta
        net, settled = terms.total, held.realized_quanta - held.fees_quanta + held.funding_quanta
        return Profit(
            equity_start=money(start),
            equity=money(start + net),
            net=money(net),
            realized=money(held.realized_quanta),
            unrealized=money(net - settled),
            fees=money(-held.fees_quanta),
            funding=money(held.funding_quanta),
            max_drawdown=money(self._subject.drawdown.max_quanta),
            terms={name: money(part) for name, part in terms._asdict().items()},
        )

    def _counts(self) -> Counts:
        counted = self._subject.statistics
        return Counts(
            fills=counted.fills,
            buys=counted.buys,
            sells=counted.sells,
            orders_placed=counted.orders_placed,
            orders_cancelled=counted.orders_cancelled,
            orders_rejected=counted.orders_rejected,
            stops=counted.stops,
            takes=counted.takes,
            volume=self._texts.money(counted.volume_quanta),
        )


def _budgets(portfolio: Portfolio) -> list[Budget]:
    return [Budget(name=use.name, used=_amount(use.used), limit=_amount(use.limit)) for use in portfolio.uses]


def _amount(amount: Fraction) -> str:
    """To the millionth, as the journal has it: what decides is exact, and stays in the portfolio."""
    return decimal_text(round(amount, 6))
