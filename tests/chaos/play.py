"""One schedule played in virtual time: testnet and bot in one process, on real loopback sockets, with a real journal.

    verdict = play(schedule(7))
    assert verdict.failures == []

Rules kept here:

1. The bot is the program's own session, from checklist to exit code; only the clock, the keys and the randomness are
   given. Nothing of it is replaced.
2. The verdict is the venue's: its books, its fill history, its open orders. The bot's own books are what is judged.
"""

import asyncio
import contextlib
import io
import logging
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select

from chaos.schedule import ACCOUNTS, OTHER_RUN_TAG, RUN_S, SETTLED_S, Schedule
from chaos.sessions import Bot
from chaos.witness import Witness
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.domain.orders import Side
from perpmaker.domain.reasons import NotResting
from perpmaker.journal import readers, schema
from perpmaker.journal.live import books_of, latest_live_run, unfinished_runs
from perpmaker.journal.writer import Journal, open_journal
from perpmaker.maker.market_maker import MarketMaker, Phase
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.fault_plan import FaultRunner
from perpmaker.testnet.server import TestnetServer
from support.virtual_time import START_NS, run_virtual, virtual_clock

RESUME_LIMIT_S = 10.0
SAMPLE_S = 0.1
PATIENCE_S = 400.0
"""How much later than planned the end may come before it counts as hung."""

_EXCUSES = (NotResting.NO_MARGIN, NotResting.AT_CAP)


@dataclass
class Verdict:
    """What came of it. ``failures`` are sentences, empty when all holds."""

    seed: int
    failures: list[str] = field(default_factory=list)
    exit_reason: str = ""
    fills: int = 0
    orders: int = 0
    resumed_s: float | None = None
    quoted_share: float = 0.0
    struck: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    output: str = ""
    notes: list[tuple[float, str]] = field(default_factory=list)
    virtual_s: float = 0.0

    def fail(self, sentence: str) -> None:
        self.failures.append(sentence)


class _Tags:
    """The tags of our runs, as the journal has them."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: set[int | None] = set()
        self._runs = 0

    def __contains__(self, tag: object) -> bool:
        if tag in self._known:
            return True
        if tag != OTHER_RUN_TAG:  # the orders of others are many: the journal is asked about unknown tags only
            self._known = {run.tag for run in readers.list_runs(self._journal)}
        return tag in self._known


class Stage:
    """A testnet with everything around it, for one bot or several lives of it."""

    def __init__(self, plot: Schedule, server: TestnetServer, journal: Journal, verdict: Verdict) -> None:
        self.plot = plot
        self.server = server
        self.testnet = server.testnet
        self.journal = journal
        self.verdict = verdict
        self.runner = FaultRunner(server.faults, plot.plan)
        self.ours = _Tags(journal)
        instrument = self.testnet.instrument
        self.cap_lots = instrument.quantity_to_lots(plot.strategy.max_position)
        faults = server.faults
        self.witness = Witness(
            self.testnet,
            self.cap_lots,
            self.ours.__contains__,
            is_disturbed=lambda: bool(faults.active),
        )
        server.faults.listeners.append(lambda _, begins: None if begins else self.witness.fault_ended())
        self.bot: Bot | None = None
        self._quoting: list[tuple[float, bool]] = []
        self.last_fault_s = 0.0

    def new_bot(self, *, commits: bool = False, life: int = 0) -> Bot:
        """A bot on the first account."""
        keys = self.testnet.accounts["1"].keys
        random = Random(self.plot.seed * 1_000 + life)
        urls = self.server.base_url, self.server.ws_url
        clock = self.testnet.clock
        return Bot(
            urls,
            (keys.public, keys.secret),
            self.plot.strategy,
            self.journal,
            clock,
            random,
            commits=commits,
            is_shared=self.plot.is_shared,
        )

    def rest_foreign(self) -> None:
        """Put the orders of others on the account."""
        for order in self.plot.foreign:
            best = self.testnet.book.best(order.side)
            assert best is not None
            price = int(best.price_ticks * (1 - order.side * order.away))
            self.testnet.place_foreign_order("1", order.side, price, order.lots, order.client_id)

    async def begin_faults(self) -> None:
        await asyncio.sleep(SETTLED_S)
        now_s = asyncio.get_running_loop().time()
        self.last_fault_s = now_s + self.plot.plan.end_ms / 1000
        self.runner.start()

    async def watch_quoting(self) -> None:
        """Looks at the venue ten times a second."""
        while True:
            self._quoting.append((asyncio.get_running_loop().time(), self._is_quoting()))
            await asyncio.sleep(SAMPLE_S)

    def _is_quoting(self) -> bool:
        maker = None if self.bot is None else self.bot.maker
        if maker is None:
            return False
        if maker.phase in (Phase.CLOSING, Phase.COOLING_DOWN):
            return True  # a stop acts: the strategy wants no quotes
        if self.witness.is_quoting():
            return True
        sides = {order.side for order in self.witness.our_orders()}
        return all(side in sides or _is_excused(maker, side) for side in Side)

    def judge_resumption(self, until_s: float, from_s: float = 0.0) -> None:
        """How long after the last fault both sides rested again, between these times of the loop."""
        verdict = self.verdict
        if self._quoting:
            verdict.quoted_share = sum(is_on for _, is_on in self._quoting) / len(self._quoting)
        since_s = max(self.last_fault_s, from_s)
        after = [(at_s, is_on) for at_s, is_on in self._quoting if since_s <= at_s <= until_s]
        if not after:
            return
        resumed_s = next((at_s for at_s, is_on in after if is_on), None)
        if resumed_s is None:
            verdict.fail(f"never quoted again after the last fault ({after[-1][0] - since_s:.1f} s of calm)")
            return
        verdict.resumed_s = resumed_s - since_s
        if verdict.resumed_s > RESUME_LIMIT_S:
            verdict.fail(f"quoted again only {verdict.resumed_s:.1f} s after the last fault")
        idle = [at_s for at_s, is_on in after if not is_on and at_s > since_s + RESUME_LIMIT_S]
        if len(idle) * SAMPLE_S > 3.0:
            verdict.fail(f"out of the market for {len(idle) * SAMPLE_S:.1f} s in the calm")

    def judge(self) -> None:
        """Everything that the venue's books and the journal tell."""
        verdict, witness = self.verdict, self.witness
        for sentence in witness.beyond[:3]:
            verdict.fail(f"beyond the cap: {sentence}")
        left = witness.our_orders()
        if left:
            verdict.fail(f"{len(left)} orders of ours rest: {[order.order_id for order in left]}")
        for sentence in witness.foreign_touched():
            verdict.fail(f"foreign order touched: {sentence}")
        self.judge_fills()
        verdict.notes = _notes(self.journal)
        run = latest_live_run(self.journal)
        lots = 0 if run is None else books_of(self.journal, run).lots
        held = self.testnet.accounts["1"].books.position.lots
        if lots != held:
            verdict.fail(f"the journal's position is {lots} lots, the venue's {held}")
        if unfinished_runs(self.journal):
            verdict.fail("a run has no end in the journal")
        verdict.struck = Counter({kind.value: count for kind, count in self.server.faults.struck.items()})

    def judge_fills(self) -> None:
        verdict = self.verdict
        venue = {
            fill.trade_id: (
                own.tag,
                own.order_id,
                fill.side,
                fill.price_ticks,
                fill.lots,
                fill.fee_quanta,
                fill.is_maker,
            )
            for own, fill in self.witness.our_fills()
        }
        journalled = {}
        for run in readers.list_runs(self.journal):
            for fill in readers.fills(self.journal, run):
                row = (run.tag, fill.order_id, fill.side, fill.price_ticks, fill.lots, fill.fee_quanta, fill.is_maker)
                if fill.fill_id in journalled:
                    verdict.fail(f"execution {fill.fill_id} is in the journal of two runs")
                journalled[fill.fill_id] = row
        verdict.fills = len(venue)
        missing, invented = venue.keys() - journalled.keys(), journalled.keys() - venue.keys()
        if missing:
            verdict.fail(f"{len(missing)} executions are not in the journal: {sorted(missing)[:5]}")
        if invented:
            verdict.fail(f"{len(invented)} executions of the journal are not the venue's: {sorted(invented)[:5]}")
        for fill_id in venue.keys() & journalled.keys():
            if venue[fill_id] != journalled[fill_id]:
                verdict.fail(f"execution {fill_id}: the venue has {venue[fill_id]}, the journal {journalled[fill_id]}")

    def judge_books(self, *, is_whole: bool) -> None:
        """The maker's own books against the testnet's; money only where it has made all of them, and nobody else."""
        assert self.bot is not None
        maker = self.bot.maker
        if maker is None:
            return
        ours, theirs = maker.position, self.testnet.accounts["1"].books.position
        if ours.lots != theirs.lots:
            self.verdict.fail(f"the bot's position is {ours.lots} lots, the venue's {theirs.lots}")
        if self.witness.others_traded or not is_whole:
            return
        for name, mine, its in (
            ("fees", ours.fees_quanta, theirs.fees_quanta),
            ("funding", ours.funding_quanta, theirs.funding_quanta),
            ("profit", ours.realized_quanta - ours.cost_quanta, theirs.realized_quanta - theirs.cost_quanta),
        ):
            if mine != its:
                self.verdict.fail(f"the bot's {name} is {mine}, the venue's {its}")


def _notes(journal: Journal) -> list[tuple[float, str]]:
    """What the runs have told, with the time in seconds from the start."""
    query = select(schema.reasons.c.ts_ns, schema.reasons.c.kind, schema.reasons.c.text).order_by(
        schema.reasons.c.ts_ns
    )
    with journal.engine.connect() as connection:
        return [((row.ts_ns - START_NS) / 1e9, f"{row.kind}: {row.text}") for row in connection.execute(query)]


def _is_excused(maker: MarketMaker, side: Side) -> bool:
    reasons = [why for (its_side, _), why in maker.quoter.not_resting.items() if its_side is side]
    return len(reasons) == maker.state.terms.levels and all(why in _EXCUSES for why in reasons)


@contextlib.asynccontextmanager
async def staged(plot: Schedule, folder: Path, verdict: Verdict) -> AsyncIterator[Stage]:
    """A testnet, its journal, and a stage around them."""
    clock = virtual_clock()
    testnet = Testnet(plot.market, plot.terms, clock, seed=plot.seed, accounts=ACCOUNTS)
    with open_journal(f"sqlite:///{folder / 'journal.db'}") as journal:
        async with TestnetServer(testnet, seed=plot.seed) as server:
            stage = Stage(plot, server, journal, verdict)
            stage.rest_foreign()
            yield stage
            stage.runner.stop()


async def _play(plot: Schedule, folder: Path, verdict: Verdict) -> None:
    async with performance(plot, folder, verdict) as stage:
        bot = stage.bot = stage.new_bot()
        try:
            async with asyncio.timeout(float(plot.strategy.duration_s) + PATIENCE_S):
                await bot.live()
        except TimeoutError:
            verdict.fail("the run did not end")
        stage.judge_resumption(RUN_S - 1)


@contextlib.asynccontextmanager
async def performance(plot: Schedule, folder: Path, verdict: Verdict, *, lives: int = 1) -> AsyncIterator[Stage]:
    """A stage with its faults and its watch on it; judged when the block is over."""
    loop = asyncio.get_running_loop()
    unhandled: list[str] = []
    loop.set_exception_handler(lambda _, context: unhandled.append(_told(context)))
    async with staged(plot, folder, verdict) as stage:
        helpers = [asyncio.create_task(stage.begin_faults()), asyncio.create_task(stage.watch_quoting())]
        try:
            yield stage
        finally:
            for helper in helpers:
                helper.cancel()
        verdict.virtual_s = loop.time()
        stage.judge()
        if stage.bot is not None and stage.bot.run is not None:
            stage.judge_books(is_whole=lives == 1)
        report(stage.bot, verdict)
    for sentence in unhandled:
        verdict.fail(f"unhandled: {sentence}")


def report(bot: Bot | None, verdict: Verdict) -> None:
    """What the bot says of its own end."""
    run = None if bot is None else bot.run
    if bot is None or run is None or bot.code is None:
        verdict.fail("the bot did not run")
        return
    verdict.exit_reason = bot.code.name
    verdict.orders += run.requests
    verdict.counts += run.desk.counts
    if run.orders_left != 0:
        verdict.fail(f"the bot says that {run.orders_left} orders are left")
    if bot.code is not ExitCode.DURATION:
        verdict.fail(f"exit code {bot.code.name}")


def _told(context: dict[str, Any]) -> str:
    return f"{context.get('message')} {context.get('exception')!r}"


def play(plot: Schedule) -> Verdict:
    """Play a schedule to its end, and judge it."""
    return performed(plot, _play)


def performed(plot: Schedule, work: Callable[[Schedule, Path, Verdict], Coroutine[Any, Any, None]]) -> Verdict:
    """Do something with a schedule in virtual time; whatever breaks is part of the verdict."""
    verdict = Verdict(plot.seed)
    said = io.StringIO()
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)  # connections that faults cut are no news
    with tempfile.TemporaryDirectory() as folder:
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
                run_virtual(lambda: work(plot, Path(folder), verdict), wall_s=300.0)
        except Exception as error:  # noqa: BLE001 - whatever broke is a verdict on this seed
            verdict.fail(f"broke: {type(error).__name__}: {error}")
    verdict.output = said.getvalue()
    return verdict
