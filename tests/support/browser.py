"""Debian's Chromium, driven by Playwright: pages in it, and what they complained of."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, Request, sync_playwright

from perpmaker.report.browser import find_browser

DESK: Final = (1440, 1000)
PHONE: Final = (360, 780)

_FLAGS: Final = (
    "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--disable-default-apps", "--disable-extensions", "--disable-dev-shm-usage", "--disable-gpu",
)  # fmt: skip


@dataclass
class Seen:
    """What a page did that it should not have, and what it loaded.

    Attributes:
        errors: of console and scripts, warnings included.
        foreign: requests to any host but the page's own.
        received: bytes that came over the wire, headers included.
    """

    own: str
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    received: int = 0

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)
        page.on("requestfinished", self._finished)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning", "assert"):
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def _request(self, request: Request) -> None:
        self.requests.append(request.url)
        if not request.url.startswith((self.own, self.own.replace("http", "ws", 1), "data:")):
            self.foreign.append(request.url)

    def _finished(self, request: Request) -> None:
        sizes = request.sizes()
        self.received += sizes["responseBodySize"] + sizes["responseHeadersSize"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's browser; it ends with the block."""
    path = find_browser()
    assert path is not None, "ask find_browser() first, and skip"
    flags = [*_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=flags)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Browser,
    url: str,
    *,
    own: str,
    then: str = "",
    size: tuple[int, int] = DESK,
    is_dark: bool = True,
    language: str = "en",
) -> Iterator[tuple[Page, Seen]]:
    """A page in a profile of its own, and what is seen of it; ``then`` is the address behind # to go to at last."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if is_dark else "light",
        locale="zh-CN" if language == "zh" else "en-GB",
        has_touch=size == PHONE,
        is_mobile=size == PHONE,
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    seen = Seen(own)
    seen.watch(page)
    try:
        page.goto(url)
        page.wait_for_selector("#page > *")
        if then:
            page.evaluate("there => { location.hash = there; }", then)
        yield page, seen
    finally:
        context.close()


def wider_than_screen(page: Page) -> int:
    """By how many pixels the page could be scrolled sideways."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return wider


def keep_picture(page: Page, name: str) -> None:
    """The whole page as a PNG, where PERPMAKER_SCREENSHOTS names a folder."""
    folder = os.environ.get("PERPMAKER_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"dashboard-{name}.png", full_page=True)


__all__ = ["DESK", "PHONE", "Browser", "Page", "Seen", "chromium", "keep_picture", "opened", "wider_than_screen"]
