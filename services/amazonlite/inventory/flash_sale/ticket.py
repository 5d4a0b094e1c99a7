"""A queue ticket is signed by us and good for one customer in one sale; what it says survives an emptied Redis."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from amazonlite.inventory.flash_sale.errors import TicketInvalid

# Arrival numbers are microseconds since 1970, far above 2^50 and exact as the double that Redis keeps: below 2^53.
DRAW_BITS = 50


@dataclass(frozen=True, slots=True)
class Ticket:
    """``arrival``: who has the lower number came earlier."""

    sale_id: str
    customer_id: str
    arrival: int


class TicketOffice:
    """Signs tickets and recognises its own; all pods share the key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, ticket: Ticket) -> str:
        content = json.dumps([ticket.sale_id, ticket.customer_id, ticket.arrival], separators=(",", ":")).encode()
        return f"{_text(content)}.{_text(self._mac(b'ticket', content))}"

    def read(self, text: str, sale_id: str, customer_id: str) -> Ticket:
        """TicketInvalid unless we issued it for this customer in this sale."""
        body, _, signature = text.partition(".")
        try:
            content, signed = urlsafe_b64decode(body + "=="), urlsafe_b64decode(signature + "==")
        except ValueError:
            raise TicketInvalid from None
        if not hmac.compare_digest(signed, self._mac(b"ticket", content)):
            raise TicketInvalid
        ticket = Ticket(*json.loads(content))
        if (ticket.sale_id, ticket.customer_id) != (sale_id, customer_id):
            raise TicketInvalid
        return ticket

    def draw(self, sale_id: str, customer_id: str) -> int:
        """The customer's lot in this sale: the same however often it is drawn, and not to be guessed."""
        mac = self._mac(b"draw", f"{sale_id}\n{customer_id}".encode())
        return int.from_bytes(mac, "big") >> (8 * len(mac) - DRAW_BITS)

    def _mac(self, purpose: bytes, content: bytes) -> bytes:
        return hmac.digest(self._key, purpose + b"\n" + content, "sha256")


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
