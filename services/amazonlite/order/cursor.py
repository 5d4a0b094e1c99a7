"""A list's place as an opaque text: it says where the last page ended, so new orders shift nothing."""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from amazonlite.common.core.clock import iso, parse_iso
from amazonlite.order.errors import InvalidCursor
from amazonlite.order.store import Place

ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
EARLIEST, LATEST = 1000, 9998
"""What the database can compare with, in any zone."""


def write_cursor(place: Place) -> str:
    return urlsafe_b64encode(f"{iso(place.created_at)}|{place.order_id}".encode()).decode()


def read_cursor(cursor: str) -> Place:
    try:
        moment, _, order_id = urlsafe_b64decode(cursor.encode()).decode().partition("|")
        created_at = parse_iso(moment)
    except (binascii.Error, ValueError, OverflowError) as error:
        raise _invalid() from error
    if not EARLIEST <= created_at.year <= LATEST or not ORDER_ID.fullmatch(order_id):
        raise _invalid()
    return Place(created_at, order_id)


def _invalid() -> InvalidCursor:
    return InvalidCursor("This list gave out no such cursor.", next_step="Start at the first page.")
