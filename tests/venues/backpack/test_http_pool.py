"""Connections that several markets share: one pool, closed by who made it and by nobody else."""

from perpmaker.venues.backpack.pool import BackpackPool
from perpmaker.venues.backpack.venue import BackpackVenue
from support.live_sessions import SYMBOL, credentials_of, running_testnet
from support.virtual_time import run_virtual, virtual_clock


def test_the_end_of_one_market_leaves_the_connections_to_the_others() -> None:
    async def play() -> None:
        clock = virtual_clock()
        async with running_testnet(clock) as server:
            pool = BackpackPool()
            keys = credentials_of(server.testnet.accounts["1"])
            one, other = (
                BackpackVenue(SYMBOL, keys, clock, base_url=server.base_url, ws_url=server.ws_url, pool=pool)
                for _ in range(2)
            )
            await one.account()
            session = pool.http.session
            await one.close()
            assert not session.closed
            assert (await other.account()).can_trade
            assert pool.http.session is session
            await other.close()
            await pool.close()
            assert session.closed

    run_virtual(play)


def test_a_market_alone_closes_its_own() -> None:
    async def play() -> None:
        clock = virtual_clock()
        async with running_testnet(clock) as server:
            keys = credentials_of(server.testnet.accounts["1"])
            venue = BackpackVenue(SYMBOL, keys, clock, base_url=server.base_url, ws_url=server.ws_url)
            await venue.account()
            session = venue._private._connections._pool.session
            await venue.close()
            assert session.closed

    run_virtual(play)
