"""Paper and live runs in virtual time that record their market beside them, as `perpmaker fidelity` wants them."""

import asyncio
import dataclasses
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.live_session import LiveSession
from perpmaker.cli.request import WireSettings
from perpmaker.domain.events import EndReason
from perpmaker.domain.orders import Side
from perpmaker.journal.writer import open_journal
from perpmaker.simulation import market_events as me
from perpmaker.simulation.depth_book import DepthBook
from perpmaker.simulation.market_events import MarketChunk, MarketFeed
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
from perpmaker.simulation.terms import QueueModel
from perpmaker.venues.feed_source import FeedSource
from perpmaker.venues.paper import PaperTerms, PaperVenue
from support.live_sessions import SIMULATION, SYMBOL, played, request, running_testnet
from support.virtual_time import run_virtual, virtual_clock

CLOSE = Decimal("0.00005")
"""A half-spread that keeps quotes in the queues of the best prices."""


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A run that is over: its journal, and the recording of its market."""

    journal: str
    recording: Path


def paper_run(
    folder: Path,
    *,
    duration_s: int,
    latency_ns: int = 10_000_000,
    model: QueueModel = QueueModel.RISK_AVERSE,
    exponent: float = 3.0,
    feed: MarketFeed | None = None,
    stop_after_s: float | None = None,
    **settings: Any,
) -> Recorded:
    """A paper run on the synthetic market (or another feed); ``settings`` over those of `BUSY`."""
    found = Recorded(str(folder / "journal.db"), folder / "market")
    simulation = dataclasses.replace(
        SIMULATION, order_latency_ns=latency_ns, queue_model=model, queue_exponent=exponent
    )
    terms = PaperTerms(
        balance=simulation.balance,
        leverage=simulation.leverage,
        maker_fee=simulation.maker_fee,
        taker_fee=simulation.taker_fee,
        order_latency_ns=latency_ns,
        queue_model=model,
        power_exponent=exponent,
    )
    wires = WireSettings(
        exchange="backpack", is_live=False, base_url=None, ws_url=None, max_book_age_ns=5_000_000_000,
        is_account_shared=False, max_daily_loss=Decimal(0), record=found.recording,
    )  # fmt: skip

    async def play() -> None:
        clock = virtual_clock()
        venue = PaperVenue(FeedSource(feed or SyntheticMarket(PROFILES[SYMBOL], 7), clock), terms, clock)
        asked = dataclasses.replace(
            request(wires=wires, duration_s=Decimal(duration_s), **settings), simulation=simulation
        )
        with open_journal(found.journal) as journal:
            session = LiveSession(asked, wires, venue, clock, journal)
            stopper = asyncio.ensure_future(_stop(session, stop_after_s)) if stop_after_s is not None else None
            code = await session.play()
            assert code in (ExitCode.DURATION, ExitCode.INTERRUPTED)
            await venue.close()
            if stopper is not None:
                await stopper

    run_virtual(play)
    return found


async def _stop(session: LiveSession, after_s: float) -> None:
    await asyncio.sleep(after_s)
    assert session.run is not None
    session.run.request_stop(EndReason.INTERRUPTED)


def live_run(folder: Path, *, duration_s: int, before_s: int = 0, **settings: Any) -> Recorded:
    """A live run against the testnet; ``before_s`` is the length of a run before it, recorded into the same folder."""
    found = Recorded(str(folder / "journal.db"), folder / "market")

    async def play() -> None:
        clock = virtual_clock()
        async with running_testnet(clock, speed=1.0) as server:
            with open_journal(found.journal) as journal:
                for length_s in (before_s, duration_s):
                    if not length_s:
                        continue
                    code, _ = await played(
                        server, clock, journal, wire_changes={"record": found.recording},
                        duration_s=Decimal(length_s), **settings,
                    )  # fmt: skip
                    assert code is ExitCode.DURATION

    run_virtual(play)
    return found


class GappyMarket:
    """A market whose data is blind for a while; afterwards the book is stated anew."""

    def __init__(self, feed: MarketFeed, from_s: float, to_s: float, until_s: float) -> None:
        self.instrument = feed.instrument
        self._feed = feed
        self._bounds_s = (from_s, to_s, until_s)

    def chunks(self) -> Iterator[MarketChunk]:
        rows: list[tuple[int, int, int, int]] = []
        book, state = DepthBook(), "sees"
        for chunk in self._feed.chunks():
            columns = (chunk.ts_ns.tolist(), chunk.kind.tolist(), chunk.price.tolist(), chunk.lots.tolist())
            for ts_ns, kind, price, lots in zip(*columns, strict=True):
                first_ns = rows[0][0] if rows else ts_ns
                blind_ns, sees_ns, end_ns = (first_ns + round(bound * 1e9) for bound in self._bounds_s)
                if ts_ns >= end_ns:
                    yield _chunk(rows)
                    return
                begins_message = not rows or not rows[-1][1] & me.MORE
                if state == "sees" and ts_ns >= blind_ns and begins_message:
                    rows.append((ts_ns, me.GAP_START, 0, 0))
                    state = "blind"
                elif state == "blind" and ts_ns >= sees_ns and not kind & me.MORE:
                    book.apply(kind, price, lots)
                    rows.append((ts_ns, me.GAP_END, 0, 0))
                    rows += _whole(ts_ns, book)
                    state = "sees again"
                    continue
                book.apply(kind, price, lots)
                if state != "blind":
                    rows.append((ts_ns, kind, price, lots))


def _whole(ts_ns: int, book: DepthBook) -> list[tuple[int, int, int, int]]:
    levels = [(ts_ns, me.BID, level.price_ticks, level.lots) for level in book.levels(Side.BUY)]
    levels += [(ts_ns, me.ASK, level.price_ticks, level.lots) for level in book.levels(Side.SELL)]
    message = [(ts_ns, me.CLEAR_BIDS, 0, 0), (ts_ns, me.CLEAR_ASKS, 2**62, 0), *levels]
    return [(at, kind | me.MORE, price, lots) for at, kind, price, lots in message[:-1]] + message[-1:]


def _chunk(rows: list[tuple[int, int, int, int]]) -> MarketChunk:
    ts_ns, kind, price, lots = np.array(rows, np.int64).T
    return MarketChunk(ts_ns, kind.astype(np.uint8), price, lots)
