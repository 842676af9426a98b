"""The whole of it: the dashboard's own process, a run that is started from the page, and a browser that looks on."""

import json
import re
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from support.browser import PHONE, keep_picture, opened, wider_than_screen
from support.dashboard_program import DashboardProgram
from support.dashboard_runs import short_folder

LONG_MS = 60_000
SETTINGS = {"spread": "1bp", "quantity": "0.1", "max_orders": "2", "max_position": "1", "interval": "1"}
MUCH_BYTES = 500_000


@pytest.fixture
def program(tmp_path: Path) -> Iterator[DashboardProgram]:
    with short_folder() as runtime, DashboardProgram(tmp_path, runtime) as running:
        yield running


def steer(page: Page, button: str, said: str) -> None:
    page.get_by_role("button", name=f"{button}…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=button).click()
    expect(dialog.locator(".outcome")).to_contain_text(said, timeout=LONG_MS)
    dialog.get_by_role("button", name="Close", exact=True).click()


def start_run(page: Page) -> None:
    page.evaluate("location.hash = '#/start'")
    page.get_by_label("Preset").select_option("")
    for name, value in SETTINGS.items():
        field = page.locator(f"#set-{name}")
        page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")
        field.fill(value)
    expect(page.locator(".ladder .rung").first).to_be_attached(timeout=LONG_MS)
    keep_picture(page, "whole-start")
    page.get_by_role("button", name="Start simulation…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Start", exact=True).click()
    expect(dialog.locator(".outcome")).to_contain_text("Done.", timeout=LONG_MS)
    dialog.get_by_role("button", name="Close", exact=True).click()


def test_a_run_from_its_start_on_the_page_to_its_end(browser: Browser, program: DashboardProgram) -> None:
    with opened(browser, program.address("trader"), own=program.url) as (page, seen):
        expect(page.locator("main")).to_contain_text("Nothing runs now.")
        start_run(page)

        # Quotes rest and move, and a fill comes: in the table, in the figures, as a mark of the chart.
        expect(page.locator(".banner .mode")).to_have_text("SIM")
        expect(page.locator(".banner .phase")).to_have_text("quoting", timeout=LONG_MS)
        expect(page.locator(".levels .buy").first).to_contain_text("0.10 @", timeout=LONG_MS)
        before = page.locator(".levels").text_content() or ""
        expect(page.locator(".levels")).not_to_have_text(before, timeout=LONG_MS)
        page.get_by_label("Kind").select_option("fill", timeout=LONG_MS)
        expect(page.locator("#area-log tbody tr").first).to_contain_text("@", timeout=LONG_MS)
        expect(page.locator(".terms tr.sum td").last).to_contain_text(re.compile(r"\d"))
        page.get_by_label("Kind").select_option("")
        keep_picture(page, "whole-run")
        assert seen.foreign == []
        assert seen.received < MUCH_BYTES * 3, "the whole visit, uncompressed streams included"

        # What if, applied to the run: was, is, and done.
        page.get_by_role("link", name="What if").click()
        page.get_by_role("textbox", name="inventory skew").fill("0.5")
        apply = page.get_by_role("button", name="Apply to the run…")
        expect(apply).to_be_enabled(timeout=LONG_MS)
        keep_picture(page, "whole-what-if")
        apply.click()
        page.get_by_role("dialog").get_by_role("button", name="Change settings").click()
        expect(page.locator("dialog .outcome")).to_contain_text("applied: inventory_skew: 0 -> 0.5", timeout=LONG_MS)
        page.get_by_role("button", name="Close", exact=True).click()

        page.get_by_role("link", name="Control").click()
        steer(page, "Pause quoting", "quoting is paused")
        expect(page.locator(".banner .phase")).to_have_text("paused")
        steer(page, "Resume", "quoting goes on")
        expect(page.locator(".banner .phase")).to_have_text("quoting")
        close = page.get_by_role("button", name="Close position…")
        expect(close).to_be_enabled(timeout=LONG_MS)
        steer(page, "Close position", "flat, after")
        keep_picture(page, "whole-control")
        steer(page, "Stop run", "the run is ending")
        expect(page.locator(".notice.lost")).to_contain_text("The run is over: interrupted.", timeout=LONG_MS)

        # The last view has the journal's own figures, to the last digit.
        page.get_by_role("link", name="Run", exact=True).click()
        net = (page.locator(".terms tr.sum td").last.text_content() or "").replace(",", "").lstrip("+")
        page.get_by_role("link", name="Runs", exact=True).click()
        expect(page.locator("tbody").last.locator("tr")).to_have_count(1, timeout=LONG_MS)
        summary = summary_of(program)
        assert Decimal(summary["equity_end"]) - Decimal(summary["equity_start"]) == Decimal(net)
        expect(page.locator("tbody").last).to_contain_text(net.lstrip("-"), timeout=LONG_MS)
        assert seen.errors == []
        with page.expect_popup() as popup:
            page.locator("tbody").last.locator("a").click()
        expect(popup.value.locator("h1")).to_be_visible(timeout=LONG_MS)


def test_the_dashboard_is_killed_and_started_again_and_the_page_catches_up(
    browser: Browser, program: DashboardProgram
) -> None:
    with opened(browser, program.address("trader"), own=program.url, size=PHONE, language="zh") as (page, seen):
        page.get_by_role("button", name="English").click()
        start_run(page)
        page.get_by_role("button", name="中文").click()
        expect(page.locator(".banner .phase")).to_have_text("报价中", timeout=LONG_MS)
        expect(page.locator("#area-log tbody tr").first).to_be_visible(timeout=LONG_MS)
        page.wait_for_timeout(500)
        assert wider_than_screen(page) <= 0
        keep_picture(page, "whole-phone-zh")
        assert seen.errors == []
        program.kill()
        expect(page.locator(".notice.lost")).to_contain_text("起连接中断", timeout=LONG_MS)
        figures = page.locator(".figures").text_content() or ""
        told = page.locator("#area-log tbody tr").count()
        program.start()
        expect(page.locator(".notice.lost")).to_be_hidden(timeout=LONG_MS)
        expect(page.locator(".is-stale")).to_have_count(0)
        expect(page.locator(".figures")).not_to_have_text(figures, timeout=LONG_MS)
        assert page.locator("#area-log tbody tr").count() >= told, "the log goes on where it was"
        page.locator("#bar nav a").nth(3).click()
        expect(page.get_by_role("button", name="暂停报价…")).to_be_enabled(timeout=LONG_MS)


def summary_of(program: DashboardProgram) -> dict[str, str]:
    with sqlite3.connect(program.journal) as journal:
        (text,) = journal.execute("select summary from runs order by run_no desc limit 1").fetchone()
    found: dict[str, str] = json.loads(text)
    return found
