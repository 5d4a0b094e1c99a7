import base64

import pytest

from amazonlite.common.core.cursor import InvalidCursor
from amazonlite.product.cursor import read_cursor, write_cursor
from amazonlite.product.domain import PageKey, Sort

PLACES = {
    Sort.SKU: PageKey("B1", "B1"),
    Sort.PRICE: PageKey(1999, "B1"),
    Sort.PRICE_DOWN: PageKey(1999, "B1"),
    Sort.NAME: PageKey("ein schöner name", "B1"),
    Sort.RATING: PageKey(4.5, "B1"),
}


def raw(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize("sort", list(Sort))
def test_a_cursor_leads_back_to_its_place(sort: Sort) -> None:
    assert read_cursor(write_cursor(PLACES[sort], sort), sort) == PLACES[sort]


@pytest.mark.parametrize(
    "cursor",
    [
        "!!!",
        "é",
        "abc",
        raw("{}"),
        raw("[]"),
        raw('["price","1999","B1"]'),
        raw('["price",{"$gt":0},"B1"]'),
        raw('["price",1999,{"$gt":""}]'),
        raw('["name",1999,"B1"]'),
        raw('["price",99999999999999999,"B1"]'),
        raw('["price",1.5,"B1"]'),
    ],
)
def test_what_no_list_gave_out_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        read_cursor(cursor, Sort.PRICE)


def test_a_cursor_of_another_order_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        read_cursor(write_cursor(PLACES[Sort.PRICE], Sort.PRICE), Sort.PRICE_DOWN)
