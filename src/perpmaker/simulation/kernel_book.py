"""The exchange's book: two independent sides, each a dense array of levels over a window of prices.

Rules kept here:

1. The sides know nothing of each other: a recording may show a locked or crossed book, and it is kept as recorded.
2. A side's window slides: it is centred on the first price, and again when the touch comes within an eighth of its
   edge. Levels outside the window are not kept (they count as empty until the feed states them again inside it).
3. A side counts its levels, so an empty side is never searched.
"""

from perpmaker.simulation import kernel_state as at
from perpmaker.simulation.jit import compiled
from perpmaker.simulation.kernel_state import Cells


@compiled
def is_better(side: int, price: int, than: int) -> bool:
    """Whether a price of this side is nearer to the other side."""
    return price > than if side == at.BUYS else price < than


@compiled
def level_lots(s: Cells, levels: Cells, side: int, price: int) -> int:
    """Lots at a price; 0 outside the window."""
    cell = price - s[at.ORIGIN_OF_SIDE + side]
    if cell < 0 or cell >= levels.shape[1]:
        return 0
    return levels[side, cell]  # type: ignore[no-any-return]  # numpy types an element as Any


@compiled
def best_lots(s: Cells, levels: Cells, side: int) -> int:
    """Lots at the best price of a side; 0 where the side is empty."""
    if s[at.COUNT_OF_SIDE + side] == 0:
        return 0
    return level_lots(s, levels, side, s[at.BEST_OF_SIDE + side])


@compiled
def set_level(s: Cells, levels: Cells, side: int, price: int, lots: int) -> None:
    """State what a price level holds; 0 removes it."""
    cell = price - s[at.ORIGIN_OF_SIDE + side]
    if cell < 0 or cell >= levels.shape[1]:
        if lots == 0 or (s[at.COUNT_OF_SIDE + side] > 0 and not is_better(side, price, s[at.BEST_OF_SIDE + side])):
            return
        _recentre(s, levels, side, price)
        cell = price - s[at.ORIGIN_OF_SIDE + side]
    elif lots > 0 and s[at.COUNT_OF_SIDE + side] == 0:
        _recentre(s, levels, side, price)
        cell = price - s[at.ORIGIN_OF_SIDE + side]
    before = levels[side, cell]
    levels[side, cell] = lots
    if lots > 0 and before == 0:
        s[at.COUNT_OF_SIDE + side] += 1
        if s[at.COUNT_OF_SIDE + side] == 1 or is_better(side, price, s[at.BEST_OF_SIDE + side]):
            s[at.BEST_OF_SIDE + side] = price
            _keep_off_the_edge(s, levels, side)
    elif lots == 0 and before > 0:
        s[at.COUNT_OF_SIDE + side] -= 1
        if price == s[at.BEST_OF_SIDE + side]:
            _find_next_best(s, levels, side)


@compiled
def clear_through(s: Cells, levels: Cells, side: int, price: int) -> None:
    """Remove every level at this price or better."""
    while s[at.COUNT_OF_SIDE + side] > 0 and not is_better(side, price, s[at.BEST_OF_SIDE + side]):
        set_level(s, levels, side, s[at.BEST_OF_SIDE + side], 0)


@compiled
def _find_next_best(s: Cells, levels: Cells, side: int) -> None:
    if s[at.COUNT_OF_SIDE + side] == 0:
        return
    step = -1 if side == at.BUYS else 1
    cell = s[at.BEST_OF_SIDE + side] - s[at.ORIGIN_OF_SIDE + side]
    while levels[side, cell] == 0:
        cell += step
    s[at.BEST_OF_SIDE + side] = cell + s[at.ORIGIN_OF_SIDE + side]
    _keep_off_the_edge(s, levels, side)


@compiled
def _keep_off_the_edge(s: Cells, levels: Cells, side: int) -> None:
    window = levels.shape[1]
    cell = s[at.BEST_OF_SIDE + side] - s[at.ORIGIN_OF_SIDE + side]
    if cell < window // 8 or cell >= window - window // 8:
        _recentre(s, levels, side, s[at.BEST_OF_SIDE + side])


@compiled
def _recentre(s: Cells, levels: Cells, side: int, price: int) -> None:
    window = levels.shape[1]
    shift = price - window // 2 - s[at.ORIGIN_OF_SIDE + side]
    s[at.ORIGIN_OF_SIDE + side] += shift
    if s[at.COUNT_OF_SIDE + side] == 0:
        return
    count = 0
    for step in range(window):
        # Upward when the window moves up, downward when it moves down: no cell is overwritten before it is read.
        cell = step if shift > 0 else window - 1 - step
        source = cell + shift
        lots = levels[side, source] if 0 <= source < window else 0
        levels[side, cell] = lots
        if lots > 0:
            count += 1
    s[at.COUNT_OF_SIDE + side] = count
