"""Every command line in the documents works, every link leads somewhere, and the pictures are of this program."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.documents import BLOCK, PAGES, ROOT, arguments, command, command_lines, flags, page
from docs.served_testnet import Served, served_testnet
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.main import _run
from perpmaker.venues.redaction import remove_redaction

LINES = [(path.name, line) for path in PAGES for line in dict.fromkeys(command_lines(path.read_text(encoding="utf-8")))]
ALL = list(dict.fromkeys(line for _, line in LINES))
RUNS = [line for line in ALL if re.search(r"(run|run\.py) --", line) and not re.search(r"PATH|DIR|\.\.\.", line)]
SIMULATED = [line for line in RUNS if "--exchange backpack" not in line]
WIRED = [line for line in RUNS if line not in SIMULATED]
AROUND = [line for line in ALL if re.match(r"perpmaker (doctor|status|cancel|close|clear|watchdog --)", line)]
THE_SPECS = (
    "python run.py --exchange backpack --market-type perp --symbol SOL_USDC_PERP --spread 0.01 --quantity 0.1 "
    "--max-orders 2 --target-position 0 --max-position 5 --position-threshold 2 --inventory-skew 0 --stop-loss -1 "
    "--take-profit 5 --duration 3600 --interval 10"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A testnet, its keys in the environment, and a user's folder with the journal of one live run."""
    folder = tmp_path_factory.mktemp("terminal")
    with served_testnet(folder) as served, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_DATA_HOME", str(folder))
        for name, value in served.keys.items():
            patch.setenv(name, value)
        live = next(line for line in WIRED if "--live" in line)
        assert _run([*arguments(live), *served.addresses, "--duration", "1", "--view", "none"]) == 0
        yield served
    remove_redaction()


def without_blocks(text: str) -> str:
    return BLOCK.sub("", text)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_documents_show_runs() -> None:
    assert len(SIMULATED) >= 4
    assert len(WIRED) >= 5
    assert len(AROUND) >= 6


def test_the_command_of_the_specification_stands_there_word_for_word() -> None:
    assert THE_SPECS in page("README.md").splitlines()
    assert THE_SPECS in WIRED


@pytest.mark.parametrize("line", SIMULATED)
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
    line = THE_SPECS.replace("--exchange backpack", "--exchange sim")
    assert _run([*arguments(line), "--journal", "none"]) == 0
    assert "nothing traded" in capsys.readouterr().out


@pytest.mark.parametrize("line", WIRED)
def test_every_run_on_an_exchange_that_is_shown_runs_and_says_what_it_is(
    served: Served, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = _run([*arguments(line), *served.addresses, "--duration", "1"])
    out, err = capsys.readouterr()
    assert code == 0, err
    assert ("LIVE: real orders" in out) == ("--live" in line)
    assert ("PAPER: the market is" in out) == ("--live" not in line)


@pytest.mark.parametrize("line", AROUND)
def test_every_command_around_a_run_that_is_shown_works(
    served: Served, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments(line)
    more = {"doctor": served.addresses, "close": ["--yes"]}.get(given[0], [])
    assert _run([*given, *(word for word in more if word not in given)]) == 0, capsys.readouterr().err


def test_what_the_testnet_prints_is_what_is_shown(served: Served) -> None:
    shown = page("docs/testnet.md").split("```text\n", 1)[1].split("\n```", 1)[0]
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
