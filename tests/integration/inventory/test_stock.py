"""General stock: set, reserved, confirmed, released, expired; every effect booked once, whatever comes twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from amazonlite.common.core.clock import iso
from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.ids import new_id
from amazonlite.common.data.unit_of_work import in_transaction
from amazonlite.inventory import read
from amazonlite.inventory.reservations.expire import expire_overdue
from amazonlite.inventory.stock.adjust import set_on_hand
from amazonlite.inventory.stock.domain import BelowReserved, EntryKind, Stock, UnknownSku, balance
from support.inventory import Pod

CREATED, AUTHORIZED = "order.created.v1", "payment.authorized.v1"


def placed(quantity: int, sku: str = "B01", seconds: float = 600) -> dict[str, Any]:
    line = {"sku": sku, "quantity": quantity, "unitPrice": {"amount": 1, "currency": "USD"}}
    return {"lines": [line], "payBefore": iso(datetime.now(UTC) + timedelta(seconds=seconds))}


async def reserved(pod: Pod, quantity: int = 3) -> str:
    order_id = new_id("ord")
    await pod.stocked("B01", 10)
    await pod.happens(CREATED, order_id, **placed(quantity))
    return order_id


async def assert_booked(pod: Pod, sku: str = "B01") -> None:
    stock, totals = await read.get_ledger(pod.deps, sku)
    told = balance(totals)
    assert (told.on_hand, told.available, told.reserved) == (stock.on_hand, stock.available, stock.reserved)


async def test_a_created_order_reserves_its_units_once(pod: Pod) -> None:
    order_id = await reserved(pod)
    assert await pod.stock("B01") == Stock("B01", on_hand=10, available=7, reserved=3)
    assert await pod.kinds(order_id) == ["inventory.reserved.v1"]
    await assert_booked(pod)


async def test_lines_of_one_sku_are_reserved_together(pod: Pod) -> None:
    await pod.stocked("B01", 10)
    order = placed(3)
    order["lines"] = [*order["lines"], *order["lines"]]
    await pod.happens(CREATED, new_id("ord"), **order)
    assert (await pod.stock("B01")).reserved == 6


@pytest.mark.parametrize(("sku", "reason"), [("B01", "insufficient_stock"), ("NONE", "unknown_sku")])
async def test_an_order_that_cannot_be_reserved_is_rejected_for_good(pod: Pod, sku: str, reason: str) -> None:
    await pod.stocked("B01", 2)
    order_id = new_id("ord")
    await pod.happens(CREATED, order_id, **placed(3, sku))
    await pod.stocked("B01", 50)
    await pod.happens(CREATED, order_id, **placed(3, sku))
    [rejected] = await pod.events(order_id)
    assert (rejected.type, rejected.data["reason"], rejected.data["sku"]) == ("inventory.rejected.v1", reason, sku)
    assert (await pod.stock("B01")).reserved == 0


async def test_an_authorized_order_takes_its_units_away(pod: Pod) -> None:
    order_id = await reserved(pod)
    await pod.happens(AUTHORIZED, order_id)
    await pod.happens(AUTHORIZED, order_id)
    assert await pod.stock("B01") == Stock("B01", on_hand=7, available=7, reserved=0)
    assert await pod.kinds(order_id) == ["inventory.reserved.v1", "inventory.confirmed.v1"]
    await assert_booked(pod)


@pytest.mark.parametrize("ended", ["order.cancelled.v1", "order.timed-out.v1"])
async def test_an_ended_order_gives_its_units_back(pod: Pod, ended: str) -> None:
    order_id = await reserved(pod)
    await pod.happens(ended, order_id)
    await pod.happens(ended, order_id)
    assert await pod.stock("B01") == Stock("B01", on_hand=10, available=10, reserved=0)
    await assert_booked(pod)


async def test_an_order_cancelled_before_it_was_created_never_reserves(pod: Pod) -> None:
    await pod.stocked("B01", 10)
    order_id = new_id("ord")
    await pod.happens("order.cancelled.v1", order_id)
    await pod.happens(CREATED, order_id, **placed(3))
    assert (await pod.stock("B01")).reserved == 0
    assert await pod.kinds(order_id) == []


@pytest.mark.parametrize("end", ["order.cancelled.v1", "order.timed-out.v1"])
async def test_goods_sold_to_an_order_that_is_over_are_free_again(pod: Pod, end: str) -> None:
    order_id = await reserved(pod)
    await pod.happens(AUTHORIZED, order_id)
    assert (await pod.stock("B01")).on_hand == 7
    await pod.happens(end, order_id)
    stock, totals = await read.get_ledger(pod.deps, "B01")
    assert stock == Stock("B01", 10, 10, 0)
    assert totals[EntryKind.RESTOCK] == 3


async def test_an_overdue_order_that_is_paid_is_confirmed(pod: Pod) -> None:
    """The news of the payment is late, or never comes."""
    order_id = await reserved(pod)
    pod.payments.paid[order_id] = "pay_1"
    await pod.make_overdue(order_id)
    assert await expire_overdue(pod.deps) == 1
    last = (await pod.events(order_id))[-1]
    assert (last.type, last.data["paymentId"]) == ("inventory.confirmed.v1", "pay_1")
    await pod.happens(AUTHORIZED, order_id)
    assert (await pod.kinds(order_id)).count("inventory.confirmed.v1") == 1
    assert (await pod.stock("B01")).on_hand == 7


async def test_nothing_goes_back_while_payment_does_not_answer(pod: Pod) -> None:
    order_id = await reserved(pod)
    await pod.make_overdue(order_id)
    pod.payments.away = True
    with pytest.raises(Unavailable):
        await expire_overdue(pod.deps)
    assert (await pod.stock("B01")).reserved == 3
    pod.payments.away = False
    assert await expire_overdue(pod.deps) == 1
    assert (await pod.stock("B01")).reserved == 0
    assert pod.payments.closed == {order_id}


@pytest.mark.parametrize(("end", "reason"), [("release", "reservation_released"), ("expire", "reservation_expired")])
async def test_a_confirmation_that_comes_too_late_is_rejected(pod: Pod, end: str, reason: str) -> None:
    order_id = await reserved(pod)
    if end == "release":
        await pod.happens("order.cancelled.v1", order_id)
    else:
        await pod.make_overdue(order_id)
        assert await expire_overdue(pod.deps) == 1
    await pod.happens(AUTHORIZED, order_id)
    last = (await pod.events(order_id))[-1]
    assert (last.type, last.data["reason"]) == ("inventory.confirmation-rejected.v1", reason)


async def test_the_confirmation_of_an_unknown_order_is_rejected(pod: Pod) -> None:
    order_id = new_id("ord")
    await pod.happens(AUTHORIZED, order_id)
    assert (await pod.events(order_id))[-1].data["reason"] == "reservation_not_found"


async def test_an_overdue_reservation_goes_back_and_says_so_once(pod: Pod) -> None:
    order_id = await reserved(pod)
    assert await expire_overdue(pod.deps) == 0
    await pod.make_overdue(order_id)
    assert await expire_overdue(pod.deps) == 1
    assert await expire_overdue(pod.deps) == 0
    assert await pod.stock("B01") == Stock("B01", on_hand=10, available=10, reserved=0)
    expired = (await pod.events(order_id))[-1]
    assert expired.type == "inventory.expired.v1"
    assert set(expired.data) == {"orderId", "reservationId"}


async def test_reserved_units_cannot_be_counted_away(pod: Pod) -> None:
    await reserved(pod, 3)
    with pytest.raises(BelowReserved):
        await pod.stocked("B01", 2)
    await pod.stocked("B01", 3)
    assert await pod.stock("B01") == Stock("B01", on_hand=3, available=0, reserved=3)
    await assert_booked(pod)


async def test_many_skus_are_set_all_or_none(pod: Pod) -> None:
    await reserved(pod, 3)
    with pytest.raises(BelowReserved):
        await in_transaction(pod.deps.transactions, lambda uow: set_on_hand(pod.deps, uow, {"A": 5, "B01": 1}))
    with pytest.raises(UnknownSku):
        await pod.stock("A")


@pytest.mark.parametrize("change", ["UPDATE ledger SET quantity = 0", "DELETE FROM ledger"])
async def test_the_ledger_cannot_be_changed(pod: Pod, change: str) -> None:
    await pod.stocked("B01", 1)
    with pytest.raises(DBAPIError, match="append-only"):
        await pod.ask(change)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE stock SET available = available + 1",
        "UPDATE stock SET available = -1, on_hand = reserved - 1",
        "UPDATE stock SET on_hand = on_hand + 1",
    ],
)
async def test_the_database_itself_refuses_stock_that_does_not_add_up(pod: Pod, change: str) -> None:
    await pod.stocked("B01", 1)
    with pytest.raises(DBAPIError):
        await pod.ask(change)
