"""Records on their way: answers to the maker, and the market as the maker will see it.

A ring's capacity is a power of two. The latency of a path is constant, so each ring is in order of its due times. Room
is checked by the time loop before anything can be pushed (see `kernel`), so a push never fails and nothing is dropped.
"""

from perpmaker.simulation import kernel_state as at
from perpmaker.simulation.jit import compiled
from perpmaker.simulation.kernel_state import Cells


@compiled
def respond(s: Cells, ring: Cells, code: int, order_id: int, first: int, second: int, third: int, fourth: int) -> None:
    """Send an answer of the exchange to the maker."""
    due = s[at.NOW] + s[at.ORDER_LATENCY]
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
    due = s[at.NOW] + s[at.FEED_LATENCY]
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
