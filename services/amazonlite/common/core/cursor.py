"""A list's place as an opaque text: it says where the page before ended, so that changes elsewhere shift nothing.

What a place is, each list says itself: it gives bytes to `write_cursor` and reads them back with a `parse` of its own.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import TypeVar

from amazonlite.common.core.errors import InvalidInput

Key = TypeVar("Key")


class InvalidCursor(InvalidInput):
    """Not a cursor this list gave out; the caller starts at the first page."""

    code = "invalid_cursor"
    title = "Invalid cursor"

    def __init__(self) -> None:
        super().__init__("This list gave out no such cursor.", next_step="Start at the first page.")


def write_cursor(place: bytes) -> str:
    return urlsafe_b64encode(place).rstrip(b"=").decode()


def read_cursor(cursor: str, parse: Callable[[bytes], Key]) -> Key:
    """What `parse` makes of the place. Whatever is no cursor is InvalidCursor, also where `parse` raises ValueError."""
    try:
        return parse(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (ValueError, OverflowError) as error:
        raise InvalidCursor from error
