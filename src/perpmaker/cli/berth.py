"""The place of one run among those of a fleet: what it has of the others."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from perpmaker.cli.fleet_screen import FleetScreen
from perpmaker.runtime.live.portfolio import Portfolio
from perpmaker.runtime.live.rate_limit import RateLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Berth:
    """A session's place in a fleet.

    ``name`` is the market's in the configuration, ``fleet_id`` the same for all of them; ``played`` says which market
    data a simulated one is made of. ``rate`` is its share of what may be sent. ``ready`` returns when every market is
    ready to begin, and raises `UserError` where one of them is not. ``is_alone``: there is no other market, so nothing
    need be told with its name. ``screen`` shows all of them, where there is a terminal.
    """

    name: str
    fleet_id: str
    portfolio: Portfolio
    rate: RateLimit | None
    played: Mapping[str, str]
    ready: Callable[[], Awaitable[None]]
    is_alone: bool = False
    screen: FleetScreen | None = None

    @property
    def label(self) -> str | None:
        """What stands before everything that is told of it; None where it could be of no other."""
        return None if self.is_alone else self.name

    @property
    def provenance(self) -> dict[str, str]:
        """What the journal keeps of it with the run."""
        return {"fleet": self.fleet_id, "name": self.name, **self.played}
