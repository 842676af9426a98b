"""How an alert reads: its title, and its lines.

Rules kept here:

1. A message says by itself which run it is about, and when: it may arrive late, beside those of other runs.
2. Exact amounts are decimal text, as everywhere; what is not known is said to be unknown.
3. A message is bounded: `MOST_CHARACTERS`. Services that carry less part it into several.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from perpmaker.domain.commands import Notice
from perpmaker.domain.instrument import Instrument
from perpmaker.monitor.alerts.kinds import MINUTE_NS, AlertKind, Severity
from perpmaker.monitor.view import About
from perpmaker.runtime.outcome import Outcome
from perpmaker.runtime.summary import Summary

MOST_CHARACTERS: Final = 6_000

_NS_PER_S: Final = 10**9
_CUT: Final = " …"


class Message(NamedTuple):
    """What a channel carries: plain text, lines parted by line breaks."""

    title: str
    body: str
    severity: Severity


def name_of(about: About) -> str:
    """The run as a title names it: whether it is live, and its market."""
    market = "" if about.market is None else f"{about.market} "
    return f"{about.mode.upper()} {market}{about.symbol} on {about.exchange}"


def message(kind: AlertKind, whose: str, text: str, at_ns: int, run_id: str | None) -> Message:
    """One alert. ``whose`` is a run by `name_of`, or what else it is about; ``at_ns`` when it happened."""
    when = f"{datetime.fromtimestamp(at_ns // _NS_PER_S, UTC):%Y-%m-%d %H:%M:%S} UTC"
    last = when if run_id is None else f"{when}, run {run_id}"
    room = MOST_CHARACTERS - len(last) - 1
    body = text if len(text) <= room else text[: room - len(_CUT)] + _CUT
    return Message(f"{whose}: {kind.name}", f"{body}\n{last}", kind.severity)


def of_notice(notice: Notice, instrument: Instrument) -> str:
    """What the maker found, and what it held then."""
    held = instrument.quantity(notice.position_lots)
    unrealized = instrument.money(notice.unrealized_quanta)
    standing = f"position {_signed(held)} {instrument.base}, unrealized {_signed(unrealized)} {instrument.quote}"
    return f"{notice.detail}\n{standing}" if notice.detail else standing


def of_end(summary: Summary, outcome: Outcome, error: Exception | None, instrument: Instrument) -> str:
    """The run in a few lines, and what is left to be done."""
    quote, base = instrument.quote, instrument.base
    net = summary.equity_end - summary.equity_start
    parts = (
        f"realized {_signed(summary.realized_pnl)}, unrealized {_signed(summary.unrealized_pnl)}, "
        f"fees {_signed(-summary.fees)}, funding {_signed(summary.funding)}"
    )
    lines = [
        f"ended after {_duration(summary.end_ns - summary.start_ns)}: {outcome.reason.value}",
        *([] if error is None else [f"unrecoverable error: {type(error).__name__}: {error}"]),
        *_left(outcome),
        f"net {_signed(net)} {quote}: {parts}",
        f"{summary.fills} fills, volume {summary.volume_quote:f} {quote}, maximum drawdown {summary.max_drawdown:f}",
        f"position {_signed(summary.position)} {base}",
    ]
    return "\n".join(lines)


def of_standing(position_lots: int, net_quanta: int | None, instrument: Instrument) -> str:
    """What a run holds, and what it has made since its start; None is not known."""
    net = "unknown" if net_quanta is None else f"{_signed(instrument.money(net_quanta))} {instrument.quote}"
    return f"position {_signed(instrument.quantity(position_lots))} {instrument.base}, net {net}"


def of_repeats(count: int, since_ns: int) -> str:
    """What was held back since an alert of the same kind was sent."""
    return f"{count} more like this since {datetime.fromtimestamp(since_ns // _NS_PER_S, UTC):%H:%M:%S}"


def _left(outcome: Outcome) -> list[str]:
    if outcome.orders_left is None:
        return ["the exchange could not be asked whether orders still rest: look there, and cancel them"]
    if outcome.orders_left:
        return [f"{outcome.orders_left} orders still rest at the exchange: cancel them there"]
    return []


def _signed(value: Decimal) -> str:
    """With its sign; zero has none."""
    return f"{value:+f}" if value else f"{abs(value):f}"


def _duration(span_ns: int) -> str:
    minutes, rest_ns = divmod(span_ns, MINUTE_NS)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest_ns // _NS_PER_S} s" if minutes else f"{rest_ns // _NS_PER_S} s"
