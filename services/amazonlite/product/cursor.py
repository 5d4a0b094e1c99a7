"""A cursor says where the page before it ended and in which order, so changes elsewhere in the list shift nothing."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from amazonlite.product.domain import InvalidCursor, Place, Sort

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


def write_cursor(place: Place, sort: Sort) -> str:
    return urlsafe_b64encode(msgspec.json.encode((sort, place.value, place.sku))).rstrip(b"=").decode()


def read_cursor(cursor: str, sort: Sort) -> Place:
    """The place behind a cursor of this order; anything else, however made, is an InvalidCursor."""
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        found, value, sku = _DECODERS[sort].decode(raw)
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidCursor from error
    if found != sort or (not isinstance(value, str) and not -_BIGGEST <= value <= _BIGGEST):
        raise InvalidCursor
    return Place(value, sku)
