"""Checks that need no market data: settings, instrument, account and price are enough. Each is a pure function.

A finding here is arithmetic, not an estimate.
"""

from fractions import Fraction
from typing import Final

from perpmaker.advisor.case import Case
from perpmaker.advisor.finding import Finding, Harm
from perpmaker.advisor.wording import bp, money, number, percent
from perpmaker.quoting.skew import SkewMode

_LATE: Final = 5
"""A threshold beyond so many fillings of one side of the ladder acts late."""

_SUGGESTED_SKEW: Final = "0.5"


def spread_below_fees(case: Case) -> Finding | None:
    fee = Fraction(case.account.maker_fee)
    if case.terms.half_spread >= fee:
        return None
    loss = 2 * (fee - case.terms.half_spread) * case.price * case.order_size
    return Finding(
        "spread below fees",
        Harm.HARMFUL,
        "--spread",
        f"a round trip at level 1 earns {bp(2 * case.terms.half_spread)} and pays {bp(2 * fee)} in maker fees",
        f"every round trip of {number(case.order_size)} loses {money(loss)} {case.instrument.quote}",
        f"--spread above {bp(fee)}, plus what adverse selection costs",
    )


def stop_inside_ladder(case: Case) -> Finding | None:
    """The loss limit at the cap against the distance of level 1: no data needed."""
    stop = Fraction(case.settings.stop_loss)
    if not stop:
        return None
    distance = stop / case.cap
    if distance >= case.half_spread:
        return None
    better = case.half_spread * case.cap
    return Finding(
        "stop inside ladder",
        Harm.HARMFUL,
        "--stop-loss",
        f"a full position of {number(case.cap)} {case.instrument.base} is stopped out by a move of {number(distance)} "
        f"{case.instrument.quote}, {percent(distance / case.half_spread)} of the distance to level 1",
        "the stop closes at market, with taker fees, long before a single quote could earn the loss back",
        f"--stop-loss {money(better)} or more, or a smaller --max-position",
    )


def take_below_fees(case: Case) -> Finding | None:
    take = Fraction(case.settings.take_profit)
    if not take:
        return None
    account = case.account
    fees = (Fraction(account.maker_fee) + Fraction(account.taker_fee)) * case.price * case.cap
    if take >= fees:
        return None
    return Finding(
        "take below fees",
        Harm.HARMFUL,
        "--take-profit",
        f"closing a full position costs {money(fees)} {case.instrument.quote} in fees (in as maker, out as taker), "
        f"the target is {money(take)}",
        "at the cap every target that is hit is a loss after fees",
        f"--take-profit {money(2 * fees)} or more, or 0 to turn it off",
    )


def threshold_beyond_cap(case: Case) -> Finding | None:
    if case.terms.threshold_lots < case.terms.max_position_lots or not case.terms.skew_strength:
        return None
    return Finding(
        "threshold beyond cap",
        Harm.HARMFUL,
        "--position-threshold",
        f"the threshold of {number(case.settings.position_threshold)} is not below the cap of {number(case.cap)}",
        "skew acts only beyond the threshold, and the position never gets there: --inventory-skew does nothing",
        f"--position-threshold {number(case.cap / 4)} or less",
    )


def skew_does_not_return(case: Case) -> Finding | None:
    if case.settings.skew_mode is not SkewMode.PRINTED or not case.terms.skew_strength:
        return None
    return Finding(
        "printed mode does not return",
        Harm.RISKY,
        "--skew-mode",
        "`printed` moves bids and asks apart when long, and together when short",
        "long, buying gets rarer, but selling as well: it does not bring the position back (docs/skew.md)",
        "--skew-mode shift",
    )


def skew_is_off(case: Case) -> Finding | None:
    if case.terms.skew_strength:
        return None
    return Finding(
        "skew is off",
        Harm.RISKY,
        "--inventory-skew",
        "quotes never react to the position",
        f"the position is a random walk that ends at the cap of {number(case.cap)} {case.instrument.base}; "
        "the threshold changes nothing",
        f"--inventory-skew {_SUGGESTED_SKEW}",
    )


def no_loss_limit(case: Case) -> Finding | None:
    settings = case.settings
    if settings.stop_loss or settings.max_loss or settings.max_drawdown:
        return None
    move = case.cap * case.price / 10
    return Finding(
        "no limit to the loss",
        Harm.RISKY,
        "--stop-loss",
        "neither --stop-loss nor --max-loss nor --max-drawdown is set",
        f"a move of 10 % against a full position loses {money(move)} {case.instrument.quote} and nothing ends it",
        f"--max-loss {money(move / 2)}, or any limit that you can bear",
    )


def threshold_acts_late(case: Case) -> Finding | None:
    terms = case.terms
    if not terms.skew_strength or terms.threshold_lots >= terms.max_position_lots:
        return None
    side_lots = terms.order_lots * terms.levels
    if terms.threshold_lots <= _LATE * side_lots:
        return None
    return Finding(
        "threshold acts late",
        Harm.NOTE,
        "--position-threshold",
        f"skew begins after more than {terms.threshold_lots // side_lots} fillings of a whole side "
        f"({number(case.settings.position_threshold)} against {number(case.order_size * terms.levels)})",
        "until then the position is a random walk",
        f"--position-threshold {number(2 * case.order_size * terms.levels)}",
    )


def target_without_skew(case: Case) -> Finding | None:
    if not case.terms.target_lots or case.terms.skew_strength:
        return None
    return Finding(
        "target without skew",
        Harm.RISKY,
        "--target-position",
        f"the target of {number(case.settings.target_position)} has no effect while --inventory-skew is 0",
        "only skew leans quotes towards the target",
        f"--inventory-skew {_SUGGESTED_SKEW}, or --target-position 0",
    )


def ladder_beyond_cap(case: Case) -> Finding | None:
    terms = case.terms
    if terms.order_lots * terms.levels <= terms.max_position_lots:
        return None
    fits = terms.max_position_lots // terms.order_lots
    return Finding(
        "ladder beyond cap",
        Harm.NOTE,
        "--max-orders",
        f"{terms.levels} levels of {number(case.order_size)} are more than the cap of {number(case.cap)}",
        f"from flat only {fits} whole level{'' if fits == 1 else 's'} a side can rest",
        f"--max-orders {max(1, fits)}, or a smaller --quantity",
    )


def levels_on_one_tick(case: Case) -> Finding | None:
    step_ticks = case.half_spread / Fraction(case.instrument.tick_size)
    if case.terms.levels == 1 or step_ticks >= 1:
        return None
    return Finding(
        "levels on one tick",
        Harm.RISKY,
        "--spread",
        f"levels are {number(step_ticks)} ticks apart, and a price has whole ticks",
        "several levels stand at one price: it is one larger order",
        f"--max-orders 1, or --spread {bp(Fraction(case.instrument.tick_size) / case.price)} or more",
    )


def margin_below_cap(case: Case) -> Finding | None:
    needed = case.cap * case.price * case.initial_margin
    balance = Fraction(case.account.balance)
    if needed <= balance:
        return None
    carried = balance / (case.price * case.initial_margin)
    return Finding(
        "margin below cap",
        Harm.RISKY,
        "--max-position",
        f"the cap needs {money(needed)} {case.instrument.quote} of initial margin, the account has {money(balance)}",
        f"margin, not --max-position, ends the quoting at about {number(carried)} {case.instrument.base}",
        f"--max-position {number(carried)}, more balance, or more leverage",
    )


def liquidated_before_stop(case: Case) -> Finding | None:
    distance = liquidation_distance(case)
    if distance is None:
        return None
    stop = Fraction(case.settings.stop_loss) / case.cap / case.price
    if stop and stop < distance:
        return None
    return Finding(
        "liquidation before the stop",
        Harm.HARMFUL if stop else Harm.NOTE,
        "--stop-loss",
        f"at the cap the account is liquidated by a move of {percent(distance)}"
        + (f", the stop waits for {percent(stop)}" if stop else ", and there is no stop"),
        "a liquidation closes at any price and costs its own fee",
        f"--stop-loss below {money(distance * case.cap * case.price)}, or a smaller --max-position",
    )


def liquidation_distance(case: Case) -> Fraction | None:
    """The move against a full position, entered now, at which equity meets the maintenance margin; None where never.

    Solves ``balance - c d = m c (1 -+ d)`` for the side that comes first, c being the value at the cap: the short,
    whose position grows as it loses.
    """
    maintenance = Fraction(case.account.maintenance_margin)
    if not maintenance:
        return None
    value = case.cap * case.price
    return max(Fraction(0), (Fraction(case.account.balance) / value - maintenance) / (1 + maintenance))
