"""What the history of a market is asked from."""

from typing import NamedTuple, Protocol

from perpmaker.data.fetch.pages import Paging
from perpmaker.data.fetch.request import Row
from perpmaker.domain.instrument import Instrument


class Answer(NamedTuple):
    """The rows of one request; ``is_whole`` when the source itself has gone on to the end."""

    rows: list[Row]
    is_whole: bool = False


class HistorySource(Protocol):
    """One kind of history of one market. Every method may raise `VenueError`."""

    @property
    def name(self) -> str:
        """The exchange's, for sentences."""
        ...

    async def instrument(self) -> Instrument:
        """The market with its steps, from the exchange's own description.

        Raises:
            UnknownNameError: there is no such market.
            InvalidSettingError: it is no linear perpetual, or the exchange has no such history.
        """
        ...

    @property
    def paging(self) -> Paging:
        """How pages come; known once `instrument` has answered."""
        ...

    async def page(self, since_ms: int, to_ms: int, limit: int) -> Answer:
        """At most ``limit`` rows from ``since_ms`` on; nothing at or after ``to_ms`` is needed."""
        ...

    async def close(self) -> None: ...
