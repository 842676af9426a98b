"""The ranges of the keys are those that settings and simulated exchange keep themselves."""

from decimal import Decimal
from typing import Any

import pytest

from perpmaker.cli.compose import compose
from perpmaker.cli.configuration.keys import BUDGET_KEYS, DASHBOARD_KEYS, MARKET_KEYS, RUN_KEYS, Key
from perpmaker.cli.configuration.ranges import RANGES, Range
from perpmaker.cli.flags import ExchangeFlags, StrategyFlags
from perpmaker.cli.run_flags import FeedFlags, MarketFlags, WireFlags, plan_of
from perpmaker.data.opening import open_data
from perpmaker.domain.errors import UserError

KEYS = {**MARKET_KEYS, **RUN_KEYS}
TRADER = ("spread", "quantity", "max_orders", "max_drift", "max_position", "position_threshold", "take_profit",
          "max_drawdown", "max_loss", "interval", "duration")  # fmt: skip
EXCHANGE = ("balance", "leverage", "feed_latency", "order_latency", "queue_exponent", "bar_volume_share",
            "bar_half_spread", "volume_30d")  # fmt: skip
WIRES = ("max_daily_loss", "max_book_age")
TINY = Decimal("1e-9")


def is_taken(name: str, value: Any) -> bool:
    """Whether the program takes this value where the flags come from."""
    values = {n: key.default_value() for n, key in KEYS.items() if n != "preset"}
    values |= {"spread": Decimal("0.0001"), "quantity": Decimal("0.1"), "max_orders": 1, name: value}
    if name == "max_position" and value:
        values["quantity"] = value
    if name in WIRES:
        values["exchange"] = "backpack"

    def group(kind: Any) -> Any:
        return kind(**{n: held for n, held in values.items() if n in kind.__dataclass_fields__})

    try:
        plan = plan_of(*(group(kind) for kind in (MarketFlags, StrategyFlags, WireFlags, FeedFlags, ExchangeFlags)))
        if name in EXCHANGE:
            compose(open_data(plan.data), plan.strategy, plan.simulation)
    except UserError:
        return False
    return True


def is_in_range(found: Range, value: Any) -> bool:
    try:
        found.check(value)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", [*TRADER, *EXCHANGE, *WIRES])
def test_a_limit_is_where_the_program_itself_has_it(name: str) -> None:
    found, key = RANGES[name], KEYS[name]
    step = 1 if isinstance(key.default_value(), int) or key.unit in {"COUNT", "TIME"} else TINY
    if key.kind is float:
        step = 1e-9
    probes: list[Any] = []
    if found.least is not None:
        probes += [found.least, found.least - step]
    if found.most is not None and name != "spread":  # with more than one bid a spread must be much less than 1
        probes += [found.most, found.most + step]
    kind: Any = float if key.kind is float else (int if step == 1 else Decimal)
    for probe in probes:
        assert is_taken(name, kind(probe)) == is_in_range(found, kind(probe)), probe


def test_every_number_has_its_range_or_takes_any() -> None:
    takes_any = {"target_position", "stop_loss", "inventory_skew", "speed", "feed_latency", "order_latency"}
    all_keys = (MARKET_KEYS, BUDGET_KEYS, RUN_KEYS, DASHBOARD_KEYS)
    numbers = {name for keys in all_keys for name, key in keys.items() if key.parser}
    assert numbers - set(RANGES) <= takes_any
    assert set(RANGES) <= numbers


@pytest.mark.parametrize(
    "key",
    [*MARKET_KEYS.values(), *BUDGET_KEYS.values(), *RUN_KEYS.values(), *DASHBOARD_KEYS.values()],
    ids=lambda k: k.name,
)
def test_a_default_is_read_as_what_the_flag_has(key: Key) -> None:
    if key.default is None:
        assert key.default_value() is None
    else:
        assert key.read(key.default) == key.default_value()
    assert key.help
