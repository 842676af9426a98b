"""hftbacktest in its own environment, in a process that plays one job after another: each process compiles for long."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from oracle.ladder import Ladder
from oracle.markets import HeldMarket
from oracle.play_ours import FEED_LATENCY_NS, MAKER_FEE_PPB, TAKER_FEE_PPB
from support.order_lists import OrderList

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = PROJECT / ".venv-oracle" / "bin" / "python"

Job = dict[str, Any]


def job(name: str, market_name: str, market: HeldMarket, seconds: int, order_latency_ns: int) -> Job:
    """What a ladder and a list of orders have in common."""
    return {
        "name": name,
        "market": market_name,
        "interval_ns": seconds * 10**9,
        "steps": market.steps(seconds * 10**9),
        "tick_size": float(market.instrument.tick_size),
        "lot_size": float(market.instrument.lot_size),
        "feed_latency_ns": FEED_LATENCY_NS,
        "order_latency_ns": order_latency_ns,
        "maker_fee": MAKER_FEE_PPB / 1e9,
        "taker_fee": TAKER_FEE_PPB / 1e9,
    }


class Hftbacktest:
    """Plays jobs over markets that lie in a folder, see `play_hftbacktest`.

    Args:
        folder: a scratch folder of its own.
        markets: by name.
        ladders: jobs that decide there, with their settings.
        lists: jobs that carry out orders that were decided here.
    """

    def __init__(
        self,
        folder: Path,
        markets: Mapping[str, HeldMarket],
        ladders: Sequence[tuple[Job, Ladder]],
        lists: Sequence[tuple[Job, OrderList]],
    ) -> None:
        self._folder = folder
        jobs = [{**job, **ladder._asdict()} for job, ladder in ladders]
        for job, orders in lists:
            np.savez(folder / f"{job['name']}.orders.npz", **orders._asdict())
            jobs.append({**job, "start_ns": markets[job["market"]].start_ns})
        for name, market in markets.items():
            np.savez(folder / f"{name}.npz", **market.rows._asdict())
        (folder / "jobs.json").write_text(json.dumps(jobs))
        path = os.pathsep.join((str(PROJECT / "tests"), str(PROJECT / "src")))
        self._process = subprocess.Popen(
            [PYTHON, "-P", PROJECT / "tests" / "oracle" / "play_hftbacktest.py", folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._process.communicate()

    def play(self, name: str) -> float:
        """Play a job; returns the seconds of its compiled loop."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"hftbacktest ended with code {self._process.wait()} while it played {name}")
        return float(line)

    def answer(self, name: str) -> dict[str, Any]:
        """What the job left, see `play_hftbacktest.answer`."""
        with np.load(self._folder / f"{name}.answer.npz") as columns:
            return dict(columns)
