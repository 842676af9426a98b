"""What each skew mode does to one market maker on one market: position, time at the cap, where the money came from.

Rules kept here:

1. The runs of one comparison differ in their skew alone: same data, same half-spread, same everything else. Each is a
   whole simulated run, with the maker, the exchange, the statistics and the attribution of every other run.
2. An order is worth the same on every market, as nearly as lots allow: its size comes from the first mid of the data.
3. A position is weighted by the time that it was held, in whole lots and nanoseconds.
4. Hours are whole hours of UTC that lie within the run; what happened in a cut hour is in the totals only.
5. Nothing is drawn at random: the same data and plan give the same figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT, rate_to_ppb
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.quoting.skew import SkewMode
from perpmaker.report.attribution import HORIZON_NS, HOUR_NS, Execution, Terms, attribute, times_needed
from perpmaker.report.market_path import MarketPath
from perpmaker.report.questions import Questions, answers
from perpmaker.report.witness import Witness
from perpmaker.runtime.replay import Replay
from perpmaker.runtime.statistics import RunStatistics
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.terms import ExchangeTerms

_MINUTE_NS: Final = 60 * 10**9


class Skew(Enum):
    """What is compared: no skew, and the two modes."""

    OFF = "off"
    SHIFT = "shift"
    PRINTED = "printed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SkewPlan:
    """What all runs of a study share; money is quote currency.

    ``order_value`` is what one order is worth, ``cap_orders`` how many orders the position may hold. There is no
    threshold, no target, no stop and no take: only skew and the cap answer to the position.
    """

    half_spreads: tuple[Decimal, ...]
    inventory_skew: Decimal = Decimal(1)
    order_value: Decimal = Decimal(100)
    cap_orders: int = 10
    levels: int = 2
    interval_s: Decimal = Decimal(10)
    balance: Decimal = Decimal(10_000)
    leverage: Decimal = Decimal(10)
    maker_fee: Decimal = Decimal("0.0002")
    taker_fee: Decimal = Decimal("0.0005")
    latency_ns: int = 10_000_000

    def settings(self, skew: Skew, half_spread: Decimal, instrument: Instrument, order_lots: int) -> StrategySettings:
        """Of one run. Raises `InvalidSettingError` where a value is impossible."""
        return StrategySettings(
            spread=half_spread,
            quantity=instrument.quantity(order_lots),
            max_orders=self.levels,
            max_position=instrument.quantity(order_lots * self.cap_orders),
            position_threshold=Decimal(0),
            inventory_skew=Decimal(0) if skew is Skew.OFF else self.inventory_skew,
            skew_mode=SkewMode.PRINTED if skew is Skew.PRINTED else SkewMode.SHIFT,
            duration_s=Decimal(0),
            interval_s=self.interval_s,
        )

    def exchange_terms(self, balance_quanta: int) -> ExchangeTerms:
        return ExchangeTerms(
            maker_fee_ppb=rate_to_ppb(self.maker_fee),
            taker_fee_ppb=rate_to_ppb(self.taker_fee),
            balance_quanta=balance_quanta,
            leverage=self.leverage,
            feed_latency_ns=self.latency_ns,
            order_latency_ns=self.latency_ns,
        )


@dataclass(frozen=True, slots=True)
class Hour:
    """A whole hour of a run: the mean absolute position, lots, and the change of equity, quanta."""

    mean_abs_lots: float
    profit_quanta: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SkewRun:
    """One run in figures. Shares are of the run's time, 0 to 1; terms are quanta, and sum to the change of equity."""

    skew: Skew
    half_spread: Decimal
    fills: int
    cap_lots: int
    mean_abs_lots: float
    at_cap_share: float
    two_sided_share: float
    terms: Terms
    hours: Sequence[Hour]

    @property
    def mean_of_cap(self) -> float:
        """The time-weighted absolute position as a share of the cap."""
        return self.mean_abs_lots / self.cap_lots


def order_lots(instrument: Instrument, mid_milliticks: int, value: Decimal) -> int:
    """The size of an order worth about ``value`` at this price: the nearest lot, the minimum size at least."""
    worth_of_a_lot = mid_milliticks * QUANTA_PER_MILLITICK_LOT
    wanted = instrument.money_to_quanta(value)
    return max(instrument.min_lots, (2 * wanted + worth_of_a_lot) // (2 * worth_of_a_lot))


def compare_skews(feed: MarketFeed, plan: SkewPlan, half_spread: Decimal, lots: int) -> list[SkewRun]:
    """One run for every `Skew`, at one half-spread, with orders of ``lots``.

    Raises:
        InvalidSettingError: a setting does not fit the instrument.
        RecordingError: the feed has no rows, or is damaged.
    """
    played = [_Played(feed, plan, half_spread, skew, lots) for skew in Skew]
    paths = answers(feed, [one.questions for one in played])
    return [one.figures(path) for one, path in zip(played, paths, strict=True)]


class _Played:
    """A run that is over, on its way to its figures."""

    def __init__(self, feed: MarketFeed, plan: SkewPlan, half_spread: Decimal, skew: Skew, lots: int) -> None:
        settings = plan.settings(skew, half_spread, feed.instrument, lots)
        terms = StrategyTerms.of(settings, feed.instrument, plan.balance, plan.leverage)
        exchange = SimulatedExchange(feed, plan.exchange_terms(terms.balance_quanta))
        maker = MarketMaker(terms, exchange.now_ns)
        self._half_spread = half_spread
        self._skew = skew
        self._cap_lots = terms.max_position_lots
        self._start_ns = exchange.now_ns
        self._witness = Witness()
        self._statistics = RunStatistics(feed.instrument, terms.max_position_lots, exchange.now_ns)
        Replay(maker, exchange, [self._witness, self._statistics]).run()
        self._end_ns = exchange.now_ns
        self._end_mark = exchange.mark_milliticks or 0
        self._executions = sorted(self._witness.executions, key=lambda one: one.ts_ns)

    @property
    def questions(self) -> Questions:
        return Questions(frozenset(times_needed(self._executions, self._start_ns, self._end_ns, HORIZON_NS)), [])

    def figures(self, path: MarketPath) -> SkewRun:
        start_ns, end_ns = self._start_ns, self._end_ns
        split = attribute(
            self._executions, self._witness.funding, path,
            start_ns=start_ns, end_ns=end_ns, end_mark_milliticks=self._end_mark,
        )  # fmt: skip
        whole = [hour for hour in split.hours if start_ns <= hour and hour + HOUR_NS <= end_ns]
        profits = split.by_hour()
        span_ns = max(1, end_ns - start_ns)
        held = held_until(self._executions, sorted({start_ns, end_ns, *split.hours, *(h + HOUR_NS for h in whole)}))
        return SkewRun(
            skew=self._skew,
            half_spread=self._half_spread,
            fills=self._statistics.fills,
            cap_lots=self._cap_lots,
            mean_abs_lots=held[end_ns] / span_ns,
            at_cap_share=self._statistics.at_cap_ns(end_ns) / span_ns,
            two_sided_share=self._statistics.two_sided_ns(end_ns) / span_ns,
            terms=split.total,
            hours=[Hour((held[hour + HOUR_NS] - held[hour]) / HOUR_NS, profits[hour].total) for hour in whole],
        )


def held_until(executions: Sequence[Execution], times: Sequence[int]) -> dict[int, int]:
    """The absolute position summed over time from the first execution on, lots x ns, at each of ``times`` (ascending).

    ``executions`` are in order of time, from flat.
    """
    found: dict[int, int] = {}
    area = lots = index = 0
    now_ns = times[0]
    for at_ns in times:
        while index < len(executions) and executions[index].ts_ns < at_ns:
            happened_ns = max(executions[index].ts_ns, now_ns)
            area += abs(lots) * (happened_ns - now_ns)
            lots += executions[index].signed_lots
            now_ns = happened_ns
            index += 1
        area += abs(lots) * (at_ns - now_ns)
        now_ns = at_ns
        found[at_ns] = area
    return found
