"""The page Run, on a run that never was: what it shows, in which looks, and what it does when the connection breaks."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from perpmaker.monitor.view import News
from support.browser import DESK, PHONE, keep_picture, wider_than_screen
from support.fake_dashboard import FakeDashboard
from support.fake_views import BUDGETS

MUCH_BYTES = 500_000
LONG_MS = 1_000


@pytest.mark.parametrize(
    ("size", "is_dark", "language"),
    [(DESK, True, "en"), (DESK, False, "en"), (DESK, False, "zh"), (PHONE, True, "en"), (PHONE, False, "zh")],
)
def test_everything_is_shown_without_an_error(
    visit: Any, size: tuple[int, int], is_dark: bool, language: str, fake: FakeDashboard
) -> None:
    with visit(size=size, is_dark=is_dark, language=language) as (page, seen):
        expect(page.locator(".banner .market")).to_have_text("sim SOL_USDC_PERP")
        expect(page.locator(".banner .mode")).to_have_text("模拟" if language == "zh" else "SIM")
        expect(page.locator("#area-chart canvas").first).to_be_visible()
        fake.step(3)
        expect(page.locator("#area-log tbody tr").first).to_be_visible()
        assert page.locator("#area-book .row.mine").count() >= 4
        page.wait_for_timeout(300)
        look = f"{'phone' if size == PHONE else 'desk'}-{'dark' if is_dark else 'light'}-{language}"
        keep_picture(page, f"run-{look}")
        assert wider_than_screen(page) <= 0
        assert seen.errors == []


def test_the_first_paint_is_quick_the_transfer_small_and_nobody_else_is_asked(visit: Any) -> None:
    with visit() as (page, seen):
        expect(page.locator("#area-chart canvas").first).to_be_visible()
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
        painted_ms = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        page.wait_for_timeout(500)
        assert painted_ms < LONG_MS
        assert seen.received < MUCH_BYTES, "uncompressed"
        assert seen.foreign == []
        assert seen.errors == []


def test_the_token_is_taken_out_of_the_address(visit: Any) -> None:
    with visit() as (page, _):
        expect(page.locator(".banner .market")).to_be_visible()
        assert "token" not in page.url


def test_amounts_are_shown_to_the_last_digit(visit: Any, fake: FakeDashboard) -> None:
    with visit() as (page, _):
        expect(page.locator(".banner .market")).to_be_visible()
        fake.step()
        assert fake.view is not None
        profit = fake.view.profit
        expect(page.locator(".terms tr.sum td").last).to_have_text(re.compile(re.escape(profit.net)))
        shown = page.locator(".terms tbody td:last-child").all_text_contents()
        assert sorted(text.lstrip("+") for text in shown) == sorted(profit.terms.values())
        assert page.locator("#area-profit .warn:visible").count() == 0, "the terms sum to the net result"


def test_terms_that_do_not_sum_are_said_to_be_so(visit: Any, fake: FakeDashboard) -> None:
    assert fake.view is not None
    wrong = {**fake.view.profit.terms, "mark": "9"}
    with visit() as (page, _):
        expect(page.locator(".banner .market")).to_be_visible()
        fake.script.changes = {"profit": type(fake.view.profit)(**{**vars_of(fake.view.profit), "terms": wrong})}
        fake.step()
        expect(page.locator("#area-profit .warn")).to_be_visible()


def vars_of(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def test_a_fill_appears_in_table_and_figures_and_the_reason_beside_a_level(visit: Any, fake: FakeDashboard) -> None:
    with visit() as (page, _):
        expect(page.locator(".banner .market")).to_be_visible()
        before = page.locator("#area-log tbody tr").count()
        fake.step(6)
        expect(page.locator("#area-log tbody tr")).to_have_count(before + 1)
        expect(page.locator("#area-log tbody tr").first).to_contain_text("0.10 @")
        expect(page.locator(".levels .why").first).to_have_text("at cap")


def test_the_log_is_filtered_by_grade_kind_and_text(visit: Any, fake: FakeDashboard) -> None:
    with visit() as (page, _):
        expect(page.locator("#area-log tbody tr").first).to_be_visible()
        rows = page.locator("#area-log tbody tr")
        page.get_by_role("button", name="errors").click()
        expect(rows).to_have_count(1)
        expect(rows.first).to_contain_text("the venue does not answer")
        page.get_by_role("button", name="all").click()
        page.get_by_label("Kind").select_option("stale")
        expect(rows).to_have_count(3)
        page.get_by_label("Search the log").fill("nothing like this")
        expect(rows).to_have_count(0)
        assert len(fake.queries) == 1


def test_hostile_names_and_sentences_stay_text(visit: Any, fake: FakeDashboard) -> None:
    evil = "<img src=x onerror=alert(1)>"
    fake.script.symbol = evil
    fake.script.changes = {"settings": {"spread": evil, "constructor": evil}, "phase": "constructor"}
    with visit(language="zh") as (page, seen):
        expect(page.locator(".banner .market")).to_be_visible()
        fake.step()
        fake.say(News(items=[fake.script.item("<b>kind</b>", f"{evil}<script>alert(2)</script>", "error")]))
        expect(page.locator("#area-log tbody tr").first).to_contain_text("<script>alert(2)</script>")
        expect(page.locator(".banner .market")).to_contain_text(evil)
        expect(page.locator(".banner .phase")).to_have_text("constructor")
        assert page.locator("img, #area-log b:not(.buy):not(.sell), main script").count() == 0
        for there in ("#/what-if", "#/control", "#/runs", f"#/run/{evil}", f"#/{evil}", "#/toString"):
            page.evaluate("there => { location.hash = there; }", there)
            page.wait_for_timeout(150)
            assert page.locator("img, main script").count() == 0
        assert seen.errors == []


def test_a_live_run_is_marked_unmistakably_budgets_and_blindness_are_told(visit: Any, fake: FakeDashboard) -> None:
    assert fake.view is not None
    health = type(fake.view.health)(**{**vars_of(fake.view.health), "blind_for": ["market data gap"]})
    fake.script.mode, fake.script.exchange = "live", "backpack"
    fake.script.changes = {
        "budgets": BUDGETS,
        "budget_step": "reducing",
        "health": health,
        "is_paused": True,
        "book": None,
    }
    fake.step()
    with visit() as (page, seen):
        expect(page.locator(".banner.of-live .mode")).to_have_text("LIVE: REAL MONEY")
        expect(page.locator("#area-health")).to_contain_text("market data gap")
        expect(page.locator("#area-health")).to_contain_text("4,210.55 / 5,000")
        expect(page.locator(".banner .phase")).to_have_text("paused")
        page.wait_for_timeout(200)
        keep_picture(page, "run-live")
        assert seen.errors == []


def test_a_break_is_shown_with_its_time_and_the_page_catches_up_by_itself(visit: Any, fake: FakeDashboard) -> None:
    with visit() as (page, _):
        expect(page.locator(".banner .market")).to_be_visible()
        known = page.locator("#area-log tbody tr").count()
        fake.is_reachable = False
        fake.cut()
        expect(page.locator(".notice.lost")).to_contain_text("Connection lost since")
        expect(page.locator(".is-stale")).to_have_count(1)
        keep_picture(page, "run-lost")
        fake.step(12)
        fake.is_reachable = True
        expect(page.locator(".notice.lost:visible")).to_have_count(0)
        expect(page.locator(".is-stale")).to_have_count(0)
        expect(page.locator("#area-log tbody tr")).to_have_count(known + 2)
        resumed = fake.queries[-1]
        assert int(resumed["since"]) == known, "only what is new was asked for"
        assert int(resumed["samples_since"]) > 0


def test_the_end_of_a_run_is_told_and_nothing_is_asked_again(visit: Any, fake: FakeDashboard) -> None:
    with visit() as (page, _):
        expect(page.locator(".banner .market")).to_be_visible()
        fake.script.changes = {"is_over": True, "phase": "ended", "end_reason": "duration reached"}
        fake.step()
        fake.say({"type": "over"})
        expect(page.locator(".notice.lost")).to_contain_text("The run is over: duration reached.")
        expect(page.locator(".notice.lost a")).to_have_text("Open the report")
        fake.cut()
        page.wait_for_timeout(1_500)
        assert len(fake.queries) == 1


def test_a_hidden_page_draws_nothing_and_is_right_again_when_it_is_looked_at(visit: Any, fake: FakeDashboard) -> None:
    with visit() as (page, _):
        net = page.locator(".terms tr.sum td").last
        expect(net).to_be_visible()
        page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        before = net.text_content()
        fake.step(10)
        page.wait_for_timeout(400)
        assert net.text_content() == before
        page.evaluate(
            "Object.defineProperty(document, 'hidden', { value: false, configurable: true });"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        assert fake.view is not None
        expect(net).to_contain_text(fake.view.profit.net)


def test_language_and_theme_are_switched_and_remembered(visit: Any) -> None:
    with visit() as (page, _):
        expect(page.locator("#area-levels h2").first).to_contain_text("Our levels")
        page.get_by_role("button", name="中文").click()
        expect(page.locator("#area-levels h2").first).to_contain_text("我方各档")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.get_by_role("button", name="浅色").click()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != paper
        page.reload()
        expect(page.locator("#area-levels h2").first).to_contain_text("我方各档")
        assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_it_can_be_worked_without_a_mouse(visit: Any) -> None:
    with visit() as (page, _):
        expect(page.locator(".banner .market")).to_be_visible()
        names = []
        for _ in range(14):
            page.keyboard.press("Tab")
            names.append(
                page.evaluate(
                    "(document.activeElement.textContent || document.activeElement.ariaLabel || '').slice(0, 20)"
                )
            )
        assert names[:4] == ["Run", "Runs", "What if", "Control"]
        assert "errors" in names
