"""Every command line in the documents works, every link leads somewhere, and the pictures are of this program."""

import re
from pathlib import Path

import pytest

from docs.documents import PAGES, ROOT, arguments, command, command_lines, flags, page
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.main import _run

LINES = [(path.name, line) for path in PAGES for line in dict.fromkeys(command_lines(path.read_text(encoding="utf-8")))]
RUNS = [line for _, line in LINES if re.search(r"(run|run\.py) --", line) and not re.search(r"PATH|\.\.\.", line)]


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_documents_show_runs() -> None:
    assert len(RUNS) >= 4


@pytest.mark.parametrize("line", RUNS)
def test_every_run_that_is_shown_runs(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    given = arguments(line)
    if "--help" in given:
        assert _run(given) == 0
        return
    code = _run([*given, "--duration", "5", "--speed", "max", "--journal", "none"])
    assert code == 0, capsys.readouterr().err


@pytest.mark.recordings
def test_the_run_on_a_recording_that_is_shown_runs(recordings_dir: Path, tmp_path: Path) -> None:
    line = next(line for _, line in LINES if "run --feed PATH --" in line)
    recording = str(tmp_path / "recording")
    assert (
        _run(["data", "import", "--from", "hyperliquid", str(recordings_dir / "hyperliquid_eth_perp"), recording]) == 0
    )
    assert _run([*arguments(line.replace("PATH", recording)), "--journal", "none"]) == ExitCode.FEED_EXHAUSTED


@pytest.mark.parametrize(("where", "line"), LINES)
def test_every_command_and_flag_that_is_shown_exists(where: str, line: str) -> None:
    given = arguments(line)
    if given[0].startswith("--"):
        path: list[str] = []
    else:
        path = given[:2] if given[0] == "data" else given[:1]
    shown = {word for word in given[len(path) :] if word.startswith("--")}
    assert shown <= set(flags(path)) | {"--help"}, f"{where}: {line}"
    assert command(path)


def test_a_run_that_the_readme_calls_silent_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    line = next(line for line in RUNS if line.startswith("python run.py --exchange sim"))
    assert _run([*arguments(line), "--journal", "none"]) == 0
    assert "nothing traded" in capsys.readouterr().out


def test_backpack_says_that_only_sim_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    line = next(line for line in RUNS if line.startswith("python run.py --exchange sim"))
    assert _run(arguments(line.replace("--exchange sim", "--exchange backpack"))) == 2
    assert "only sim" in capsys.readouterr().err


def test_the_summary_that_is_shown_has_the_lines_of_the_real_one(capsys: pytest.CaptureFixture[str]) -> None:
    shown = page("README.md").split("```text\nSOL_USDC_PERP on sim", 1)[1].split("```", 1)[0]
    _run(["run", "--spread", "5bp", "--quantity", "0.1", "--duration", "5", "--journal", "none"])
    real = capsys.readouterr().out.split("SOL_USDC_PERP on sim", 1)[1]
    assert labels(shown) == labels(real)


def labels(summary: str) -> list[str]:
    return [re.split(r" {2,}", line.strip())[0] for line in summary.splitlines()[1:] if line.strip()]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(text)):
        if target.startswith("http"):
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), f"{path.name}: {target}"
        assert ROOT in linked.parents
        if anchor:
            assert anchor in anchors(linked.read_text(encoding="utf-8")), f"{path.name}: {target}"


def test_every_make_target_that_is_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", page("Makefile"), re.MULTILINE))
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        named = re.findall(r"`make (\w+)`", text) + re.findall(r"^make (\w+)$", text, re.MULTILINE)
        assert set(named) <= targets, path.name
