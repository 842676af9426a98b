"""Rows per second of the synthetic market: each profile for 2 million rows, and how soon an hour of SOL is there.

Run: python benchmarks/synthetic_market.py
"""

import time

from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import BENCHMARK_DAY, PROFILES, MarketProfile

ROWS = 2_000_000
HOUR_NS = 3_600_000_000_000


def seconds_for(profile: MarketProfile, rows: int | None = None, duration_ns: int | None = None) -> tuple[int, float]:
    started = time.perf_counter()
    made = 0
    for chunk in SyntheticMarket(profile, seed=1, duration_ns=duration_ns).chunks():
        made += chunk.ts_ns.size
        if rows is not None and made >= rows:
            break
    return made, time.perf_counter() - started


def main() -> None:
    sol = PROFILES["SOL_USDC_PERP"]
    made, first = seconds_for(sol, duration_ns=HOUR_NS)
    print(f"an hour of {sol.instrument.symbol}, first call in the process: {made:,} rows in {first:.3f} s")
    made, again = seconds_for(sol, duration_ns=HOUR_NS)
    print(f"an hour of {sol.instrument.symbol}, again:                     {made:,} rows in {again:.3f} s")
    for symbol, profile in {**PROFILES, "benchmark day": BENCHMARK_DAY}.items():
        made, took = seconds_for(profile, rows=ROWS)
        print(f"{symbol:<16} {made:>10,} rows in {took:6.3f} s: {made / took / 1e6:6.2f} M rows/s")


if __name__ == "__main__":
    main()
