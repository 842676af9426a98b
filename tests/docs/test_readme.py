"""Every flag that is shown exists, every link leads somewhere, the pictures are true, and both READMEs agree."""

import re
from pathlib import Path

import pytest

from docs.documents import BLOCK, PAGES, ROOT, arguments, command, command_lines, flags, page
from docs.served_testnet import served_testnet
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.main import _run

LINES = [(path.name, line) for path in PAGES for line in dict.fromkeys(command_lines(path.read_text(encoding="utf-8")))]
THE_SPECS = (
    "python run.py --exchange backpack --market-type perp --symbol SOL_USDC_PERP --spread 0.01 --quantity 0.1 "
    "--max-orders 2 --target-position 0 --max-position 5 --position-threshold 2 --inventory-skew 0 --stop-loss -1 "
    "--take-profit 5 --duration 3600 --interval 10"
)


def without_blocks(text: str) -> str:
    return BLOCK.sub("", text)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_command_of_the_specification_stands_there_word_for_word() -> None:
    assert THE_SPECS in page("README.md").splitlines()


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
        path = given[:2] if given[0] in {"config", "data", "study"} else given[:1]
    shown = {word for word in given[len(path) :] if word.startswith("--")}
    assert shown <= set(flags(path)) | {"--help"}, f"{where}: {line}"
    assert command(path)


def test_a_run_that_the_readme_calls_silent_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    line = THE_SPECS.replace("--exchange backpack", "--exchange sim")
    assert _run([*arguments(line), "--journal", "none"]) == 0
    assert "nothing traded" in capsys.readouterr().out


def test_what_the_testnet_prints_is_what_is_shown(tmp_path: Path) -> None:
    shown = page("docs/testnet.md").split("```text\n", 1)[1].split("\n```", 1)[0]
    with served_testnet(tmp_path) as served:
        port = served.base_url.rpartition(":")[2]
        assert shown.splitlines() == [line.replace(f":{port}", ":8787") for line in served.printed]


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
    targets = set(re.findall(r"^([a-z-]+):", page("Makefile"), re.MULTILINE))
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        named = re.findall(r"`make ([\w-]+)`", text) + re.findall(r"^make ([\w-]+)$", text, re.MULTILINE)
        assert set(named) <= targets, path.name


BOTH = page("README.md"), page("README.zh-CN.md")


def test_the_chinese_readme_has_the_same_sections() -> None:
    english, chinese = (
        [len(mark) for mark in re.findall(r"^(#+) ", without_blocks(text), re.MULTILINE)] for text in BOTH
    )
    assert english == chinese


def test_the_chinese_readme_has_the_same_commands_and_pictures() -> None:
    english, chinese = (BLOCK.findall(text) for text in BOTH)
    assert english == chinese


def test_the_chinese_readme_has_the_same_tables_and_lists() -> None:
    english, chinese = (
        [
            re.match(r"[-|]", line)[0] + str(line.count("|"))
            for line in without_blocks(text).splitlines()
            if line[:1] in "-|" and line
        ]
        for text in BOTH
    )
    assert english == chinese


def test_the_chinese_readme_names_the_same_flags_commands_files_and_figures() -> None:
    english, chinese = (
        (
            set(re.findall(r"`([^`\n]+)`", without_blocks(text))),
            set(re.findall(r"\]\(([^)]+)\)", text)) - {"README.md", "README.zh-CN.md"},
        )
        for text in BOTH
    )
    assert english == chinese
