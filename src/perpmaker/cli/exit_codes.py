"""How the program ends, as a number: each way of ending has its own (docs/running.md lists them).

0 is only the planned end. 2 is also what the command line itself gives for flags that it cannot read.
"""

from enum import IntEnum

from perpmaker.domain.events import EndReason


class ExitCode(IntEnum):
    DURATION = 0
    FAILED = 1
    BAD_INPUT = 2
    FEED_EXHAUSTED = 10
    STOP_LOSS = 11
    TAKE_PROFIT = 12
    MAX_DRAWDOWN = 13
    ABANDONED = 14  # a second interrupt: what is left was said, not cleaned up
    MAX_LOSS = 15
    MAX_DAILY_LOSS = 16
    VENUE_STOPPED = 17  # keys, permissions, a closed market: only a person can mend it
    RESCUED = 18  # a watchdog cleaned up after a run that had fallen silent
    LIQUIDATED = 19
    BUDGET = 20  # of notional or margin, over all markets of a fleet
    BUDGET_LOSS = 21  # of drawdown or the day's loss, over all markets of a fleet
    INTERRUPTED = 130  # as shells number SIGINT
    TERMINATED = 143  # as shells number SIGTERM


EXIT_CODES: dict[EndReason, ExitCode] = {
    EndReason.DURATION: ExitCode.DURATION,
    EndReason.FEED_EXHAUSTED: ExitCode.FEED_EXHAUSTED,
    EndReason.INTERRUPTED: ExitCode.INTERRUPTED,
    EndReason.TERMINATED: ExitCode.TERMINATED,
    EndReason.STOP_LOSS: ExitCode.STOP_LOSS,
    EndReason.TAKE_PROFIT: ExitCode.TAKE_PROFIT,
    EndReason.MAX_DRAWDOWN: ExitCode.MAX_DRAWDOWN,
    EndReason.MAX_LOSS: ExitCode.MAX_LOSS,
    EndReason.MAX_DAILY_LOSS: ExitCode.MAX_DAILY_LOSS,
    EndReason.LIQUIDATED: ExitCode.LIQUIDATED,
    EndReason.BUDGET: ExitCode.BUDGET,
    EndReason.BUDGET_LOSS: ExitCode.BUDGET_LOSS,
    EndReason.VENUE_STOPPED: ExitCode.VENUE_STOPPED,
    EndReason.FAILED: ExitCode.FAILED,
}
