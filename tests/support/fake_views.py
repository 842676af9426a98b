"""Views of a run that never was, made step by step, and the canned answers of `support.fake_dashboard`."""

from dataclasses import dataclass, field
from typing import Any, Final

from msgspec.structs import replace

from perpmaker.monitor.view import (
    About,
    Book,
    Budget,
    Counts,
    Health,
    Item,
    Latency,
    Level,
    Position,
    Profit,
    RunView,
    Sample,
    Skew,
)

RUN_ID: Final = "20260731-101500-k3x9"
START_NS: Final = 1_785_492_900 * 10**9
_S: Final = 10**9
_WALK: Final = (0, 1, 2, 1, 3, 4, 3, 2, 4, 5, 7, 6, 5, 3, 2, 0, -1, -3, -2, -4, -3, -1, 0, 1)
_EVERY: Final = 6

SETTINGS: Final = {
    "spread": "0.0005", "quantity": "0.1", "max_orders": "3", "target_position": "0", "max_position": "2",
    "position_threshold": "0.2", "inventory_skew": "0.5", "skew_mode": "shift", "stop_loss": "20", "take_profit": "0",
    "after_stop": "requote", "max_drawdown": "0", "max_loss": "50", "recenter": "interval", "max_drift": "0",
    "reference": "mid", "close_on_exit": "false", "duration_s": "3600", "interval_s": "10",
}  # fmt: skip


def _price(ticks: int) -> str:
    return f"{ticks // 100}.{ticks % 100:02d}"


@dataclass
class Script:
    """The next view with `step`; ``mode``, ``symbol`` and ``changes`` may be set by a test at any time.

    ``changes`` are fields of the view that are set over what was made up.
    """

    mode: str = "sim"
    exchange: str = "sim"
    symbol: str = "SOL_USDC_PERP"
    changes: dict[str, Any] = field(default_factory=dict)
    number: int = 0
    fills: int = 0
    seq: int = 0

    def step(self) -> tuple[RunView, list[Item], Sample]:
        self.number += 1
        items = self._items()
        view = replace(self._view(), **self.changes)
        mid = f"{150 + _WALK[self.number % len(_WALK)] / 100:.3f}"
        quotes = [
            [level.price for level in view.levels if level.side == side and level.price] for side in ("buy", "sell")
        ]
        sample = Sample(view.at_ns, mid, view.mark, quotes[0], quotes[1], view.position.quantity, view.profit.net)
        return view, items, sample

    def item(self, kind: str, text: str, severity: str = "info") -> Item:
        self.seq += 1
        return Item(seq=self.seq, at_ns=START_NS + self.number * _S, kind=kind, text=text, severity=severity)

    def _items(self) -> list[Item]:
        items = []
        if self.number == 1:
            items.append(self.item("quoting", "both sides are quoted"))
        if self.number % 40 == 0:
            items.append(self.item("stale", "no book for 2.1 s: opening the streams anew", "warning"))
        if self.number % 90 == 0:
            items.append(self.item("venue", "cancel: the venue does not answer (timeout)", "error"))
        if self.number % _EVERY == 0:
            self.fills += 1
            side = "buy" if self.fills % 3 else "sell"
            made = self.item("fill", "")
            price = _price(15000 + _WALK[self.number % len(_WALK)] + (-7 if side == "buy" else 7))
            items.append(replace(made, side=side, price=price, quantity="0.10", fee="-0.003", is_maker=True))
        return items

    def _view(self) -> RunView:
        move = _WALK[self.number % len(_WALK)]
        mid = 15_000 + move
        held = (self.fills * 7) % 18 - 6
        at_ns = START_NS + self.number * _S
        net = self.number * 137 - self.fills * 411
        return RunView(
            revision=self.number,
            at_ns=at_ns,
            about=About(
                run_id=RUN_ID, exchange=self.exchange, symbol=self.symbol, market=None, mode=self.mode, base="SOL",
                quote="USDC", tick_size="0.01", lot_size="0.01", started_at_ns=START_NS,
                ends_at_ns=START_NS + 3600 * _S, version="0.1.0", fleet_id=None,
            ),
            phase="quoting",
            is_paused=False,
            end_reason=None,
            is_over=False,
            settings=dict(SETTINGS),
            bid=_price(mid - 1),
            ask=_price(mid + 1),
            mark=f"{_price(mid)}417",
            book=Book(
                bids=[(_price(mid - 1 - n), f"{(n * 37 + move * 11) % 400 + 12}.{n:02d}") for n in range(20)],
                asks=[(_price(mid + 1 + n), f"{(n * 53 + move * 7) % 400 + 9}.{n:02d}") for n in range(20)],
            ),
            levels=self._levels(mid),
            position=Position(
                quantity=f"{held / 10:.2f}", target="0", threshold="0.2", cap="2", capped_side=None,
                entry_price="150.0125" if held else None,
            ),
            skew=Skew(
                mode="shift", strength="0.5", reference=f"{_price(mid)}0", reservation=_price(mid - held // 4),
                ticks=f"{-held / 4:.2f}",
            ),
            profit=Profit(
                equity_start="10000", equity=f"{10_000 + net / 10_000:.6f}", net=f"{net / 10_000:.6f}",
                realized=f"{net / 20_000:.6f}", unrealized=f"{held / 100:.6f}", fees=f"{-self.fills * 30 / 10_000:.6f}",
                funding="0.000344", max_drawdown="0.420498", terms=_terms(net, self.fills),
            ),
            health=Health(
                book_age_ms=11.0 + self.number % 7, decision=Latency(count=900, p50_ms=0.08, p99_ms=0.4, max_ms=2.5),
                wire=Latency(count=412, p50_ms=10.0, p99_ms=12.5, max_ms=31.5), messages=21_480 + self.number * 9,
                requests=1_240 + self.number, rejects={"post-only would cross": 2}, rate_headroom=0.87,
                clock_offset_ms=-1.4, reconciled_at_ns=at_ns - 9 * _S, corrections=0, is_account_up=True, blind_for=[],
                counts={"reconnects": 1},
            ),
            counts=Counts(
                fills=self.fills, buys=self.fills - self.fills // 3, sells=self.fills // 3, orders_placed=812,
                orders_cancelled=700, orders_rejected=2, stops=0, takes=0, volume=f"{self.fills * 15_001 / 1000:.4f}",
            ),
        )  # fmt: skip

    def _levels(self, mid: int) -> list[Level]:
        found = []
        for level in (1, 2, 3):
            for side, way in (("buy", -1), ("sell", 1)):
                rests = not (level == 3 and side == "buy")
                found.append(
                    Level(
                        side=side, level=level, price=_price(mid + way * 7 * level) if rests else None,
                        quantity="0.10" if rests else None, state="resting" if rests else None,
                        queue_ahead=f"{level * 104}.12" if rests else None, why=None if rests else "at cap",
                    )
                )  # fmt: skip
        return found


def _terms(net: int, fills: int) -> dict[str, str]:
    terms = {"spread": fills * 700, "adverse": -fills * 410, "mark": 37, "funding": 3, "maker_fees": -fills * 30}
    terms["inventory"] = net - sum(terms.values())
    return {name: f"{amount / 10_000:.6f}" for name, amount in terms.items()}


BUDGETS: Final = [
    Budget(name="notional", used="4210.55", limit="5000"),
    Budget(name="daily loss", used="3.2", limit="50"),
]

PAST: Final[list[dict[str, Any]]] = [
    {
        "run_no": 40 - n,
        "run_id": f"20260730-{n:02d}0000-a{n:03d}",
        "exchange": "sim" if n % 2 else "backpack",
        "symbol": "SOL_USDC_PERP",
        "mode": ("sim", "paper", "live")[n % 3],
        "started_at_ns": START_NS - n * 3_700 * _S,
        "ended_at_ns": START_NS - n * 3_700 * _S + 3_600 * _S,
        "end_reason": "duration reached" if n % 4 else "interrupted",
        "net": f"{(n * 7 - 30) / 17:.6f}",
        "fees": f"{-n / 9:.6f}",
        "funding": "0.000000",
        "fills": n * 13,
        "volume": f"{n * 1950}.07",
        "position": f"{(n - 5) / 10:.2f}",
        "settings": {**SETTINGS, "spread": f"0.000{n + 1}"},
    }
    for n in range(12)
]


def _field(name: str, panel: str, unit: str, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "panel": panel,
        "help": f"What {name} is.",
        "unit": unit,
        "default": None,
        "choices": None,
        "kind": kind,
        **more,
    }


FORM: Final[dict[str, Any]] = {
    "exchanges": ["sim", "backpack", "binance"],
    "fields": [
        _field("spread", "Quoting", "FRACTION|%|bp", "share"),
        _field("quantity", "Quoting", "BASE", "decimal"),
        _field("max_orders", "Quoting", "COUNT", "whole", default="3"),
        _field("reference", "Quoting", "", "choice", choices=["mid", "micro", "last", "mark"], default="mid"),
        _field("target_position", "Inventory", "BASE", "decimal", default="0"),
        _field("max_position", "Inventory", "BASE", "decimal", default="1"),
        _field("position_threshold", "Inventory", "BASE", "decimal", default="0.1"),
        _field("inventory_skew", "Inventory", "", "decimal", default="0"),
        _field("skew_mode", "Inventory", "", "choice", choices=["shift", "printed"], default="shift"),
        _field("stop_loss", "Protection", "QUOTE", "decimal", default="0"),
        _field("max_loss", "Protection", "QUOTE", "decimal", default="0"),
        _field("close_on_exit", "Protection", "", "bool", default="false"),
        _field("duration", "Time", "SECONDS", "decimal", default="3600"),
        _field("interval", "Time", "SECONDS", "decimal", default="60"),
    ],
    "presets": {
        "neutral": {
            "spread": "0.01",
            "quantity": "0.1",
            "max_orders": "2",
            "max_position": "3",
            "inventory_skew": "0.7",
        },
        "balanced": {
            "spread": "0.01",
            "quantity": "0.1",
            "max_orders": "3",
            "max_position": "5",
            "inventory_skew": "0.3",
        },
    },
}

ADVICE: Final[dict[str, Any]] = {
    "symbol": "SOL_USDC_PERP",
    "price": "150.01",
    "data": None,
    "ladders": [
        {
            "position": position,
            "shift": -shift / 1e4,
            "levels": [
                {
                    "side": side,
                    "level": level,
                    "price": _price(15_001 + way * 8 * level - shift),
                    "quantity": "0.1",
                    "why_not": "at cap" if position == ("2" if side == "buy" else "-2") else None,
                }
                for level in (1, 2, 3)
                for side, way in (("buy", -1), ("sell", 1))
            ],
        }
        for position, shift in (("-2", -7), ("-0.2", 0), ("0", 0), ("0.2", 0), ("2", 7))
    ],
    "settings": {
        "spread": "level 1 rests 0.05 % = 5 bp = 0.07501 USDC (7.501 ticks) from the price on each side, level i at i "
        "times that; a round trip at level 1 earns 0.015 USDC before fees",
        "inventory_skew": "leans the quotes by up to 5 bp (0.07501 USDC) at the cap",
    },
    "expected": [{"name": "margin at the cap", "value": "30.00 USDC", "how": "leverage 10, balance 10,000.00 USDC"}],
    "findings": [
        {
            "key": "stop inside ladder",
            "harm": "harmful",
            "setting": "--stop-loss",
            "what": "a full position of 2 SOL is "
            "stopped out by a move of 0.05 USDC, 66.66 % of the distance to level 1",
            "why": "the stop closes at market, with taker fees, long before a single quote could earn the loss back",
            "better": "--stop-loss 0.15 or more, or a smaller --max-position",
        },
        {
            "key": "skew is off",
            "harm": "risky",
            "setting": "--inventory-skew",
            "what": "quotes never react to the position",
            "why": "the position is a random walk that ends at the cap of 2 SOL; the threshold changes nothing",
            "better": "--inventory-skew 0.5",
        },
        {
            "key": "inside the market's spread",
            "harm": "note",
            "setting": "--spread",
            "what": "level 1 at 5 bp lies inside the market's half-spread of 6 bp",
            "why": "you are the best price",
            "better": "",
        },
    ],
}
