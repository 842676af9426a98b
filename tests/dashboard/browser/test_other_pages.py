"""Login, Runs, What if, Control and Start, on canned answers."""

from typing import Any

import pytest
from playwright.sync_api import expect

from support.browser import DESK, PHONE, keep_picture, wider_than_screen
from support.fake_dashboard import FakeDashboard
from support.fake_views import RUN_ID


@pytest.mark.parametrize("there", ["runs", "what-if", "control", "start", "compare/a,b"])
@pytest.mark.parametrize(
    ("size", "is_dark", "language"), [(DESK, True, "en"), (DESK, False, "zh"), (PHONE, True, "en")]
)
def test_every_page_is_drawn_without_an_error(
    visit: Any, there: str, size: tuple[int, int], is_dark: bool, language: str
) -> None:
    with visit(f"#/{there}", size=size, is_dark=is_dark, language=language) as (page, seen):
        expect(page.locator("main .panel").first).to_be_visible()
        page.wait_for_timeout(500)
        look = f"{'phone' if size == PHONE else 'desk'}-{'dark' if is_dark else 'light'}-{language}"
        keep_picture(page, f"{there.split('/', maxsplit=1)[0]}-{look}")
        assert wider_than_screen(page) <= 0
        assert seen.errors == []
        assert seen.foreign == []


def test_who_has_no_session_is_asked_for_a_token(visit: Any) -> None:
    with visit(role="") as (page, _):
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("that is not right")
        keep_picture(page, "login")
        page.get_by_label("Token").fill("http://127.0.0.1:8321/#token=viewer-token")
        page.get_by_role("button", name="Log in").click()
        expect(page.locator(".banner .market")).to_be_visible()


def test_a_viewer_is_offered_no_change(visit: Any) -> None:
    with visit(role="viewer") as (page, _):
        expect(page.locator("#bar nav a")).to_have_text(["Run", "Runs", "What if"])
        for there in ("control", "start"):
            page.evaluate("there => { location.hash = there; }", f"#/{there}")
            expect(page.locator(".notice")).to_contain_text("logged in as a viewer")
        page.evaluate("location.hash = '#/what-if'")
        expect(page.locator(".finding").first).to_be_visible()
        expect(page.get_by_role("button", name="Apply")).to_have_count(0)


def test_each_action_asks_once_is_sent_once_and_shows_its_outcome(visit: Any, fake: FakeDashboard) -> None:
    with visit("#/control") as (page, seen):
        for action, button in (("pause", "Pause quoting…"), ("close", "Close position…"), ("stop", "Stop run…")):
            fake.outcome = {"is_done": True, "text": f"{action} was carried out"}
            page.get_by_role("button", name=button).click()
            dialog = page.get_by_role("dialog")
            expect(dialog).to_be_visible()
            if action == "pause":
                keep_picture(page, "dialog")
            dialog.get_by_role("button", name=button.rstrip("…")).click()
            expect(dialog.locator(".outcome")).to_contain_text(f"{action} was carried out")
            dialog.get_by_role("button", name="Close", exact=True).click()
            expect(dialog).to_have_count(0)
        path = f"/api/runs/{RUN_ID}/control"
        assert fake.posts == [(path, {"action": name, "settings": {}}) for name in ("pause", "close", "stop")]
        assert seen.errors == []


def test_a_question_that_is_cancelled_sends_nothing(visit: Any, fake: FakeDashboard) -> None:
    with visit("#/control") as (page, _):
        page.get_by_role("button", name="Stop run…").click()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.get_by_role("button", name="Stop run…").click()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert fake.posts == [], "the first focus is on the way back"


@pytest.mark.parametrize(
    ("outcome", "said"),
    [(504, "Outcome unknown"), ({"is_done": False, "text": "the run is ending already"}, "Refused.")],
)
def test_what_was_refused_or_is_unknown_is_said_to_be_so(
    visit: Any, fake: FakeDashboard, outcome: Any, said: str
) -> None:
    fake.outcome = outcome
    with visit("#/control") as (page, _):
        page.get_by_role("button", name="Pause quoting…").click()
        page.get_by_role("dialog").get_by_role("button", name="Pause quoting").click()
        expect(page.locator(".outcome.bad")).to_contain_text(said)


def test_a_live_run_is_marked_in_the_question(visit: Any, fake: FakeDashboard) -> None:
    fake.script.mode = "live"
    fake.step()
    with visit("#/control") as (page, _):
        page.get_by_role("button", name="Close position…").click()
        expect(page.locator("dialog.of-live .mark")).to_have_text("LIVE: REAL MONEY")
        keep_picture(page, "dialog-live")


def test_settings_are_changed_from_what_was_to_what_is(visit: Any, fake: FakeDashboard) -> None:
    with visit("#/control") as (page, _):
        page.get_by_label("spread").fill("8bp")
        page.get_by_role("button", name="Change settings…").click()
        expect(page.locator("dialog .changes td").nth(1)).to_have_text("0.0005")
        expect(page.locator("dialog .changes td").nth(3)).to_have_text("8bp")
        page.get_by_role("dialog").get_by_role("button", name="Change settings").click()
        expect(page.locator("dialog .outcome")).to_be_visible()
        assert fake.posts[0][1] == {"action": "settings", "settings": {"spread": "8bp"}}


def test_nothing_is_applied_from_what_if_until_it_is_confirmed(visit: Any, fake: FakeDashboard) -> None:
    with visit("#/what-if") as (page, _):
        expect(page.locator(".ladder .rung")).to_have_count(30)
        expect(page.locator(".ladder .rung.is-hole")).to_have_count(6)
        slider = page.get_by_role("slider", name="inventory skew")
        slider.focus()
        slider.press("End")
        expect(page.get_by_role("textbox", name="inventory skew")).to_have_value("1")
        apply = page.get_by_role("button", name="Apply to the run…")
        expect(apply).to_be_enabled()
        assert fake.posts == []
        apply.click()
        page.get_by_role("dialog").get_by_role("button", name="Change settings").click()
        expect(page.locator("dialog .outcome")).to_contain_text("Done.")
        assert fake.posts[0][1]["settings"] == {"inventory_skew": "1"}


def test_what_the_advisor_refuses_cannot_be_applied(visit: Any, fake: FakeDashboard) -> None:
    fake.refused = "--spread 0: must be above 0, e.g. 0.01, 1% or 100bp"
    with visit("#/what-if") as (page, _):
        page.get_by_role("textbox", name="spread").fill("0")
        expect(page.locator(".notice:not(.lost)")).to_contain_text("must be above 0")
        expect(page.get_by_role("button", name="Apply to the run…")).to_be_disabled()


def test_runs_are_sorted_and_chosen_ones_compared(visit: Any) -> None:
    with visit("#/runs") as (page, _):
        rows = page.locator("tbody").last.locator("tr")
        expect(rows).to_have_count(12)
        page.locator("th button", has_text="net").click()
        expect(rows.first).to_contain_text("+2.764706")
        page.locator("th button", has_text="net").click()
        expect(rows.first).to_contain_text("-1.764706")
        link = rows.first.locator("a")
        assert link.get_attribute("target") == "_blank"
        assert link.get_attribute("href") == "/api/runs/20260730-000000-a000/report"
        for n in (0, 1):
            rows.nth(n).locator("input").check()
        page.get_by_role("button", name="Compare 2 chosen").click()
        expect(page.locator("main")).to_contain_text("What was set differently")
        expect(page.locator("main")).to_contain_text("Spread captured")


def test_a_simulated_run_is_started_from_the_form(visit: Any, fake: FakeDashboard) -> None:
    with visit("#/start") as (page, _):
        expect(page.locator(".live-box")).to_be_hidden()
        page.get_by_role("textbox", name="spread").fill("5bp")
        page.get_by_role("button", name="Start simulation…").click()
        page.get_by_role("dialog").get_by_role("button", name="Start", exact=True).click()
        expect(page.locator("dialog .outcome")).to_contain_text("the run has started")
        page.get_by_role("button", name="Close", exact=True).click()
        expect(page.locator(".banner .market")).to_be_visible()
        assert fake.posts == [
            ("/api/start", {"exchange": "sim", "symbol": "SOL_USDC_PERP", "preset": "neutral",
                            "settings": {"spread": "5bp"}, "is_live": False, "confirm": ""}),
        ]  # fmt: skip


def test_a_live_start_is_asked_about_twice_and_typed(visit: Any, fake: FakeDashboard) -> None:
    fake.can_start_live = True
    with visit("#/start") as (page, _):
        page.get_by_label("Exchange").fill("backpack")
        page.get_by_label("Trade with real money").check()
        page.get_by_role("button", name="Start LIVE…").click()
        page.get_by_role("button", name="I understand").click()
        page.get_by_role("button", name="Close", exact=True).click()
        yes = page.get_by_role("button", name="Start with real money")
        expect(yes).to_be_disabled()
        keep_picture(page, "start-live")
        page.get_by_role("dialog").get_by_role("textbox").fill("SOL_USDC_PERP")
        yes.click()
        expect(page.locator("dialog .outcome")).to_contain_text("the run has started")
        assert fake.posts[0][1]["is_live"] is True
        assert fake.posts[0][1]["confirm"] == "SOL_USDC_PERP"


def test_a_live_start_is_not_offered_where_it_was_not_allowed(visit: Any) -> None:
    with visit("#/start") as (page, _):
        page.get_by_label("Exchange").fill("backpack")
        expect(page.get_by_role("button", name="Start on paper…")).to_be_visible()
        expect(page.get_by_label("Trade with real money")).to_be_hidden()
