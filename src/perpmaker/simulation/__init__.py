"""One simulated exchange, for replay, paper, backtest and testnet: compiled, resumable, deterministic."""
