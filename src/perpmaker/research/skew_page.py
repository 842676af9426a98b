"""The comparison of skews as a page of Markdown: every number is one of the study's; the same study, the same bytes."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from perpmaker.data.grades import GRADES
from perpmaker.domain.instrument import Instrument
from perpmaker.report.attribution import Terms
from perpmaker.report.terms import SHORT
from perpmaker.report.wording import span
from perpmaker.research.skew import SkewPlan, SkewRun
from perpmaker.research.skew_study import MarketFacts, MarketStudy
from perpmaker.research.skew_words import conclusion, half_spread, sentences

_BP: Final = 10_000
_TERMS: Final = tuple(name for name in Terms._fields if name != "takeover")
"""A run starts flat: nothing is taken over."""

_HEAD: Final = (
    "half-spread", "skew", "fills", "position", "at cap", "both sides", *(SHORT[name] for name in _TERMS), "sum",
)  # fmt: skip


def page(studies: Sequence[MarketStudy], plan: SkewPlan, command: str) -> str:
    """All of it.

    Args:
        studies: what was measured.
        plan: what all runs shared.
        command: how the page was made, to be typed again.
    """
    parts = [
        "# What skew does, measured",
        f"Made by `{command}`; every number and sentence below is computed. Not edited by hand.",
        *_about(plan),
        "## All recordings together",
        "\n".join(f"- {sentence}" for sentence in conclusion(studies)),
    ]
    for study in studies:
        parts += _market(study)
    return "\n\n".join(parts) + "\n"


_READING: Final = (
    "**position** is the absolute position averaged over time, as a share of the cap; **at cap** the share of time in "
    "which the increasing side could not be quoted; **both sides** that in which a bid and an ask rested. The rest is "
    "money in quote currency, rounded; [report.md](report.md) says what the parts mean. Before rounding they add up to "
    "the sum, which is the change of equity. Half-spreads at which nothing traded have no rows."
)
_BANDS: Final = (
    "A ± is a 95 % band over whole hours, each paired with the same hour without skew, and all taken as independent. "
    "Hours of one market are not quite that, so the bands are rather too narrow than too wide; and each recording is "
    "one stretch of one market."
)


def _about(plan: SkewPlan) -> list[str]:
    compared = (
        "Each recording is played to the same market maker on the same simulated exchange three times at every "
        f"half-spread: with `--inventory-skew 0` (off), and with `--inventory-skew {plan.inventory_skew}` in the modes "
        "`shift` and `printed` ([strategy.md](strategy.md) has their rules)."
    )
    shared = (
        f"All else is equal: {plan.levels} levels a side; an order is worth about {plan.order_value} of quote money; "
        f"the cap is {plan.cap_orders} orders; no threshold, target, stop or take; interval {plan.interval_s} s; maker "
        f"fee {_bp(plan.maker_fee)}, taker fee {_bp(plan.taker_fee)}; {span(plan.latency_ns)} from the exchange to the "
        "maker and as much back. Whatever position is left at the end is valued at the mark."
    )
    return [f"{compared} {shared}", _READING, _BANDS]


def _market(study: MarketStudy) -> list[str]:
    facts = study.facts
    traded = [comparison for comparison in study.comparisons if any(run.fills for run in comparison)]
    rows = [_row(run, facts.instrument) for comparison in traded for run in comparison]
    said = "\n".join(f"- {sentences(facts, comparison)}" for comparison in study.comparisons)
    head = f"## {facts.instrument.symbol}, {facts.period}"
    return [head, _facts(facts), *([_table(_HEAD, rows)] if rows else []), said]


def _facts(facts: MarketFacts) -> str:
    instrument = facts.instrument
    mid = instrument.price_from_milliticks(facts.mid_milliticks)
    size = instrument.quantity(facts.order_lots)
    blind = f", {facts.blind_ns / facts.span_ns:.1%} of it in gaps" if facts.blind_ns else ""
    grade = GRADES[facts.depth]
    return (
        f"Imported as `{facts.importer}`, grade `{grade.name}` ({grade.title}), {span(facts.span_ns)}{blind}. A tick "
        f"is {float(instrument.tick_size / mid) * _BP:.2g} bp; an order is {size:f} {instrument.base}, "
        f"{float(size * mid):,.2f} {instrument.quote} at the first mid. Money is {instrument.quote}. "
        f"Known bias of the grade: {grade.bias}"
    )


def _row(run: SkewRun, instrument: Instrument) -> list[str]:
    terms = [_money(instrument.money(getattr(run.terms, name))) for name in _TERMS]
    return [
        half_spread(run),
        run.skew.value,
        f"{run.fills:,}",
        f"{run.mean_of_cap:.1%}",
        f"{run.at_cap_share:.1%}",
        f"{run.two_sided_share:.1%}",
        *terms,
        _money(instrument.money(run.terms.total)),
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", "---", *["---:"] * (len(head) - 2)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _money(amount: Decimal) -> str:
    return f"{amount:+,.3f}" if amount else "0"


def _bp(rate: Decimal) -> str:
    return f"{(rate * _BP).normalize():f} bp"
