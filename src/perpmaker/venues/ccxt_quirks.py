"""Where an exchange of ccxt differs from ccxt's own words: one record for each, and the common case.

Rules kept here:

1. What stands here was read in ccxt 4.5.90 (its code is the source), and concerns only what ccxt's unified fields get
   wrong or leave out. An exchange that is not named is taken at ccxt's word.
2. Backpack: on its stream ``filled`` is the last fill, ``contracts`` of a position counts open orders as well, and a
   fill is told by raw fields only. Over REST the fee of an execution is lost, equity, fees and leverage are in answers
   that ccxt does not read, and of the digits of the exchange's time it reads the first.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from perpmaker.venues.ccxt_terms import Contract, plain
from perpmaker.venues.port import AccountState

FetchAccount = Callable[[Any, Contract], Awaitable[AccountState]]

_BASIS_POINTS: Final = 10_000
_ONE: Final = Decimal(1)
_SLACK: Final = Decimal("0.05")


async def unified_account(exchange: Any, contract: Contract) -> AccountState:
    """Balance, fee and leverage by ccxt's unified methods.

    Whether a balance of ccxt contains unrealized profit differs between exchanges (`Quirks.equity_has_profit`): where
    it does not, it is added here.
    """
    coin = contract.instrument.quote
    balance = await exchange.fetch_balance()
    total, free = _money(balance, "total", coin), _money(balance, "free", coin)
    held = await exchange.fetch_positions([contract.symbol])
    profit = sum((Decimal(plain(each.get("unrealizedPnl") or 0)) for each in held), Decimal(0))
    has_profit = quirks_of(exchange.id).equity_has_profit
    maker, taker = await _fees(exchange, contract)
    return AccountState(
        equity=total if has_profit else total + profit,
        balance=total - profit if has_profit else total,
        free_margin=free,
        maker_fee=maker,
        taker_fee=taker,
        leverage=await _leverage(exchange, contract),
        can_trade=True,
    )


async def _backpack_account(exchange: Any, _contract: Contract) -> AccountState:
    collateral = await exchange.privateGetApiV1CapitalCollateral()
    account = await exchange.privateGetApiV1Account()
    equity = Decimal(collateral["netEquity"])
    return AccountState(
        equity=equity,
        balance=equity - Decimal(collateral["pnlUnrealized"]),
        free_margin=Decimal(collateral["netEquityAvailable"]),
        maker_fee=Decimal(account["futuresMakerFee"]) / _BASIS_POINTS,
        taker_fee=Decimal(account["futuresTakerFee"]) / _BASIS_POINTS,
        leverage=Decimal(account["leverageLimit"]),
        can_trade=not account["liquidating"],
    )


def _unified_fees(trade: dict[str, Any]) -> list[dict[str, Any]]:
    return trade.get("fees") or ([trade["fee"]] if trade.get("fee") else [])


def _backpack_fees(trade: dict[str, Any]) -> list[dict[str, Any]]:
    info = trade["info"]
    if "fee" in info:
        return [{"cost": info["fee"], "currency": info["feeSymbol"]}]
    return _unified_fees(trade)


async def _unified_time(exchange: Any) -> int:
    return int(await exchange.fetch_time())


async def _backpack_time(exchange: Any) -> int:
    return int(await exchange.publicGetApiV1Time())


def _backpack_trade(order: dict[str, Any]) -> dict[str, Any] | None:
    """The fill in a stream's order, as a trade of ccxt; None when it tells none."""
    info = order["info"]
    if info.get("e") != "orderFill":
        return None
    return {
        "id": str(info["t"]),
        "order": str(info["i"]),
        "timestamp": int(info["T"]) // 1_000,
        "side": {"Bid": "buy", "Ask": "sell"}[info["S"]],
        "price": info["L"],
        "amount": info["l"],
        "takerOrMaker": "maker" if info["m"] else "taker",
        "fee": {"cost": info["n"], "currency": info["N"]},
        "info": {"clientId": info.get("c")},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """What differs.

    Attributes:
        filled: the cumulative fill of an order of the stream.
        trade: the fill that an order of the stream tells; for exchanges without a stream of own trades.
        fees: what an execution cost; ``cost`` and ``currency`` of each.
        position: the signed contracts of a position, told by REST or by the stream.
        account: balance, fees and leverage.
        time: the exchange's time, ms.
        equity_has_profit: ccxt's total balance contains unrealized profit.
        trades_parameters: makes a history come oldest first.
        market_slack: a market order wants a price: so far beyond the best one, as a fraction; None where it wants none.
        request_life_ns: see `perpmaker.venues.port.VenueFacts`.
    """

    filled: Callable[[dict[str, Any]], Any] = lambda order: order.get("filled") or 0
    trade: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _order: None
    fees: Callable[[dict[str, Any]], list[dict[str, Any]]] = _unified_fees
    position: Callable[[dict[str, Any]], Any] | None = None
    account: FetchAccount = unified_account
    time: Callable[[Any], Awaitable[int]] = _unified_time
    equity_has_profit: bool = False
    trades_parameters: tuple[tuple[str, str], ...] = ()
    market_slack: Decimal | None = None
    request_life_ns: int | None = None


def _backpack_position(position: dict[str, Any]) -> Any:
    """The figure of ccxt counts open orders as well."""
    told = position["info"]
    return told["q"] if "q" in told else told["netQuantity"]


_BACKPACK: Final = Quirks(
    filled=lambda order: order["info"].get("z") or order["info"].get("executedQuantity") or 0,
    trade=_backpack_trade,
    fees=_backpack_fees,
    position=_backpack_position,
    account=_backpack_account,
    time=_backpack_time,
    trades_parameters=(("sortDirection", "Asc"),),
    request_life_ns=7_000_000_000,
)
_QUIRKS: Final = {
    "backpack": _BACKPACK,
    "apex": Quirks(market_slack=_SLACK),
    "hyperliquid": Quirks(equity_has_profit=True, market_slack=Decimal(0)),  # ccxt adds its own
    "lighter": Quirks(market_slack=_SLACK),
    "okx": Quirks(equity_has_profit=True),
    "paradex": Quirks(equity_has_profit=True),
}
_COMMON: Final = Quirks()


def quirks_of(exchange_id: str) -> Quirks:
    return _QUIRKS.get(exchange_id, _COMMON)


def _money(balance: dict[str, Any], which: str, coin: str) -> Decimal:
    amount = (balance.get(which) or {}).get(coin)
    if amount is None and not any((balance.get(which) or {}).values()):
        return Decimal(0)  # an empty account
    if amount is None:
        raise ValueError(f"a balance without {coin}")
    return Decimal(plain(amount))


async def _fees(exchange: Any, contract: Contract) -> tuple[Decimal, Decimal]:
    found = exchange.market(contract.symbol)
    if exchange.has.get("fetchTradingFee"):
        found = await exchange.fetch_trading_fee(contract.symbol)
    return Decimal(plain(found.get("maker") or 0)), Decimal(plain(found.get("taker") or 0))


async def _leverage(exchange: Any, contract: Contract) -> Decimal:
    if exchange.has.get("fetchLeverage"):
        found = await exchange.fetch_leverage(contract.symbol)
        told = [found.get("longLeverage"), found.get("shortLeverage")]
        known = [Decimal(plain(each)) for each in told if each]
        return min(known, default=_ONE)
    most = ((exchange.market(contract.symbol).get("limits") or {}).get("leverage") or {}).get("max")
    return Decimal(plain(most)) if most else _ONE
