"""What can go wrong at a venue. A class says how to react, see `Reaction`."""

from enum import Enum

from perpmaker.domain.errors import PerpmakerError


class Reaction(Enum):
    """What to do about an error of a venue."""

    RETRY = "retry"  # ask again, later: nothing was done, or asking does no harm
    REFUSE = "refuse"  # the venue has understood and said no: do not repeat as it is
    UNKNOWN = "unknown"  # the request may have worked: find out before doing anything else
    STOP = "stop"  # only a person can mend it: keys, permissions, a suspended account, a closed market


class VenueError(PerpmakerError):
    """A venue did not answer, or answered with an error. The message never holds a secret.

    Attributes:
        reaction: what to do about it.
        code: the venue's own code or the library's class name, for counting.
    """

    def __init__(self, message: str, reaction: Reaction, code: str = "") -> None:
        super().__init__(message)
        self.reaction = reaction
        self.code = code
