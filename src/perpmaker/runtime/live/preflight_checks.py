"""What is examined before a live run, one pure function a check: answers of the venue in, one sentence out.

Rules kept here:

1. Every sentence says what was found; one that is not good says what to do.
2. A warning does not stop a start: the run would work, and worse than its trader may think.
3. What the run itself would refuse later is refused here, by the same code where there is one.
"""

from collections.abc import Collection, Sequence
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Final, NamedTuple

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.instrument import Instrument
from perpmaker.maker.settings import StrategySettings, StrategyTerms, margin_rate_ppb
from perpmaker.risk.budgets import BudgetLimits
from perpmaker.risk.capacity import caps
from perpmaker.venues.port import AccountState, ClockReading, MarketTerms, VenueOrder, VenuePosition

OFFSET_WARNING_NS: Final = 1_000_000_000
"""Requests are stamped with the venue's time, so an offset costs nothing at first; days and the journal follow ours."""

OFFSET_LIMIT_NS: Final = 30_000_000_000
ROUND_TRIP_WARNING_NS: Final = 1_000_000_000


class Status(Enum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "not checked"


class Check(NamedTuple):
    """One line of the checklist; ``detail`` is a sentence without its full stop."""

    name: str
    status: Status
    detail: str


class Protections(NamedTuple):
    """Limits on losses that a run has beside its strategy, quote currency.

    ``none_wanted`` is --no-loss-limit, ``budgets`` are those of the fleet that it is in.
    """

    max_daily_loss: Decimal = Decimal(0)
    none_wanted: bool = False
    budgets: BudgetLimits = BudgetLimits()


def reachable(host: str, reading: ClockReading) -> Check:
    """The venue has answered, over a connection whose certificate is valid."""
    round_trip_ns = reading.received_ns - reading.sent_ns
    if round_trip_ns > ROUND_TRIP_WARNING_NS:
        return Check(
            "reachable",
            Status.WARNING,
            f"{host} took {_ms(round_trip_ns)} to answer: run closer to it, or widen --spread",
        )
    return Check("reachable", Status.OK, f"{host} answers in {_ms(round_trip_ns)}")


def clock(reading: ClockReading) -> Check:
    """How far our clock is from the venue's."""
    offset_ns = reading.offset_ns
    size_ns = abs(offset_ns)
    where = "behind" if offset_ns > 0 else "ahead of"
    found = f"this machine's clock is {_ms(size_ns)} {where} the venue's"
    if size_ns > OFFSET_LIMIT_NS:
        return Check("clock", Status.FAILED, f"{found}: set it first (`timedatectl set-ntp true`)")
    if size_ns > OFFSET_WARNING_NS:
        return Check("clock", Status.WARNING, f"{found}: requests are corrected for it; set it all the same")
    return Check("clock", Status.OK, found)


def symbol(terms: MarketTerms) -> Check:
    instrument = terms.instrument
    most = (
        "no maximum" if terms.max_lots is None else f"maximum {instrument.quantity(terms.max_lots)} {instrument.base}"
    )
    return Check(
        "symbol",
        Status.OK,
        f"{instrument.symbol}: tick {instrument.tick_size}, lot {instrument.lot_size}, minimum "
        f"{instrument.min_quantity} {instrument.base}, {most}",
    )


def market_open(terms: MarketTerms) -> Check:
    if terms.is_tradable:
        return Check("market", Status.OK, f"open for trading ({terms.status})")
    return Check(
        "market",
        Status.FAILED,
        f"{terms.instrument.symbol} cannot be traded now, the venue says {terms.status!r}: wait, or choose another",
    )


def sizes(settings: StrategySettings, terms: MarketTerms) -> Check:
    """Quantity and cap against lot, minimum and maximum, by the same code as the run itself."""
    instrument = terms.instrument
    try:
        wanted = StrategyTerms.of(settings, instrument, Decimal(0), Decimal(1))
    except InvalidSettingError as error:
        return Check("sizes", Status.FAILED, str(error))
    if terms.max_lots is not None and wanted.order_lots > terms.max_lots:
        most = instrument.quantity(terms.max_lots)
        return Check(
            "sizes", Status.FAILED, f"--quantity {settings.quantity}: is above the venue's largest order of {most}"
        )
    if terms.max_lots is not None and wanted.max_position_lots > terms.max_lots:
        most = instrument.quantity(terms.max_lots)
        return Check(
            "sizes",
            Status.WARNING,
            f"--max-position {settings.max_position}: is above the venue's largest order of {most}, so that a stop "
            "closes in several orders; lower it to close in one",
        )
    return Check("sizes", Status.OK, f"{wanted.levels} orders a side of {settings.quantity} {instrument.base}")


def permissions(account: AccountState, _has_right: bool, is_paper: bool) -> Check:
    """The venue has answered with these keys, and has not refused a change for want of a right."""
    if is_paper:
        return Check("permissions", Status.OK, "paper: no keys are read, and no order leaves")
    if account.can_trade:
        return Check("permissions", Status.OK, "the keys are valid and may trade")
    return Check(
        "permissions",
        Status.FAILED,
        "the keys are valid and may not trade: allow trading for this API key at the venue, or make one that may",
    )


def fees(settings: StrategySettings, account: AccountState) -> Check:
    """A round trip earns the spread twice, once on each side, and pays the maker fee twice."""
    maker, spread = account.maker_fee, settings.spread
    found = f"maker {_bp(maker)}, taker {_bp(account.taker_fee)}"
    if maker >= spread:
        return Check(
            "fees",
            Status.WARNING,
            f"{found}: a round trip earns {_bp(2 * spread)} and pays {_bp(2 * maker)}, so it loses; set --spread "
            f"above {_bp(maker)}",
        )
    return Check("fees", Status.OK, f"{found}: a round trip of level 1 leaves {_bp(2 * (spread - maker))}")


def margin(terms: MarketTerms, account: AccountState) -> Check:
    quote = terms.instrument.quote
    found = (
        f"equity {account.equity:f} {quote}, free {account.free_margin:f}, leverage {account.leverage.normalize():f}"
    )
    if account.equity <= 0 or account.free_margin <= 0:
        return Check("margin", Status.FAILED, f"{found}: there is nothing to trade with; deposit {quote}")
    if account.leverage < 1:
        return Check("margin", Status.FAILED, f"{found}: the leverage must be at least 1; set it at the venue")
    at_most = Fraction(10**9, terms.initial_margin_ppb) if terms.initial_margin_ppb else Fraction(account.leverage)
    if at_most < Fraction(account.leverage):
        return Check("margin", Status.OK, f"{found}, of which this market allows {float(at_most):g}")
    return Check("margin", Status.OK, found)


def position(settings: StrategySettings | None, terms: MarketTerms, held: VenuePosition) -> Check:
    """What the account holds is kept and continued."""
    instrument = terms.instrument
    if held.lots == 0:
        return Check("position", Status.OK, "flat")
    quantity = instrument.quantity(held.lots)
    found = f"{quantity:+} {instrument.base} at {held.entry_price.normalize():f}, which the run continues"
    if settings is not None and abs(quantity) > settings.max_position:
        return Check(
            "position",
            Status.WARNING,
            f"{found}; it is above --max-position {settings.max_position}, so only the side that reduces it is quoted",
        )
    return Check("position", Status.OK, found)


def orders(resting: Sequence[VenueOrder], running: Collection[int], dead: Collection[int]) -> Check:
    """Whose orders rest: those of dead runs of ours are cleaned up at the start, all others are left alone."""
    ours = [order for order in resting if order.tag in dead]
    of_running = [order for order in resting if order.tag in running]
    foreign = [order for order in resting if order.tag not in dead and order.tag not in running]
    parts = []
    if ours:
        parts.append(f"{_count(ours)} of a run of ours that died: cancelled at the start")
    if foreign:
        names = ", ".join(order.client_id or order.venue_id for order in foreign[:_NAMED])
        more = f" and {len(foreign) - _NAMED} more" if len(foreign) > _NAMED else ""
        parts.append(f"{_count(foreign)} of somebody else ({names}{more}): left alone")
    if of_running or running:
        parts.append(f"{_count(of_running)} of a run of ours that is trading here now: end it first, or let it run")
        return Check("orders", Status.FAILED, "; ".join(parts))
    return Check("orders", Status.WARNING if foreign else Status.OK, "; ".join(parts) or "none rest")


_NAMED: Final = 3


def capacity(
    settings: StrategySettings, terms: MarketTerms, account: AccountState, held: VenuePosition, price_milliticks: int
) -> Check:
    """What the free margin carries, beside what the position uses already, at the price of now."""
    instrument = terms.instrument
    rate_ppb = max(margin_rate_ppb(max(account.leverage, Decimal(1))), terms.initial_margin_ppb)
    needed = _margin(instrument, instrument.quantity_to_lots(settings.max_position), price_milliticks, rate_ppb)
    there = account.free_margin + _margin(instrument, abs(held.lots), price_milliticks, rate_ppb)
    most = instrument.quantity_to_lots(settings.max_position)
    carried = caps(most, instrument.money_to_quanta(there), price_milliticks, rate_ppb).lots
    found = (
        f"the cap of {settings.max_position} {instrument.base} needs {needed:.2f} {instrument.quote} of margin, "
        f"{there:.2f} is there"
    )
    quantity = instrument.quantity(carried)
    if carried < instrument.min_lots:
        return Check(
            "capacity",
            Status.FAILED,
            f"{found}, less than for the smallest order: deposit {instrument.quote} or raise the leverage",
        )
    if carried < min(most, instrument.quantity_to_lots(settings.quantity) * settings.max_orders):
        return Check("capacity", Status.WARNING, f"{found}: only {quantity} of the ladder fits on a side; lower it")
    if carried < most:
        return Check("capacity", Status.WARNING, f"{found}: the position will stop at {quantity}; lower --max-position")
    return Check("capacity", Status.OK, found)


def loss_limits(settings: StrategySettings, protections: Protections) -> Check:
    """A live start without any limit on losses must be asked for."""
    limits = {
        "--stop-loss": settings.stop_loss,
        "--max-drawdown": settings.max_drawdown,
        "--max-loss": settings.max_loss,
        "--max-daily-loss": protections.max_daily_loss,
        "[budgets] max_drawdown": protections.budgets.max_drawdown,
        "[budgets] max_daily_loss": protections.budgets.max_daily_loss,
    }
    present = [f"{name} {value}" for name, value in limits.items() if value]
    if present:
        return Check("loss limits", Status.OK, ", ".join(present))
    if protections.none_wanted:
        return Check("loss limits", Status.WARNING, "none, as --no-loss-limit says")
    return Check(
        "loss limits",
        Status.FAILED,
        "there is none: give --stop-loss, --max-loss or --max-daily-loss, or say --no-loss-limit",
    )


def latches(sentences: Sequence[str]) -> Check:
    """Stops of earlier runs that nobody has cleared."""
    if not sentences:
        return Check("latches", Status.OK, "no stop of an earlier run is in force")
    return Check(
        "latches", Status.FAILED, f"{'; '.join(sentences)}: when that is understood, run `perpmaker clear` and start"
    )


def _margin(instrument: Instrument, lots: int, price_milliticks: int, rate_ppb: int) -> Decimal:
    return instrument.money(lots * price_milliticks * rate_ppb)  # milliticks x ppb x lots: quanta, see domain.money


def _count(these: Sequence[VenueOrder]) -> str:
    return f"{len(these)} order{'' if len(these) == 1 else 's'}"


def _bp(share: Decimal) -> str:
    return f"{(share * 10_000).normalize():f} bp"


def _ms(time_ns: int) -> str:
    return f"{time_ns / 1_000_000:,.0f} ms"
