"""Start-up, and how time and memory grow with a recording: whole processes, as a trader starts them.

Run: ``python benchmarks/scaling.py``. Writes eight days of the synthetic market, about 5 million rows a day, into a
temporary folder, and replays the first 1, 2, 4 and 8 of them with `perpmaker run`. Time should be a straight line
through what a start costs, memory flat.
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
DAYS = (1, 2, 4, 8)
DAY_S = 86_400
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


def record(path: Path, days: int) -> int:
    """Write a recording of so many days; returns its number of rows."""
    market = SyntheticMarket(BENCHMARK_DAY, seed=1, duration_ns=days * DAY_S * 10**9)
    with RecordingWriter(path, market.instrument, PROVENANCE) as writer:
        message: list[tuple[int, int, int]] = []
        for chunk in market.chunks():
            columns = (column.tolist() for column in chunk)
            for ts_ns, kind, price, lots in zip(*columns, strict=True):
                message.append((kind & ~MORE, price, lots))
                if not kind & MORE:
                    writer.message(ts_ns, ts_ns, message)
                    message = []
        return writer.rows


def best(*flags: str) -> tuple[float, float]:
    """The best of three: the machine is not ours alone."""
    return min(measured(*flags) for _ in range(3))


def main() -> None:
    measured("--duration", "1")  # compiles, if need be
    seconds, megabytes = best("--duration", "1")
    print(f"start-up with a warm compile cache, synthetic market: {seconds:.2f} s, {megabytes:.0f} MB")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "days"
        rows = record(path, DAYS[-1])
        started, _ = best("--feed", str(path), "--duration", "1")
        print(f"{rows:,} rows in {DAYS[-1]} days; start-up {started:.2f} s")
        a_day, peak = 0.0, 0.0
        for days in DAYS:
            took, megabytes = best("--feed", str(path), "--duration", str(days * DAY_S))
            a_day, peak = a_day or took - started, peak or megabytes
            print(
                f"{days} day(s): {took - started:6.2f} s beyond the start, {(took - started) / a_day:5.2f} times one; "
                f"peak {megabytes:.0f} MB, {megabytes - peak:+.0f} MB"
            )


if __name__ == "__main__":
    main()
