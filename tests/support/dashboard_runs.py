"""A run that is none: it stands in a journal, serves a link, and shows data that move. For tests of the dashboard.

    async with FakeRun(journal, clock) as run:
        run.step()                     # one more view, now and then a fill
        run.asked                      # what was asked of it
        await run.end()                # the last view; the journal has its end

The place of the socket is that of `perpmaker.monitor.places`: set ``PERPMAKER_RUNTIME_DIR`` first (`short_folder`).
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from sqlalchemy import update

from perpmaker.domain.instrument import Instrument
from perpmaker.journal import schema
from perpmaker.journal.database import writing
from perpmaker.journal.writer import Journal, RunStart
from perpmaker.monitor.places import link_path
from perpmaker.monitor.view import (
    About,
    Answer,
    Ask,
    Book,
    Counts,
    Health,
    Hello,
    Item,
    Latency,
    Level,
    News,
    Position,
    Profit,
    RunView,
    Sample,
    Skew,
)
from perpmaker.venues.clock import Clock

SOL = Instrument("SOL_USDC_PERP", "SOL", "USDC", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))

SETTINGS = {
    "spread": "0.05%",
    "quantity": "0.1",
    "max_orders": "2",
    "max_position": "2",
    "position_threshold": "0.2",
    "inventory_skew": "0.5",
    "interval": "1",
}

_ASK = msgspec.json.Decoder(Ask)


@contextmanager
def short_folder() -> Iterator[Path]:
    """A temporary folder whose path leaves room for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="pm") as name:
        yield Path(name)


class FakeRun:
    """See the module. ``mode``, ``symbol`` and ``settings`` are shown as they are given; ``on_ask`` answers instead of
    the run, None to say nothing at all.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        mode: str = "sim",
        exchange: str = "sim",
        symbol: str = SOL.symbol,
        settings: dict[str, str] | None = None,
        has_link: bool = True,
        is_mute: bool = False,
    ) -> None:
        start = RunStart(
            version="0",
            exchange=exchange,
            symbol=symbol,
            market_type="perpetual",
            mode={"sim": "simulation"}.get(mode, mode),
            seed=7,
            command_line="perpmaker run",
            settings=SETTINGS if settings is None else settings,
            instrument=SOL,
            provenance={},
            started_at_ns=clock.now_ns(),
        )
        self.journal = journal
        self.run_id = start.run_id
        self.asked: list[Ask] = []
        self.on_ask: Callable[[Ask], Answer | None] = self._carry_out
        self.links_opened = 0
        self._clock = clock
        self._has_link = has_link
        self._is_mute = is_mute
        self._record = journal.begin_run(start)
        self._record.close()
        self._server: asyncio.Server | None = None
        self._viewers: set[asyncio.StreamWriter] = set()
        self._moving: asyncio.Task[None] | None = None
        self._count = 0
        self.items: list[Item] = []
        self.samples: list[Sample] = []
        blank = blank_view(mode=mode, exchange=exchange, symbol=symbol, run_id=start.run_id)
        about = msgspec.structs.replace(blank.about, started_at_ns=start.started_at_ns)
        self.view = msgspec.structs.replace(blank, about=about, settings=dict(start.settings))

    async def __aenter__(self) -> Self:
        if self._has_link:
            self._server = await asyncio.start_unix_server(self._serve, link_path(self.run_id))
        self.step()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.die()

    # What it does

    def step(self, **changes: Any) -> None:
        """One more view; every fifth brings a fill. ``changes`` are fields of the view."""
        self._count += 1
        now_ns = self._clock.now_ns()
        mid = Decimal(100) + Decimal(self._count * 7 % 41 - 20) / 100
        quotes = [mid - Decimal("0.05"), mid - Decimal("0.10")], [mid + Decimal("0.05"), mid + Decimal("0.10")]
        items, samples = [], []
        if self._count % 5 == 1:
            items.append(self._fill(now_ns, mid))
        if not self.samples or now_ns - self.samples[-1].at_ns >= 1_000_000_000:
            held, net = self.view.position.quantity, self.view.profit.net
            bids, asks = ([str(price) for price in side] for side in quotes)
            samples.append(Sample(now_ns, str(mid), str(mid), bids, asks, held, net))
        moved = {"bid": str(mid - Decimal("0.01")), "ask": str(mid + Decimal("0.01")), "mark": str(mid)}
        moved |= {"levels": _levels(*quotes), "book": _book(mid)}
        revision = self.view.revision + 1
        self.view = msgspec.structs.replace(self.view, revision=revision, at_ns=now_ns, **{**moved, **changes})
        self.items += items
        self.samples += samples
        self._tell(News(view=self.view, items=items, samples=samples))

    def say(self, kind: str, text: str, severity: str = "info") -> None:
        """One line of the log."""
        item = Item(seq=self._next_seq, at_ns=self._clock.now_ns(), kind=kind, text=text, severity=severity)
        self.items.append(item)
        self._tell(News(items=[item]))

    def move(self, times_a_second: float = 4.0) -> None:
        """Step by itself from now on."""

        async def moving() -> None:
            while True:
                self.step()
                await asyncio.sleep(1 / times_a_second)

        self._moving = asyncio.get_running_loop().create_task(moving())

    async def end(self) -> None:
        """Tell the last view, end in the journal, and let go of everybody."""
        self._stop_moving()
        self.step(is_over=True, end_reason="interrupted", phase="done")
        values = {"ended_at_ns": self._clock.now_ns(), "end_reason": "interrupted"}
        with writing(self.journal.engine) as connection:
            connection.execute(update(schema.runs).where(schema.runs.c.id == self.run_id).values(values))
        await self.die()

    async def die(self) -> None:
        """End without a word, as a killed process does; the socket stays where it is."""
        self._stop_moving()
        for viewer in list(self._viewers):
            viewer.close()
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)

    def break_links(self) -> None:
        """Cut everybody off; the run goes on and can be linked to again."""
        for viewer in list(self._viewers):
            viewer.close()

    # The link

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.links_opened += 1
        first_seq = self.items[0].seq if self.items else 1
        hello = Hello(view=self.view, items=self.items, samples=self.samples, first_seq=first_seq)
        if not self._is_mute:
            writer.write(msgspec.json.encode(hello) + b"\n")
            self._viewers.add(writer)
        try:
            while line := await reader.readline():
                ask = _ASK.decode(line)
                self.asked.append(ask)
                answer = self.on_ask(ask)
                if answer is not None:
                    writer.write(msgspec.json.encode(answer) + b"\n")
        except OSError:
            pass  # the viewer is gone
        finally:
            self._viewers.discard(writer)
            writer.close()

    def _carry_out(self, ask: Ask) -> Answer:
        changes: dict[str, Any] = {}
        if ask.action in ("pause", "resume"):
            changes = {"is_paused": ask.action == "pause"}
        elif ask.action == "settings":
            changes = {"settings": {**self.view.settings, **ask.settings}}
        self.say("control", f"{ask.action} by {ask.who}")
        self.step(**changes)
        return Answer(ask_id=ask.ask_id, is_done=True, text=f"{ask.action}: done")

    def _tell(self, news: News) -> None:
        for viewer in self._viewers:
            viewer.write(msgspec.json.encode(news) + b"\n")

    # Data

    @property
    def _next_seq(self) -> int:
        return self.items[-1].seq + 1 if self.items else 1

    def _fill(self, now_ns: int, mid: Decimal) -> Item:
        is_buy = self._count % 2 == 1
        side, price = ("buy", mid - Decimal("0.05")) if is_buy else ("sell", mid + Decimal("0.05"))
        held = Decimal(self.view.position.quantity) + (Decimal("0.1") if is_buy else Decimal("-0.1"))
        net = Decimal(self.view.profit.net) + Decimal("0.003")
        position = msgspec.structs.replace(self.view.position, quantity=str(held))
        profit = msgspec.structs.replace(
            self.view.profit, net=str(net), realized=str(net), equity=str(10_000 + net), terms={"spread": str(net)}
        )
        counts = msgspec.structs.replace(self.view.counts, fills=self.view.counts.fills + 1)
        self.view = msgspec.structs.replace(self.view, position=position, profit=profit, counts=counts)
        text = f"{side} 0.1 at {price}"
        return Item(
            seq=self._next_seq,
            at_ns=now_ns,
            kind="fill",
            text=text,
            side=side,
            price=str(price),
            quantity="0.1",
            fee="-0.002",
            is_maker=True,
        )

    def _stop_moving(self) -> None:
        if self._moving is not None:
            self._moving.cancel()
            self._moving = None


def _levels(bids: list[Decimal], asks: list[Decimal]) -> list[Level]:
    return [
        Level(
            side=side,
            level=level,
            price=str(price),
            quantity="0.1",
            state="resting",
            queue_ahead=str(Decimal(12) / level),
            why=None,
        )
        for side, prices in (("buy", bids), ("sell", asks))
        for level, price in enumerate(prices, 1)
    ]


def _book(mid: Decimal) -> Book:
    steps = [Decimal(step) / 100 for step in range(1, 21)]
    bids = [(str(mid - step), str(5 + 100 * step)) for step in steps]
    asks = [(str(mid + step), str(5 + 100 * step)) for step in steps]
    return Book(bids=bids, asks=asks)


def blank_view(*, mode: str = "sim", exchange: str = "sim", symbol: str = SOL.symbol, run_id: str = "run") -> RunView:
    """A view of a run that has not begun to do anything."""
    none = Latency(count=0, p50_ms=None, p99_ms=None, max_ms=None)
    return RunView(
        revision=0,
        at_ns=0,
        about=About(
            run_id=run_id,
            exchange=exchange,
            symbol=symbol,
            market=None,
            mode=mode,
            base="SOL",
            quote="USDC",
            tick_size="0.01",
            lot_size="0.01",
            started_at_ns=0,
            ends_at_ns=None,
            version="0",
            fleet_id=None,
        ),
        phase="quoting",
        is_paused=False,
        end_reason=None,
        is_over=False,
        settings=SETTINGS,
        bid=None,
        ask=None,
        mark=None,
        book=None,
        levels=[],
        position=Position(quantity="0", target="0", threshold="0.2", cap="2", entry_price=None, capped_side=None),
        skew=Skew(mode="shift", strength="0.5", reference="100", reservation="100", ticks="0"),
        profit=Profit(
            equity_start="10000",
            equity="10000",
            net="0",
            realized="0",
            unrealized="0",
            fees="0",
            funding="0",
            max_drawdown="0",
            terms={"spread": "0"},
        ),
        health=Health(
            book_age_ms=12.0,
            decision=none,
            wire=none,
            messages=0,
            requests=0,
            rejects={},
            rate_headroom=1.0,
            clock_offset_ms=0.0,
            reconciled_at_ns=None,
            corrections=0,
            is_account_up=True,
            blind_for=[],
            counts={},
        ),
        counts=Counts(
            fills=0,
            buys=0,
            sells=0,
            orders_placed=0,
            orders_cancelled=0,
            orders_rejected=0,
            stops=0,
            takes=0,
            volume="0",
        ),
    )
