"""A hold is paid, cancelled and expired at the same moment, on two pods: exactly one wins, and the books add up."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from amazonlite.inventory.flash_sale.domain import SaleState
from amazonlite.inventory.flash_sale.remove import remove
from amazonlite.inventory.reservations.domain import ReservationState
from amazonlite.inventory.reservations.expire import expire_overdue
from support.inventory import Pod, terms, together

HOLDS = 60
DECIDED = {"inventory.confirmed.v1", "inventory.confirmation-rejected.v1"}


async def overdue_holds(pod: Pod) -> tuple[str, list[str]]:
    sale = await pod.on_sale(terms("B01", HOLDS))
    held = await together(pod.held(sale, f"usr_{number}") for number in range(HOLDS))
    orders = [one.hold.order_id for one in held]
    await pod.make_overdue(*orders)
    return sale, orders


async def swept(pod: Pod) -> None:
    await expire_overdue(pod.deps)


async def test_expiry_against_payment(two_pods: list[Pod]) -> None:
    one, other = two_pods
    sale, orders = await overdue_holds(one)
    payments = [one.happens("payment.authorized.v1", order) for order in orders]
    await together([*payments, swept(one), swept(other)])
    states: Counter[str] = Counter()
    for order in orders:
        kinds = await one.kinds(order)
        [decision] = DECIDED & set(kinds)
        expired = "inventory.expired.v1" in kinds
        assert expired == (decision == "inventory.confirmation-rejected.v1"), kinds
        assert kinds.count("inventory.expired.v1") <= 1
        states[decision] += 1
    books = await one.books(sale)
    assert books.conserved
    assert books.sale.counters.held == 0
    assert books.units.get(ReservationState.CONFIRMED, 0) == states["inventory.confirmed.v1"]


async def test_two_sweeps_expire_each_hold_once(two_pods: list[Pod]) -> None:
    sale, _ = await overdue_holds(two_pods[0])
    ended = await together(expire_overdue(pod.deps) for pod in two_pods * 3)
    assert sum(ended) == HOLDS
    [(events,)] = await two_pods[0].ask("SELECT COUNT(*) FROM outbox WHERE topic = 'inventory.expired.v1'")
    assert events == HOLDS
    assert (await two_pods[0].books(sale)).sale.counters.free == HOLDS


@pytest.mark.parametrize("rest_is", ["removed", "aborted"])
async def test_the_end_of_a_sale_against_claims_payments_and_expiry(two_pods: list[Pod], rest_is: str) -> None:
    one, other = two_pods
    sale, orders = await overdue_holds(one)
    paying = [one.happens("payment.authorized.v1", order) for order in orders[: HOLDS // 2]]
    claiming = [other.held(sale, f"late_{number}") for number in range(30)]
    ending = remove(one.sale_deps, sale, one.step()) if rest_is == "removed" else one.moved(sale, SaleState.ABORTED)
    await asyncio.gather(*paying, *claiming, ending, expire_overdue(other.deps), return_exceptions=True)
    await remove(other.sale_deps, sale, other.step())
    books = await one.books(sale)
    counters = books.sale.counters
    assert books.conserved
    assert (counters.free, counters.held) == (0, 0)
    assert counters.allocated == counters.sold
    stock = await one.stock("B01")
    assert (stock.on_hand, stock.reserved) == (HOLDS - counters.sold, 0)


async def test_a_reservation_and_its_cancellation_at_once_leave_nothing_reserved(two_pods: list[Pod]) -> None:
    one, other = two_pods
    await one.stocked("B01", 100)
    orders = [f"ord_{number}" for number in range(40)]
    created = [one.happens("order.created.v1", order) for order in orders]
    await together([*created, *(other.happens("order.cancelled.v1", order) for order in orders)])
    assert (await one.stock("B01")).reserved == 0
