"""Inventory skew: how far quotes lean, and to which side, to bring the position back to its target.

Rules kept here (numbers as in docs/strategy.md):

3. Deviation: ``d = x`` with target 0; with target T > 0, ``d = x - sign(x) * T``, and 0 while x = 0.
4. Trigger: skew acts only when ``abs(d) > h`` strictly, and k > 0.
5. Size: ``delta = k * clamp(d / M, -1, 1) * 2 s P``; this module gives it as an exact fraction of P.
"""

from enum import Enum
from fractions import Fraction


class SkewMode(Enum):
    SHIFT = "shift"  # both sides move by -delta: towards selling when long, towards buying when short
    PRINTED = "printed"  # the source document's own arithmetic: the spread widens when long and narrows when short


def deviation_lots(position_lots: int, target_lots: int) -> int:
    """Distance of the position from its target; the target lies on the side that the market gave (rule 3)."""
    if position_lots > 0:
        return position_lots - target_lots
    if position_lots < 0:
        return position_lots + target_lots
    return 0


def skew_fraction(
    deviation: int, *, threshold_lots: int, max_position_lots: int, strength: Fraction, half_spread: Fraction
) -> Fraction:
    """How far quotes lean, delta / P: positive when the position is above its target (rules 4 and 5)."""
    if abs(deviation) <= threshold_lots or not strength:
        return Fraction(0)
    clamped = max(-max_position_lots, min(max_position_lots, deviation))
    return strength * Fraction(clamped, max_position_lots) * 2 * half_spread
