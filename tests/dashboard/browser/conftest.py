"""One browser for all tests of a file; a fake dashboard, or a page of it, for each.

Playwright keeps a loop running in this thread for as long as it is open: it must be closed before tests of other files
run loops of their own.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import pytest

from perpmaker.report.browser import find_browser
from support.fake_dashboard import FakeDashboard

playwright = pytest.importorskip("playwright.sync_api")

from support.browser import Browser, Page, Seen, chromium, opened  # noqa: E402 - after it is known to be there


class Open(Protocol):
    """Opens a page of the fake dashboard, logged in as ``role`` ("" for nobody)."""

    def __call__(
        self,
        path: str = "",
        *,
        role: str = "trader",
        size: tuple[int, int] = ...,
        is_dark: bool = ...,
        language: str = ...,
    ) -> AbstractContextManager[tuple[Page, Seen]]: ...


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if find_browser() is None:
        pytest.skip("no Chromium on this machine")
    with chromium() as running:
        yield running


@pytest.fixture
def fake() -> Iterator[FakeDashboard]:
    dashboard = FakeDashboard()
    dashboard.start()
    dashboard.step(120)
    yield dashboard
    dashboard.stop()


@pytest.fixture
def visit(browser: Browser, fake: FakeDashboard) -> Open:
    def visit(path: str = "", *, role: str = "trader", **how: object) -> AbstractContextManager[tuple[Page, Seen]]:
        token = f"#token={role}-token" if role else ""
        return opened(browser, f"{fake.url}/{token or path}", own=fake.url, then=path if token else "", **how)  # type: ignore[arg-type]

    return visit
