"""All begin, or none does."""

import asyncio

import pytest

from perpmaker.runtime.live.starting_line import NotStartedError, StartingLine
from support.virtual_time import run_virtual


def test_everybody_waits_for_the_last() -> None:
    async def story() -> None:
        line = StartingLine(2)
        first = asyncio.create_task(line.ready())
        await asyncio.sleep(5)
        assert not first.done()
        await line.ready()
        await first

    run_virtual(story)


def test_one_that_cannot_begin_keeps_all_from_it() -> None:
    async def story() -> None:
        line = StartingLine(3)
        waiting = [asyncio.create_task(line.ready()) for _ in range(2)]
        await asyncio.sleep(1)
        line.cannot_begin("sol")
        for task in waiting:
            with pytest.raises(NotStartedError, match="market sol could not begin, so none did"):
                await task
        with pytest.raises(NotStartedError):
            await line.ready()

    run_virtual(story)


def test_one_that_ends_later_disturbs_nobody() -> None:
    async def story() -> None:
        line = StartingLine(1)
        await line.ready()
        line.cannot_begin("sol")
        await line.ready()

    run_virtual(story)
