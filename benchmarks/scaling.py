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
HOURS = (6, 60)
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


def best(*flags: str) -> tuple[float, float]:
    """The best of three: the machine is not ours alone."""
    return min(measured(*flags) for _ in range(3))


def main() -> None:
    measured("--duration", "1")  # compiles, if need be
    seconds, megabytes = best("--duration", "1")
    print(f"start-up with a warm compile cache, synthetic market: {seconds:.2f} s, {megabytes:.0f} MB")
    with tempfile.TemporaryDirectory() as folder:
        beyond, peaks = [], []
        for hours in HOURS:
            path, rows = record(Path(folder), hours)
            started, _ = best("--feed", str(path), "--duration", "1")
            took, megabytes = best("--feed", str(path), "--duration", "0")
            beyond.append(took - started)
            peaks.append(megabytes)
            print(
                f"{rows:>10,} rows: start-up {started:.2f} s, the run {took - started:.2f} s, peak {megabytes:.0f} MB"
            )
        longer, larger = beyond[1] / beyond[0], peaks[1] - peaks[0]
        print(f"ten times the hours: {longer:.1f} times the time, {larger:+.0f} MB")


if __name__ == "__main__":
    main()
