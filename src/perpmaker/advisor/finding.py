"""A finding: one thing to know about settings, how bad it is, and which value would be better.

Rules kept here:

1. A finding says what was found, why it matters with this market's numbers, and which value would be better.
2. HARMFUL is what loses money by arithmetic or cannot do what it is for: `--strict` refuses to start with it.
   RISKY is what may be meant, and often is not. NOTE is what a trader should know.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from perpmaker.advisor.case import Case


class Harm(IntEnum):
    """How bad; the larger, the worse."""

    NOTE = 1
    RISKY = 2
    HARMFUL = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know. ``key`` names the check; ``better`` is empty where nothing needs to change."""

    key: str
    harm: Harm
    setting: str
    what: str
    why: str
    better: str


Check = Callable[[Case], Finding | None]
"""A pure function: a finding, or None where there is nothing to say or an input is missing."""
