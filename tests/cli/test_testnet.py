"""`perpmaker testnet`: what it prints, that it can be traded on, how it ends, what it refuses."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.main import _run

PATIENCE_S = 60


@asynccontextmanager
async def started(*flags):
    """The program in a process of its own, and the lines that it has printed until it was ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "perpmaker",
        "testnet",
        "--port",
        "0",
        *flags,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            lines = []
            while not lines or lines[-1] != "Ctrl-C ends it.":
                line = await process.stdout.readline()
                assert line, (await process.stderr.read()).decode()
                lines.append(line.decode().rstrip("\n"))
            yield process, lines
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ended(process, number=signal.SIGINT):
    process.send_signal(number)
    async with asyncio.timeout(PATIENCE_S):
        output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


def address(lines, name):
    return next(line.split()[1] for line in lines if line.startswith(name))


def test_it_prints_where_it_is_and_how_to_trade_on_it():
    async def body():
        async with started("--accounts", "2", "--seed", "5") as (process, lines):
            await ended(process)
            return lines

    lines = asyncio.run(body())
    rest, websocket = address(lines, "REST"), address(lines, "websocket")
    assert rest.startswith("http://127.0.0.1:")
    assert websocket == rest.replace("http", "ws")
    assert address(lines, "control") == f"{rest}/control"
    assert [line for line in lines if line.startswith("account")] == ["account 1", "account 2"]
    exported = [line.split()[1].partition("=") for line in lines if line.startswith("  export")]
    assert [name for name, _, _ in exported] == ["PERPMAKER_BACKPACK_API_KEY", "PERPMAKER_BACKPACK_SECRET"] * 2
    assert len({value for _, _, value in exported}) == 4
    assert any("--live" in line and f"--base-url {rest} --ws-url {websocket}" in line for line in lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_with_a_client_listening(number):
    async def body():
        async with started() as (process, lines), ClientSession() as session:
            socket = await session.ws_connect(address(lines, "websocket"))
            listening = asyncio.create_task(socket.receive())
            answer = await session.get(address(lines, "REST") + "/api/v1/ping")
            assert await answer.text() == "pong"
            code, output, errors = await ended(process, number)
            return code, output, errors, (await listening).data

    code, output, errors, closed_with = asyncio.run(body())
    assert (code, output, errors) == (ExitCode.DURATION, "testnet ended\n", "")
    assert closed_with == 1001


def test_a_second_signal_does_not_wait_for_a_client_that_stays():
    async def body():
        async with started() as (process, lines), ClientSession() as session:
            stays = await session.ws_connect(address(lines, "websocket"), autoclose=False)
            process.send_signal(signal.SIGINT)
            await stays.receive()  # the close frame, which is not answered
            code, _, _ = await ended(process)
            return code

    assert asyncio.run(body()) == ExitCode.DURATION


def test_the_same_seed_has_the_same_keys_and_no_control_endpoint_if_so_asked():
    async def body(*flags):
        async with started("--seed", "9", *flags) as (process, lines):
            await ended(process)
            return [line for line in lines if "key" in line or "control" in line]

    first, second = asyncio.run(body()), asyncio.run(body("--no-control"))
    assert second == [line for line in first if not line.startswith("control")]


def test_it_goes_on_with_the_state_that_it_kept(tmp_path):
    async def body():
        async with started("--state", str(tmp_path)) as (process, lines), ClientSession() as session:
            control = address(lines, "control")
            await session.post(f"{control}/transfer", json={"account": "1", "amount": "-2500"})
            await ended(process)
        async with started("--state", str(tmp_path)) as (process, lines), ClientSession() as session:
            answer = await session.get(f"{address(lines, 'control')}/books", params={"account": "1"})
            books = await answer.json()
            await ended(process)
        return books["balance"]

    assert asyncio.run(body()) == "7500"


def test_faults_are_printed_as_they_begin():
    async def body():
        async with started("--faults", "3") as (process, _):
            told = [(await process.stdout.readline()).decode() for _ in range(2)]
            await ended(process)
            return told

    plan, fault = asyncio.run(body())
    assert plan == "faults: plan of seed 3, 120 faults in 600 s\n"
    assert fault.startswith("fault: ")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--symbol", "DOGE"], "--symbol DOGE"),
        (["--feed", "/nowhere"], "/nowhere: there is no such recording"),
        (["--speed", "max"], "--speed max"),
        (["--balance", "-1"], "-1"),
        (["--maker-fee", "200%"], "200%"),
        (["--port", "99999"], "--port"),
        (["--state", "/dev/null/there"], "--state /dev/null/there"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(flags, says, capsys):
    assert _run(["testnet", *flags]) == ExitCode.BAD_INPUT
    error = capsys.readouterr().err
    assert says in error
    assert error.startswith("perpmaker: ")
    assert error.count("\n") == 1
