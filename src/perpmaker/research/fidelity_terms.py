"""How the simulated exchange stands in for the real one: latencies and queue, and the rest of a run's terms."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from statistics import median
from typing import Any, Final, get_type_hints

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.money import RATE_SCALE, fee_quanta, rate_to_ppb
from perpmaker.journal.readers import RunRecord
from perpmaker.maker.settings import StrategySettings
from perpmaker.report.rows import LIVE, RunRows
from perpmaker.simulation.terms import ExchangeTerms, QueueModel

DEFAULT_LATENCY_NS: Final = 10_000_000
DEFAULT_EXPONENT: Final = 3.0

_MAKER_FEE_PPB: Final = 200_000
_TAKER_FEE_PPB: Final = 500_000


@dataclass(frozen=True, slots=True)
class Assumed:
    """What fidelity tries and fits: latencies in ns, the queue model, and its exponent (of the POWER model only)."""

    order_latency_ns: int
    feed_latency_ns: int
    queue_model: QueueModel
    exponent: float = DEFAULT_EXPONENT

    @property
    def delay_ns(self) -> int:
        """From a decision to the order's place among the messages of the recording."""
        return self.order_latency_ns + self.feed_latency_ns


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a run: fees as parts per billion; ``balance`` and ``leverage`` as the strategy was given them.

    The journal does not keep a live account's leverage: margin is then taken never to bind.
    """

    balance: Decimal
    leverage: Decimal
    maker_fee_ppb: int
    taker_fee_ppb: int


def assumed_of(run: RunRecord, given: Mapping[str, Any]) -> Assumed:
    """What to try: what is given (None: not), else the run's own settings, else the defaults of `perpmaker run`.

    The market of a paper run happens when it is heard of: its feed latency is 0, whatever its settings say.

    Raises:
        InvalidSettingError: the run's own latency was not constant, and none is given.
    """
    settings = run.settings

    def latency(name: str) -> int:
        wanted = given.get(name)
        if wanted is not None:
            return int(wanted)
        text = settings.get(name, str(DEFAULT_LATENCY_NS))
        if not text.isdecimal():
            flag = name.removesuffix("_ns").replace("_", "-")
            raise InvalidSettingError(
                f"the run's latency was {text}: say one that is constant with --{flag}, e.g. 10ms"
            )
        return int(text)

    model = given.get("queue_model") or QueueModel(settings.get("queue_model", QueueModel.RISK_AVERSE.value))
    exponent = given.get("queue_exponent")
    if exponent is None:
        exponent = float(settings.get("queue_exponent", DEFAULT_EXPONENT))
    feed = latency("feed_latency_ns") if run.mode == LIVE else given.get("feed_latency_ns") or 0
    return Assumed(latency("order_latency_ns"), int(feed), model, float(exponent))


def account_of(rows: RunRows) -> Account:
    """The account of a run, from its settings (paper) or from what it was charged (live)."""
    run = rows.run
    balance = Decimal(run.settings.get("balance", "0"))
    if "maker_fee" in run.settings:
        fees = [rate_to_ppb(Decimal(run.settings[name])) for name in ("maker_fee", "taker_fee")]
        return Account(balance, Decimal(run.settings["leverage"]), fees[0], fees[1])
    money = run.instrument.money
    if run.summary is not None:
        balance = Decimal(run.summary["equity_start"])
    elif rows.samples:
        balance = money(rows.samples[0].equity_quanta)
    maker, taker = _charged(rows, is_maker=True), _charged(rows, is_maker=False)
    return Account(balance, Decimal(RATE_SCALE), maker, taker)


def exchange_terms(account: Account, balance_quanta: int, assumed: Assumed) -> ExchangeTerms:
    """Raises `InvalidSettingError` where a latency or the exponent is out of its range."""
    return ExchangeTerms(
        maker_fee_ppb=account.maker_fee_ppb,
        taker_fee_ppb=account.taker_fee_ppb,
        balance_quanta=balance_quanta,
        leverage=account.leverage,
        feed_latency_ns=assumed.feed_latency_ns,
        order_latency_ns=assumed.order_latency_ns,
        queue_model=assumed.queue_model,
        power_exponent=assumed.exponent,
    )


def strategy_of(settings: Mapping[str, str]) -> StrategySettings:
    """The strategy's settings as the journal has them.

    Raises:
        InvalidSettingError: one is missing or cannot be read: another version wrote it.
    """
    types = get_type_hints(StrategySettings)
    values: dict[str, Any] = {}
    for field in fields(StrategySettings):
        if field.name not in settings:
            continue
        text, kind = settings[field.name], types[field.name]
        try:
            values[field.name] = text == "True" if kind is bool else kind(text)
        except (ValueError, ArithmeticError):
            raise InvalidSettingError(
                f"the journal has {field.name} {text!r}, which this version cannot read: replay the run with the "
                "version that made it"
            ) from None
    try:
        return StrategySettings(**values)
    except TypeError:
        raise InvalidSettingError(
            "the journal has no spread or no quantity of this run: it cannot be replayed"
        ) from None


def flags_of(assumed: Assumed) -> str:
    """Terms as they are typed; latencies to three digits."""
    parts = [
        f"--order-latency {typed(assumed.order_latency_ns)}",
        f"--feed-latency {typed(assumed.feed_latency_ns)}",
        f"--queue-model {assumed.queue_model.value}",
    ]
    if assumed.queue_model is QueueModel.POWER:
        parts.append(f"--queue-exponent {assumed.exponent:g}")
    return " ".join(parts)


def typed(ns: int) -> str:
    """A span of time as flags take it, to three digits: 80ms, 23.4ms, 250us, 0."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if ns >= size:
            return f"{float(f'{ns / size:.3g}'):g}{unit}"
    return f"{ns}ns" if ns else "0"


def _charged(rows: RunRows, *, is_maker: bool) -> int:
    """The rate that executions of a role were charged, parts per billion, the middle one; without any the default."""
    rates = [
        round(fill.fee_quanta / fee_quanta(fill.price_ticks, fill.lots, 1))
        for fill in rows.fills
        if fill.is_maker is is_maker
    ]
    if rates:
        return round(median(rates))
    return _MAKER_FEE_PPB if is_maker else _TAKER_FEE_PPB
