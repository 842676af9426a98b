"""The golden run in virtual time: the specification's command, live, for ten minutes; both books are equal."""

import dataclasses
from decimal import Decimal
from pathlib import Path

from chaos.golden import LIVELY, SPEED
from chaos.sessions import Bot
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.journal.live import books_of, known_fill_ids, latest_live_run
from perpmaker.journal.writer import open_journal
from perpmaker.maker.settings import StrategySettings
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.server import TestnetServer
from perpmaker.testnet.terms import TestnetTerms
from support.virtual_time import run_virtual, virtual_clock

COMMAND = StrategySettings(
    spread=Decimal("0.01"),
    quantity=Decimal("0.1"),
    max_orders=2,
    target_position=Decimal(0),
    max_position=Decimal(5),
    position_threshold=Decimal(2),
    inventory_skew=Decimal(0),
    stop_loss=Decimal(-1),
    take_profit=Decimal(5),
    duration_s=Decimal(600),
    interval_s=Decimal(10),
)


def test_both_sides_have_the_same_books_to_the_last_digit(tmp_path: Path) -> None:
    async def play() -> None:
        clock = virtual_clock()
        terms = TestnetTerms(speed=SPEED, funding_interval_ns=600 * 10**9)
        testnet = Testnet(SyntheticMarket(dataclasses.replace(LIVELY, visits_per_s=3.0), 1), terms, clock)
        with open_journal(str(tmp_path / "journal.db")) as journal:
            async with TestnetServer(testnet) as server:
                account = testnet.accounts["1"]
                keys = account.keys.public, account.keys.secret
                bot = Bot((server.base_url, server.ws_url), keys, COMMAND, journal, clock)
                assert await bot.live() is ExitCode.DURATION
                run = latest_live_run(journal)
                assert run is not None
                ours, theirs = books_of(journal, run), account.books.position
                assert len(account.books.fills) > 10
                assert known_fill_ids(journal, run) == {fill.trade_id for fill in account.books.fills}
                assert ours == theirs
                assert theirs.funding_quanta != 0
                assert not account.books.open_ids

    run_virtual(play)
