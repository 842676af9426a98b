"""A testnet's memory in a file, so that a restart goes on with the same accounts.

Rules kept here:

1. Kept are balances, positions, orders, fills, payments, settled rates and the numbers of ids; not the market, which
   begins anew, and no secret: keys follow from the seed.
2. Orders that rested are cancelled by a restart: the book that they stood in is gone. Their end is in the history.
3. The file is written beside the old one and then put in its place: there is always a whole one.
4. A file of other markets, another seed or version is refused, and nothing of it is taken over. A file of version 1,
   which knew one market only, is read as one of today's.
"""

import json
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.position import Position
from perpmaker.testnet.account import Account
from perpmaker.testnet.books import AccountBooks
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.notices import FillRecord, FundingRecord, OrderRecord, OrderStatus

VERSION: Final = 2

FILE_NAME: Final = "testnet.json"


class AccountState(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of an account on one market; money in quanta."""

    public_key: str
    can_trade: bool
    leverage: str
    start_quanta: int
    transfers_quanta: int
    position: Position
    before_opening: Position
    position_id: int
    opened_ns: int
    orders: list[OrderRecord]
    fills: list[FillRecord]
    funding: list[FundingRecord]


class MarketState(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a market."""

    symbol: str
    next_order_id: int
    next_trade_id: int
    funding_rates: list[FundingRecord]
    accounts: dict[str, AccountState]


class TestnetState(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a testnet."""

    __test__ = False  # no test class, whatever its name says

    version: int
    markets: list[MarketState]


def save(testnet: Testnet, folder: Path) -> None:
    """Write the state of all markets as it is now. Raises `OSError`."""
    state = TestnetState(version=VERSION, markets=[_state_of_market(market) for market in testnet.markets])
    # The standard library's writer: money may have more than 64 bits, and decoders of others stop there.
    text = json.dumps(msgspec.to_builtins(state))
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{FILE_NAME}.new"
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / FILE_NAME)


def restore(testnet: Testnet, folder: Path) -> bool:
    """Go on where a file left off; False when there is none. The testnet must be fresh.

    Raises:
        InvalidSettingError: the file is damaged, or of another version, market or seed.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return False
    try:
        state = msgspec.convert(_of_today(json.loads(path.read_text(encoding="utf-8"))), TestnetState)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise InvalidSettingError(
            f"the testnet's state {path} cannot be read ({error}); remove it to begin anew"
        ) from None
    markets = {market.instrument.symbol: market for market in testnet.markets}
    _check(markets, state, path)
    for found in state.markets:
        market = markets[found.symbol]
        market.market.continue_ids(found.next_order_id, found.next_trade_id)
        market.funding_rates.extend(found.funding_rates)
        for name, kept in found.accounts.items():
            _bring_back(market.accounts[name], kept, testnet.clock.now_ns())
    return True


def _of_today(found: Any) -> Any:
    """Rule 4: version 1 had the fields of its market where the markets are now."""
    if isinstance(found, dict) and found.get("version") == 1:
        return {"version": VERSION, "markets": [found]}
    return found


def _check(markets: Mapping[str, Testnet], state: TestnetState, path: Path) -> None:
    """Rule 4."""
    kept = {(name, account.public_key) for market in state.markets for name, account in market.accounts.items()}
    wanted = {(name, account.keys.public) for market in markets.values() for name, account in market.accounts.items()}
    symbols = sorted(market.symbol for market in state.markets)
    if state.version != VERSION or symbols != sorted(markets) or not kept <= wanted:
        raise InvalidSettingError(
            f"the testnet's state {path} is of another testnet (version {state.version}, {', '.join(symbols)}, "
            f"{len(kept)} accounts); start it with the same markets, seed and accounts, or in another folder"
        )


def _state_of_market(testnet: Testnet) -> MarketState:
    next_order_id, next_trade_id = testnet.market.next_ids
    return MarketState(
        symbol=testnet.instrument.symbol,
        next_order_id=next_order_id,
        next_trade_id=next_trade_id,
        funding_rates=list(testnet.funding_rates),
        accounts={name: _state_of(account) for name, account in testnet.accounts.items()},
    )


def _state_of(account: Account) -> AccountState:
    books = account.books
    return AccountState(
        public_key=account.keys.public,
        can_trade=account.holder.can_trade,
        leverage=str(account.holder.leverage),
        start_quanta=books.start_quanta,
        transfers_quanta=books.transfers_quanta,
        position=books.position,
        before_opening=books.before_opening,
        position_id=books.position_id,
        opened_ns=books.opened_ns,
        orders=list(books.orders.values()),
        fills=list(books.fills),
        funding=list(books.funding),
    )


def _bring_back(account: Account, kept: AccountState, at_ns: int) -> None:
    books = AccountBooks(kept.start_quanta)
    books.transfers_quanta = kept.transfers_quanta
    books.position, books.before_opening = kept.position, kept.before_opening
    books.position_id, books.opened_ns = kept.position_id, kept.opened_ns
    books.fills.extend(kept.fills)
    books.funding.extend(kept.funding)
    for order in kept.orders:
        ended = order._replace(status=OrderStatus.CANCELLED, updated_ns=at_ns) if order.status.is_open else order
        books.write(ended)
    account.books = books
    account.holder.can_trade, account.holder.leverage = kept.can_trade, Decimal(kept.leverage)
    account.exchange.take_over(books.position.lots, 0)
    cash_quanta = books.balance_quanta - books.position.cost_quanta + account.lent_quanta
    account.exchange.transfer(cash_quanta - account.exchange.cash_quanta)
