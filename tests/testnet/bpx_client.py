"""Talks to a testnet with bpx-py, the exchange's SDK for Python; runs in that SDK's own environment.

Reads one JSON object from standard input (address, keys, symbol, a price far below the market) and writes what it was
answered to standard output as another.
"""

import json
import sys

from bpx.account import Account
from bpx.base.base_account import BaseAccount
from bpx.base.base_public import BasePublic
from bpx.public import Public


def main():
    told = json.load(sys.stdin)
    BasePublic.BASE_URL = told["base_url"]
    BaseAccount.BPX_API_URL = told["base_url"]
    json.dump(talk(Public(), Account(told["key"], told["secret"]), told["symbol"], told["far_bid"]), sys.stdout)


def talk(public, account, symbol, far_bid):
    """Everything that a market maker asks of the exchange."""

    def bid(price, **more):
        return account.execute_order(symbol, "Bid", "Limit", time_in_force="GTC", price=price, **more)

    heard = {
        "ping": public.get_ping(),
        "status": public.get_status(),
        "time": public.get_time(),
        "markets": public.get_markets(),
        "depth": public.get_depth(symbol),
        "ticker": public.get_ticker(symbol),
        "trades": public.get_recent_trades(symbol),
        "account": account.get_account(),
        "balances": account.get_balances(),
        "collateral": account.get_collateral(),
        "placed": bid(far_bid, quantity="0.5", client_id=7, post_only=True),
    }
    heard["open_order"] = account.get_open_order(symbol, client_id=7)
    heard["open_orders"] = account.get_open_orders("PERP", symbol)
    heard["cancelled"] = account.cancel_order(symbol, order_id=heard["placed"]["id"])
    bid(far_bid, quantity="0.1")
    heard["cancelled_all"] = account.cancel_all_orders(symbol)
    heard["bought"] = account.execute_order(symbol, "Bid", "Market", quantity="0.25")
    heard["positions"] = account.get_open_positions()
    heard["fills"] = account.get_fill_history(symbol)
    heard["orders"] = account.get_order_history(symbol=symbol)
    heard["refused"] = bid("0.01", quantity="1")
    return heard


if __name__ == "__main__":
    main()
