"""The study of the documented settings as a page of Markdown: computed, not written; the same study, the same bytes."""

from collections.abc import Iterable, Sequence
from typing import Final

from perpmaker.advisor.calibration import WITHIN, Calibrated
from perpmaker.advisor.settings_study import ACCOUNT, MarketRows, SettingsRow
from perpmaker.advisor.wording import bp, number, percent
from perpmaker.data.grades import GRADES

_HEAD: Final = (
    "settings", "fills an hour", "stops", "takes", "at cap", "fees", "result", "edge", "adverse", "break-even",
)  # fmt: skip

_ABOUT: Final = (
    "The strategy's own document gives one command and four recommended settings. Here they are, on recorded markets, "
    "beside the same command with one thing changed. On other markets than SOL all sizes are scaled by one factor, so "
    "that an order is worth about the same."
)
_READING: Final = (
    "Each row is a simulated run over the whole recording, at 2 bp maker and 5 bp taker fees and 10 ms of latency each "
    "way. **fills an hour** are those of resting orders; **fees** and **result** are quote currency for the whole "
    "recording, whatever is left valued at the mark; **edge** is what a fill was worth against the mid of its moment, "
    "**adverse** what the mid took back within 5 s; **break-even** is the half-spread at which maker fee and adverse "
    "selection eat the edge (bars cannot tell these three). A result is one path of one market, not what to expect."
)
_HALVES: Final = (
    "`perpmaker explain` estimates fills by a rehearsal. Here the first half of each recording made the estimate, and "
    "the second half, which it had not seen, is what came."
)


def page(studied: Sequence[MarketRows], calibrated: Sequence[Calibrated], command: str) -> str:
    """All of it.

    Args:
        studied: every setting on every recording.
        calibrated: estimate and outcome.
        command: how the page was made, to be typed again.
    """
    parts = [
        "# The documented settings, tried",
        f"Made by `{command}`; every number and sentence below is computed. Not edited by hand.",
        _ABOUT,
        _READING,
        "## The plain facts",
        "\n".join(f"- {fact}" for fact in _facts(studied)),
    ]
    for market in studied:
        parts += _market(market)
    parts += _calibration(calibrated)
    return "\n\n".join(parts) + "\n"


def _facts(studied: Sequence[MarketRows]) -> list[str]:
    """How often the command's quotes were filled, and what waiting or a nearer spread changed."""
    facts = []
    for market in studied:
        rows = {row.name: row for row in market.rows}
        said = [f"{name}: {_per_hour(row)} an hour" for name, row in rows.items() if name.startswith("the command")]
        hours = number(market.rows[0].rehearsed.hours)
        facts.append(f"{market.symbol}, {hours} hours, fills: {'; '.join(said)}.")
    return facts


def _market(market: MarketRows) -> list[str]:
    grade = GRADES[market.depth]
    data = f"{number(market.rows[0].rehearsed.hours)} hours of {grade.title}. Known bias: {grade.bias}"
    return [f"## {market.symbol}, {market.period}", data, _table(_HEAD, (_cells(row) for row in market.rows))]


def _cells(row: SettingsRow) -> list[str]:
    run = row.rehearsed
    fee = float(ACCOUNT.maker_fee) * 10_000
    edge = "" if run.edge_bp is None else f"{number(run.edge_bp)} bp"
    adverse = "" if run.adverse_bp is None else f"{number(run.adverse_bp)} bp"
    even = "" if run.adverse_bp is None else f"{number(fee + max(0.0, run.adverse_bp))} bp"
    return [
        row.name, _per_hour(row), str(run.stops), str(run.takes), percent(run.time_at_cap), f"{run.fees:.2f}",
        f"{run.profit:+.2f}", edge, adverse, even,
    ]  # fmt: skip


def _per_hour(row: SettingsRow) -> str:
    run = row.rehearsed
    return number(sum(run.fills_of_level.values()) / run.hours if run.hours else 0.0)


def _calibration(calibrated: Sequence[Calibrated]) -> list[str]:
    if not calibrated:
        return []
    known = [one for one in calibrated if one.factor is not None]
    good = sum(one.is_within for one in known)
    markets = sorted({(one.symbol, one.period) for one in known if one.half_spread})
    whole = [m for m in markets if all(one.is_within for one in known if (one.symbol, one.period) == m)]
    head = ("recording", "half-spread", "hours", "estimated fills an hour", "met", "times too high")
    rows = [
        [
            f"{one.symbol}, {one.period}", bp(one.half_spread), number(one.hours), number(one.estimated),
            number(one.met), "" if one.factor is None else number(one.factor),
        ]
        for one in calibrated
    ]  # fmt: skip
    within = (
        f"Within a factor of {number(WITHIN)}: {good} of {len(known)} (a half without a fill says nothing and is left "
        f"out); at every half-spread with fills: {len(whole)} of {len(markets)} recordings."
    )
    return [
        "## How good the estimate is",
        _HALVES,
        within,
        _table(head, rows),
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
