"""Backpack's venue against a testnet that misbehaves: what is told is true, what is not known stays unknown."""

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from perpmaker.domain.errors import UnknownNameError
from perpmaker.domain.events import BookUpdated, Filled, GapEnded, GapStarted, OrderAccepted
from perpmaker.domain.orders import RejectReason, Side
from perpmaker.simulation import market_events as me
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.faults import Fault, FaultKind
from perpmaker.testnet.server import TestnetServer
from perpmaker.testnet.terms import TestnetTerms
from perpmaker.venues.backpack.market_source import BackpackMarketSource
from perpmaker.venues.backpack.venue import BackpackVenue
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import Accepted, Canceled, OrderState, Refused, Unknown
from support.contract_market import INSTRUMENT, ContractMarket
from support.keys import credentials, pair
from support.listeners import HeardAccount, HeardMarket
from support.venue_rigs import closing, keys_of, served_testnet
from support.virtual_time import run_virtual, virtual_clock
from venues.contract import FAR_BID, ask, bid, filled, market

SYMBOL = INSTRUMENT.symbol


class Live:
    """A venue on its testnet."""

    def __init__(self, server, venue, clock):
        self.server, self.venue, self.clock = server, venue, clock
        self.heard, self.told = HeardMarket(), HeardAccount()

    def during(self, kind, amount=0, chance=1.0):
        return self.server.faults.during(kind, amount, chance)

    def now(self, kind, amount=0):
        self.server.faults.begin(Fault(kind, amount))

    @property
    def heard_book(self):
        return {side: dict(self.heard.book.levels(side)) for side in Side}

    @property
    def book(self):
        """The exchange's own."""
        return {side: dict(self.server.testnet.book.levels(side)) for side in Side}

    async def pause(self, seconds):
        """The market moves every 0.2 s: look between its moves, when all that was sent has arrived."""
        await asyncio.sleep(seconds - 0.1)
        wait_ns = -(self.clock.now_ns() - 100_000_000) % 200_000_000
        await asyncio.sleep(wait_ns / 1e9)


def live(story, *, is_opened=True, keys=None):
    async def run():
        async with served_testnet() as server:
            clock = virtual_clock()
            venue = BackpackVenue(
                SYMBOL, keys or keys_of(server), clock, base_url=server.base_url, ws_url=server.ws_url
            )
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


# --- requests that get no answer, or a late one ---


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_AFTER, FaultKind.CUT_ANSWER, FaultKind.SERVER_ERROR_AFTER])
def test_an_order_whose_answer_is_lost_is_unknown_and_found_by_its_client_id(kind):
    async def story(at):
        with at.during(kind, 502 if kind is FaultKind.SERVER_ERROR_AFTER else 1_000):
            (answer,) = await at.venue.place([bid(1)])
        assert isinstance(answer, Unknown), answer
        found = await at.venue.order(1)
        assert (found.order_id, found.state) == (1, OrderState.OPEN)

    live(story)


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_BEFORE, FaultKind.SERVER_ERROR])
def test_an_order_that_never_arrived_is_unknown_and_is_not_found(kind):
    async def story(at):
        with at.during(kind, 503 if kind is FaultKind.SERVER_ERROR else 1_000):
            (answer,) = await at.venue.place([bid(1)])
        assert isinstance(answer, Unknown), answer
        assert await at.venue.order(1) is None

    live(story)


def test_an_order_that_is_answered_after_its_life_was_unknown_for_as_long():
    async def story(at):
        with at.during(FaultKind.TIMEOUT_AFTER, 12_000):
            began_ns = at.clock.now_ns()
            (answer,) = await at.venue.place([bid(1)])
            assert isinstance(answer, Unknown)
            assert at.clock.now_ns() - began_ns < at.venue.facts.request_life_ns
        assert (await at.venue.order(1)).state is OrderState.OPEN

    live(story)


def test_a_cancel_whose_answer_is_lost_is_unknown_although_it_worked():
    async def story(at):
        await at.venue.place([bid(1)])
        with at.during(FaultKind.CUT_ANSWER):
            assert isinstance(await at.venue.cancel(1), Unknown)
        assert (await at.venue.order(1)).state is OrderState.CANCELED

    live(story)


def test_too_many_requests_are_a_refusal_with_its_reason():
    async def story(at):
        with at.during(FaultKind.RATE_LIMITED):
            (answer,) = await at.venue.place([bid(1)])
            assert (answer.order_id, answer.reason) == (1, RejectReason.RATE_LIMITED)
            with pytest.raises(VenueError) as refused:
                await at.venue.position()
            assert refused.value.reaction is Reaction.RETRY
        assert await at.venue.order(1) is None

    live(story)


def test_orders_of_a_batch_are_answered_one_by_one():
    async def story(at):
        with at.during(FaultKind.PARTIAL_BATCH, 0, 0.5):
            answers = await at.venue.place([bid(number) for number in range(1, 21)])
        # The testnet says SERVER_ERROR here, which is no proof of anything.
        assert {type(answer) for answer in answers} == {Accepted, Unknown}
        resting = {order.order_id for order in await at.venue.open_orders()}
        assert resting == {answer.order_id for answer in answers if isinstance(answer, Accepted)}

    live(story)


def test_maintenance_refuses_orders_and_lets_questions_be_asked_again():
    async def story(at):
        with at.during(FaultKind.MAINTENANCE):
            (answer,) = await at.venue.place([bid(1)])
            assert isinstance(answer, Refused)
            with pytest.raises(VenueError, match="under maintenance") as refused:
                await at.venue.open_orders()
            assert refused.value.reaction is Reaction.RETRY
        assert isinstance((await at.venue.place([bid(2)]))[0], Accepted)

    live(story)


# --- the clock ---


@pytest.mark.parametrize("skew_ms", [-20_000, 20_000])
def test_a_clock_that_is_off_is_measured_after_the_first_refusal(skew_ms):
    async def story(at):
        with at.during(FaultKind.CLOCK_SKEW, skew_ms):
            (refused,) = await at.venue.place([bid(1)])
            if skew_ms > 0:
                assert isinstance(refused, Refused), refused
            (accepted,) = await at.venue.place([bid(2)])
            assert isinstance(accepted, Accepted)
            assert (await at.venue.position()).lots == 0

    live(story)


def test_a_question_is_asked_again_with_the_right_time():
    async def story(at):
        with at.during(FaultKind.CLOCK_SKEW, 20_000):
            assert await at.venue.open_orders() == []
            assert abs(at.venue.venue_clock.offset_ns - 20_000_000_000) < 2_000_000

    live(story)


def test_the_private_stream_comes_back_through_a_clock_that_is_off():
    async def story(at):
        with at.during(FaultKind.CLOCK_SKEW, 20_000):
            at.now(FaultKind.STREAM_DROPPED)
            await at.told.until(lambda: at.told.stream == [False, True])

    live(story)


# --- the book ---


@pytest.mark.parametrize(
    ("kind", "chance"),
    [(FaultKind.DEPTH_GAP, 0.3), (FaultKind.DEPTH_SWAPPED, 0.3), (FaultKind.DEPTH_TWICE, 0.5)],
)
def test_the_book_is_right_whenever_it_is_not_in_a_gap(kind, chance):
    async def story(at):
        truths = []
        with at.during(kind, 0, chance):
            for _ in range(200):
                await at.pause(0.2)
                truths.append(at.book)
                if len(at.heard.events(GapStarted)) == len(at.heard.events(GapEnded)):
                    assert at.heard_book in truths[-8:]  # late at most: a loss shows with the next message
        assert at.server.faults.struck[kind] > 10
        assert bool(at.heard.events(GapStarted)) == (kind is not FaultKind.DEPTH_TWICE)
        await at.pause(5)
        assert len(at.heard.events(GapStarted)) == len(at.heard.events(GapEnded))
        assert at.heard_book == at.book

    live(story)


def test_a_replayed_stream_changes_nothing():
    async def story(at):
        await asyncio.sleep(5)
        at.now(FaultKind.STREAM_REPLAYED, 30)
        await at.pause(1)
        assert not at.heard.events(GapStarted)
        assert at.heard_book == at.book

    live(story)


def test_a_stream_that_is_stale_is_found_out_by_a_resnapshot():
    async def story(at):
        with at.during(FaultKind.STREAM_STALE):
            await asyncio.sleep(5)
            await at.venue.resnapshot()
            assert at.heard.events(GapStarted)
            await at.heard.until(lambda: at.heard.events(GapEnded))
            # What is stale stays stale: only a new connection hears again.
            await at.venue.restart()
            await at.pause(5)
            assert at.heard_book == at.book

    live(story)


def test_a_refused_stream_is_tried_again_until_it_stands():
    async def story(at):
        with at.during(FaultKind.STREAM_REFUSED):
            await at.heard.until(lambda: at.heard.events(GapStarted))
            await asyncio.sleep(30)
            assert not at.heard.events(GapEnded)
            assert "ws" not in str(at.venue.last_error)
        began_ns = at.clock.now_ns()
        await at.heard.until(lambda: at.heard.events(GapEnded) and at.told.stream[-1])
        assert at.clock.now_ns() - began_ns < 4_000_000_000
        assert isinstance(at.heard.events()[-1], BookUpdated)

    live(story)


def test_a_server_that_says_goodbye_is_left_and_found_again():
    async def story(at):
        at.now(FaultKind.STREAM_CLOSED)
        await at.heard.until(lambda: at.heard.events(GapEnded))
        await at.told.until(lambda: at.told.stream == [False, True])

    live(story)


# --- news of orders ---


@pytest.mark.parametrize("kind", [FaultKind.UPDATES_TWICE, FaultKind.UPDATES_SHUFFLED, FaultKind.UPDATES_LATE])
def test_news_that_come_late_twice_or_shuffled_add_up(kind):
    async def story(at):
        with at.during(kind, 1_000):
            await at.venue.place([market(1, Side.BUY, 70), bid(2)])
            await filled(at, 1, 70)
            await asyncio.sleep(5)
        fills = {fill.fill_id: fill for fill in at.told.of(Filled)}
        assert sum(fill.lots for fill in fills.values()) == 70
        kept = await at.venue.fills(0)
        assert {each.fill.fill_id for each in kept} == fills.keys()
        assert {event.order_id for event in at.told.of(OrderAccepted)} >= {2}

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


def test_a_fill_that_overtakes_its_cancel_is_part_of_the_answer():
    async def story(at):
        await at.venue.place([bid(1)])
        with at.during(FaultKind.FILL_BEFORE_CANCEL):
            answer = await at.venue.cancel(1)
        found = await at.venue.order(1)
        if isinstance(answer, Canceled):
            assert answer.filled_lots == found.filled_lots
        else:
            assert found.state is OrderState.FILLED

    live(story)


# --- funding ---


def test_funding_is_told_by_the_market_and_booked_by_the_account():
    async def run():
        terms = TestnetTerms(funding_interval_ns=30 * 10**9, funding_rate_ppb=100_000)
        testnet = Testnet(ContractMarket(), terms, virtual_clock(), seed=1)
        async with TestnetServer(testnet) as server:
            clock = virtual_clock()
            urls = {"base_url": server.base_url, "ws_url": server.ws_url}
            venue = BackpackVenue(SYMBOL, keys_of(server), clock, **urls)
            async with closing(venue):
                heard, told = HeardMarket(), HeardAccount()
                await venue.market()
                venue.begin_run(7)
                await venue.open_account(told)
                await venue.open(heard)
                await venue.place([market(1, Side.BUY, 40)])
                await asyncio.sleep(95)
                rows = [row for message in heard.messages for row in message.rows if row.kind == me.FUNDING]
                assert [tuple(row) for row in rows] == [(me.FUNDING, 0, 100_000)] * 3
                payments = await venue.funding(0)
                booked = testnet.accounts["1"].books.funding
                assert len({payment.payment_id for payment in payments}) == len(payments) == 3
                assert [payment.payment.amount_quanta for payment in payments] == [
                    each.amount_quanta for each in booked
                ]
                assert all(payment.payment.amount_quanta < 0 for payment in payments)
                later = await venue.funding(payments[1].payment.venue_ns)
                assert [each.payment_id for each in later] == [each.payment_id for each in payments[1:]]

    run_virtual(run)


# --- pages ---


def test_executions_are_read_to_the_last_page(monkeypatch):
    monkeypatch.setattr("perpmaker.venues.backpack.history.PAGE", 4)

    async def story(at):
        for number in range(1, 12):
            await at.venue.place([market(number, Side.BUY if number % 2 else Side.SELL, 5)])
            await asyncio.sleep(1)
        kept = await at.venue.fills(0)
        assert [each.fill.order_id for each in kept] == list(range(1, 12))
        half = await at.venue.fills(kept[5].fill.venue_ns)
        assert [each.fill.order_id for each in half] == list(range(6, 12))

    live(story)


def test_an_ended_order_is_found_on_whatever_page_it_is(monkeypatch):
    monkeypatch.setattr("perpmaker.venues.backpack.history.PAGE", 3)

    async def story(at):
        for number in range(1, 8):
            await at.venue.place([bid(number)])
            await at.venue.cancel(number)
            await asyncio.sleep(1)
        assert (await at.venue.order(1)).state is OrderState.CANCELED
        assert await at.venue.order(99) is None

    live(story)


# --- one sentence that says what to do ---


async def sentence(story) -> str:
    with pytest.raises((VenueError, UnknownNameError)) as refused:
        await story
    text = str(refused.value)
    assert "\n" not in text
    return text


def test_wrong_keys():
    key, secret = pair(9)

    async def story(at):
        await at.venue.market()
        at.venue.begin_run(7)
        for question in (at.venue.account(), at.venue.open_account(at.told)):
            text = await sentence(question)
            assert "check the API key and its secret" in text
            assert key not in text
        (answer,) = await at.venue.place([bid(1)])
        assert isinstance(answer, Refused)

    live(story, is_opened=False, keys=credentials(api_key=key, secret=secret))


def test_a_key_without_permission_to_trade():
    async def story(at):
        assert (await at.venue.account()).can_trade
        at.server.testnet.set_permission("1", can_trade=False)
        (answer,) = await at.venue.place([bid(1)])
        assert isinstance(answer, Refused)
        assert "give the key the right to trade" in answer.detail
        fresh = BackpackVenue(
            SYMBOL, keys_of(at.server), at.clock, base_url=at.server.base_url, ws_url=at.server.ws_url
        )
        async with closing(fresh):
            assert not (await fresh.account()).can_trade

    live(story)


@pytest.mark.parametrize(("wrong", "hint"), [("SOL_USD_PERP", SYMBOL), ("SOL/USD:USD", SYMBOL), ("sol_usdc", SYMBOL)])
def test_a_wrong_symbol(wrong, hint):
    async def story(at):
        source = BackpackMarketSource(wrong, at.clock, base_url=at.server.base_url, ws_url=at.server.ws_url)
        async with closing(source):
            assert f"did you mean {hint}?" in await sentence(source.market())

    live(story, is_opened=False)


def test_a_host_that_cannot_be_reached():
    async def story():
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        source = BackpackMarketSource(
            SYMBOL, virtual_clock(), base_url=f"http://127.0.0.1:{port}", ws_url=f"ws://127.0.0.1:{port}"
        )
        async with closing(source):
            text = await sentence(source.market())
            assert "127.0.0.1 cannot be reached" in text
            assert "check the address" in text

    run_virtual(story)


def test_an_order_to_a_host_that_cannot_be_reached_was_not_sent():
    async def story(at):
        await at.venue.close()  # its connections are gone, and so is the server behind them
        http = at.venue._private
        http._connections.base_url = "http://127.0.0.1:1"
        http._urls = {change: http._connections.url("/x") for change in http._urls}
        (answer,) = await at.venue.place([bid(1), ask(2)][:1])
        assert isinstance(answer, Refused)
        assert answer.detail.startswith("not sent: ")

    live(story)


def test_a_certificate_that_cannot_be_trusted(tmp_path):
    async def story():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self_signed(tmp_path))

        async def hang_up(_reader, writer):
            with contextlib.suppress(Exception):
                writer.close()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        source = BackpackMarketSource(
            SYMBOL, virtual_clock(), base_url=f"https://127.0.0.1:{port}", ws_url=f"wss://127.0.0.1:{port}"
        )
        async with closing(source):
            with pytest.raises(VenueError, match=r"the certificate of 127\.0\.0\.1 is not valid") as refused:
                await source.market()
            assert refused.value.reaction is Reaction.STOP
        server.close()

    run_virtual(story)


def self_signed(tmp_path):
    """A certificate that nobody vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    born = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(born)
        .not_valid_after(born + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    paths = tmp_path / "certificate.pem", tmp_path / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


def test_too_little_money():
    async def story(at):
        at.now(FaultKind.BALANCE_SHRUNK, 99)
        (answer,) = await at.venue.place([bid(1, FAR_BID, 5_000)])
        assert isinstance(answer, Refused)
        assert answer.reason is RejectReason.INSUFFICIENT_MARGIN
        assert "deposit, or lower --quantity or --max-orders" in answer.detail

    live(story)
