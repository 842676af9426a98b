"""The whole of the chaos: hundreds of schedules, deaths and rescues in virtual time, in two processes, with a table.

    python tests/chaos/run.py                    300 schedules, 100 deaths with a restart, 100 with the watchdog, and
                                                 6 real deaths in processes of their own (chaos.kill)
    python tests/chaos/run.py --seed 188         one schedule: its plan, what the bot said, the verdict
    python tests/chaos/run.py --seed 2007 --kind lives

Exit code 1 where anything failed; every failure is printed with its seed and its plan.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chaos import kill
from chaos.lives import moment_of, play_lives, play_watchdog
from chaos.play import Verdict, play
from chaos.schedule import schedule

KINDS = ("plain", "lives", "watchdog")
FIRST_DEATH = 2_001
"""Seeds of deaths begin here: other schedules than the plain ones."""


def perform(task: tuple[str, int]) -> tuple[str, Verdict]:
    """One verdict."""
    kind, seed = task
    plot = schedule(seed)
    if kind == "plain":
        return kind, play(plot)
    if kind == "lives":
        return kind, play_lives(plot, moment_of(seed))
    return kind, play_watchdog(plot, moment_of(seed), closes=seed % 2 == 1)


def tell(kind: str, verdict: Verdict) -> None:
    """A failure, so that it can be played again."""
    sys.stdout.write(f"\nFAILED {kind}, --seed {verdict.seed}\n{schedule(verdict.seed)}\n")
    if kind != "plain":
        sys.stdout.write(f"killed at {moment_of(verdict.seed):.3f} s\n")
    for sentence in verdict.failures:
        sys.stdout.write(f"  {sentence}\n")
    sys.stdout.write(verdict.output[-2_000:])
    sys.stdout.flush()


def figures(kind: str, verdicts: Sequence[Verdict], took_s: float) -> None:
    """What one kind came to."""
    resumed = [verdict.resumed_s for verdict in verdicts if verdict.resumed_s is not None]
    failed = sum(bool(verdict.failures) for verdict in verdicts)
    struck: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for verdict in verdicts:
        struck += verdict.struck
        counts += verdict.counts
    sys.stdout.write(f"\n{kind}: {len(verdicts)} schedules, {failed} failed, {took_s:.0f} s\n")
    sys.stdout.write(
        f"  executions {sum(each.fills for each in verdicts)}, requests {sum(e.orders for e in verdicts)}\n"
    )
    if resumed:
        resumed.sort()
        worst, middle = resumed[-1], resumed[len(resumed) // 2]
        sys.stdout.write(f"  quoting again after the last fault: median {middle:.1f} s, worst {worst:.1f} s\n")
    names = (
        "outcomes resolved", "missed executions", "foreign executions", "position corrections", "balance corrections",
        "lost orders cancelled", "streams restarted", "starts refused",
    )  # fmt: skip
    sys.stdout.write("  " + ", ".join(f"{name} {counts[name]}" for name in names if counts[name]) + "\n")
    for name, times in sorted(struck.items()):
        sys.stdout.write(f"  {name:20} {times:9}\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--kind", choices=KINDS, default="plain")
    parser.add_argument("--schedules", type=int, default=300)
    parser.add_argument("--deaths", type=int, default=100)
    parser.add_argument("--real", type=int, default=6)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    if given.seed is not None:
        return _one(given.kind, given.seed)
    tasks = [("plain", seed) for seed in range(1, given.schedules + 1)]
    deaths = range(FIRST_DEATH, FIRST_DEATH + given.deaths)
    tasks += [(kind, seed) for kind in ("lives", "watchdog") for seed in deaths]
    found: dict[str, list[Verdict]] = {kind: [] for kind in KINDS}
    began_s = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        for number, (kind, verdict) in enumerate(pool.imap_unordered(perform, tasks), 1):
            found[kind].append(verdict)
            if verdict.failures:
                tell(kind, verdict)
            if number % 25 == 0:
                sys.stdout.write(f"{number} of {len(tasks)} after {time.monotonic() - began_s:.0f} s\n")
                sys.stdout.flush()
    for kind, verdicts in found.items():
        if verdicts:
            figures(kind, verdicts, time.monotonic() - began_s)
    has_failed = any(verdict.failures for verdicts in found.values() for verdict in verdicts)
    return int(has_failed | _real_deaths(given.real))


def _real_deaths(times: int) -> bool:
    """Real processes, real SIGKILL; True where anything was wrong."""
    has_failed = False
    for seed in range(1, times + 1):
        with tempfile.TemporaryDirectory() as folder:
            wrong = kill.play(Path(folder), seed, leaves_watchdog=seed % 2 == 0)
        who = "watchdog" if seed % 2 == 0 else "restart"
        sys.stdout.write(f"real death {seed}, {who}: {'; '.join(wrong) or 'ok'}\n")
        sys.stdout.flush()
        has_failed |= bool(wrong)
    return has_failed


def _one(kind: str, seed: int) -> int:
    sys.stdout.write(f"{schedule(seed)}\n")
    _, verdict = perform((kind, seed))
    sys.stdout.write(f"{verdict.output}\n")
    for number, sentence in verdict.notes:
        sys.stdout.write(f"{number:9.3f} s  {sentence}\n")
    figures(kind, [verdict], 0)
    for sentence in verdict.failures:
        sys.stdout.write(f"FAILED: {sentence}\n")
    return int(bool(verdict.failures))


if __name__ == "__main__":
    sys.exit(main())
