"""Listeners whose own failures are told from what is wrong with a message.

A stream breaks its connection when a message cannot be read, and goes on. If the one who listens fails, that is a bug
of this program: it must not look like a bad message, and must not be tried again with the next.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from perpmaker.venues.port import AccountListener, MarketEvent, MarketListener, OwnEvent, Row


class ListenerFailedError(RuntimeError):
    """Who listens to a venue has raised; the cause is the error."""


@contextmanager
def _guarding(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise ListenerFailedError(f"who listens to {what} has failed: {type(error).__name__}") from error


class GuardedMarket:
    """A `MarketListener` whose errors come out as `ListenerFailedError`."""

    def __init__(self, listener: MarketListener) -> None:
        self._listener = listener

    def on_market(self, event: MarketEvent | None, rows: Sequence[Row], received_ns: int, venue_ns: int) -> None:
        try:  # no context manager: this is the path of every message
            self._listener.on_market(event, rows, received_ns, venue_ns)
        except Exception as error:
            raise ListenerFailedError(f"who listens to the market has failed: {type(error).__name__}") from error


class GuardedAccount:
    """An `AccountListener` whose errors come out as `ListenerFailedError`."""

    def __init__(self, listener: AccountListener) -> None:
        self._listener = listener

    def on_own(self, event: OwnEvent) -> None:
        with _guarding("our orders"):
            self._listener.on_own(event)

    def on_foreign_order(self, client_id: str | None, *, is_open: bool) -> None:
        with _guarding("orders of others"):
            self._listener.on_foreign_order(client_id, is_open=is_open)

    def on_position(self, lots: int, venue_ns: int) -> None:
        with _guarding("the position"):
            self._listener.on_position(lots, venue_ns)

    def on_account_stream(self, *, is_up: bool) -> None:
        with _guarding("the private stream"):
            self._listener.on_account_stream(is_up=is_up)
