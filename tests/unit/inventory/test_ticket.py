"""Tickets are ours, and good for one customer in one sale."""

from __future__ import annotations

import pytest

from amazonlite.inventory.flash_sale.errors import TicketInvalid
from amazonlite.inventory.flash_sale.ticket import DRAW_BITS, Ticket, TicketOffice

OFFICE = TicketOffice(b"k" * 32)
TICKET = Ticket("fs_1", "usr_a", 1_795_000_000_000_000)


def test_what_was_issued_can_be_read_anywhere_with_the_key() -> None:
    assert TicketOffice(b"k" * 32).read(OFFICE.issue(TICKET), "fs_1", "usr_a") == TICKET


ISSUED = OFFICE.issue(TICKET)


@pytest.mark.parametrize("text", ["", ".", "a.b", "äöü", "W10.W10", ISSUED[:-2], ISSUED + "A", "W" + ISSUED[1:-1]])
def test_what_was_not_issued_is_refused(text: str) -> None:
    with pytest.raises(TicketInvalid):
        OFFICE.read(text, "fs_1", "usr_a")


def test_another_key_s_ticket_is_refused() -> None:
    with pytest.raises(TicketInvalid):
        OFFICE.read(TicketOffice(b"x" * 32).issue(TICKET), "fs_1", "usr_a")


@pytest.mark.parametrize(("sale", "customer"), [("fs_2", "usr_a"), ("fs_1", "usr_b")])
def test_a_ticket_is_not_for_others(sale: str, customer: str) -> None:
    with pytest.raises(TicketInvalid):
        OFFICE.read(OFFICE.issue(TICKET), sale, customer)


def test_a_lot_is_the_same_whenever_drawn_and_below_every_arrival() -> None:
    draws = {OFFICE.draw("fs_1", f"usr_{number}") for number in range(100)}
    assert len(draws) == 100
    assert OFFICE.draw("fs_1", "usr_1") in draws
    assert OFFICE.draw("fs_2", "usr_1") not in draws
    assert max(draws) < 2**DRAW_BITS < TICKET.arrival < 2**53
