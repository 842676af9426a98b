"""What may be quoted: capacity, margin, stop loss, drawdown. Pure; knows no orders and no prices to quote."""
