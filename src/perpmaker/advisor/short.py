"""The short form of the advice, for the start of a run: what is harmful or risky, a line each. Needs no market data."""

from decimal import Decimal

from perpmaker.advisor.case import Account, Case
from perpmaker.advisor.finding import Harm
from perpmaker.advisor.findings import findings
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import MILLITICKS_PER_TICK, RATE_SCALE
from perpmaker.maker.settings import StrategySettings, StrategyTerms


def short_advice(
    settings: StrategySettings,
    terms: StrategyTerms,
    instrument: Instrument,
    price_ticks: int,
    maker_fee: Decimal,
    taker_fee: Decimal,
) -> list[str]:
    """One line a finding, the most harmful first; empty where nothing speaks against these settings."""
    account = Account(
        maker_fee=maker_fee,
        taker_fee=taker_fee,
        balance=instrument.money(terms.balance_quanta),
        leverage=Decimal(RATE_SCALE) / terms.margin_rate_ppb,
        maintenance_margin=Decimal(0),
    )
    case = Case(
        settings=settings,
        terms=terms,
        instrument=instrument,
        account=account,
        price_milliticks=price_ticks * MILLITICKS_PER_TICK,
    )
    return [
        f"{one.harm.name.lower()}: {one.setting}: {one.what}; better: {one.better}"
        for one in findings(case)
        if one.harm > Harm.NOTE
    ]
