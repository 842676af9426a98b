"""The strategy that is played on both exchanges: whole numbers in, whole numbers out, so neither side may round.

At each step, with the best bid and offer that the maker sees:

1. The centre is the mid, moved against the position by ``lean`` half-ticks for each lot of it.
2. Level i of a side stands ``offsets[i]`` half-ticks from the centre, bids rounded down and asks up, at least one tick
   behind the opposite best and at least one tick behind the level before it: no two orders rest at one price.
3. A level is left out when the position and the levels before it leave no room below ``cap`` lots.
4. An order at its price stays. Any other is cancelled, and the one wanted is placed: one lot, post-only. Bids come
   before asks, inner levels before outer ones, each cancel right before its replacement.
5. While a side of the book is empty nothing changes.

One lot an order, because hftbacktest's exchange without partial fills gives an order all or nothing: of one lot there
is no part. Plain Python here; hftbacktest's environment compiles the very same function.
"""

from collections.abc import MutableSequence, Sequence
from typing import NamedTuple

NO_ORDER = 0


class Ladder(NamedTuple):
    """The settings of the strategy."""

    offsets: tuple[int, ...]
    lean: int
    cap: int


def wanted_prices(  # numba compiles this too: arrays there, lists here
    best_bid: int, best_ask: int, position: int, offsets: Sequence[int], lean: int, cap: int,
    bids: MutableSequence[int], asks: MutableSequence[int],
) -> None:  # fmt: skip
    """Fill ``bids`` and ``asks`` with a price in ticks for each level; `NO_ORDER` where it is left out."""
    centre = best_bid + best_ask - lean * position  # in half-ticks
    bid, ask = best_ask, best_bid
    for level in range(len(offsets)):
        bid = min((centre - offsets[level]) // 2, bid - 1)
        ask = max(-((-centre - offsets[level]) // 2), ask + 1)
        bids[level] = bid if position + level < cap else NO_ORDER
        asks[level] = ask if position - level > -cap else NO_ORDER
