"""One account: its keys and rights, its books, and the simulated exchange that its orders live on.

Rules kept here:

1. Every account sees the same market; accounts do not trade with each other.
2. The simulated exchange is brought up to date with every message while orders rest, and otherwise at the latest after
   `IDLE_ROWS` rows: without orders nothing can happen in it.
3. Margin is looked at by the testnet with the account's own leverage; the simulated exchange is told to let all pass.
4. The cash of the simulated exchange and the books agree: cash == balance - cost of the position.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from perpmaker.domain.commands import ASLEEP, Cancel, Place
from perpmaker.domain.events import (
    CancelRejected,
    Filled,
    FundingPaid,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
)
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import RATE_SCALE
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.player import FeedRow
from perpmaker.simulation.terms import ExchangeTerms
from perpmaker.testnet.books import AccountBooks
from perpmaker.testnet.keys import AccountKeys
from perpmaker.testnet.notices import PositionView
from perpmaker.testnet.terms import TestnetTerms

IDLE_ROWS: Final = 2_000

OwnEvent = OrderAccepted | OrderRejected | OrderCanceled | CancelRejected | Filled | FundingPaid

_QUIET: Final = ASLEEP._replace(on_order=True)


class Account:
    """An account of the testnet.

    Args:
        name: how commands and notices call it.
        user_id: the number that the wire calls it by.
        keys: its only API key.
        instrument: the market.
        terms: what it is charged.
        at_ns: time of the first message.
        rows: the first message, which states the book.
    """

    def __init__(
        self,
        name: str,
        user_id: int,
        keys: AccountKeys,
        instrument: Instrument,
        terms: TestnetTerms,
        at_ns: int,
        rows: Sequence[FeedRow],
    ) -> None:
        self.name: Final = name
        self.user_id: Final = user_id
        self.keys: Final = keys
        self.can_trade = True
        self.is_liquidating = False
        self.leverage = terms.leverage
        self._terms = terms
        self.books = AccountBooks(instrument.money_to_quanta(terms.balance))
        exchange_terms = ExchangeTerms(
            maker_fee_ppb=terms.maker_fee_ppb,
            taker_fee_ppb=terms.taker_fee_ppb,
            balance_quanta=self.books.start_quanta,
            leverage=Decimal(RATE_SCALE),
        )
        self.exchange: Final = SimulatedExchange.pushed(instrument, exchange_terms, at_ns, rows)
        self._waiting_rows = len(rows)

    @property
    def initial_margin_ppb(self) -> int:
        """Margin that a unit of position value needs: the market's, or more where the account's leverage is lower."""
        numerator, denominator = self.leverage.as_integer_ratio()
        return max(self._terms.initial_margin_ppb, -(-RATE_SCALE * denominator // numerator))

    def view(self, mark_milliticks: int) -> PositionView:
        """The position as the wire shows it."""
        return self.books.view(mark_milliticks, self.initial_margin_ppb, self._terms.maintenance_margin_ppb)

    def push(self, at_ns: int, rows: Sequence[FeedRow]) -> list[OwnEvent]:
        """A message of the market; returns what it did to the account's orders."""
        self.exchange.push(at_ns, rows)
        self._waiting_rows += len(rows)
        if self.books.open_ids or self._waiting_rows >= IDLE_ROWS:
            return self.run(at_ns)
        return []

    def push_later(self, at_ns: int, row: FeedRow) -> None:
        """A row that can do nothing to this account's orders (somebody else took from the book)."""
        self.exchange.push(at_ns, [row])
        self._waiting_rows += 1

    def run(self, until_ns: int) -> list[OwnEvent]:
        """Let everything happen on the simulated exchange up to and including this time."""
        self._waiting_rows = 0
        exchange, wake = self.exchange, _QUIET._replace(until_ns=until_ns)
        events: list[OwnEvent] = []
        while True:
            events += [event for event in exchange.advance(wake) if isinstance(event, OwnEvent)]
            if exchange.now_ns >= until_ns:
                return events

    def submit(self, at_ns: int, commands: Sequence[Place | Cancel]) -> list[OwnEvent]:
        """Send commands now, and let them take effect; the account must have been run to now."""
        self.exchange.submit(commands)
        return self.run(at_ns)
