"""A failure of who listens is not a bad message."""

import pytest

from perpmaker.domain.events import OrderAccepted
from perpmaker.venues.guarded import GuardedAccount, GuardedMarket, ListenerFailedError
from support.listeners import HeardAccount, HeardMarket


class Broken:
    def __getattr__(self, name):
        def fail(*_arguments, **_more):
            raise ValueError(name)

        return fail


@pytest.mark.parametrize(
    "call",
    [
        lambda: GuardedMarket(Broken()).on_market(None, (), 1, 1),
        lambda: GuardedAccount(Broken()).on_own(OrderAccepted(1, 1, 1)),
        lambda: GuardedAccount(Broken()).on_foreign_order(None, is_open=True),
        lambda: GuardedAccount(Broken()).on_position(1, 1),
        lambda: GuardedAccount(Broken()).on_account_stream(is_up=False),
    ],
)
def test_a_failure_has_a_class_of_its_own_and_keeps_its_cause(call):
    with pytest.raises(ListenerFailedError, match="has failed: ValueError") as failed:
        call()
    assert isinstance(failed.value.__cause__, ValueError)


def test_what_is_told_comes_through():
    market, account = HeardMarket(), HeardAccount()
    GuardedMarket(market).on_market(None, (), 3, 4)
    guarded = GuardedAccount(account)
    guarded.on_own(OrderAccepted(1, 1, 1))
    guarded.on_foreign_order("x", is_open=False)
    guarded.on_position(-5, 1)
    guarded.on_account_stream(is_up=True)
    assert (market.messages[0].received_ns, market.messages[0].venue_ns) == (3, 4)
    assert (account.own, account.foreign, account.positions, account.stream) == (
        [OrderAccepted(1, 1, 1)],
        [("x", False)],
        [-5],
        [True],
    )
