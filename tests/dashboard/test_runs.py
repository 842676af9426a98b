"""Which runs there are, past and present: figures of the journal to the last digit, reports, and runs side by side."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from perpmaker.dashboard import runs
from perpmaker.dashboard.app import PARTS
from perpmaker.dashboard.report_process import Made, Wanted, make
from perpmaker.dashboard.reports import MOST_WAITING, Reports
from perpmaker.dashboard.security.users import Role
from perpmaker.journal.readers import list_runs
from perpmaker.journal.writer import Journal
from support.dashboard_rig import Rig, dashboard_rig
from support.recorded_runs import SPREADS, copy_into


class Making:
    """Makes reports that are words, as many as are let go."""

    def __init__(self) -> None:
        self.asked: list[Wanted] = []
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self.refused: str | None = None

    async def __call__(self, wanted: Wanted) -> Made:
        self.asked.append(wanted)
        self.began.set()
        await self.go.wait()
        return Made(page=f"page {len(self.asked)}", refused=self.refused)


def scenario(play: Callable[[Rig], Awaitable[None]]) -> None:
    """Against a dashboard whose journal has two runs that are over."""

    async def body() -> None:
        async with dashboard_rig(parts=(*PARTS, runs.router)) as rig:
            copy_into(rig.journal)
            await play(rig)

    asyncio.run(body())


def with_reports(play: Callable[[Rig, Making], Awaitable[None]]) -> None:
    """The same with reports that are made at once, or when they are let go."""

    async def body() -> None:
        making = Making()
        made = Reports("sqlite:///nowhere", making)
        async with dashboard_rig(parts=(*PARTS, lambda deps: runs.router(deps, made))) as rig:
            copy_into(rig.journal)
            await play(rig, making)

    asyncio.run(body())


def ids(journal: Journal) -> list[str]:
    """The newest first."""
    return [record.run_id for record in list_runs(journal)]


def test_runs_that_are_over_are_told_the_newest_first_as_the_journal_has_them() -> None:
    async def play(rig: Rig) -> None:
        told = (await (await rig.log_in(Role.VIEWER)).get("/api/runs")).json()
        assert told["running"] == []
        assert [run["run_id"] for run in told["past"]] == ids(rig.journal)
        for run, record in zip(told["past"], list_runs(rig.journal), strict=True):
            summary = record.summary
            assert summary is not None
            assert run["fills"] == summary["fills"] > 0
            assert (run["fees"], run["funding"], run["position"]) == tuple(
                summary[name] for name in ("fees", "funding", "position")
            )
            assert run["volume"] == summary["volume_quote"]
            assert Decimal(run["net"]) == Decimal(summary["equity_end"]) - Decimal(summary["equity_start"])
            assert run["settings"] == record.settings
            assert (run["end_reason"], run["started_at_ns"]) == (record.end_reason, record.started_at_ns)

    scenario(play)


def test_a_run_that_goes_on_is_told_with_what_it_shows_and_not_among_the_past() -> None:
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        client = await rig.log_in(Role.VIEWER)
        told = (await client.get("/api/runs")).json()
        (going,) = told["running"]
        assert going["about"]["run_id"] == run.run_id
        assert going["view"]["position"]["quantity"] == run.view.position.quantity
        assert (going["view"]["book"], going["view"]["levels"]) == (None, []), "only its own page shows these"
        assert run.run_id not in [past["run_id"] for past in told["past"]]
        assert (await client.get(f"/api/runs/{run.run_id}")).json()["about"]["run_id"] == run.run_id

    scenario(play)


def test_a_run_without_a_summary_has_no_figures_rather_than_zeros() -> None:
    async def play(rig: Rig) -> None:
        killed = await rig.start_run(has_link=False, is_found=False)
        told = (await (await rig.log_in()).get(f"/api/runs/{killed.run_id}")).json()
        assert [told[name] for name in ("net", "fees", "funding", "fills", "volume", "position")] == [None] * 6
        assert told["ended_at_ns"] is None

    scenario(play)


def test_older_runs_are_asked_for_by_the_oldest_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_LISTED", 1)

    async def play(rig: Rig) -> None:
        client = await rig.log_in()
        first = (await client.get("/api/runs")).json()["past"]
        second = (await client.get(f"/api/runs?before={first[-1]['run_no']}")).json()["past"]
        assert [run["run_id"] for run in first + second] == ids(rig.journal)
        assert (await client.get(f"/api/runs?before={second[-1]['run_no']}")).json()["past"] == []
        assert (await client.get("/api/runs?before=first")).status_code == 400

    scenario(play)


def test_a_run_that_there_is_not_is_one_sentence() -> None:
    async def play(rig: Rig) -> None:
        client = await rig.log_in()
        for path in ("/api/runs/nosuch", "/api/runs/nosuch/report", f"/api/compare?runs=nosuch,{ids(rig.journal)[0]}"):
            told = await client.get(path)
            assert (told.status_code, told.json()) == (404, {"error": "the journal has no such run"})

    scenario(play)


@pytest.mark.parametrize("path", ["/api/runs", "/api/runs/x", "/api/runs/x/report", "/api/compare?runs=a,b"])
def test_a_stranger_learns_nothing(path: str) -> None:
    async def play(rig: Rig) -> None:
        assert (await (await rig.client()).get(path)).status_code == 401

    scenario(play)


def test_the_report_is_the_page_of_the_command_and_can_reach_nothing_of_the_dashboard() -> None:
    async def play(rig: Rig) -> None:
        client = await rig.log_in(Role.VIEWER)
        told = await client.get(f"/api/runs/{ids(rig.journal)[0]}/report")
        assert told.status_code == 200
        assert told.headers["content-type"].startswith("text/html")
        assert told.headers["content-security-policy"] == (
            "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
            "img-src data:"
        )
        assert "Where the money came from" in told.text

    scenario(play)


def test_runs_are_put_side_by_side_as_the_command_does() -> None:
    async def play(rig: Rig) -> None:
        names = ids(rig.journal)
        found = (await (await rig.log_in()).get(f"/api/compare?runs={','.join(reversed(names))}")).json()
        assert found["names"] == ["A", "B"]
        assert found["settings"] == [{"name": "spread", "values": ["0.0001", "0.0002"]}], SPREADS
        assert found["equal_settings"] > 10
        assert [row["name"] for row in found["terms"]][:3] == ["spread", "adverse", "inventory"], "names, not words"
        figures = {row["name"]: row["values"] for row in found["figures"]}
        summaries = [record.summary or {} for record in reversed(list_runs(rig.journal))]
        assert figures["fees"] == [summary["fees"] for summary in summaries]

    scenario(play)


@pytest.mark.parametrize("number", [0, 1, 9])
def test_two_to_eight_runs_can_be_compared(number: int) -> None:
    async def play(rig: Rig) -> None:
        told = await (await rig.log_in()).get(f"/api/compare?runs={','.join(f'run{one}' for one in range(number))}")
        assert told.status_code == 400
        assert told.json()["error"] == f"2 to 8 runs can be put side by side, these are {number}"

    scenario(play)


def test_a_report_is_made_once_for_all_who_ask_and_then_kept() -> None:
    async def play(rig: Rig, making: Making) -> None:
        client = await rig.log_in()
        path = f"/api/runs/{ids(rig.journal)[0]}/report"
        asking = [asyncio.create_task(client.get(path)) for _ in range(3)]
        await making.began.wait()
        making.go.set()
        assert [(await one).text for one in asking] == ["page 1"] * 3
        assert (await client.get(path)).text == "page 1"
        assert len(making.asked) == 1

    with_reports(play)


def test_the_report_of_a_run_that_goes_on_is_made_anew_each_time() -> None:
    async def play(rig: Rig, making: Making) -> None:
        run = await rig.start_run()
        client = await rig.log_in()
        making.go.set()
        told = [(await client.get(f"/api/runs/{run.run_id}/report")).text for _ in range(2)]
        assert told == ["page 1", "page 2"]

    with_reports(play)


def test_a_report_that_cannot_be_made_is_one_sentence_and_tried_again() -> None:
    async def play(rig: Rig, making: Making) -> None:
        client = await rig.log_in()
        path = f"/api/runs/{ids(rig.journal)[0]}/report"
        making.go.set()
        making.refused = "the recording sol is damaged"
        told = await client.get(path)
        assert (told.status_code, told.json()) == (409, {"error": "the recording sol is damaged"})
        making.refused = None
        assert (await client.get(path)).status_code == 200

    with_reports(play)


def test_too_many_reports_at_once_are_refused_and_none_is_lost() -> None:
    async def play() -> None:
        making = Making()
        reports = Reports("sqlite:///nowhere", making)
        asking = [asyncio.create_task(reports.page(f"run{one}", is_over=True)) for one in range(MOST_WAITING + 1)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        making.go.set()
        told = await asyncio.gather(*asking, return_exceptions=True)
        assert "too many reports" in str(told[-1].detail)  # type: ignore[union-attr]  # the last one is the refusal
        assert not [one for one in told[:-1] if isinstance(one, BaseException)]

    asyncio.run(play())


def test_who_goes_away_takes_no_report_from_others() -> None:
    async def play() -> None:
        making = Making()
        reports = Reports("sqlite:///nowhere", making)
        leaves, stays = (asyncio.create_task(reports.page("run", is_over=True)) for _ in range(2))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        leaves.cancel()
        making.go.set()
        assert await stays == "page 1"

    asyncio.run(play())


def test_the_process_of_a_report_says_what_the_command_would_say() -> None:
    told = make(Wanted("sqlite:////nowhere/at/all.db", ("run",), is_page=True))
    assert told.page is None
    assert "/nowhere/at/all.db cannot be written" in (told.refused or "")
