"""Start-up, and how time and memory grow with a recording: whole processes, as a trader starts them.

Run: ``python benchmarks/scaling.py``. Writes two recordings of the synthetic market, one ten times the other, into a
temporary folder and replays them with `perpmaker run`.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from perpmaker.data.format import Provenance
from perpmaker.data.writer import RecordingWriter
from perpmaker.simulation.market_events import MORE
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import BENCHMARK_DAY

PROVENANCE = Provenance(
    importer="benchmark", importer_version=1, program="benchmarks/scaling.py", options={}, sources=[],
    depth="every-change", trade_side="recorded", clock="synthetic",
)  # fmt: skip
HOURS = (2, 20)
FLAGS = ("--spread", "20bp", "--quantity", "0.1", "--interval", "10", "--journal", "none", "--view", "none")


def measured(*flags: str) -> tuple[float, float]:
    """Seconds and peak megabytes of one `perpmaker run`."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "perpmaker", "run", *FLAGS, *flags])
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 10):
        raise SystemExit(f"perpmaker run {' '.join(flags)} ended with code {code}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def record(folder: Path, hours: int) -> tuple[Path, int]:
    """A recording of so many hours, and its number of rows."""
    market = SyntheticMarket(BENCHMARK_DAY, seed=1, duration_ns=hours * 3_600 * 10**9)
    path = folder / f"hours-{hours}"
    with RecordingWriter(path, market.instrument, PROVENANCE) as writer:
        message: list[tuple[int, int, int]] = []
        for chunk in market.chunks():
            columns = (column.tolist() for column in chunk)
            for ts_ns, kind, price, lots in zip(*columns, strict=True):
                message.append((kind & ~MORE, price, lots))
                if not kind & MORE:
                    writer.message(ts_ns, ts_ns, message)
                    message = []
        rows = writer.rows
    return path, rows


def main() -> None:
    measured("--duration", "1")  # compiles, if need be
    seconds, megabytes = min(measured("--duration", "1") for _ in range(3))
    print(f"start-up with a warm compile cache: {seconds:.2f} s, {megabytes:.0f} MB")
    with tempfile.TemporaryDirectory() as folder:
        base_s = base_mb = 0.0
        for hours in HOURS:
            path, rows = record(Path(folder), hours)
            took, megabytes = min(measured("--feed", str(path), "--duration", "0") for _ in range(3))
            size = sum(file.stat().st_size for file in path.iterdir()) / 2**20
            print(
                f"{rows:>10,} rows ({size:.0f} MB on disk): {took:6.2f} s, of which {took - seconds:.2f} s beyond "
                f"start-up, {megabytes:.0f} MB"
            )
            if base_s:
                print(
                    f"ten times the rows: {(took - seconds) / base_s:.1f} times the time beyond start-up, "
                    f"{megabytes - base_mb:+.0f} MB"
                )
            base_s, base_mb = took - seconds, megabytes


if __name__ == "__main__":
    main()
