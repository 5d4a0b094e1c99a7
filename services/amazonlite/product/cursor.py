"""A cursor says where the page before it ended and in which order, so changes elsewhere in the list shift nothing."""

from __future__ import annotations

import msgspec

from amazonlite.common.core import cursor as cursors
from amazonlite.product.domain import PageKey, Sort

LONGEST = 1000
_DECODERS: dict[Sort, msgspec.json.Decoder[tuple[str, int | float | str, str]]] = {
    sort: msgspec.json.Decoder(tuple[str, kind, str])  # type: ignore[valid-type]
    for sort, kind in (
        (Sort.SKU, str),
        (Sort.PRICE, int),
        (Sort.PRICE_DOWN, int),
        (Sort.NAME, str),
        (Sort.RATING, float),
    )
}
_BIGGEST = 2**53


def write_cursor(place: PageKey, sort: Sort) -> str:
    return cursors.write_cursor(msgspec.json.encode((sort, place.value, place.sku)))


def read_cursor(cursor: str, sort: Sort) -> PageKey:
    """The place behind a cursor of this order; anything else, however made, is an InvalidCursor."""
    return cursors.read_cursor(cursor, lambda text: _place(text, sort))


def _place(text: bytes, sort: Sort) -> PageKey:
    found, value, sku = _DECODERS[sort].decode(text)  # what msgspec raises is a ValueError
    if found != sort or (not isinstance(value, str) and not -_BIGGEST <= value <= _BIGGEST):
        raise ValueError(text)
    return PageKey(value, sku)
