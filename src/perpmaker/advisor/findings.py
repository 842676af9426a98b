"""All checks, and what they find: the most harmful first, then in the order of the list."""

from collections.abc import Iterable
from typing import Final

from perpmaker.advisor import market_checks as market
from perpmaker.advisor import settings_checks as settings
from perpmaker.advisor.case import Case
from perpmaker.advisor.finding import Check, Finding, Harm

CHECKS: Final[tuple[Check, ...]] = (
    settings.spread_below_fees,
    settings.stop_inside_ladder,
    settings.take_below_fees,
    settings.threshold_beyond_cap,
    settings.liquidated_before_stop,
    market.stop_in_noise,
    market.interval_too_long,
    settings.skew_does_not_return,
    settings.skew_is_off,
    settings.target_without_skew,
    settings.no_loss_limit,
    market.out_of_reach,
    settings.levels_on_one_tick,
    settings.margin_below_cap,
    settings.threshold_acts_late,
    settings.ladder_beyond_cap,
    market.inside_market_spread,
)


def findings(case: Case) -> list[Finding]:
    """Everything that the checks find."""
    found = [finding for check in CHECKS if (finding := check(case)) is not None]
    return sorted(found, key=lambda finding: -finding.harm)


def is_refused_by_strict(found: Iterable[Finding]) -> bool:
    """Whether a strict start must not happen."""
    return any(finding.harm is Harm.HARMFUL for finding in found)
