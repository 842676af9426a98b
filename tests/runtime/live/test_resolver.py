"""What becomes of an order whose request had no answer."""

from decimal import Decimal

import pytest

from perpmaker.domain.events import Filled, OrderAccepted, OrderCanceled, OrderRejected
from perpmaker.domain.orders import OrderStatus, Side
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import NotOpen, OrderState, Unknown
from support.live_bench import DOWN, TAG, Bench, facts, play

LOST = [Unknown(1, "the connection broke"), Unknown(2, "the connection broke")]


async def start_in_doubt(bench: Bench) -> None:
    """The first two orders, a bid and an ask, have no answer, and the venue has not got them."""
    bench.venue.answer("place", LOST)
    await bench.start(settle_s=0.2)
    assert [order.status for order in bench.maker.orders] == [OrderStatus.UNKNOWN] * 2


def rest_bid(bench: Bench) -> str:
    """Order 1 has arrived after all."""
    return bench.venue.rest(side=Side.BUY, price_ticks=9_900, lots=10, order_id=1, tag=TAG)


def test_it_counts_as_live_and_is_not_sent_again_while_nothing_is_known():
    async def story(bench: Bench) -> None:
        await start_in_doubt(bench)
        await bench.wait(2)
        assert [order.status for order in bench.maker.orders] == [OrderStatus.UNKNOWN] * 2
        assert bench.maker.orders.exposure_lots(Side.BUY) == 10
        assert len(bench.venue.called("place")) == 1

    play(story, max_position=Decimal("0.1"))


def test_it_exists():
    async def story(bench: Bench) -> None:
        await start_in_doubt(bench)
        rest_bid(bench)
        await bench.wait(0.2)
        assert bench.maker.orders.get(1).status is OrderStatus.LIVE

    play(story)


def test_it_never_existed():
    async def story(bench: Bench) -> None:
        await start_in_doubt(bench)
        await bench.wait(9)
        told = bench.rig.told.of(OrderCanceled)[0]
        assert {event.order_id for event in bench.rig.told.of(OrderCanceled)} == {1, 2}
        assert told.at_ns - bench.rig.told.events[0].at_ns > 5.5e9  # the life of the request, and a little more
        assert len(bench.ours()) == 2  # and new ones are there

    play(story, max_position=Decimal("0.1"))


def test_it_filled_at_once():
    async def story(bench: Bench) -> None:
        await start_in_doubt(bench)
        bench.execute(rest_bid(bench), 10, is_told=False)
        await bench.wait(0.2)
        assert bench.maker.orders.get(1).status is OrderStatus.FILLED
        assert len(bench.rig.told.of(Filled)) == 1
        bench.check_agreement()

    play(story)


def test_it_filled_in_part_and_was_cancelled():
    async def story(bench: Bench) -> None:
        await start_in_doubt(bench)
        venue_id = rest_bid(bench)
        bench.execute(venue_id, 4, is_told=False)
        bench.venue.end(venue_id)
        await bench.wait(0.2)
        assert bench.maker.orders.get(1).status is OrderStatus.CANCELED
        assert bench.maker.position.lots == 4
        events = [event for event in bench.rig.told.events if isinstance(event, Filled | OrderCanceled)]
        assert [type(event) for event in events[:2]] == [
            Filled,
            OrderCanceled,
        ]  # exposure is never forgotten in between

    play(story)


def test_it_rests_and_has_filled_in_part():
    async def story(bench: Bench) -> None:
        await start_in_doubt(bench)
        bench.execute(rest_bid(bench), 4, is_told=False)
        await bench.wait(0.2)
        assert bench.maker.orders.get(1).remaining_lots == 6
        bench.check_agreement()

    play(story)


def test_it_was_refused():
    async def story(bench: Bench) -> None:
        await start_in_doubt(bench)
        bench.venue.end(rest_bid(bench), OrderState.REJECTED)
        await bench.wait(0.2)
        assert [event.order_id for event in bench.rig.told.of(OrderRejected)] == [1]

    play(story)


def test_it_appears_late():
    async def story(bench: Bench) -> None:
        await start_in_doubt(bench)
        await bench.wait(4)
        assert bench.maker.orders.get(1).status is OrderStatus.UNKNOWN
        rest_bid(bench)
        await bench.wait(4)
        assert bench.maker.orders.get(1).status is OrderStatus.LIVE

    play(story, interval_s=60)


def test_a_request_that_hung_may_have_left_at_its_very_end():
    async def story(bench: Bench) -> None:
        bench.venue.take_time("place", before_s=100)
        await bench.start(settle_s=14)  # given up after 10 s, and the life of 5 s counts from then
        assert bench.maker.orders.get(1).status is OrderStatus.UNKNOWN
        await bench.wait(6)
        assert bench.maker.orders.get(1).status is OrderStatus.CANCELED

    play(story, max_position=Decimal("0.1"))


def test_where_requests_are_signed_at_once_their_life_counts_from_there():
    async def story(bench: Bench) -> None:
        bench.venue.take_time("place", before_s=100)
        await bench.start(settle_s=10.2)  # given up after 10 s, and dead long before
        assert bench.maker.orders.get(1).status is OrderStatus.UNKNOWN
        await bench.wait(0.3)
        assert bench.maker.orders.get(1).status is OrderStatus.CANCELED

    play(story, max_position=Decimal("0.1"), venue=facts(signs_at_once=True))


def test_an_order_whose_request_is_still_under_way_is_not_gone_however_old_it_is():
    async def story(bench: Bench) -> None:
        bench.venue.take_time("place", before_s=9)  # waits its turn in the adapter, say, and is signed after that
        await bench.start(settle_s=0.2)
        bench.account.on_account_stream(is_up=False)  # cancelled meanwhile: it is not open (yet)
        await bench.wait(8.5)
        assert [order.status for order in bench.maker.orders] == [OrderStatus.UNKNOWN] * 2
        await bench.wait(3)
        assert not bench.ours()
        assert bench.count("lost orders cancelled") == 0

    play(story)


def test_executions_of_a_request_that_hung_are_looked_for_from_its_beginning():
    async def story(bench: Bench) -> None:
        bench.venue.take_time("place", after_s=100)
        await bench.start(settle_s=0.2)
        bench.execute(bench.resting(Side.BUY).venue_id, 10, is_told=False)
        await bench.wait(10.3)
        assert bench.maker.orders.get(1).status is OrderStatus.FILLED
        bench.check_agreement()

    play(story, interval_s=60)


def test_where_requests_do_not_expire_it_is_waited_for_far_longer():
    async def story(bench: Bench) -> None:
        await start_in_doubt(bench)
        await bench.wait(110)
        assert bench.maker.orders.get(1).status is not OrderStatus.CANCELED
        await bench.wait(20)
        assert bench.maker.orders.get(1).status is OrderStatus.CANCELED

    play(story, max_position=Decimal("0.1"), interval_s=600, venue=facts(request_life_ns=None))


def test_it_is_not_given_up_while_the_position_says_otherwise():
    async def story(bench: Bench) -> None:
        await start_in_doubt(bench)
        bench.venue.books.lots += 10  # it filled, and the history does not show it yet
        await bench.wait(7)
        assert bench.maker.orders.get(1).status is OrderStatus.UNKNOWN
        bench.venue.books.lots -= 10
        bench.execute(rest_bid(bench), 10, is_told=False)
        await bench.wait(6)
        assert bench.maker.orders.get(1).status is OrderStatus.FILLED
        bench.check_agreement()
        assert bench.count("position corrections") == 0

    play(story, max_position=Decimal("0.1"))


def test_a_venue_that_contradicts_itself_is_not_stormed():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.answer("cancel", *[NotOpen(1)] * 1_000)  # and yet the orders rest
        bench.account.on_account_stream(is_up=False)
        await bench.wait(60)
        assert len(bench.ours()) == 2
        assert 20 <= len(bench.venue.called("cancel")) <= 60
        bench.venue._script["cancel"].clear()

    play(story)


def test_the_stream_may_tell_before_the_search_does():
    async def story(bench: Bench) -> None:
        await start_in_doubt(bench)
        venue_id = rest_bid(bench)
        bench.account.on_own(OrderAccepted(bench.clock.now_ns(), 1, 1))
        bench.execute(venue_id, 10)
        before = len(bench.venue.called("order"))
        await bench.wait(2)
        assert (1,) not in bench.venue.called("order")[before:]
        bench.check_agreement()

    play(story)


def test_a_question_that_fails_is_asked_again():
    async def story(bench: Bench) -> None:
        bench.venue.fail("order", DOWN, DOWN, DOWN, DOWN)
        await start_in_doubt(bench)
        rest_bid(bench)
        await bench.wait(5)
        assert bench.maker.orders.get(1).status is OrderStatus.LIVE
        assert bench.count("failed: asking for an order") == 4

    play(story, max_position=Decimal("0.1"))


def test_a_question_that_hangs_is_asked_again():
    async def story(bench: Bench) -> None:
        bench.venue.take_time("order", before_s=1_000)
        bench.venue.take_time("order", before_s=1_000)
        await start_in_doubt(bench)
        rest_bid(bench)
        await bench.wait(11.5)
        assert bench.maker.orders.get(1).status is OrderStatus.LIVE

    play(story, interval_s=60)


def test_an_answer_older_than_the_latest_doubt_proves_nothing():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.account.on_foreign_order("x", is_open=True)
        bid = bench.resting(Side.BUY)
        resolver = bench.run._executor._resolver
        bench.venue.take_time("order", after_s=1)
        resolver.watch(bid.order_id)
        await bench.wait(0.5)  # asked, and found resting; the answer is on its way
        bench.execute(bid.venue_id, 10, is_told=False)
        resolver.watch(bid.order_id)
        await bench.wait(2)
        assert bench.maker.orders.get(bid.order_id).status is OrderStatus.FILLED

    play(story, max_position=1)


@pytest.mark.parametrize("reaction", [Reaction.STOP])
def test_where_only_a_person_can_help_the_run_ends(reaction):
    async def story(bench: Bench) -> None:
        bench.venue.fail("order", VenueError("the keys were revoked", reaction))
        await start_in_doubt(bench)
        rest_bid(bench)
        outcome = await bench.task
        assert outcome.reason.value == "the venue needs a person"
        assert outcome.orders_left == 0
        assert not bench.ours()

    play(story)
