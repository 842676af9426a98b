"""Our account at the exchange: cash, fees, funding, margin, drawdown; exact in 64-bit integers.

Rules kept here:

1. Cash is in milliticks x lots, and the rest of it in parts per billion of one, so every fee and funding payment is
   booked exactly, whatever its rate.
2. An order is refused when, with it, ``exposure x mark x initial margin > equity``; the exposure is the larger of
   ``|position + open bids|`` and ``|position - open asks|``. Orders that can only reduce always pass.
3. The drawdown of the equity from its highest point is looked at whenever the mark or the account changes, in whole
   milliticks x lots (a finer rest is rounded down).
4. There is no liquidation: an account may go below zero, and then every order that adds exposure is refused.
"""

from typing import Final

from perpmaker.simulation import kernel_state as at
from perpmaker.simulation.jit import compiled
from perpmaker.simulation.kernel_state import Core

_BILLION: Final = 1_000_000_000
_MILLI: Final = 1_000
_MAX_EXPOSURE: Final = 10**18  # milliticks x lots: 10**15 tick-lots, see `terms.MAX_NOTIONAL`


@compiled
def book_fill(core: Core, sign: int, price: int, lots: int, fee_ppb: int) -> None:
    """Book one execution of ours; ``sign`` is +1 for a buy."""
    s = core.state
    notional = price * lots * _MILLI
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
    """Compare the equity with its highest point."""
    s = core.state
    equity = s[at.CASH] + s[at.POSITION] * s[at.MARK]
    if equity > s[at.PEAK]:
        s[at.PEAK] = equity
    elif s[at.PEAK] - equity > s[at.MAX_DRAWDOWN]:
        s[at.MAX_DRAWDOWN] = s[at.PEAK] - equity


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
    value = exposure * s[at.MARK]
    rest = (value % _BILLION) * s[at.MARGIN]
    needed = (value // _BILLION) * s[at.MARGIN] + rest // _BILLION
    equity = s[at.CASH] + position * s[at.MARK]
    return needed < equity or (needed == equity and rest % _BILLION <= s[at.CASH_REST])  # type: ignore[no-any-return]  # numpy element
