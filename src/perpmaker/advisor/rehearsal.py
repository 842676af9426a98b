"""A run rehearsed: the very maker on recorded market data, and where its money came from.

Rules kept here:

1. Same maker, same simulated exchange, same driver as a run. What is expected is what was rehearsed, an hour for an
   hour: there is no second model that could disagree.
2. The rehearsal lasts as long as the data; the settings' own duration is left aside.
3. Bars cannot say what a price did within seconds: there, edge and adverse selection are unknown, not zero.
4. Edge and adverse selection are terms of the report (`perpmaker.report.attribution`): maker fills, per value traded.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Final

from perpmaker.advisor.case import SECONDS_PER_HOUR, Account, Rehearsed
from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT, rate_to_ppb
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.report.attribution import HORIZON_NS, Terms, attribute, times_needed
from perpmaker.report.market_path import walk
from perpmaker.report.witness import Witness
from perpmaker.runtime.replay import Replay
from perpmaker.runtime.statistics import RunStatistics
from perpmaker.simulation.bar_columns import has_bars
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.terms import ExchangeTerms

LATENCY_NS: Final = 10_000_000
"""Each way, as a run's default."""

_BP: Final = 10_000


def rehearse(feed: MarketFeed, settings: StrategySettings, account: Account) -> Rehearsed:
    """Run these settings over all of this market data.

    Raises:
        RecordingError: the market data has no rows, or is damaged.
        InvalidSettingError: a setting does not fit the instrument.
    """
    endless = replace(settings, duration_s=Decimal(0))
    terms = StrategyTerms.of(endless, feed.instrument, account.balance, account.leverage)
    exchange = SimulatedExchange(
        feed,
        ExchangeTerms(
            maker_fee_ppb=rate_to_ppb(account.maker_fee),
            taker_fee_ppb=rate_to_ppb(account.taker_fee),
            balance_quanta=terms.balance_quanta,
            leverage=account.leverage,
            feed_latency_ns=LATENCY_NS,
            order_latency_ns=LATENCY_NS,
        ),
    )
    start_ns = exchange.now_ns
    statistics = RunStatistics(feed.instrument, terms.max_position_lots, start_ns)
    witness = Witness()
    Replay(MarketMaker(terms, start_ns), exchange, [statistics, witness]).run()
    end_ns = exchange.now_ns
    hours = (end_ns - start_ns) / 10**9 / SECONDS_PER_HOUR
    made = [execution for execution in witness.executions if execution.is_maker]
    maker = _maker_terms(feed, witness, start_ns, end_ns, exchange.mark_milliticks or 0)
    is_known = bool(made) and not has_bars(feed)
    made_quanta = sum(abs(one.signed_lots) * one.price_milliticks for one in made) * QUANTA_PER_MILLITICK_LOT
    money = feed.instrument.money
    return Rehearsed(
        hours=hours,
        last_milliticks=exchange.mark_milliticks or 0,
        fills=statistics.fills,
        fills_of_level=dict(sorted(Counter(one.level for one in made).items())),
        volume=float(money(statistics.volume_quanta)),
        fees=float(money(statistics.position.fees_quanta)),
        profit=float(money(exchange.equity_quanta - terms.balance_quanta)),
        stops=statistics.stops,
        takes=statistics.takes,
        time_at_cap=_share(statistics.at_cap_ns(end_ns), end_ns - start_ns),
        uptime=_share(statistics.two_sided_ns(end_ns), end_ns - start_ns),
        edge_bp=maker.spread / made_quanta * _BP if is_known else None,
        adverse_bp=-maker.adverse / made_quanta * _BP if is_known else None,
    )


def _maker_terms(feed: MarketFeed, witness: Witness, start_ns: int, end_ns: int, end_mark: int) -> Terms:
    """The terms of the levels of the ladder: closing orders stand at level 0 and are left out."""
    if not witness.executions:
        return Terms()
    path = walk(feed, times_needed(witness.executions, start_ns, end_ns, HORIZON_NS))
    found = attribute(
        witness.executions, witness.funding, path, start_ns=start_ns, end_ns=end_ns, end_mark_milliticks=end_mark
    )
    return _sum(terms for group, terms in found.by_level().items() if group.level)


def _sum(terms: Iterable[Terms]) -> Terms:
    columns = list(zip(*terms, strict=True))
    return Terms(*(sum(column) for column in columns)) if columns else Terms()


def _share(part_ns: int, whole_ns: int) -> float:
    return part_ns / whole_ns if whole_ns > 0 else 0.0
