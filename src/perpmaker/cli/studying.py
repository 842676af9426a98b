"""What `perpmaker study` does: find the recordings, measure on every processor, write the page.

What is wrong with a flag, a recording or the file to write is found before the first run.
"""

import os
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import typer

from perpmaker.advisor.calibration import calibrate
from perpmaker.advisor.known_settings import DOCUMENTED, VARIED
from perpmaker.advisor.settings_page import page as settings_page
from perpmaker.advisor.settings_study import study_settings
from perpmaker.cli import values
from perpmaker.cli.output_file import check_writable, write_page
from perpmaker.data.finding import recordings_by_symbol
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.research.skew import SkewPlan
from perpmaker.research.skew_page import page as skew_page
from perpmaker.research.skew_study import study


def study_skew(
    paths: Sequence[Path],
    half_spreads: str,
    inventory_skew: Decimal,
    order_value: Decimal,
    interval_s: Decimal,
    out: Path | None,
) -> None:
    """Measure and write.

    Raises:
        UserError: a flag cannot be right, a recording cannot be read, or the file cannot be written.
    """
    plan = SkewPlan(
        half_spreads=_read(half_spreads),
        inventory_skew=_above_zero("--inventory-skew", inventory_skew),
        order_value=_above_zero("--order-value", order_value),
        interval_s=_above_zero("--interval", interval_s),
    )
    check_writable(out, "--out")
    recordings = _recordings(paths)
    began = time.perf_counter()
    written = skew_page(study(recordings, plan, os.cpu_count() or 1), plan, _command(half_spreads, plan))
    runs = 3 * len(recordings) * len(plan.half_spreads)
    typer.echo(f"{runs} runs on {len(recordings)} recordings in {time.perf_counter() - began:.1f} s", err=True)
    _publish(written, out)


def study_documented(paths: Sequence[Path], out: Path | None) -> None:
    """Rehearse the documented settings, calibrate the advisor, and write.

    Raises:
        UserError: a recording cannot be read, or the file cannot be written.
    """
    check_writable(out, "--out")
    recordings = _recordings(paths)
    began = time.perf_counter()
    processes = os.cpu_count() or 1
    studied = study_settings(recordings, {**DOCUMENTED, **VARIED}, processes)
    written = settings_page(studied, calibrate(recordings), "perpmaker study settings --data PATH...")
    typer.echo(f"{len(recordings)} recordings in {time.perf_counter() - began:.1f} s", err=True)
    _publish(written, out)


def _recordings(paths: Sequence[Path]) -> list[Path]:
    return [path for found in recordings_by_symbol(paths).values() for path in found]


def _publish(page: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(page)
        return
    write_page(out, page, "--out")
    typer.echo(f"page: {out}", err=True)


def _read(half_spreads: str) -> tuple[Decimal, ...]:
    found: list[Decimal] = []
    for text in half_spreads.split(","):
        try:
            value = values.fraction(text)
        except typer.BadParameter as error:
            raise InvalidSettingError(f"--half-spreads {half_spreads}: {error}") from None
        found.append(_above_zero("--half-spreads", value))
    if len(set(found)) != len(found):
        raise InvalidSettingError(f"--half-spreads {half_spreads}: one of them is given twice")
    return tuple(found)


def _above_zero(flag: str, value: Decimal) -> Decimal:
    if value <= 0:
        raise InvalidSettingError(f"{flag} {value}: must be above 0")
    return value


def _command(half_spreads: str, plan: SkewPlan) -> str:
    """How to do it again; where the recordings lie is this machine's own business."""
    return (
        f"perpmaker study skew --half-spreads {half_spreads} --inventory-skew {plan.inventory_skew} "
        f"--order-value {plan.order_value} --interval {plan.interval_s} --data PATH..."
    )
