"""One market stream told to several listeners, in their order."""

from collections.abc import Sequence

from perpmaker.venues.port import MarketEvent, MarketListener, Row


class FanOut:
    """A `MarketListener` that passes everything on."""

    def __init__(self, *listeners: MarketListener) -> None:
        self._listeners = listeners

    def on_market(self, event: MarketEvent | None, rows: Sequence[Row], received_ns: int, venue_ns: int) -> None:
        for listener in self._listeners:
            listener.on_market(event, rows, received_ns, venue_ns)
