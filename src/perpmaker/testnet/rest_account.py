"""The private paths about money and position.

The account holds nothing but quote currency. It is all collateral, at weight 1. What orders and positions need is
locked equity, not a locked balance, as cross margin has it. Money, leverage and fees are those of all markets together.
"""

from decimal import Decimal
from typing import Final

from perpmaker.domain.money import RATE_SCALE
from perpmaker.testnet.account import Holder
from perpmaker.testnet.api_errors import ApiError, ErrorCode
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.order_payload import AccountUpdate, convert
from perpmaker.testnet.rest_call import Call, check_symbol
from perpmaker.testnet.rest_content import Content, Contents
from perpmaker.testnet.rest_public import MARKET_TYPES
from perpmaker.testnet.rest_query import SIDES
from perpmaker.testnet.wire import basis_points, money_text, rate

_LIMIT: Final = "1000000000"


class AccountRest:
    """Answers questions about an account; those about a position are about one market."""

    def __init__(self, testnet: Testnet, contents: Contents) -> None:
        self._testnet = testnet
        self._contents = contents
        self._wire = contents.wire

    def account(self, call: Call) -> Content:
        holder, terms = call.account.holder, self._testnet.terms
        return {
            "autoBorrowSettlements": False,
            "autoLend": terms.auto_lend,
            "autoRealizePnl": True,
            "autoRepayBorrows": False,
            "borrowLimit": "0",
            "futuresMakerFee": basis_points(terms.maker_fee_ppb),
            "futuresTakerFee": basis_points(terms.taker_fee_ppb),
            "leverageLimit": f"{holder.leverage:f}",
            "limitOrders": sum(len(account.books.open_ids) for account in holder.accounts.values()),
            "liquidating": holder.is_liquidating,
            "positionLimit": _LIMIT,
            "spotMakerFee": basis_points(terms.maker_fee_ppb),
            "spotTakerFee": basis_points(terms.taker_fee_ppb),
            "triggerOrders": 0,
        }

    def update(self, call: Call) -> None:
        """Leverage only; the other settings are those of spot margin."""
        update: AccountUpdate = convert(call.body, AccountUpdate)
        if update.leverage_limit is None:
            return
        leverage = _leverage(update.leverage_limit)
        holder, terms = call.account.holder, self._testnet.terms
        if leverage * terms.initial_margin_ppb > RATE_SCALE:
            most = RATE_SCALE // terms.initial_margin_ppb
            raise ApiError(ErrorCode.MAX_LEVERAGE_REACHED, f"Leverage is limited to {most}")
        before, holder.leverage = holder.leverage, leverage
        if holder.free_scaled() < 0:
            holder.leverage = before
            raise ApiError(ErrorCode.INSUFFICIENT_MARGIN, "Insufficient margin for this leverage")

    def capital(self, call: Call) -> Content:
        balance = money_text(max(0, call.account.holder.balance_units))
        available = "0" if self._testnet.terms.auto_lend else balance
        return {self._testnet.instrument.quote: {"available": available, "locked": "0", "staked": "0"}}

    def collateral(self, call: Call) -> Content:
        holder = call.account.holder
        balance, equity, exposure = holder.balance_units, holder.equity_units, holder.exposure_units
        locked = exposure * holder.initial_margin_ppb // RATE_SCALE
        assets, debt = money_text(max(0, balance)), money_text(max(0, -balance))
        content: Content = {
            "assetsValue": assets,
            "borrowLiability": debt,
            "collateral": [self._collateral_asset(holder)],
            "imf": rate(holder.initial_margin_ppb),
            "unsettledEquity": "0",
            "liabilitiesValue": debt,
            "mmf": rate(self._testnet.terms.maintenance_margin_ppb),
            "netEquity": money_text(equity),
            "netEquityAvailable": money_text(max(0, equity - locked)),
            "netEquityLocked": money_text(locked),
            "netExposureFutures": money_text(exposure),
            "pnlUnrealized": money_text(equity - balance),
        }
        if exposure:
            content["marginFraction"] = rate(equity * RATE_SCALE // exposure)
        return content

    def positions(self, call: Call) -> list[Content]:
        """One symbol that is flat is not found; all symbols may be an empty list."""
        symbol = call.query.text("symbol")
        if symbol is not None:
            check_symbol(self._testnet, symbol)
        if call.query.word("marketType", MARKET_TYPES) not in (None, "PERP"):
            return []
        if call.account.books.position.lots == 0:
            if symbol is not None:
                raise ApiError(ErrorCode.RESOURCE_NOT_FOUND, "Not Found")
            return []
        view = call.account.view(self._testnet.mark_milliticks)
        return [self._contents.position(call.account, view)]

    def max_order(self, call: Call) -> Content:
        query = call.query
        check_symbol(self._testnet, query.required("symbol"))
        query.required("side")
        word = query.word("side", SIDES.keys()) or ""
        reduce_only, price = query.flag("reduceOnly"), query.text("price")
        lots = self._testnet.max_lots(call.account, SIDES[word], reduce_only=reduce_only or False)
        content: Content = {
            "maxOrderQuantity": self._wire.quantity(lots),
            "side": word,
            "symbol": self._testnet.instrument.symbol,
        }
        if price is not None:
            content["price"] = self._wire.price(self._wire.ticks(price))
        if reduce_only is not None:
            content["reduceOnly"] = reduce_only
        return content

    def _collateral_asset(self, holder: Holder) -> Content:
        balance = money_text(holder.balance_units)
        lent = self._testnet.terms.auto_lend
        return {
            "symbol": self._testnet.instrument.quote,
            "assetMarkPrice": "1",
            "totalQuantity": balance,
            "balanceNotional": balance,
            "collateralWeight": "1",
            "collateralValue": balance,
            "openOrderQuantity": "0",
            "lendQuantity": balance if lent else "0",
            "availableQuantity": "0" if lent else balance,
        }


def _leverage(text: str) -> Decimal:
    digits = text.replace(".", "", 1)
    if not (digits.isascii() and digits.isdigit() and len(text) < 12 and Decimal(text) >= 1):
        raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "Invalid leverageLimit: a number of at least 1 is expected")
    return Decimal(text)
