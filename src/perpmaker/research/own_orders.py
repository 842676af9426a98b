"""What a recording made beside a run holds of the run's own orders. Cheap to import: `--help` needs no more."""

from enum import Enum


class OwnOrders(Enum):
    """See `perpmaker.research.fidelity_own`, which takes them out."""

    IN_BOOK = "in-book"  # resting orders are in the levels, executions are the market's trades: a real exchange
    BESIDE = "beside"  # in no level, but executions are printed as extra trades: our testnet
    ABSENT = "absent"  # neither: paper
