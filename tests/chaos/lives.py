"""Deaths in virtual time: the bot is killed at a random moment, and another life, or only the watchdog, follows.

    verdict = play_lives(schedule(7), moment_of(7))
    verdict = play_watchdog(schedule(7), moment_of(7))

Rules kept here:

1. The faults go on whatever happens to the bot: it may die, and come back, in the middle of them.
2. A new life is tried again as a person or a service manager would, until it starts.
3. Half of the time it can be seen that the process is gone; otherwise only its silence tells.
4. All lives together are judged as one run is: see `chaos.play`.
"""

import asyncio
import random
from functools import partial
from pathlib import Path

from chaos.play import PATIENCE_S, Stage, Verdict, performance, performed, staged
from chaos.schedule import RUN_S, Schedule
from chaos.sessions import SYMBOL, Bot
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.target import Target
from perpmaker.cli.watching import Watchdog
from perpmaker.domain.errors import UserError
from perpmaker.journal.live import latest_live_run
from perpmaker.journal.readers import list_runs
from perpmaker.runtime.live.preflight import answered
from perpmaker.venues.errors import VenueError

TRY_AGAIN_S = 2.0
WATCHDOG_NS = 10 * 10**9


def moment_of(seed: int) -> float:
    """When to kill, seconds from the start; sometimes in the calm, too."""
    return random.Random(f"kill {seed}").uniform(0.2, RUN_S - 10)


def play_lives(plot: Schedule, kill_s: float) -> Verdict:
    """Kill once, and start again."""
    return performed(plot, partial(_play_lives, kill_s))


def play_watchdog(plot: Schedule, kill_s: float, *, closes: bool = False) -> Verdict:
    """Kill, and leave only the watchdog."""
    return performed(plot, partial(_play_watchdog, kill_s, closes))


async def _kill(stage: Stage, kill_s: float) -> Bot:
    bot = stage.new_bot(commits=True)
    task = asyncio.create_task(bot.live(), name="bot")
    await asyncio.wait([task], timeout=kill_s)
    await bot.die(task, is_known=stage.plot.seed % 2 == 0)
    return bot


async def _play_lives(kill_s: float, plot: Schedule, folder: Path, verdict: Verdict) -> None:
    loop = asyncio.get_running_loop()
    async with performance(plot, folder, verdict, lives=2) as stage:
        first = await _kill(stage, kill_s)
        verdict.orders += first.run.requests if first.run is not None else 0
        began_s = loop.time()
        try:
            async with asyncio.timeout(RUN_S + PATIENCE_S):
                while True:
                    began_s = loop.time()
                    stage.bot = stage.new_bot(life=int(began_s))
                    try:
                        if await stage.bot.live() is not ExitCode.BAD_INPUT:
                            break
                    except UserError:
                        pass  # the heartbeat of the dead is young, or the market is gone for a moment
                    verdict.counts["starts refused"] += 1
                    await asyncio.sleep(TRY_AGAIN_S)
        except TimeoutError:
            verdict.fail("the second life did not end")
        stage.judge_resumption(began_s + RUN_S - 1, from_s=began_s)


async def _play_watchdog(kill_s: float, closes: bool, plot: Schedule, folder: Path, verdict: Verdict) -> None:
    async with staged(plot, folder, verdict) as stage:
        helper = asyncio.create_task(stage.begin_faults())
        bot = stage.new_bot(commits=True)
        task = asyncio.create_task(bot.live(), name="bot")
        await asyncio.wait([task], timeout=kill_s)
        guard = await _start_watchdog(stage, closes)
        await asyncio.sleep(random.Random(f"later {plot.seed}").uniform(0, 5))
        await bot.die(task, is_known=True)
        if guard is None:
            verdict.counts["died before it was in the journal"] += 1
        else:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    code = await guard
            except TimeoutError:
                verdict.fail("the watchdog did not end")
            else:
                verdict.exit_reason = code.name
                wanted = (
                    ExitCode.RESCUED if bot.code in (None, ExitCode.ABANDONED) else ExitCode.DURATION
                )  # it had ended before
                if code is not wanted:
                    verdict.fail(f"the watchdog ended with {code.name}")
        helper.cancel()
        _judge(stage, verdict, closes=closes)


async def _start_watchdog(stage: Stage, closes: bool) -> "asyncio.Task[ExitCode] | None":
    run = latest_live_run(stage.journal)
    if run is None:
        return None
    target = Target(exchange="backpack", symbol=SYMBOL, base_url=None, ws_url=None, last_run=run)
    venue = stage.new_bot(life=1).venue
    clock = stage.testnet.clock
    watchdog = Watchdog(stage.journal, run, target, venue, clock, WATCHDOG_NS, closes=closes)

    async def watch() -> ExitCode:
        try:
            while True:
                try:
                    await answered(venue.clock)
                    return await watchdog.watch()
                except (VenueError, UserError):
                    await asyncio.sleep(TRY_AGAIN_S)  # it says that it cannot watch, and is started again
        finally:
            await venue.close()

    return asyncio.create_task(watch(), name="watchdog")


def _judge(stage: Stage, verdict: Verdict, *, closes: bool) -> None:
    witness = stage.witness
    for sentence in witness.beyond[:3]:
        verdict.fail(f"beyond the cap: {sentence}")
    if left := witness.our_orders():
        verdict.fail(f"{len(left)} orders of ours rest: {[order.order_id for order in left]}")
    for sentence in witness.foreign_touched():
        verdict.fail(f"foreign order touched: {sentence}")
    if list_runs(stage.journal):
        stage.judge_fills()
    lots = stage.testnet.accounts["1"].books.position.lots
    if closes and lots and not witness.others_traded:
        verdict.fail(f"the position of {lots} lots was not closed")
