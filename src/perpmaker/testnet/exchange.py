"""The exchange behind the testnet: perpetual markets, several accounts, no input or output of its own.

    testnet = Testnet(feed, TestnetTerms(), clock, seed=1, accounts=2)
    testnet.listeners.append(on_notice)
    testnet.advance()

A `Testnet` is one market of the exchange, usually its only one; `Testnet.open_market` adds another, on which the same
accounts trade.

Rules kept here:

1. Time moves in `advance` only: it lets everything happen that is due by the clock, on all markets, in order of time;
   at equal times messages of a market come before its funding. Whoever answers or publishes anything calls it first.
2. The clock is the caller's. With ``terms.speed`` the market and the funding run faster; time stamps are the clock's.
3. Listeners are told synchronously, see `perpmaker.testnet.notices`.
4. In maintenance and in a market status that does not match, the book stands still and orders rest untouched; what the
   feed did meanwhile happens at once when trading resumes. A delisting ends all orders; positions stay.
5. Funding is settled at whole multiples of the interval (an hour of the market) of the clock; in maintenance an
   interval passes without it.
6. All markets have the same terms, clock and quote currency: it is the collateral of everything.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from perpmaker.domain.errors import InvalidSettingError, RecordingError
from perpmaker.domain.money import MILLITICKS_PER_TICK, fee_quanta
from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.player import FeedPlayer, FeedRow
from perpmaker.testnet.account import Account, Holder
from perpmaker.testnet.api_errors import ApiError, ErrorCode
from perpmaker.testnet.clearing import Clearing, Ending
from perpmaker.testnet.gate import FeedGate
from perpmaker.testnet.keys import AccountKeys
from perpmaker.testnet.klines import Klines
from perpmaker.testnet.liquidation import Liquidator
from perpmaker.testnet.market import OrderIds, PublicMarket
from perpmaker.testnet.notices import (
    ExpiryReason,
    FundingRecord,
    Listener,
    MarketStatus,
    Notice,
    OrderRecord,
    OrderStatus,
    OrderType,
    SystemOrder,
)
from perpmaker.testnet.order_entry import OrderEntry, OrderRequest
from perpmaker.testnet.public_book import PublicBook
from perpmaker.testnet.terms import TestnetTerms
from perpmaker.venues.clock import Clock

KEPT_RATES: Final = 10_000

_FIRST_USER_ID: Final = 1_000_001


class Testnet:
    """One market of the exchange, with what every account has on it.

    Args:
        feed: what the market does; played from now on.
        terms: fees, margin, filters, limits.
        clock: the testnet's clock.
        seed: of the accounts' keys.
        accounts: how many accounts; they are named "1", "2", ...
        beside: a market of the exchange that this one is opened on, see `open_market`; its accounts trade here, too.

    Raises:
        RecordingError: the feed has no rows that state a book.
    """

    __test__ = False  # no test class, whatever its name says

    def __init__(
        self,
        feed: MarketFeed,
        terms: TestnetTerms,
        clock: Clock,
        *,
        seed: int = 0,
        accounts: int = 1,
        beside: "Testnet | None" = None,
    ) -> None:
        self.instrument: Final = feed.instrument
        self.terms: Final = terms
        self.clock: Final = clock
        self.listeners: Final[list[Listener]] = []
        self.market_status = MarketStatus.OPEN
        self.in_maintenance: bool = beside is not None and beside.in_maintenance
        self.started_ns: Final = clock.now_ns()
        self.time_ns = self.started_ns
        """How far the market has come: commands take effect at this time, never between messages that are still due."""
        self._player = FeedPlayer(feed, self.started_ns, terms.speed)
        self._gate = FeedGate()
        self._pinned_rate_ppb: int | None = None
        self._interval_ns = max(1, int(terms.funding_interval_ns / terms.speed))
        order_ids = OrderIds() if beside is None else beside.market.order_ids
        next_funding_ns = self._interval_end(self.started_ns)
        self.market: Final[PublicMarket] = PublicMarket(self._tell, terms.funding_rate_ppb, next_funding_ns, order_ids)
        self.funding_rates: Final[deque[FundingRecord]] = deque(maxlen=KEPT_RATES)
        """Rates of past intervals, oldest first; the amount is 0."""
        self.accounts: Final[dict[str, Account]] = {}
        self._clearing = Clearing(self.market, self.accounts, self._tell)
        self._liquidator = Liquidator(terms, self.market, self._clearing)
        self._entry = OrderEntry(self.instrument, terms, self.market, self._clearing)
        self._open_accounts(self._holders(seed, accounts) if beside is None else beside.holders)
        self._by_key = {account.keys.public: account for account in self.accounts.values()}
        self.markets: Final[list[Testnet]] = [] if beside is None else beside.markets
        """Every market of the exchange, this one among them; the first opened it."""
        self.markets.append(self)
        self.advance()

    def open_market(self, feed: MarketFeed) -> "Testnet":
        """Another market of the same exchange: the same accounts, terms and clock.

        Raises:
            InvalidSettingError: it is there already, or quoted in another currency.
            RecordingError: the feed has no rows that state a book.
        """
        self.advance()
        symbol, quote = feed.instrument.symbol, feed.instrument.quote
        if any(market.instrument.symbol == symbol for market in self.markets):
            raise InvalidSettingError(f"the market {symbol} is there twice; name every market once")
        if quote != self.instrument.quote:
            raise InvalidSettingError(
                f"{symbol} is quoted in {quote}, {self.instrument.symbol} in {self.instrument.quote}: all markets of a "
                "testnet have one quote currency; serve it by a testnet of its own"
            )
        return Testnet(feed, self.terms, self.clock, beside=self)

    @property
    def holders(self) -> list[Holder]:
        return [account.holder for account in self.accounts.values()]

    @property
    def book(self) -> PublicBook:
        return self.market.book

    @property
    def klines(self) -> Klines:
        return self.market.klines

    @property
    def mark_milliticks(self) -> int:
        return self.market.mark_milliticks

    @property
    def index_milliticks(self) -> int:
        return self.market.index_milliticks

    @property
    def funding_rate_ppb(self) -> int:
        return self.market.funding_rate_ppb

    @property
    def next_funding_ns(self) -> int:
        return self.market.next_funding_ns

    @property
    def next_ns(self) -> int:
        """When something happens next by itself, on any market: a message or a funding."""
        return min(market.next_here_ns for market in self.markets)

    @property
    def next_here_ns(self) -> int:
        """The same on this market."""
        next_message_ns = self._player.next_ns
        due_ns = self.market.next_funding_ns
        return due_ns if next_message_ns is None else min(due_ns, next_message_ns)

    @property
    def open_interest_lots(self) -> int:
        """Sum of the long positions of all accounts, or of the short ones if those are larger."""
        lots = [account.books.position.lots for account in self.accounts.values()]
        return max(sum(x for x in lots if x > 0), -sum(x for x in lots if x < 0))

    def advance(self) -> None:
        """Let everything happen that is due on all markets; `time_ns` is then now."""
        now_ns = max(self.time_ns, self.clock.now_ns())
        while True:
            market = min(self.markets, key=lambda market: market.next_here_ns)
            if market.next_here_ns > now_ns:
                break
            others_ns = [other.next_here_ns for other in self.markets if other is not market]
            market.play_until(min(now_ns, market.market.next_funding_ns, *others_ns))
        for market in self.markets:
            market.time_ns = now_ns

    def play_until(self, until_ns: int) -> None:
        """A part of `advance`: what happens on this market, to the end of its funding interval at most."""
        for message in self._player.due(until_ns):
            self._play(message.at_ns, message.rows)
        if until_ns == self.market.next_funding_ns:
            self._settle_funding(until_ns)

    def account_by_key(self, public_key: str) -> Account | None:
        """The account of an API key (base64)."""
        return self._by_key.get(public_key)

    def place(self, account: Account, request: OrderRequest) -> OrderRecord:
        """Take an order now; returns it as it is afterwards. Raises `ApiError`."""
        at_ns = self._now(account)
        try:
            return self._entry.place(account, request, at_ns, self._status())
        finally:
            self._look_at_margin(account, at_ns)

    def cancel(self, account: Account, order_id: int) -> OrderRecord:
        """Cancel an open order; returns it as it is afterwards.

        Raises:
            ApiError: it does not rest.
        """
        at_ns = self._now(account)
        if order_id not in account.books.open_ids:
            raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "Order not found")
        self._clearing.cancel(account, at_ns, [order_id])
        return account.books.orders[order_id]

    def cancel_all(self, account: Account) -> list[OrderRecord]:
        """Cancel every open order; returns them as they are afterwards."""
        at_ns = self._now(account)
        order_ids = list(account.books.open_ids)
        self._clearing.cancel(account, at_ns, order_ids)
        return [account.books.orders[order_id] for order_id in order_ids]

    def max_lots(self, account: Account, side: Side, *, reduce_only: bool) -> int:
        """The largest order of a side that would be taken now."""
        return self._entry.max_lots(account, side, reduce_only=reduce_only)

    def place_foreign_order(
        self, account: str, side: Side, price_ticks: int, lots: int, client_id: int | None = None
    ) -> int:
        """A limit order on the account that is not the bot's; returns its order id. Raises `ApiError`."""
        request = OrderRequest(side, OrderType.LIMIT, price_ticks, lots, client_id=client_id)
        return self.place(self.accounts[account], request).order_id

    def trade_elsewhere(self, account: str, change_lots: int, price_ticks: int | None = None) -> None:
        """Somebody else trades on this account: a market order with its fill and taker fee, outside of our book.

        Without a price it is the mark, rounded down to the tick. Positions that it brings about can be liquidated.
        """
        owner = self.accounts[account]
        at_ns = self._now(owner)
        price = price_ticks or max(1, self.market.mark_milliticks // MILLITICKS_PER_TICK)
        side = Side.BUY if change_lots > 0 else Side.SELL
        lots = abs(change_lots)
        order = self._entry.record(owner, OrderRequest(side, OrderType.MARKET, 0, lots), lots, at_ns)
        fee = fee_quanta(price, order.lots, self.terms.taker_fee_ppb)
        self._clearing.trade_elsewhere(owner, order, price, fee)
        self._look_at_margin(owner, at_ns)

    def fill_resting(self, account: str, order_id: int) -> None:
        """Let a resting order fill in full at its own price: somebody has traded through it.

        Orders of the account that stand before it fill with it. Nothing happens when it does not rest.
        """
        owner = self.accounts[account]
        at_ns = self._now(owner)
        if order_id not in owner.books.open_ids:
            return
        order = owner.books.orders[order_id]
        kind = me.SELL_TRADE if order.side is Side.BUY else me.BUY_TRADE
        self._clearing.play_for(owner, at_ns, [FeedRow(kind, order.price_ticks - order.side, order.left_lots)])
        self._look_at_margin(owner, at_ns)

    def transfer(self, account: str, quanta: int) -> None:
        """Deposit, or withdraw (negative), whatever the balance is; it is booked on this market."""
        owner = self.accounts[account]
        at_ns = self._now(owner)
        owner.exchange.transfer(quanta)
        owner.books.transfers_quanta += quanta
        self._look_at_margin(owner, at_ns)

    def set_market_status(self, status: MarketStatus) -> None:
        """Change the state of the order book."""
        self.advance()
        self.market_status = status
        if status is MarketStatus.DELISTED:
            ending = Ending(OrderStatus.EXPIRED, ExpiryReason.UNKNOWN, system_order=SystemOrder.BOOK_CLOSED)
            for account in self.accounts.values():
                self._clearing.cancel(account, self._now(account), list(account.books.open_ids), ending)
        self.hold_or_release()

    def set_maintenance(self, on: bool) -> None:
        """Begin or end a maintenance of the whole exchange."""
        self.advance()
        for market in self.markets:
            market.in_maintenance = on
            market.hold_or_release()

    def set_funding_rate(self, rate_ppb: int | None) -> None:
        """Fix the rate of this and all later intervals; None gives it back to the feed."""
        self.advance()
        self._pinned_rate_ppb = rate_ppb
        self.market.set_funding(self.time_ns, self._rate(), self.market.next_funding_ns)

    def set_permission(self, account: str, *, can_trade: bool) -> None:
        """Allow or forbid the account's key to trade; reading stays allowed."""
        self.accounts[account].holder.can_trade = can_trade

    def _holders(self, seed: int, count: int) -> list[Holder]:
        names = [str(number) for number in range(1, count + 1)]
        return [Holder(name, _FIRST_USER_ID + int(name), AccountKeys(seed, name), self.terms) for name in names]

    def _open_accounts(self, holders: Sequence[Holder]) -> None:
        """Play the beginning of the feed up to the first book, and open the accounts over it."""
        at_ns = self.started_ns
        rows: list[FeedRow] = []
        for message in self._player.due(at_ns):
            rows += self._gate.pass_on(message.rows)
        if not any(row.kind in (me.BID, me.ASK) for row in rows):
            raise RecordingError(
                f"the market data of {self.instrument.symbol} does not begin with a book; record or import it again"
            )
        self.market.apply(at_ns, rows)
        for holder in holders:
            self.accounts[holder.name] = Account(holder, self.instrument, self.market, self.terms, at_ns, rows)

    def _play(self, at_ns: int, raw_rows: Sequence[FeedRow]) -> None:
        rows = self._gate.pass_on(raw_rows)
        if rows:
            self._clearing.play(at_ns, rows)
            self._look_at_margins(at_ns)
        if self._rate() != self.market.funding_rate_ppb:
            self.market.set_funding(at_ns, self._rate(), self.market.next_funding_ns)

    def _look_at_margins(self, at_ns: int) -> None:
        for account in self.accounts.values():
            if account.is_liquidating or self._liquidator.is_due(account):
                self._clearing.bring_up_to(account, at_ns)
                self._look_at_margin(account, at_ns)

    def _look_at_margin(self, account: Account, at_ns: int) -> None:
        """Nobody is liquidated in a market that stands still."""
        if not self._gate.is_holding:
            self._liquidator.look(account, at_ns)

    def _settle_funding(self, at_ns: int) -> None:
        rate = self.market.funding_rate_ppb
        if not self.in_maintenance:
            for account in self.accounts.values():
                self._clearing.settle_funding(account, at_ns, rate)
            self.funding_rates.append(FundingRecord(at_ns, 0, rate))
        self.market.set_funding(at_ns, self._rate(), at_ns + self._interval_ns)
        self._look_at_margins(at_ns)

    def _rate(self) -> int:
        if self._pinned_rate_ppb is not None:
            return self._pinned_rate_ppb
        told = self._gate.funding_rate_ppb
        return self.terms.funding_rate_ppb if told is None else told

    def _interval_end(self, at_ns: int) -> int:
        return (at_ns // self._interval_ns + 1) * self._interval_ns

    def _now(self, account: Account) -> int:
        """The time of a command: everything that is due happens before it."""
        self.advance()
        self._clearing.bring_up_to(account, self.time_ns)
        return self.time_ns

    def _status(self) -> MarketStatus:
        return MarketStatus.CLOSED if self.in_maintenance else self.market_status

    def hold_or_release(self) -> None:
        """Rule 4, after the status of market or exchange has changed."""
        holds = not self._status().is_matching
        if holds and not self._gate.is_holding:
            book = self.market.book
            rows = [FeedRow(me.BID, level.price_ticks, level.lots) for level in book.levels(Side.BUY)]
            rows += [FeedRow(me.ASK, level.price_ticks, level.lots) for level in book.levels(Side.SELL)]
            self._gate.hold(rows)
        elif not holds and self._gate.is_holding:
            self._clearing.play(self.time_ns, self._gate.release())
            self._look_at_margins(self.time_ns)

    def _tell(self, notice: Notice) -> None:
        for listener in self.listeners:
            listener(notice)
