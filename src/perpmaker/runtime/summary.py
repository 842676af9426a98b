"""The result of a run: one record, exact, and the same bytes for the same run.

Rules kept here:

1. Money, sizes and prices are exact decimals, written to JSON as strings; nothing of them ever passes through a float.
2. ``equity_end - equity_start == realized_pnl + unrealized_pnl - fees + funding``, to the last digit; a summary for
   which this does not hold cannot be made.
3. JSON keeps the order of the fields. Two equal runs give equal bytes, but for ``wall_s`` and ``events_per_s``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Context, Decimal
from fractions import Fraction
from typing import Final

from perpmaker.domain.events import EndReason
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.position import Position
from perpmaker.runtime.statistics import RunStatistics

_ENTRY_DECIMALS: Final = 12
_NS_PER_S: Final = 1_000_000_000
_WALL_FIELDS: Final = frozenset({"wall_s", "events_per_s"})

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What was run, and how it ended.

    ``mode`` is ``simulation``, ``backtest``, ``paper`` or ``live``; ``settings`` are as they took effect, by flag name;
    ``notices`` what the run told its user along the way.
    """

    end_reason: EndReason
    mode: str
    exchange: str
    symbol: str
    seed: int | None
    version: str
    settings: Mapping[str, str]
    notices: Sequence[str]

    def as_json(self) -> dict[str, Json]:
        return {
            "end_reason": self.end_reason.value,
            "mode": self.mode,
            "exchange": self.exchange,
            "symbol": self.symbol,
            "seed": self.seed,
            "version": self.version,
            "settings": dict(self.settings),
            "notices": list(self.notices),
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """A finished run in figures.

    Units: ``equity_*``, ``*_pnl``, ``fees`` (paid > 0), ``funding`` (received > 0), ``volume_quote`` and
    ``max_drawdown`` are quote currency; ``position`` (signed), ``volume_base`` and ``max_abs_position`` are base
    currency; ``avg_entry_price`` is quote per base, to 12 places, None when flat; ``time_at_cap_s`` is venue seconds;
    ``two_sided_uptime`` is a share of the run's venue time, 0 to 1; ``wall_s`` is seconds of our own.

    Raises:
        ValueError: the figures contradict rule 2.
    """

    equity_start: Decimal
    equity_end: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    fees: Decimal
    funding: Decimal
    position: Decimal
    avg_entry_price: Decimal | None
    fills: int
    buys: int
    sells: int
    volume_base: Decimal
    volume_quote: Decimal
    orders_placed: int
    orders_cancelled: int
    orders_rejected: int
    requests: int
    max_abs_position: Decimal
    max_drawdown: Decimal
    time_at_cap_s: float
    two_sided_uptime: float
    stops: int
    takes: int
    start_ns: int
    end_ns: int
    events: int
    wall_s: float
    events_per_s: float
    run: RunFacts

    def __post_init__(self) -> None:
        gained = Fraction(self.equity_end) - Fraction(self.equity_start)
        earned = Fraction(self.realized_pnl) + Fraction(self.unrealized_pnl)
        earned += Fraction(self.funding) - Fraction(self.fees)
        if gained != earned:
            raise ValueError(
                f"the equity went from {self.equity_start} to {self.equity_end}, but realized {self.realized_pnl} + "
                f"unrealized {self.unrealized_pnl} - fees {self.fees} + funding {self.funding} does not explain it; "
                "the venue's books and the run's books differ"
            )

    def as_json(self, *, with_wall: bool = True) -> dict[str, Json]:
        """Everything as JSON values, in field order; ``with_wall=False`` leaves out what differs between equal runs."""
        names = [f.name for f in fields(self) if f.name != "run" and (with_wall or f.name not in _WALL_FIELDS)]
        values: dict[str, Json] = {name: _json_value(getattr(self, name)) for name in names}
        return {**values, "run": self.run.as_json()}

    def to_json(self, *, with_wall: bool = True) -> str:
        """The same as text, indented, without a newline at its end."""
        return json.dumps(self.as_json(with_wall=with_wall), indent=2, ensure_ascii=False)


def summarize(
    statistics: RunStatistics,
    *,
    equity_start_quanta: int,
    mark_milliticks: int,
    max_drawdown_quanta: int,
    requests: int,
    end_ns: int,
    events: int,
    wall_s: float,
    run: RunFacts,
) -> Summary:
    """The summary of a run that is over.

    Args:
        statistics: what the run counted.
        equity_start_quanta: the account when the run started.
        mark_milliticks: the last mark, at which an open position is valued (any value when flat).
        max_drawdown_quanta: the deepest fall of equity from its highest point before, >= 0.
        requests: messages sent to the venue (a batch is one).
        end_ns: when the run ended, venue time.
        events: market events that went through the run.
        wall_s: how long it took, seconds.
        run: what was run.
    """
    money, quantity = statistics.instrument.money, statistics.instrument.quantity
    position = statistics.position
    span_ns = end_ns - statistics.start_ns
    return Summary(
        equity_start=money(equity_start_quanta),
        equity_end=money(equity_start_quanta + position.profit_quanta(mark_milliticks)),
        realized_pnl=money(position.realized_quanta),
        unrealized_pnl=money(position.unrealized_quanta(mark_milliticks)),
        fees=money(position.fees_quanta),
        funding=money(position.funding_quanta),
        position=quantity(position.lots),
        avg_entry_price=average_entry_price(statistics.instrument, position),
        fills=statistics.fills,
        buys=statistics.buys,
        sells=statistics.sells,
        volume_base=quantity(statistics.volume_lots),
        volume_quote=money(statistics.volume_quanta),
        orders_placed=statistics.orders_placed,
        orders_cancelled=statistics.orders_cancelled,
        orders_rejected=statistics.orders_rejected,
        requests=requests,
        max_abs_position=quantity(statistics.max_abs_position_lots),
        max_drawdown=money(max_drawdown_quanta),
        time_at_cap_s=statistics.at_cap_ns(end_ns) / _NS_PER_S,
        two_sided_uptime=statistics.two_sided_ns(end_ns) / span_ns if span_ns > 0 else 0.0,
        stops=statistics.stops,
        takes=statistics.takes,
        start_ns=statistics.start_ns,
        end_ns=end_ns,
        events=events,
        wall_s=wall_s,
        events_per_s=events / wall_s if wall_s > 0 else 0.0,
        run=run,
    )


def average_entry_price(instrument: Instrument, position: Position) -> Decimal | None:
    """Cost of the open position per unit of base currency, to 12 places, half to even; None when flat."""
    if position.lots == 0:
        return None
    cost = Fraction(instrument.money(position.cost_quanta))
    price = cost / (position.lots * Fraction(instrument.lot_size))
    scaled = round(price * 10**_ENTRY_DECIMALS)
    exact = Context(prec=len(str(scaled)) + _ENTRY_DECIMALS)
    return Decimal(scaled).scaleb(-_ENTRY_DECIMALS, exact).normalize(exact)


def _json_value(value: Decimal | float | None) -> Json:
    return f"{value:f}" if isinstance(value, Decimal) else value
