"""A market whose price always returns: the book stands still, and trades reach out of it on both sides at random."""

from collections.abc import Iterator
from random import Random

from perpmaker.simulation import market_events as me
from support.recordings import Row, Rows

S = 10**9
MID_TICKS = 1_000_000
"""Of `support.recordings.INSTRUMENT`: 100,000 USD."""

START_NS = 1_000 * 3_600 * S
REACH_TICKS = 600
"""How far from the mid a trade goes at most: 6 bp."""


def returning_flow(hours: float, seed: int = 1, every_s: float = 20) -> Rows:
    """Trades of a lot or two, every twenty seconds, uniformly over both sides and all distances up to `REACH_TICKS`."""
    return Rows(list(_rows(hours, Random(seed), every_s)))


def _rows(hours: float, random: Random, every_s: float) -> Iterator[Row]:
    for kind, price in ((me.BID | me.MORE, MID_TICKS - REACH_TICKS - 1), (me.ASK, MID_TICKS + REACH_TICKS + 1)):
        yield START_NS, kind, price, 1_000
    for number in range(1, int(hours * 3_600 / every_s)):
        is_buy = random.random() < 0.5
        distance = random.randrange(REACH_TICKS) * (1 if is_buy else -1)
        kind = me.BUY_TRADE if is_buy else me.SELL_TRADE
        yield START_NS + int(number * every_s * S), kind, MID_TICKS + distance, random.choice((1, 2))
