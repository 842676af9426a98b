"""Records on their way: answers to the maker, and the market as the maker will see it.

A ring's capacity is a power of two, and each ring is in order of its due times: what goes one way never overtakes what
went before it. Room is checked by the time loop before anything can be pushed (see `kernel`), so a push never fails and
nothing is dropped. How a latency that varies is found is written in `latency`, whose `LatencyPath` is the twin of this.
"""

from typing import Final

from perpmaker.simulation import kernel_state as at
from perpmaker.simulation.jit import compiled
from perpmaker.simulation.kernel_state import Cells
from perpmaker.simulation.latency import HIGH_FACTOR, HIGH_MODULUS, LOW_FACTOR, LOW_MODULUS

_RANGE: Final = LOW_MODULUS - 1


@compiled
def respond(s: Cells, ring: Cells, code: int, order_id: int, first: int, second: int, third: int, fourth: int) -> None:
    """Send an answer of the exchange to the maker."""
    latency = s[at.ORDER_LATENCY]
    due = s[at.NOW] + latency if latency >= 0 else _varying_due(s, at.ANSWER_PATH)
    record = ring[s[at.RESPONSE_TAIL] & (ring.shape[0] - 1)]
    s[at.RESPONSE_TAIL] += 1
    record[0] = due
    record[1] = code
    record[2] = s[at.NOW]
    record[3] = order_id
    record[4] = first
    record[5] = second
    record[6] = third
    record[7] = fourth
    s[at.NEXT_DUE] = min(s[at.NEXT_DUE], due)


@compiled
def show(s: Cells, ring: Cells, code: int, first: int, second: int, third: int, fourth: int) -> None:
    """Send something that the market does to the maker."""
    latency = s[at.FEED_LATENCY]
    due = s[at.NOW] + latency if latency >= 0 else _varying_due(s, at.FEED_PATH)
    record = ring[s[at.VIEW_TAIL] & (ring.shape[0] - 1)]
    s[at.VIEW_TAIL] += 1
    record[0] = due
    record[1] = code
    record[2] = s[at.NOW]
    record[3] = first
    record[4] = second
    record[5] = third
    record[6] = fourth
    s[at.NEXT_DUE] = min(s[at.NEXT_DUE], due)


@compiled
def _varying_due(s: Cells, path: int) -> int:
    """When what leaves now arrives: now and the latency of this moment, but never before what left earlier."""
    latency = _draw(s, path) if s[path + at.IS_DRAWN] == 1 else _look_up(s, path)
    s[path + at.LAST_DUE] = max(s[at.NOW] + latency, s[path + at.LAST_DUE])
    return s[path + at.LAST_DUE]  # type: ignore[no-any-return]  # numpy element


@compiled
def _draw(s: Cells, path: int) -> int:
    low = s[path + at.LOW] * LOW_FACTOR % LOW_MODULUS
    high = s[path + at.HIGH] * HIGH_FACTOR % HIGH_MODULUS
    s[path + at.LOW] = low
    s[path + at.HIGH] = high
    drawn = (low - high) % _RANGE
    return s[s[path + at.TABLE] + drawn * s[path + at.SIZE] // _RANGE]  # type: ignore[no-any-return]  # numpy element


@compiled
def _look_up(s: Cells, path: int) -> int:
    table = s[path + at.TABLE]
    size = s[path + at.SIZE]
    place = s[path + at.PLACE_IN_TABLE]
    while place + 1 < size and s[table + place + 1] <= s[at.NOW]:
        place += 1
    s[path + at.PLACE_IN_TABLE] = place
    return s[table + size + place]  # type: ignore[no-any-return]  # numpy element
