"""The words for the terms of an attribution, in the order in which they are shown."""

from decimal import Decimal
from typing import Final

from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import Side
from perpmaker.report.attribution import Group, Terms

LABELS: Final = {
    "spread": "Spread captured",
    "adverse": "Adverse selection",
    "inventory": "Inventory carried",
    "mark": "Mark against mid",
    "takeover": "Taken over",
    "funding": "Funding",
    "maker_fees": "Maker fees",
    "taker_fees": "Taker fees",
}
"""By the field of `Terms`."""

SHORT: Final = {
    "spread": "spread",
    "adverse": "adverse",
    "inventory": "carried",
    "mark": "mark",
    "takeover": "takeover",
    "funding": "funding",
    "maker_fees": "maker",
    "taker_fees": "taker",
}
"""The same for narrow columns."""

MEANINGS: Final = {
    "spread": "Distance of our price from the mid just before the fill.",
    "adverse": "How the mid moved in the first {horizon} after the fill; negative is against us.",
    "inventory": "What the mid did to the position after that, first in first out.",
    "mark": "Position valued at the mark instead of the mid, at the end.",
    "takeover": "Worth of a position that came without a fill of ours, against its booked price.",
    "funding": "As booked: received positive, paid negative.",
    "maker_fees": "On fills that rested; a rebate is positive.",
    "taker_fees": "On fills that took: stops, takes, closes; the fee of a liquidation is among them.",
}


def shown(terms: Terms) -> list[str]:
    """The fields worth showing: those that are not always there only where they are not zero."""
    return [name for name in Terms._fields if name != "takeover" or terms.takeover]


def amount(terms: Terms, name: str, instrument: Instrument) -> Decimal:
    """One term in quote currency, exact."""
    return instrument.money(getattr(terms, name))


def group_name(group: Group) -> str:
    """A side and level as people say it."""
    if group.side is None:
        return "account"
    side = side_name(group.side)
    return f"{side} {group.level}" if group.level else f"{side}, closing"


def side_name(side: Side | None) -> str:
    return "account" if side is None else "buy" if side is Side.BUY else "sell"
