"""Client ids: what goes in comes out, what is foreign stays foreign."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.venues.client_ids import HEX128, TEXT, UINT32, UINT48, ClientIds, OwnId, client_ids

ALL = [UINT32, UINT48, HEX128, TEXT]


@pytest.mark.parametrize("ids", ALL)
@given(data=st.data())
def test_every_id_comes_back_as_it_went_in(ids: ClientIds, data):
    own = OwnId(data.draw(st.integers(1, ids.max_tag)), data.draw(st.integers(1, ids.max_order_id)))
    assert ids.decode(ids.encode(own)) == own


@pytest.mark.parametrize("ids", ALL)
@given(data=st.data())
def test_two_orders_never_share_an_id(ids: ClientIds, data):
    one, other = (
        OwnId(data.draw(st.integers(1, ids.max_tag)), data.draw(st.integers(1, ids.max_order_id))) for _ in range(2)
    )
    assert (ids.encode(one) == ids.encode(other)) == (one == other)


@pytest.mark.parametrize("ids", ALL)
@pytest.mark.parametrize("end", ["least", "most"])
def test_the_ends_of_the_range_fit(ids: ClientIds, end):
    own = OwnId(1, 1) if end == "least" else OwnId(ids.max_tag, ids.max_order_id)
    assert ids.decode(ids.encode(own)) == own


@pytest.mark.parametrize("ids", ALL)
def test_what_does_not_fit_is_refused(ids: ClientIds):
    for own in (OwnId(0, 1), OwnId(1, 0), OwnId(ids.max_tag + 1, 1), OwnId(1, ids.max_order_id + 1), OwnId(-1, 5)):
        with pytest.raises(ValueError, match="must be from 1 to"):
            ids.encode(own)


@pytest.mark.parametrize("ids", ALL)
@given(client_id=st.none() | st.text(max_size=40) | st.integers(0, 2**22 - 1).map(str))
def test_a_strangers_id_is_nobodys(ids: ClientIds, client_id):
    own = ids.decode(client_id)
    assert own is None or ids.encode(own) == client_id


@pytest.mark.parametrize(
    ("ids", "foreign"),
    [
        (UINT32, "123"),  # no tag
        (UINT32, str(1 << 22)),  # no order id
        (UINT32, str(1 << 32 | 1 << 22 | 5)),  # wider than 32 bits
        (UINT32, "04194305"),
        (UINT32, "4_194_305"),
        (UINT32, " 4194305"),
        (UINT32, "\u0664\u0661\u0669\u0664\u0663\u0660\u0665"),
        (UINT48, str(1 << 26 | 5)),  # without our mark
        (HEX128, "0x" + "0" * 31 + "1"),
        (HEX128, HEX128.encode(OwnId(1, 0xABC)).upper()),
        (TEXT, "pm0000010000000000"),
        (TEXT, "pm00000100000000zz"),
        (TEXT, "PM0000010000000001"),
        (TEXT, "pm00000100000000011"),
        (TEXT, "x-pm0000010000000001"),
    ],
)
def test_foreign_ids_that_look_like_ours(ids: ClientIds, foreign):
    assert ids.decode(foreign) is None


def test_backpacks_ids_are_unsigned_32_bit_numbers_with_the_tag_in_the_upper_ten():
    assert UINT32.encode(OwnId(1023, 2**22 - 1)) == str(2**32 - 1)
    assert UINT32.encode(OwnId(1, 7)) == str(2**22 + 7)


def test_each_exchange_gets_the_format_that_it_documents():
    assert client_ids("backpack") is UINT32
    assert client_ids("lighter") is UINT48
    assert client_ids("hyperliquid") is HEX128
    assert HEX128.encode(OwnId(5, 6)).startswith("0x")
    assert len(HEX128.encode(OwnId(5, 6))) == 34
    text = client_ids("okx").encode(OwnId(5, 6))
    assert text.isalnum()
    assert text.islower()
    assert len(text) <= 32
