"""Lines with fewer points and the same look: every high and low of the original is still there."""

from collections.abc import Sequence
from typing import Final

Line = list[tuple[int, float]]
"""(time in ns, value), ascending."""

MOST_POINTS: Final = 4_000


def thinned(line: Sequence[tuple[int, float]], most: int = MOST_POINTS) -> Line:
    """At most about ``most`` points: of each stretch its first, lowest, highest and last, in their order in time."""
    if len(line) <= most:
        return list(line)
    stretches = max(1, most // 4)
    kept: Line = []
    for number in range(stretches):
        first = number * len(line) // stretches
        last = (number + 1) * len(line) // stretches - 1
        inside = range(first, last + 1)
        chosen = {first, last, min(inside, key=lambda i: line[i][1]), max(inside, key=lambda i: line[i][1])}
        kept += [line[index] for index in sorted(chosen)]
    return kept


def drawdown(line: Sequence[tuple[int, float]]) -> Line:
    """How far each point lies below the highest before it, at most 0."""
    highest = float("-inf")
    found: Line = []
    for ts_ns, value in line:
        highest = max(highest, value)
        found.append((ts_ns, value - highest))
    return found


def time_shares(line: Sequence[tuple[int, float]], end_ns: int) -> dict[float, float]:
    """The share of the time, 0 to 1, that a stepwise line spends at each of its values."""
    spent: dict[float, int] = {}
    ends = [ts_ns for ts_ns, _ in line[1:]] + [end_ns]
    for (ts_ns, value), until_ns in zip(line, ends, strict=True):
        spent[value] = spent.get(value, 0) + max(0, until_ns - ts_ns)
    total = sum(spent.values())
    return {value: spent[value] / total for value in sorted(spent)} if total else {}
