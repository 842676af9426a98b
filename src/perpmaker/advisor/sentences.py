"""What each setting does here: one sentence a setting, with this market's numbers.

Rules kept here:

1. Every setting of the strategy has its sentence, also one that is off: a test holds the list against the settings.
2. A sentence says what will happen, not what the setting is called.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from perpmaker.advisor.case import SECONDS_PER_HOUR, Case
from perpmaker.advisor.wording import Number, bp, duration, money, number, percent
from perpmaker.domain.reference import ReferencePrice
from perpmaker.maker.settings import AfterStop, Recenter
from perpmaker.quoting.skew import SkewMode


def sentences(case: Case) -> dict[str, str]:
    """The sentences by the name of the setting, in the order of `SENTENCES`."""
    return {name: sentence(case) for name, sentence in SENTENCES.items()}


def _quote(case: Case, amount: Number) -> str:
    return f"{money(amount)} {case.instrument.quote}"


def _base(case: Case, size: Number) -> str:
    return f"{number(size)} {case.instrument.base}"


def _spread(case: Case) -> str:
    half = case.terms.half_spread
    ticks = case.half_spread / Fraction(case.instrument.tick_size)
    return (
        f"level 1 rests {percent(half)} = {bp(half)} = {_quote(case, case.half_spread)} "
        f"({number(ticks)} ticks) from the price on each side, level i at i times that; "
        f"a round trip at level 1 earns {_quote(case, 2 * case.half_spread * case.order_size)} before fees"
    )


def _quantity(case: Case) -> str:
    value = case.order_size * case.price
    return f"each level rests {_base(case, case.order_size)}, worth {_quote(case, value)}"


def _max_orders(case: Case) -> str:
    levels = case.terms.levels
    side = levels * case.order_size
    return (
        f"{levels} level{'' if levels == 1 else 's'} a side, {_base(case, side)} together; "
        f"the outermost is {percent(levels * case.terms.half_spread)} away"
    )


def _target_position(case: Case) -> str:
    if not case.terms.target_lots:
        return "the position is brought back to flat, where skew is on"
    if not case.terms.skew_strength:
        return "no effect: only skew leans towards a target, and it is off"
    target = number(case.settings.target_position)
    return f"skew lets a long position stay at +{target} and a short one at -{target}; it does not create one"


def _max_position(case: Case) -> str:
    fills = -(-case.terms.max_position_lots // case.terms.order_lots)
    return (
        f"never more than {_base(case, case.cap)} long or short "
        f"({_quote(case, case.cap * case.price)}): {fills} fills of one side in a row lead there, then only "
        "the reducing side is quoted"
    )


def _position_threshold(case: Case) -> str:
    if not case.terms.skew_strength:
        return "no effect: it says where skew begins, and skew is off; nothing is closed at the threshold"
    fills = case.terms.threshold_lots // case.terms.order_lots + 1
    return (
        f"skew begins when the position is more than {number(case.settings.position_threshold)} away from the target: "
        f"after {fills} fill{'' if fills == 1 else 's'} of one side in a row; nothing is closed there"
    )


def _inventory_skew(case: Case) -> str:
    if not case.terms.skew_strength:
        return "off: quotes do not react to the position"
    at_cap = case.terms.skew_strength * 2 * case.terms.half_spread
    return f"leans the quotes by up to {bp(at_cap)} ({_quote(case, at_cap * case.price)}) at the cap"


def _skew_mode(case: Case) -> str:
    if case.settings.skew_mode is SkewMode.SHIFT:
        return "long, both sides move down: selling is nearer, buying further; short, both move up"
    return "long, bids move down and asks up: the spread widens; short, it narrows. It does not bring the position back"


def _stop_loss(case: Case) -> str:
    stop = Fraction(case.settings.stop_loss)
    if not stop:
        return "off: no loss closes the position"
    return (
        f"closes everything at market when the open position has lost {_quote(case, stop)}: a move of "
        f"{percent(stop / case.cap / case.price)} at the cap, "
        f"{percent(stop / case.order_size / case.price)} with one fill held"
    )


def _take_profit(case: Case) -> str:
    take = Fraction(case.settings.take_profit)
    if not take:
        return "off: no gain closes the position"
    return (
        f"closes everything at market when the open position has gained {_quote(case, take)}: a move of "
        f"{percent(take / case.cap / case.price)} at the cap"
    )


def _after_stop(case: Case) -> str:
    if case.settings.after_stop is AfterStop.HALT:
        return "after a stop or a take the run ends"
    return f"after a stop or a take it waits {number(case.settings.interval_s)} s and quotes again"


def _max_drawdown(case: Case) -> str:
    limit = case.settings.max_drawdown
    return f"ends the run {_quote(case, limit)} below the highest equity" if limit else "off"


def _max_loss(case: Case) -> str:
    limit = case.settings.max_loss
    return f"ends the run when it has lost {_quote(case, limit)} in all" if limit else "off"


def _recenter(case: Case) -> str:
    if case.settings.recenter is Recenter.INTERVAL:
        seconds = number(case.settings.interval_s)
        return f"every {seconds} s the quotes move to the price, so a slow move never reaches them"
    return "the quotes stay where they are until a fill, a stop or a change of skew (or --max-drift)"


def _max_drift(case: Case) -> str:
    drift = Fraction(case.settings.max_drift)
    if case.settings.recenter is Recenter.INTERVAL:
        return "no effect: the quotes follow the price anyway"
    return (
        f"the quotes follow once the price is {percent(drift)} away" if drift else "off: the quotes wait, however far"
    )


def _reference(case: Case) -> str:
    words = {
        ReferencePrice.MID: "the middle between best bid and best offer",
        ReferencePrice.MICRO: "the middle weighted by the sizes of best bid and offer",
        ReferencePrice.LAST: "the last trade",
        ReferencePrice.MARK: "the exchange's mark price",
    }
    return f"the price is {words[case.settings.reference]}"


def _close_on_exit(case: Case) -> str:
    return (
        "the position is closed at market at the end"
        if case.settings.close_on_exit
        else "the position stays at the end"
    )


def _duration(case: Case) -> str:
    seconds = case.settings.duration_s
    return f"ends after {duration(float(seconds))}" if seconds else "runs until stopped"


def _interval(case: Case) -> str:
    per_hour = SECONDS_PER_HOUR / case.settings.interval_s
    return (
        f"quotes are compared with the price every {number(case.settings.interval_s)} s "
        f"({number(per_hour)} times an hour), and at once after a fill"
    )


SENTENCES: Final[Mapping[str, Callable[[Case], str]]] = MappingProxyType(
    {
        "spread": _spread,
        "quantity": _quantity,
        "max_orders": _max_orders,
        "reference": _reference,
        "recenter": _recenter,
        "max_drift": _max_drift,
        "target_position": _target_position,
        "max_position": _max_position,
        "position_threshold": _position_threshold,
        "inventory_skew": _inventory_skew,
        "skew_mode": _skew_mode,
        "stop_loss": _stop_loss,
        "take_profit": _take_profit,
        "after_stop": _after_stop,
        "max_drawdown": _max_drawdown,
        "max_loss": _max_loss,
        "close_on_exit": _close_on_exit,
        "duration_s": _duration,
        "interval_s": _interval,
    }
)
