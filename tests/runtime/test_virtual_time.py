"""Virtual time: hours in no time, real sockets, and never a jump over bytes that are on their way."""

import asyncio
import itertools
import time
from contextlib import suppress

import pytest
from aiohttp import ClientSession, ClientTimeout, WSMsgType, web

from support.virtual_time import START_NS, DeadlockError, TooSlowError, run_virtual, virtual_clock


def test_an_hour_of_sleeping_takes_no_time():
    async def sleep_an_hour():
        clock = virtual_clock()
        for _ in range(3600):
            await asyncio.sleep(1)
        return clock.now_ns()

    began_s = time.monotonic()
    assert run_virtual(sleep_an_hour) == START_NS + 3_600_000_000_000
    assert time.monotonic() - began_s < 5


def test_timers_fire_in_the_order_of_their_times():
    async def race():
        order = []

        async def at(delay_s):
            await asyncio.sleep(delay_s)
            order.append(delay_s)

        await asyncio.gather(*(at(delay_s) for delay_s in (30, 0.5, 7200, 0.001, 2)))
        return order

    assert run_virtual(race) == [0.001, 0.5, 2, 30, 7200]


def test_a_time_out_is_exact():
    async def wait_in_vain():
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(12.5):
                await asyncio.Event().wait()
        return loop.time()

    assert run_virtual(wait_in_vain) == 12.5


async def _serve(handler):
    app = web.Application()
    app.router.add_route("*", "/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://{host}:{port}/"


def test_requests_over_real_sockets_take_only_the_servers_virtual_time():
    async def answer(request):
        await asyncio.sleep(0.25)
        return web.Response(body=await request.read())

    async def talk():
        loop = asyncio.get_running_loop()
        runner, url = await _serve(answer)
        async with ClientSession(timeout=ClientTimeout(total=1)) as session:
            for turn in range(200):
                before_s = loop.time()
                async with session.post(url, data=b"x" * turn * 5000) as response:
                    assert len(await response.read()) == turn * 5000
                assert loop.time() - before_s == pytest.approx(0.25)
                await asyncio.sleep(60)
        await runner.cleanup()
        return loop.time()

    assert run_virtual(talk) == pytest.approx(200 * 60.25)


def test_new_connections_and_closed_ones_do_not_cost_time():
    async def answer(_request):
        response = web.Response(text="once")
        response.force_close()
        return response

    async def talk():
        loop = asyncio.get_running_loop()
        runner, url = await _serve(answer)
        async with ClientSession() as session:
            for _ in range(50):
                async with session.get(url) as response:
                    await response.read()
        took_s = loop.time()
        await runner.cleanup()
        return took_s

    assert run_virtual(talk) == 0


def test_a_websocket_hears_what_was_sent_at_the_time_at_which_it_was_sent():
    async def stream(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for number in range(500):
            await asyncio.sleep(0.1)
            await socket.send_str(str(number) * 100)
        await socket.close()
        return socket

    async def listen():
        loop = asyncio.get_running_loop()
        runner, url = await _serve(stream)
        heard = []
        async with ClientSession() as session, session.ws_connect(url) as socket:
            async for message in socket:
                assert message.type is WSMsgType.TEXT
                heard.append(loop.time())
        await runner.cleanup()
        return heard

    heard = run_virtual(listen)
    assert heard == pytest.approx([0.1 * (number + 1) for number in range(500)])


def test_a_reader_that_stops_reading_does_not_stop_the_clock():
    gave_up_s = None

    async def flood(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        with suppress(TimeoutError):
            async with asyncio.timeout(30):
                for _ in itertools.count():
                    await socket.send_bytes(bytes(1_000_000))
        nonlocal gave_up_s
        gave_up_s = asyncio.get_running_loop().time()
        return socket

    async def listen():
        runner, url = await _serve(flood)
        async with ClientSession() as session:
            connection = await session.ws_connect(url, max_msg_size=0, autoping=False)
            await asyncio.sleep(60)
            connection._response.close()
        await runner.cleanup()

    run_virtual(listen)
    assert gave_up_s == 30


def test_work_in_a_thread_takes_no_virtual_time():
    async def work():
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(1):
            await loop.run_in_executor(None, time.sleep, 0.02)
        return loop.time()

    assert run_virtual(work) == 0


def test_a_deadlock_is_an_error_that_says_what_waits():
    async def wait_for_nothing():
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError, match="wait_for_nothing"):
        run_virtual(wait_for_nothing)


def test_a_loop_that_never_ends_is_an_error():
    async def spin():
        for _ in itertools.count():
            await asyncio.sleep(1)

    with pytest.raises(TooSlowError):
        run_virtual(spin, wall_s=0.1)


def test_what_is_left_is_cancelled():
    cancelled = []

    async def linger():
        try:
            await asyncio.sleep(1_000_000)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def start():
        keep = asyncio.create_task(linger())
        await asyncio.sleep(0)
        return keep.done()

    assert run_virtual(start) is False
    assert cancelled == [True]
