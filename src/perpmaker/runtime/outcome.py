"""How a run ended."""

from dataclasses import dataclass

from perpmaker.domain.events import EndReason


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a run.

    ``orders_left`` is the venue's own count of our orders that still rest: 0 but after a second interrupt, or where
    the venue could not be made to cancel them. None: the venue could not be asked.
    """

    reason: EndReason
    orders_left: int | None
