"""The place of one run among those of a fleet: what it has of the others."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from perpmaker.runtime.live.portfolio import Portfolio
from perpmaker.runtime.live.rate_limit import RateLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Berth:
    """A session's place in a fleet.

    ``name`` is the market's in the configuration, ``fleet_id`` the same for all of them; ``played`` says which market
    data a simulated one is made of. ``rate`` is its share of what may be sent. ``ready`` returns when every market is
    ready to begin, and raises `UserError` where one of them is not.
    """

    name: str
    fleet_id: str
    portfolio: Portfolio
    rate: RateLimit | None
    played: Mapping[str, str]
    ready: Callable[[], Awaitable[None]]

    @property
    def provenance(self) -> dict[str, str]:
        """What the journal keeps of it with the run."""
        return {"fleet": self.fleet_id, "name": self.name, **self.played}
