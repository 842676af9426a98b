"""The exchange's book: two independent sides, each a dense array of levels over a window of prices.

Rules kept here:

1. The sides know nothing of each other: a recording may show a locked or crossed book, and it is kept as recorded.
2. A side's window slides: it is centred on the first price, and again when the touch comes within an eighth of its
   edge. Levels outside the window are not kept (they count as empty until the feed states them again inside it).
3. A side counts its levels, so an empty side is never searched.
"""

from perpmaker.simulation import kernel_state as at
from perpmaker.simulation.jit import compiled
from perpmaker.simulation.kernel_state import Core


@compiled
def is_better(side: int, price: int, than: int) -> bool:
    """Whether a price of this side is nearer to the other side."""
    return price > than if side == at.BUYS else price < than


@compiled
def level_lots(core: Core, side: int, price: int) -> int:
    """Lots at a price; 0 outside the window."""
    cell = price - core.state[at.ORIGIN_OF_SIDE + side]
    if cell < 0 or cell >= core.levels.shape[1]:
        return 0
    return core.levels[side, cell]  # type: ignore[no-any-return]  # numpy types an element as Any


@compiled
def best_lots(core: Core, side: int) -> int:
    """Lots at the best price of a side; 0 where the side is empty."""
    if core.state[at.COUNT_OF_SIDE + side] == 0:
        return 0
    return level_lots(core, side, core.state[at.BEST_OF_SIDE + side])


@compiled
def set_level(core: Core, side: int, price: int, lots: int) -> None:
    """State what a price level holds; 0 removes it."""
    s = core.state
    cell = price - s[at.ORIGIN_OF_SIDE + side]
    if cell < 0 or cell >= core.levels.shape[1]:
        if lots == 0 or (s[at.COUNT_OF_SIDE + side] > 0 and not is_better(side, price, s[at.BEST_OF_SIDE + side])):
            return
        _recentre(core, side, price)
        cell = price - s[at.ORIGIN_OF_SIDE + side]
    before = core.levels[side, cell]
    core.levels[side, cell] = lots
    if lots > 0 and before == 0:
        s[at.COUNT_OF_SIDE + side] += 1
        if s[at.COUNT_OF_SIDE + side] == 1 or is_better(side, price, s[at.BEST_OF_SIDE + side]):
            s[at.BEST_OF_SIDE + side] = price
            _keep_off_the_edge(core, side)
    elif lots == 0 and before > 0:
        s[at.COUNT_OF_SIDE + side] -= 1
        if price == s[at.BEST_OF_SIDE + side]:
            _find_next_best(core, side)


@compiled
def clear_through(core: Core, side: int, price: int) -> None:
    """Remove every level at this price or better."""
    s = core.state
    while s[at.COUNT_OF_SIDE + side] > 0 and not is_better(side, price, s[at.BEST_OF_SIDE + side]):
        set_level(core, side, s[at.BEST_OF_SIDE + side], 0)


@compiled
def _find_next_best(core: Core, side: int) -> None:
    s = core.state
    if s[at.COUNT_OF_SIDE + side] == 0:
        return
    step = -1 if side == at.BUYS else 1
    cell = s[at.BEST_OF_SIDE + side] - s[at.ORIGIN_OF_SIDE + side]
    while core.levels[side, cell] == 0:
        cell += step
    s[at.BEST_OF_SIDE + side] = cell + s[at.ORIGIN_OF_SIDE + side]
    _keep_off_the_edge(core, side)


@compiled
def _keep_off_the_edge(core: Core, side: int) -> None:
    s = core.state
    window = core.levels.shape[1]
    cell = s[at.BEST_OF_SIDE + side] - s[at.ORIGIN_OF_SIDE + side]
    if cell < window // 8 or cell >= window - window // 8:
        _recentre(core, side, s[at.BEST_OF_SIDE + side])


@compiled
def _recentre(core: Core, side: int, price: int) -> None:
    s = core.state
    window = core.levels.shape[1]
    shift = price - window // 2 - s[at.ORIGIN_OF_SIDE + side]
    s[at.ORIGIN_OF_SIDE + side] += shift
    if s[at.COUNT_OF_SIDE + side] == 0:
        return
    count = 0
    for step in range(window):
        # Upward when the window moves up, downward when it moves down: no cell is overwritten before it is read.
        cell = step if shift > 0 else window - 1 - step
        source = cell + shift
        lots = core.levels[side, source] if 0 <= source < window else 0
        core.levels[side, cell] = lots
        if lots > 0:
            count += 1
    s[at.COUNT_OF_SIDE + side] = count
