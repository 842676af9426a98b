"""A testnet that is started again goes on where it left off."""

import json
from pathlib import Path

import pytest

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.orders import Side
from perpmaker.testnet.notices import OrderStatus
from perpmaker.testnet.state import FILE_NAME, restore, save
from support.testnets import Bench, content


def used(**terms: object) -> Bench:
    bench = Bench(**terms)
    bench.market(Side.BUY, 100)
    bench.limit(Side.BUY, 9_950, 100, client_id=7)
    bench.market(Side.SELL, 30)
    bench.testnet.transfer("2", 10**15)
    bench.pass_s(3_600)
    bench.client.patch("/api/v1/account", leverageLimit="10")
    return bench


def test_money_position_and_history_come_back_exactly(tmp_path: Path) -> None:
    before, after = used(), Bench()
    save(before.testnet, tmp_path)
    assert restore(after.testnet, tmp_path)
    for name, account in before.testnet.accounts.items():
        books, again = account.books, after.testnet.accounts[name].books
        assert again.position == books.position
        assert again.balance_quanta == books.balance_quanta
        assert (list(again.fills), list(again.funding)) == (list(books.fills), list(books.funding))
        assert after.testnet.accounts[name].exchange.cash_quanta == account.exchange.cash_quanta
        assert after.testnet.accounts[name].holder.leverage == account.holder.leverage
    assert list(after.testnet.funding_rates) == list(before.testnet.funding_rates)
    assert content(after.client.get("/api/v1/position"))[0]["netQuantity"] == "0.70"


def test_orders_that_rested_are_cancelled_and_in_the_history(tmp_path: Path) -> None:
    before, after = used(), Bench()
    save(before.testnet, tmp_path)
    restore(after.testnet, tmp_path)
    assert not after.account.books.open_ids
    old = [order for order in after.account.books.orders.values() if order.client_id == 7]
    assert [order.status for order in old] == [OrderStatus.CANCELLED]
    assert after.limit(Side.BUY, 9_950, 100, client_id=7).status is OrderStatus.NEW


def test_ids_go_on(tmp_path: Path) -> None:
    before, after = used(), Bench()
    save(before.testnet, tmp_path)
    restore(after.testnet, tmp_path)
    order = after.market(Side.BUY, 10)
    assert order.order_id not in before.account.books.orders
    assert after.account.books.fills[-1].trade_id > before.account.books.fills[-1].trade_id


def test_it_goes_on_trading_with_exact_books(tmp_path: Path) -> None:
    after = Bench()
    save(used().testnet, tmp_path)
    restore(after.testnet, tmp_path)
    after.market(Side.SELL, 170)
    books = after.account.books
    assert (books.position.lots, after.account.exchange.position_lots) == (-100, -100)
    assert after.account.exchange.cash_quanta == books.balance_quanta - books.position.cost_quanta


def test_without_a_file_it_begins_anew(tmp_path: Path) -> None:
    assert not restore(Bench().testnet, tmp_path / "nothing")


def test_the_file_holds_no_secret_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    bench = used()
    save(bench.testnet, tmp_path)
    save(bench.testnet, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    text = (tmp_path / FILE_NAME).read_text()
    assert bench.client.keys.public in text
    assert bench.client.keys.secret not in text


@pytest.mark.parametrize("change", [{"version": 0}, {"markets": []}])
def test_the_file_of_another_testnet_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    save(used().testnet, tmp_path)
    path = tmp_path / FILE_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    bench = Bench()
    with pytest.raises(InvalidSettingError, match="another testnet"):
        restore(bench.testnet, tmp_path)
    assert not bench.account.books.fills


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('{"version": 1')
    with pytest.raises(InvalidSettingError, match="cannot be read"):
        restore(Bench().testnet, tmp_path)
