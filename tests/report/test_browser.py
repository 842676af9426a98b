"""The report in a real browser: no error, every chart drawn, on a desk and on a phone, light and dark.

Skipped where there is no Chromium. Screenshots are kept in the folder that PERPMAKER_SCREENSHOTS names.
"""

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from perpmaker.cli.main import _run
from perpmaker.report.browser import export_charts, find_browser, opened
from perpmaker.report.comparison import page as comparison_page
from perpmaker.report.html import page
from perpmaker.report.run_data import RunReport

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium on this machine")

DRAWN = "Array.from(document.querySelectorAll('.plot')).map(p => [p.id, p.querySelectorAll('.trace, .point').length])"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="session")
def written(report: RunReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(page(report), encoding="utf-8")
    return file


async def look(file: Path, name: str, *questions: str, **how: Any) -> tuple[list[Any], list[str]]:
    async with opened(file, **how) as tab:
        answers = [await tab.evaluate(question) for question in questions]
        folder = os.environ.get("PERPMAKER_SCREENSHOTS")
        if folder:
            keep(Path(folder), name, await tab.screenshot())
        return answers, tab.errors


def keep(folder: Path, name: str, picture: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.png").write_bytes(picture)


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "is_phone"), [(1280, False), (390, True)], ids=["desk", "phone"])
def test_every_chart_is_drawn_without_an_error(written: Path, width: int, is_phone: bool, is_dark: bool) -> None:
    name = f"report-{'phone' if is_phone else 'desk'}-{'dark' if is_dark else 'light'}"
    (drawn, names, overflow), errors = asyncio.run(
        look(
            written, name, DRAWN, "perpmakerReport.names", "document.documentElement.scrollWidth - window.innerWidth",
            width=width, is_phone=is_phone, is_dark=is_dark,
        )
    )  # fmt: skip
    assert errors == []
    assert [place.removeprefix("chart-") for place, _ in drawn] == sorted(names, key=[p[6:] for p, _ in drawn].index)
    assert all(marks > 0 for _, marks in drawn), drawn
    assert overflow <= 0, "nothing is wider than the screen"


def test_the_colours_follow_the_theme_and_its_switch(written: Path) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    click = "document.getElementById('theme').click()"
    answers, errors = asyncio.run(look(written, "theme", paper, click, paper, is_dark=True))
    assert errors == []
    assert answers[0] != answers[2]


def test_charts_over_time_zoom_together(written: Path) -> None:
    zoom = (
        "Plotly.relayout('chart-price', {'xaxis.range[0]': perpmakerStart + 60000, 'xaxis.range[1]': perpmakerStart + "
        "120000}).then(() => new Promise(r => setTimeout(r, 300)))"
    )
    start = "window.perpmakerStart = document.getElementById('chart-price').layout.xaxis.range[0]; 0"
    ranges = (
        "['price', 'equity', 'position'].map(n => document.getElementById('chart-' + n).layout.xaxis.range.map(Number))"
    )
    answers, errors = asyncio.run(look(written, "zoom", start, zoom, ranges))
    assert errors == []
    price, equity, position = answers[2]
    assert price == equity == position


def test_an_error_on_the_page_would_be_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    broken.write_text("<!doctype html><script>console.error('a'); undefinedThing();</script>", encoding="utf-8")
    _, errors = asyncio.run(look(broken, "broken", "1"))
    assert len(errors) == 2


def test_a_comparison_is_drawn_without_an_error(report: RunReport, tmp_path: Path) -> None:
    file = tmp_path / "comparison.html"
    other = replace(report, run=replace(report.run, settings={**report.run.settings, "spread": "0.0005"}))
    file.write_text(comparison_page([report, other]), encoding="utf-8")
    (drawn,), errors = asyncio.run(look(file, "comparison", DRAWN))
    assert errors == []
    assert len(drawn) == 2
    assert all(marks > 0 for _, marks in drawn)


def test_charts_are_exported_as_pictures(written: Path, recorded: Path, tmp_path: Path) -> None:
    pictures = export_charts(written, tmp_path / "charts")
    assert [picture.stem for picture in pictures][:3] == ["equity", "price", "position"]
    assert all(picture.read_bytes().startswith(PNG) for picture in pictures)
    assert _run(["report", "latest", "--journal", str(recorded), "--png", str(tmp_path / "more")]) == 0
    assert (tmp_path / "more" / "markouts.png").exists()
