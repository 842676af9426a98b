"""Our account at the exchange: cash, fees, funding, margin, drawdown, fee tiers; exact in 64-bit integers.

Rules kept here:

1. Cash is in milliticks x lots, and the rest of it in parts per billion of one, so every fee and funding payment is
   booked exactly, whatever its rate.
2. An order is refused when, with it, ``exposure x mark x initial margin > equity``; the exposure is the larger of
   ``|position + open bids|`` and ``|position - open asks|``. Orders that can only reduce always pass.
3. The drawdown of the equity from its highest point is looked at whenever the mark or the account changes, in whole
   milliticks x lots (a finer rest is rounded down).
4. An account is below its maintenance margin when ``equity < |position| x mark x maintenance margin``; this is looked
   at whenever the mark or the account changes, with the same mark as rule 2. What follows is rule 17 of `kernel_fill`.
   With a maintenance margin of 0 it never is: an account may then go below zero, and every order that adds exposure is
   refused.
5. Fees follow from what we traded (maker and taker, in ticks x lots) on the 30 UTC days before the current one: the
   last tier whose volume was reached holds all day; below the first, the fees of the terms. Money that moved before
   the start counts as traded on the day before.
"""

from typing import Final

from perpmaker.simulation import kernel_state as at
from perpmaker.simulation.jit import compiled
from perpmaker.simulation.kernel_state import Core

_BILLION: Final = 1_000_000_000
_MILLI: Final = 1_000
_MAX_EXPOSURE: Final = 10**18  # milliticks x lots: 10**15 tick-lots, see `terms.MAX_NOTIONAL`
_MAX_DAY_VOLUME: Final = 10**17  # ticks x lots: 30 such days fit; no tier begins beyond it, see `fee_tiers`
_DAY_NS: Final = 86_400 * 10**9


@compiled
def book_fill(core: Core, sign: int, price: int, lots: int, fee_ppb: int) -> None:
    """Book one execution of ours; ``sign`` is +1 for a buy."""
    s = core.state
    notional = price * lots * _MILLI
    s[at.DAY_VOLUME] = min(s[at.DAY_VOLUME] + price * lots, _MAX_DAY_VOLUME)
    s[at.POSITION] += sign * lots
    s[at.CASH] -= sign * notional
    _pay(core, notional, fee_ppb)


@compiled
def book_funding(core: Core, mark: int, rate_ppb: int) -> None:
    """Longs pay ``position x mark x rate``, shorts receive it (a negative rate turns it round)."""
    _pay(core, core.state[at.POSITION] * mark, rate_ppb)
    watch_drawdown(core)


@compiled
def _pay(core: Core, amount: int, rate_ppb: int) -> None:
    """Take ``amount x rate`` from the cash. Split by billions: the plain product would not fit."""
    s = core.state
    rest = s[at.CASH_REST] - (amount % _BILLION) * rate_ppb
    s[at.CASH] += rest // _BILLION - (amount // _BILLION) * rate_ppb
    s[at.CASH_REST] = rest % _BILLION


@compiled
def watch_drawdown(core: Core) -> None:
    """Compare the equity with its highest point, and with the maintenance margin."""
    s = core.state
    equity = s[at.CASH] + s[at.POSITION] * s[at.MARK]
    if equity > s[at.PEAK]:
        s[at.PEAK] = equity
    elif s[at.PEAK] - equity > s[at.MAX_DRAWDOWN]:
        s[at.MAX_DRAWDOWN] = s[at.PEAK] - equity
    if s[at.MAINTENANCE] > 0:
        _watch_margin(core)


@compiled
def _watch_margin(core: Core) -> None:
    """Rule 4: the liquidation comes before anything later than this instant, hence `NEXT_DUE`."""
    s = core.state
    held = abs(s[at.POSITION])
    s[at.IS_LIQUIDATION_DUE] = 0
    if held > 0 and not _covers(core, held * s[at.MARK], s[at.MAINTENANCE]):
        s[at.IS_LIQUIDATION_DUE] = 1
        s[at.NEXT_DUE] = min(s[at.NEXT_DUE], s[at.NOW])


@compiled
def turn_fee_day(core: Core) -> None:
    """Another day: what was traded on the days before it decides the fees. Called before a fill is booked."""
    s = core.state
    day = s[at.NOW] // _DAY_NS
    s[at.DAY_VOLUMES + s[at.FEE_DAY] % at.DAYS_COUNTED] = s[at.DAY_VOLUME]
    s[at.DAY_VOLUME] = 0
    for idle in range(s[at.FEE_DAY] + 1, min(day, s[at.FEE_DAY] + 1 + at.DAYS_COUNTED)):
        s[at.DAY_VOLUMES + idle % at.DAYS_COUNTED] = 0
    s[at.FEE_DAY] = day
    s[at.FEE_DAY_END] = (day + 1) * _DAY_NS
    volume = 0
    for place in range(at.DAYS_COUNTED):
        volume += s[at.DAY_VOLUMES + place]
    for tier in range(at.TIERS, at.TIERS + 3 * s[at.TIER_COUNT], 3):
        if s[tier] <= volume:
            s[at.MAKER_FEE] = s[tier + 1]
            s[at.TAKER_FEE] = s[tier + 2]


@compiled
def has_margin(core: Core, side: int, lots: int) -> bool:
    """Whether the account carries one more order of this size."""
    s = core.state
    bids, asks = 0, 0
    for order in range(s[at.ORDER_COUNT]):
        if core.orders[order, at.SIDE] == at.BUYS:
            bids += core.orders[order, at.LEFT]
        else:
            asks += core.orders[order, at.LEFT]
    if side == at.BUYS:
        bids += lots
    else:
        asks += lots
    position = s[at.POSITION]
    if (side == at.BUYS and bids <= -position) or (side == at.SELLS and asks <= position):
        return True
    exposure = max(abs(position + bids), abs(position - asks))
    if exposure > _MAX_EXPOSURE // s[at.MARK]:
        return False
    return _covers(core, exposure * s[at.MARK], s[at.MARGIN])


@compiled
def _covers(core: Core, value: int, fraction_ppb: int) -> bool:
    """Whether the equity is at least this fraction of a value in milliticks x lots, to the last quantum."""
    s = core.state
    rest = (value % _BILLION) * fraction_ppb
    needed = (value // _BILLION) * fraction_ppb + rest // _BILLION
    equity = s[at.CASH] + s[at.POSITION] * s[at.MARK]
    return needed < equity or (needed == equity and rest % _BILLION <= s[at.CASH_REST])  # type: ignore[no-any-return]  # numpy element
