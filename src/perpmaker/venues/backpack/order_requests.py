"""Order requests, written for the wire: body and signed text together, so that they cannot differ.

Rules kept here:

1. Fields stand in alphabetical order, which is what the signature wants.
2. A quote is ``GTC`` and post-only as it was asked for; an immediate order is ``IOC``; a market order has no price.
3. What is false is left out.
"""

from collections.abc import Sequence
from typing import Final

from perpmaker.domain.commands import Place
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.venues.backpack.terms import Grid

SIDES: Final = {Side.BUY: "Bid", Side.SELL: "Ask"}


def batch(orders: Sequence[Place], client_ids: Sequence[str], grid: Grid) -> tuple[str, bytes]:
    """The signed text (without time) and the body of one request for several orders."""
    fields = [_fields(order, client_id, grid) for order, client_id in zip(orders, client_ids, strict=True)]
    signed = "&".join(_signed(order) for order in fields)
    return signed, f"[{','.join(map(_json, fields))}]".encode()


def _fields(order: Place, client_id: str, grid: Grid) -> list[tuple[str, str, bool]]:
    """Name, text, and whether the text is a string in JSON."""
    is_market = order.kind is OrderKind.MARKET
    fields = [("clientId", client_id, False), ("orderType", "Market" if is_market else "Limit", True)]
    if order.post_only and not is_market:
        fields.append(("postOnly", "true", False))
    if not is_market:
        fields.append(("price", grid.ticks.text(order.price_ticks), True))
    fields.append(("quantity", grid.lots.text(order.lots), True))
    if order.reduce_only:
        fields.append(("reduceOnly", "true", False))
    fields += [("side", SIDES[order.side], True), ("symbol", grid.instrument.symbol, True)]
    if not is_market:
        fields.append(("timeInForce", "IOC" if order.kind is OrderKind.IOC else "GTC", True))
    return fields


def _signed(fields: list[tuple[str, str, bool]]) -> str:
    return "&".join(("instruction=orderExecute", *(f"{name}={text}" for name, text, _ in fields)))


def _json(fields: list[tuple[str, str, bool]]) -> str:
    # No text here needs escaping: digits, words of ours, and the symbol as the exchange spells it.
    return "{" + ",".join(f'"{name}":"{text}"' if quoted else f'"{name}":{text}' for name, text, quoted in fields) + "}"
