"""A headless Chromium looks at a report: its charts as pictures, its pages as screenshots, and every error it finds.

The browser is the one of the system (Debian: ``chromium`` or ``chromium-headless-shell``), driven through its own
DevTools protocol, so nothing else has to be installed. It gets a profile of its own, which is removed, and opens local
files only.
"""

import asyncio
import base64
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp

from perpmaker.domain.errors import UnknownNameError, UserError

BROWSERS: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

_FLAGS: Final = (
    "--headless", "--remote-debugging-port=0", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
    "--disable-extensions", "--disable-background-networking", "--disable-dev-shm-usage",
)  # fmt: skip
_PATIENCE_S: Final = 60
_CHART_WIDTH: Final = 1200


def find_browser() -> str | None:
    """The path of a Chromium on this machine; None where there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name)) is not None), None)


def export_charts(page: Path, folder: Path) -> list[Path]:
    """Write every chart of a report page as ``NAME.png``.

    Raises:
        UnknownNameError: there is no Chromium on this machine.
        UserError: the browser does not start, or the folder cannot be written.
    """
    return asyncio.run(_export(page, folder))


async def _export(page: Path, folder: Path) -> list[Path]:
    written: list[Path] = []
    async with opened(page) as tab:
        for name in await tab.evaluate("perpmakerReport.names"):
            picture = await tab.evaluate(f"perpmakerReport.image({name!r}, {_CHART_WIDTH})")
            written.append(_write(folder, f"{name}.png", picture.split(",", 1)[1]))
    return written


def _write(folder: Path, name: str, encoded: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(base64.b64decode(encoded))
    except OSError as error:
        raise UserError(f"--png {folder}: cannot be written: {error.strerror}; name another folder") from None
    return folder / name


class Tab:
    """One page in the browser, its charts drawn. ``errors`` is what its console, scripts and policy complained of."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self._session: str | None = None
        self.errors: list[str] = []

    async def open(self, address: str, *, width: int, height: int, is_dark: bool, is_phone: bool) -> None:
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Runtime", "Log", "Page"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=is_phone
        )
        if is_phone:
            await self.call("Emulation.setTouchEmulationEnabled", enabled=True)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call("Page.navigate", url=address)
        await self.evaluate("new Promise(r => document.readyState == 'complete' ? r() : addEventListener('load', r))")
        if await self.evaluate("typeof perpmakerReport") != "undefined":
            await self.evaluate("perpmakerReport.ready")

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression on the page; promises are waited for."""
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            self.errors.append(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def screenshot(self) -> bytes:
        """The whole page as a PNG, beyond what fits the screen."""
        answer = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its answer; what the page says meanwhile is noted."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        await self._socket.send_json(message)
        while True:
            answer: dict[str, Any] = await self._socket.receive_json(timeout=_PATIENCE_S)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise UserError(f"the browser refused {method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        about = event.get("params", {})
        match event.get("method"):
            case "Runtime.exceptionThrown":
                self.errors.append(str(about["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if about["type"] in ("error", "warning", "assert"):
                self.errors.append(str(about["args"]))
            case "Log.entryAdded" if about["entry"]["level"] in ("error", "warning"):
                self.errors.append(about["entry"]["text"])
            case _:
                pass


@asynccontextmanager
async def opened(
    page: Path, *, width: int = 1280, height: int = 900, is_dark: bool = False, is_phone: bool = False
) -> AsyncIterator[Tab]:
    """A report page in a browser of its own, every chart drawn; the browser ends with the block.

    Raises:
        UnknownNameError: there is no Chromium on this machine.
        UserError: the browser does not start.
    """
    browser, location = find_browser(), _location(page)
    if browser is None:
        raise UnknownNameError(f"no Chromium was found ({', '.join(BROWSERS)}): install one, e.g. apt install chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # As root Chromium has no sandbox; a report is a file of our own making, and its policy forbids all connections.
        flags = [*_FLAGS, f"--user-data-dir={profile}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        # In a group of its own, so that its helpers end with it; no pipes, which they would hold open.
        process = await asyncio.create_subprocess_exec(
            browser,
            *flags,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            address = await _address(Path(profile), process)
            async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
                tab = Tab(socket)
                await tab.open(location, width=width, height=height, is_dark=is_dark, is_phone=is_phone)
                yield tab
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _location(page: Path) -> str:
    return page.absolute().as_uri()


async def _address(profile: Path, process: asyncio.subprocess.Process) -> str:
    """Where the browser listens: it writes that into its profile as soon as it does."""
    note = profile / "DevToolsActivePort"
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while process.returncode is None:
                said = note.read_text(encoding="utf-8").split() if note.exists() else []
                if len(said) == 2:
                    return f"ws://127.0.0.1:{said[0]}{said[1]}"
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise UserError(f"the browser did not start within {_PATIENCE_S} s; try it by hand") from None
    raise UserError(f"the browser ended at once with code {process.returncode}; try it by hand")
