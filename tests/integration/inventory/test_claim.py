"""A claim, from the queue to the hold, the ledger and the event; and every way in which it can be refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from amazonlite.common.core.clock import parse_iso
from amazonlite.common.data.errors import StoreUnavailable
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.common.testing.eventually import eventually
from amazonlite.inventory.flash_sale.decide import Claim, Held, Outcome
from amazonlite.inventory.flash_sale.dependencies import QueueDependencies
from amazonlite.inventory.flash_sale.domain import Admission, AdmissionOrder, Counters, SaleState
from amazonlite.inventory.flash_sale.errors import (
    ClaimKeyReused,
    CustomerLimitReached,
    NotAdmitted,
    SaleNotOpen,
    SoldOut,
)
from amazonlite.inventory.flash_sale.queue import leave, look
from amazonlite.inventory.flash_sale.queue_store import Standing
from amazonlite.inventory.flash_sale.serve_claims import ClaimServer
from amazonlite.inventory.flash_sale.ticket import Ticket
from amazonlite.inventory.reservations.domain import ReservationState
from amazonlite.inventory.reservations.expire import expire_overdue
from amazonlite.inventory.stock.domain import EntryKind, Stock
from support.inventory import PRICE, Pod, terms
from support.own_redis import OwnRedis

AUTHORIZED = "payment.authorized.v1"


async def test_a_claim_becomes_a_hold_a_ledger_entry_and_an_event(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 10, per_customer_limit=2))
    held = await pod.claim(await pod.admitted(sale, "usr_a"), quantity=2)
    books = await pod.books(sale)
    assert books.sale.counters == Counters(allocated=10, free=8, held=2)
    assert books.ledger == {EntryKind.ALLOCATE: 10, EntryKind.HOLD: 2}
    assert books.units == {ReservationState.HELD: 2}
    assert books.conserved
    assert held.total == PRICE * 2
    [claimed] = await pod.events(held.hold.order_id)
    assert claimed.type == "flash-sale.claimed.v1"
    assert claimed.data == {
        "saleId": sale,
        "holdId": held.hold.id,
        "orderId": held.hold.order_id,
        "customerId": "usr_a",
        "sku": "B01",
        "quantity": 2,
        "unitPrice": PRICE.as_dict(),
        "payBefore": claimed.data["payBefore"],
    }
    pay_in = parse_iso(claimed.data["payBefore"]) - datetime.now(UTC)
    assert timedelta(minutes=4) < pay_in <= timedelta(minutes=5)


async def test_an_allocation_is_inside_what_is_reserved(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 10))
    assert await pod.stock("B01") == Stock("B01", on_hand=10, available=0, reserved=10)
    held = await pod.held(sale, "usr_a")
    await pod.happens(AUTHORIZED, held.hold.order_id)
    assert await pod.stock("B01") == Stock("B01", on_hand=9, available=0, reserved=9)
    books = await pod.books(sale)
    assert books.sale.counters == Counters(allocated=10, free=9, sold=1)
    assert books.conserved


async def test_the_same_claim_again_gets_the_same_hold_on_any_pod(two_pods: list[Pod]) -> None:
    one, other = two_pods
    sale = await one.on_sale(terms("B01", 10))
    ticket = await one.admitted(sale, "usr_a")
    first = await one.claim(ticket)
    again = await other.claim(ticket)  # the place is free by now, the answer is still hers
    assert first.new
    assert not again.new
    assert again.hold.id == first.hold.id
    assert (await one.books(sale)).sale.counters.held == 1


async def together_at_the_counter(pod: Pod, *tickets: Ticket) -> list[Outcome]:
    """What a group made of these shoppers' claims is answered."""
    claims = [Claim(ticket.sale_id, ticket.customer_id, "key", 1, ticket.arrival) for ticket in tickets]
    return await ClaimServer(pod.sale_deps)(tickets[0].sale_id, claims)


async def test_in_a_group_each_gets_their_own_answer(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 10), Admission(1, 1000, AdmissionOrder.FIFO))
    before = await pod.admitted(sale, "usr_before")
    held = await pod.claim(before)
    admitted = await pod.admitted(sale, "usr_admitted")
    waiting = await pod.joined(sale, "usr_waiting")
    left = await pod.joined(sale, "usr_left")
    await leave(pod.sale_deps, left)
    outcomes = await together_at_the_counter(pod, waiting, before, admitted, left, admitted)
    assert [type(outcome) for outcome in outcomes] == [NotAdmitted, Held, Held, NotAdmitted, Held]
    _, again, new, _, twice = outcomes
    assert again == replace(held, new=False)
    assert isinstance(new, Held)
    assert twice == replace(new, new=False)
    assert (await pod.books(sale)).sale.counters.held == 2


async def test_a_group_that_was_not_committed_keeps_its_places(pod: Pod) -> None:
    def away() -> UnitOfWork:
        raise StoreUnavailable("away")

    sale = await pod.on_sale(terms("B01", 10))
    ticket = await pod.admitted(sale, "usr_a")
    deps = QueueDependencies(replace(pod.deps, transactions=away), pod.sale_deps.queue, pod.sale_deps.tickets)
    with pytest.raises(StoreUnavailable):
        await ClaimServer(deps)(sale, [Claim(sale, "usr_a", "key", 1, ticket.arrival)])
    await asyncio.sleep(0)  # whoever is freed is freed by a task
    assert (await look(pod.sale_deps, ticket)).standing is Standing.ADMITTED
    assert (await pod.claim(ticket)).new


async def test_a_group_is_served_by_an_emptied_redis_too(pod: Pod, redis_server: OwnRedis) -> None:
    sale = await pod.on_sale(terms("B01", 10))
    tickets = [await pod.admitted(sale, f"usr_{name}") for name in "abc"]
    redis_server.empty()
    assert [type(outcome) for outcome in await together_at_the_counter(pod, *tickets)] == [NotAdmitted] * 3

    async def all_held() -> bool:
        return all(isinstance(outcome, Held) for outcome in await together_at_the_counter(pod, *tickets))

    await eventually(all_held, within=5)
    assert (await pod.books(sale)).sale.counters.held == 3


async def test_a_group_that_comes_after_the_end_hears_why(pod: Pod, redis_server: OwnRedis) -> None:
    sale = await pod.on_sale(terms("B01", 10))
    tickets = [await pod.admitted(sale, f"usr_{name}") for name in "ab"]
    held = await pod.claim(tickets[0])
    await pod.moved(sale, SaleState.ABORTED)
    redis_server.empty()
    again, closed = await together_at_the_counter(pod, *tickets)
    assert again == replace(held, new=False)
    assert isinstance(closed, SaleNotOpen)
    assert closed.extra["reason"] == "aborted"


async def test_who_lost_the_place_hears_that_the_sale_is_aborted_and_not_to_wait(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 10))
    ticket = await pod.admitted(sale, "usr_a")
    await leave(pod.sale_deps, ticket)
    with pytest.raises(NotAdmitted):
        await pod.claim(ticket)
    await pod.moved(sale, SaleState.ABORTED)

    async def told() -> bool:
        with pytest.raises((NotAdmitted, SaleNotOpen)) as refused:
            await pod.claim(ticket)
        return isinstance(refused.value, SaleNotOpen) and refused.value.extra["reason"] == "aborted"

    await eventually(told, within=5)


async def test_a_key_used_for_another_quantity_is_refused(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 10, per_customer_limit=5))
    ticket = await pod.admitted(sale, "usr_a")
    await pod.claim(ticket, quantity=1)
    with pytest.raises(ClaimKeyReused):
        await pod.claim(ticket, quantity=2)


async def test_a_customer_gets_no_more_than_the_limit_until_a_hold_expires(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 10, per_customer_limit=1))
    held = await pod.held(sale, "usr_a")
    with pytest.raises(CustomerLimitReached):
        await pod.held(sale, "usr_a")
    await pod.make_overdue(held.hold.order_id)
    await expire_overdue(pod.deps)
    assert (await pod.held(sale, "usr_a")).new


async def test_a_bought_unit_counts_towards_the_limit(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 10, per_customer_limit=1))
    held = await pod.held(sale, "usr_a")
    await pod.happens(AUTHORIZED, held.hold.order_id)
    with pytest.raises(CustomerLimitReached):
        await pod.held(sale, "usr_a")


async def test_the_last_unit_is_sold_once(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 1))
    await pod.held(sale, "usr_a")
    with pytest.raises(SoldOut):
        await pod.held(sale, "usr_b")


async def test_who_is_not_admitted_cannot_claim(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 1))
    ticket = await pod.admitted(sale, "usr_a")
    await pod.sale_deps.queue.leave(sale, ["usr_a"])
    with pytest.raises(NotAdmitted):
        await pod.claim(ticket)


@pytest.mark.parametrize("state", [SaleState.PAUSED, SaleState.DRAINING, SaleState.ABORTED])
async def test_nothing_is_claimed_from_a_sale_that_is_not_live(pod: Pod, state: SaleState) -> None:
    sale = await pod.on_sale(terms("B01", 1))
    await pod.moved(sale, state)
    with pytest.raises(SaleNotOpen):
        await pod.held(sale, "usr_a")


@pytest.mark.parametrize(("opens_in", "lasts"), [(60, 60), (-120, 60)])
async def test_nothing_is_claimed_outside_the_window(pod: Pod, opens_in: int, lasts: int) -> None:
    start = datetime.now(UTC) + timedelta(seconds=opens_in)
    sale = await pod.on_sale(terms("B01", 1, starts_at=start, ends_at=start + timedelta(seconds=lasts)))
    with pytest.raises(SaleNotOpen):
        await pod.held(sale, "usr_a")


async def test_an_unpaid_hold_goes_back_to_the_sale(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 3))
    held = await pod.held(sale, "usr_a")
    await pod.make_overdue(held.hold.order_id)
    assert (await pod.books(sale)).overdue_seconds > 0
    await expire_overdue(pod.deps)
    books = await pod.books(sale)
    assert books.sale.counters == Counters(allocated=3, free=3)
    assert books.conserved
    assert books.overdue_seconds == 0
    expired = (await pod.events(held.hold.order_id))[-1]
    assert (expired.type, expired.data["saleId"]) == ("inventory.expired.v1", sale)


async def test_an_unpaid_hold_of_an_aborted_sale_goes_back_to_general_stock(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 3))
    held = await pod.held(sale, "usr_a")
    await pod.moved(sale, SaleState.ABORTED)
    assert await pod.stock("B01") == Stock("B01", on_hand=3, available=2, reserved=1)
    await pod.make_overdue(held.hold.order_id)
    await expire_overdue(pod.deps)
    assert await pod.stock("B01") == Stock("B01", on_hand=3, available=3, reserved=0)
    books = await pod.books(sale)
    assert books.sale.counters == Counters(returned=3)
    assert books.conserved


async def test_a_hold_paid_after_the_abort_stays_sold(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 3))
    held = await pod.held(sale, "usr_a")
    await pod.moved(sale, SaleState.ABORTED)
    await pod.happens(AUTHORIZED, held.hold.order_id)
    books = await pod.books(sale)
    assert books.sale.counters == Counters(allocated=1, sold=1, returned=2)
    assert books.conserved


async def test_a_flash_sale_order_is_not_reserved_a_second_time(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 3))
    held = await pod.held(sale, "usr_a")
    before = await pod.stock("B01")
    await pod.happens("order.created.v1", held.hold.order_id, saleId=sale)
    assert await pod.stock("B01") == before


async def test_a_cancelled_flash_sale_order_frees_its_units_for_others(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 1))
    held = await pod.held(sale, "usr_a")
    await pod.happens("order.cancelled.v1", held.hold.order_id)
    assert (await pod.held(sale, "usr_b")).new


async def test_a_rehearsal_holds_shadows_and_makes_no_orders(pod: Pod) -> None:
    await pod.stocked("B01", 5)
    sale = await pod.on_sale(terms("B01", 5, rehearsal=True))
    held = await pod.held(sale, "usr_a")
    assert held.hold.lines[0].sku == f"REHEARSAL-{sale}"
    assert await pod.events(held.hold.order_id) == []
    assert (await pod.stock("B01")).available == 5
    await pod.make_overdue(held.hold.order_id)
    await expire_overdue(pod.deps)
    assert await pod.events(held.hold.order_id) == []
    assert (await pod.books(sale)).conserved
