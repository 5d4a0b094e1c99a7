"""A list's place as an opaque text: it says where the last page ended, so new orders shift nothing."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

from amazonlite.common.core.clock import iso, parse_iso
from amazonlite.order.errors import InvalidCursor
from amazonlite.order.store import Place


def write_cursor(place: Place) -> str:
    return urlsafe_b64encode(f"{iso(place.created_at)}|{place.order_id}".encode()).decode()


def read_cursor(cursor: str) -> Place:
    try:
        moment, _, order_id = urlsafe_b64decode(cursor.encode()).decode().partition("|")
        return Place(parse_iso(moment), order_id)
    except (binascii.Error, ValueError) as error:
        raise InvalidCursor("This list gave out no such cursor.", next_step="Start at the first page.") from error
