"""The venue through ccxt against a testnet that misbehaves."""

import asyncio

import pytest

from perpmaker.domain.errors import UnknownNameError
from perpmaker.domain.events import Filled, GapEnded, GapStarted
from perpmaker.domain.orders import RejectReason, Side
from perpmaker.testnet.faults import FaultKind
from perpmaker.venues.ccxt_market import CcxtMarketSource
from perpmaker.venues.ccxt_venue import CcxtVenue
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import Accepted, OrderState, Refused, Unknown
from support.contract_market import INSTRUMENT
from support.keys import credentials, pair
from support.listeners import HeardAccount, HeardMarket
from support.venue_rigs import closing, keys_of, served_testnet
from support.virtual_time import run_virtual, virtual_clock
from venues.contract import bid, market

SYMBOL = INSTRUMENT.symbol


class Live:
    def __init__(self, server, venue, clock):
        self.server, self.venue, self.clock = server, venue, clock
        self.heard, self.told = HeardMarket(), HeardAccount()

    def during(self, kind, amount=0, chance=1.0):
        return self.server.faults.during(kind, amount, chance)


def live(story, *, is_opened=True, keys=None):
    async def run():
        async with served_testnet() as server:
            clock = virtual_clock()
            urls = {"base_url": server.base_url, "ws_url": server.ws_url}
            venue = CcxtVenue("backpack", SYMBOL, keys or keys_of(server), clock, **urls)
            async with closing(venue):
                at = Live(server, venue, clock)
                if is_opened:
                    await venue.market()
                    await venue.clock()
                    venue.begin_run(7)
                    await venue.open_account(at.told)
                    await venue.open(at.heard)
                await story(at)

    run_virtual(run)


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_AFTER, FaultKind.CUT_ANSWER, FaultKind.SERVER_ERROR_AFTER])
def test_an_order_whose_answer_is_lost_is_unknown_and_found_by_its_client_id(kind):
    async def story(at):
        with at.during(kind, 502 if kind is FaultKind.SERVER_ERROR_AFTER else 1_000):
            (answer,) = await at.venue.place([bid(1)])
        assert isinstance(answer, Unknown), answer
        assert (await at.venue.order(1)).state is OrderState.OPEN

    live(story)


def test_orders_of_a_batch_whose_answer_is_lost_are_all_unknown():
    async def story(at):
        with at.during(FaultKind.CUT_ANSWER):
            answers = await at.venue.place([bid(1), bid(2)])
        assert [type(answer) for answer in answers] == [Unknown, Unknown]
        assert {order.order_id for order in await at.venue.open_orders()} == {1, 2}

    live(story)


def test_too_many_requests_are_a_refusal_with_its_reason():
    async def story(at):
        with at.during(FaultKind.RATE_LIMITED):
            (answer,) = await at.venue.place([bid(1)])
        assert (type(answer), answer.reason) == (Refused, RejectReason.RATE_LIMITED)
        assert await at.venue.order(1) is None

    live(story)


def test_a_clock_that_is_off_is_measured_after_the_first_refusal():
    async def story(at):
        with at.during(FaultKind.CLOCK_SKEW, 20_000):
            (refused,) = await at.venue.place([bid(1)])
            assert isinstance(refused, Refused), refused
            (accepted,) = await at.venue.place([bid(2)])
            assert isinstance(accepted, Accepted), accepted

    live(story)


@pytest.mark.parametrize("kind", [FaultKind.UPDATES_TWICE, FaultKind.UPDATES_SHUFFLED, FaultKind.UPDATES_LATE])
def test_news_that_come_late_twice_or_shuffled_are_told_once_and_add_up(kind):
    async def story(at):
        with at.during(kind, 1_000):
            await at.venue.place([market(1, Side.BUY, 70), bid(2)])
            await asyncio.sleep(10)
        fills = at.told.of(Filled)
        assert sum(fill.lots for fill in fills) == 70
        assert len({fill.fill_id for fill in fills}) == len(fills)
        assert {each.fill.fill_id for each in await at.venue.fills(0)} == {fill.fill_id for fill in fills}

    live(story)


def test_a_lost_private_stream_is_told_and_what_happened_meanwhile_can_be_asked():
    async def story(at):
        with at.during(FaultKind.STREAM_REFUSED):
            await at.told.until(lambda: at.told.stream == [False])
            await at.venue.place([market(1, Side.SELL, 10)])
            assert not at.told.own
        await at.told.until(lambda: at.told.stream == [False, True])
        (fill,) = await at.venue.fills(0)
        assert (fill.tag, fill.fill.order_id, fill.fill.lots) == (7, 1, 10)
        assert (await at.venue.position()).lots == -10

    live(story)


def test_after_a_loss_of_all_streams_the_book_and_the_account_come_back():
    async def story(at):
        with at.during(FaultKind.STREAM_REFUSED):
            await at.heard.until(lambda: at.heard.events(GapStarted))
            await asyncio.sleep(20)
        began_ns = at.clock.now_ns()
        await at.heard.until(lambda: at.heard.events(GapEnded))
        await at.told.until(lambda: at.told.stream[-1])
        assert at.clock.now_ns() - began_ns < 10_000_000_000
        await asyncio.sleep(0.25)
        assert at.heard.touch() == at.heard.top[2:]

    live(story)


def test_a_restart_drops_all_streams_and_opens_them_again():
    async def story(at):
        await at.venue.restart()
        await at.heard.until(lambda: at.heard.events(GapEnded))
        await at.told.until(lambda: at.told.stream == [False, True])
        await at.venue.place([bid(1)])
        await at.told.until(lambda: at.told.own)

    live(story)


# --- one sentence that says what to do ---


def test_wrong_keys():
    key, secret = pair(9)

    async def story(at):
        await at.venue.market()
        at.venue.begin_run(7)
        for question in (at.venue.position(), at.venue.open_account(at.told)):
            with pytest.raises(VenueError) as refused:
                await question
            assert refused.value.reaction is Reaction.STOP
            assert "check the API key and its secret" in str(refused.value)
            assert key not in str(refused.value)

    live(story, is_opened=False, keys=credentials(api_key=key, secret=secret))


def test_a_key_without_permission_to_trade():
    async def story(at):
        at.server.testnet.set_permission("1", can_trade=False)
        (answer,) = await at.venue.place([bid(1)])
        assert isinstance(answer, Refused)
        assert "give the key the right to trade futures" in answer.detail

    live(story)


def test_a_wrong_symbol_and_a_host_that_cannot_be_reached():
    async def story(at):
        urls = {"base_url": at.server.base_url, "ws_url": at.server.ws_url}
        source = CcxtMarketSource("backpack", "SOL/USD:USD", at.clock, **urls)
        async with closing(source):
            with pytest.raises(UnknownNameError, match=r"did you mean SOL/USDC:USDC\?"):
                await source.market()
        nowhere = {"base_url": "http://127.0.0.1:1", "ws_url": "ws://127.0.0.1:1"}
        source = CcxtMarketSource("backpack", SYMBOL, at.clock, **nowhere)
        async with closing(source):
            with pytest.raises(VenueError, match=r"backpack cannot be reached .*check the address"):
                await source.market()

    live(story, is_opened=False)


@pytest.mark.parametrize("order", [bid(1), market(1, Side.BUY, 10)])
def test_the_public_object_cannot_place_an_order(order):
    async def story(at):
        public = at.venue._public
        with pytest.raises(Exception, match=r"requires .*apiKey"):
            await public.create_order("SOL/USDC:USDC", order.kind.value, "buy", "1", "99")
        assert await at.venue.open_orders() == []

    live(story)
