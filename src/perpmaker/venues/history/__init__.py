"""The past of a market, from its exchange: bars, trades, funding rates. No keys, nothing that could trade."""
