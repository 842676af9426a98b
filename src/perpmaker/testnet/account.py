"""An account: who holds it, and on each market its books and the simulated exchange that its orders live on.

Rules kept here:

1. Every account sees the same market; accounts do not trade with each other.
2. The simulated exchange is brought up to date with every message while orders rest, and otherwise at the latest after
   `IDLE_ROWS` rows: without orders nothing can happen in it.
3. Margin is looked at by the testnet with the account's own leverage; the simulated exchange is told to let all pass.
4. Money is one for all markets: what one has earned or holds open carries orders on another (cross margin). The first
   deposit is in the books of the market that opened the account; those of the others begin at 0.
5. The cash of the simulated exchange and the books agree: cash == balance - cost of the position + `lent_quanta`.
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
from perpmaker.testnet.market import PublicMarket
from perpmaker.testnet.notices import PositionView
from perpmaker.testnet.terms import TestnetTerms
from perpmaker.testnet.wire import Wire

IDLE_ROWS: Final = 2_000

OwnEvent = OrderAccepted | OrderRejected | OrderCanceled | CancelRejected | Filled | FundingPaid

_QUIET: Final = ASLEEP._replace(on_order=True)


class Holder:
    """Whoever has an account: one key, one set of rights, one leverage and one balance for all markets.

    Args:
        name: how commands and notices call it.
        user_id: the number that the wire calls it by.
        keys: its only API key.
        terms: what it is charged.

    Attributes:
        accounts: what it has on each market, by symbol.
    """

    def __init__(self, name: str, user_id: int, keys: AccountKeys, terms: TestnetTerms) -> None:
        self.name: Final = name
        self.user_id: Final = user_id
        self.keys: Final = keys
        self.can_trade = True
        self.leverage = terms.leverage
        self.accounts: Final[dict[str, Account]] = {}
        self._terms = terms

    @property
    def is_liquidating(self) -> bool:
        return any(account.is_liquidating for account in self.accounts.values())

    @property
    def initial_margin_ppb(self) -> int:
        """Margin that a unit of position value needs: the market's, or more where the account's leverage is lower."""
        numerator, denominator = self.leverage.as_integer_ratio()
        return max(self._terms.initial_margin_ppb, -(-RATE_SCALE * denominator // numerator))

    @property
    def balance_units(self) -> int:
        """Cash, without unrealized profit."""
        return sum(account.books.balance_quanta * account.units_per_quantum for account in self.accounts.values())

    @property
    def equity_units(self) -> int:
        """Cash and unrealized profit at the marks."""
        return sum(account.equity_units for account in self.accounts.values())

    @property
    def exposure_units(self) -> int:
        """Value of the largest positions that positions and open orders can come to."""
        return sum(account.exposure_units for account in self.accounts.values())

    def free_scaled(self, besides: "Account | None" = None) -> int:
        """Equity less the initial margin of every exposure, of one account's none; units x `RATE_SCALE`."""
        others = sum(account.exposure_units for account in self.accounts.values() if account is not besides)
        return self.equity_units * RATE_SCALE - others * self.initial_margin_ppb

    def spare_scaled(self, besides: "Account | None" = None) -> int:
        """Equity less the maintenance margin of every position, of one account's none; units x `RATE_SCALE`."""
        others = sum(account.value_units for account in self.accounts.values() if account is not besides)
        return self.equity_units * RATE_SCALE - others * self._terms.maintenance_margin_ppb


class Account:
    """What a holder has on one market.

    Args:
        holder: whose it is.
        instrument: the market.
        market: its public side, where the mark is.
        terms: what it is charged.
        at_ns: time of the first message.
        rows: the first message, which states the book.
    """

    def __init__(
        self,
        holder: Holder,
        instrument: Instrument,
        market: PublicMarket,
        terms: TestnetTerms,
        at_ns: int,
        rows: Sequence[FeedRow],
    ) -> None:
        self.holder: Final = holder
        self.name: Final = holder.name
        self.keys: Final = holder.keys
        self.is_liquidating = False
        self.units_per_quantum: Final = Wire(instrument).units_per_quantum
        self._market = market
        self._terms = terms
        deposit_quanta = instrument.money_to_quanta(terms.balance)
        self.lent_quanta: Final = deposit_quanta if holder.accounts else 0
        """Cash that the simulated exchange has and the books have not, so that it lets orders pass (rule 3)."""
        self.books = AccountBooks(deposit_quanta - self.lent_quanta)
        exchange_terms = ExchangeTerms(
            maker_fee_ppb=terms.maker_fee_ppb,
            taker_fee_ppb=terms.taker_fee_ppb,
            balance_quanta=deposit_quanta,
            leverage=Decimal(RATE_SCALE),
        )
        self.exchange: Final = SimulatedExchange.pushed(instrument, exchange_terms, at_ns, rows)
        self._waiting_rows = len(rows)
        holder.accounts[instrument.symbol] = self

    @property
    def initial_margin_ppb(self) -> int:
        return self.holder.initial_margin_ppb

    @property
    def equity_units(self) -> int:
        """What this market adds to the equity."""
        return self.books.equity_quanta(self._market.mark_milliticks) * self.units_per_quantum

    @property
    def exposure_units(self) -> int:
        """Value of the largest position that position and open orders can come to."""
        return self._worth_units(self.books.exposure_lots())

    @property
    def value_units(self) -> int:
        """Value of the position."""
        return self._worth_units(self.books.position.lots)

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

    def _worth_units(self, lots: int) -> int:
        return self.books.value_quanta(lots, self._market.mark_milliticks) * self.units_per_quantum
