"""`perpmaker data calibration` puts its tables where they belong and keeps the text around them."""

import pytest

from perpmaker.cli import calibration as cli
from perpmaker.domain.errors import InvalidSettingError, RecordingError


def test_a_report_replaces_only_what_stands_between_the_markers():
    text = f"before\n\n{cli.BEGIN}\nold tables\n{cli.END}\n\nafter\n"
    assert cli._placed("new tables\n", text) == f"before\n\n{cli.BEGIN}\n\nnew tables\n\n{cli.END}\n\nafter\n"


def test_a_report_is_the_whole_file_where_there_are_no_markers():
    assert cli._placed("tables\n", "something else") == "tables\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.01584, "0.0158"), (-0.0729, "-0.0729"), (9.863, "9.86"), (141.4, "141"), (29_947.3, "29,947")],
)
def test_figures_keep_three_digits(value, text):
    assert cli._number(value) == text


def test_a_figure_that_nothing_was_measured_for_is_said_to_be_missing():
    assert cli._number(float("nan")) == "n/a"


def test_the_synthetic_sol_is_measured_without_any_recording(tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "_WITHOUT_RECORDING", cli._Counterpart("SOL_USDC_PERP", 1))
    out = tmp_path / "report.md"
    out.write_text(f"title\n{cli.BEGIN}{cli.END}")
    cli.calibration([], out)
    lines = out.read_text().splitlines()
    assert lines[0] == "title"
    assert "| | synthetic SOL_USDC_PERP (60 min) |" in lines
    assert any(line.startswith("| trades per minute |") for line in lines)


def test_a_folder_that_is_no_recording_is_refused(tmp_path):
    with pytest.raises(RecordingError):
        cli.calibration([tmp_path])


def test_a_report_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "_table", lambda *_: "table")
    with pytest.raises(InvalidSettingError, match="cannot be written"):
        cli.calibration([], tmp_path / "missing" / "report.md")
