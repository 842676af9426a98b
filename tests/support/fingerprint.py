"""Prints the order list's hash and the summary of one fixed run: two interpreters must print the same bytes.

Usage: python fingerprint.py SECONDS
"""

import sys

from perpmaker.domain.events import EndReason
from perpmaker.runtime.summary import RunFacts, summarize
from support import runs


def main(seconds: str) -> None:
    run = runs.run(runs.strategy(duration_s=seconds, stop_loss="0.05", interval_s="2"), runs.synthetic(seed=3))
    summary = summarize(
        run.statistics,
        equity_start_quanta=run.maker.state.terms.balance_quanta,
        mark_milliticks=run.exchange.mark_milliticks or 0,
        max_drawdown_quanta=run.exchange.max_drawdown_quanta,
        requests=0,
        end_ns=run.exchange.now_ns,
        events=run.exchange.events_processed,
        wall_s=0.0,
        run=RunFacts(EndReason.DURATION, "simulation", "sim", run.exchange.instrument.symbol, 3, "test", {}, []),
    )
    print(run.sent.fingerprint())
    print(summary.to_json(with_wall=False))


if __name__ == "__main__":
    main(sys.argv[1])
