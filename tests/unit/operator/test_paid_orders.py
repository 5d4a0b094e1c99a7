"""Whoever was told "paid" keeps the order: the sale watches it, tells it, and does not end well when it is broken."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from amazonlite_operator.flash_sale import metrics
from amazonlite_operator.shop.books import Books, Payments, books_of
from amazonlite_operator.shop.client import Step, Unreachable
from support.sale_world import PREWARM, SALE_ID, World, spec

NOTHING: dict[str, Any] = {"byState": {}, "units": {}}


async def live(**fields: Any) -> World:
    world = World(spec(**fields))
    await world.run(62)
    assert world.phase == "Live"
    return world


async def sold_out(world: World) -> None:
    world.inventory.claim(SALE_ID, 10)
    world.inventory.pay(SALE_ID, 10)
    await world.run(30)


def events(world: World, reason: str) -> list[dict[str, Any]]:
    return [e for place, e in world.cluster.objects.items() if "/events/" in place and e["reason"] == reason]


def evidence(world: World) -> tuple[dict[str, Any], str]:
    """The JSON and the Markdown."""
    name = world.status["evidence"]["configMap"]
    data = world.cluster.objects[f"/api/v1/namespaces/amazonlite/configmaps/{name}"]["data"]
    return json.loads(data["evidence.json"]), data["evidence.md"]


def message(world: World, kind: str) -> str:
    return str(next(c["message"] for c in world.status["conditions"] if c["type"] == kind))


async def test_before_the_stock_is_set_aside_nothing_is_known() -> None:
    world = World(spec(quantity=26))
    await world.run(1)
    assert world.condition("PaidOrdersKept") == ("Unknown", "NotAllocated")


async def test_payments_are_not_read_before_the_doors_open() -> None:
    world = World(spec())
    await world.run(1)
    assert world.condition("PaidOrdersKept") == ("Unknown", "PaymentsNotRead")


async def test_a_live_sale_reads_its_books_all_the_time() -> None:
    world = await live()
    world.inventory.claim(SALE_ID, 3)
    world.inventory.pay(SALE_ID, 3)
    await world.run(8)
    assert world.condition("PaidOrdersKept") == ("True", "PaidOrdersKept")
    assert world.status["books"]["unitsOrdered"] == world.status["books"]["payments"]["captured"] == 3


@pytest.mark.parametrize("asked", ["paused", "held"])
async def test_a_loss_is_seen_while_the_sale_is_paused_or_draining(asked: str) -> None:
    world = await live()
    if asked == "paused":
        world.change_spec(paused=True)
    else:
        world.inventory.claim(SALE_ID, 3)
        await world.run(650)
    await world.run(5)
    world.books.paid_orders_lost = 1
    await world.run(12)
    assert world.phase == ("Paused" if asked == "paused" else "Draining")
    assert world.condition("PaidOrdersKept") == ("False", "PaidOrdersLost")


async def test_a_loss_is_told_with_its_number_and_what_to_do() -> None:
    world = await live()
    world.books.paid_orders_lost = 2
    await world.run(8)
    assert world.condition("PaidOrdersKept") == ("False", "PaidOrdersLost")
    assert message(world, "PaidOrdersKept").startswith("2 lost. ")
    assert "docs/operator.md" in message(world, "PaidOrdersKept")


async def test_one_warning_for_each_number_also_after_a_restart() -> None:
    world = await live()
    for lost in (2, 3):
        world.books.paid_orders_lost = lost
        await world.run(12)
        world.start()
        await world.run(12)
    told = events(world, "PaidOrdersLost")
    assert [(e["type"], e["note"][:7]) for e in told] == [("Warning", "2 lost."), ("Warning", "3 lost.")]


async def test_what_was_read_last_stays_while_nobody_answers() -> None:
    world = await live()
    world.books.paid_orders_lost = 1
    await world.run(8)
    world.books.up = False
    world.start()
    await world.run(20)
    assert world.status["books"]["paidOrdersLost"] == 1
    assert world.condition("PaidOrdersKept") == ("False", "PaidOrdersLost")


async def test_payments_that_never_answered_leave_it_unknown_and_the_sale_goes_on() -> None:
    world = World(spec())
    world.books.up = False
    await world.run(80)
    assert world.condition("PaidOrdersKept") == ("Unknown", "PaymentsNotRead")
    assert (world.phase, world.sale.state) == ("Live", "LIVE")


async def test_payments_that_hang_do_not_delay_an_abort(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await live()
    world.inventory.claim(SALE_ID, 1)  # held, so that the sale is not settled yet

    async def hang(sale_id: str) -> Books:
        await asyncio.Event().wait()
        raise AssertionError(sale_id)

    monkeypatch.setattr(world.books, "books", hang)
    await world.run(12)
    world.change_spec(abort=True)
    async with asyncio.timeout(5):
        await world.run(1)
    assert world.sale.state == "ABORTED"


async def test_replicas_go_back_before_anybody_waits_for_the_books(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await live(prewarm=PREWARM)
    floors: list[int] = []

    async def books(sale_id: str) -> Books:
        if world.status.get("settlement"):
            floors.append(world.deployment()["spec"]["replicas"])
        return books_of(world.books.orders(sale_id), world.books.payments(sale_id))

    monkeypatch.setattr(world.books, "books", books)
    await sold_out(world)
    assert world.phase == "Settled"
    assert set(floors) == {2}


async def test_a_sale_that_lost_a_paid_order_fails_however_well_its_books_agree() -> None:
    world = await live()
    world.books.paid_orders_lost = 1
    await sold_out(world)
    assert world.phase == "Failed"
    for kind, status in {"Ready": "False", "Stalled": "True", "Settled": "False"}.items():
        assert world.condition(kind) == (status, "PaidOrdersLost")
    assert "paid orders lost: 1" in world.status["outcome"]["message"]
    assert world.resource is not None and world.resource["metadata"]["finalizers"] == []


async def test_a_loss_waits_for_the_orders_under_way_before_it_is_final() -> None:
    world = await live()
    world.books.paid_orders_lost, world.books.orders_in_flight = 1, 1
    await sold_out(world)
    assert world.condition("Settled") == ("False", "AwaitingBooks")
    await world.run(60)
    assert world.condition("Settled") == ("False", "PaidOrdersLost")


async def test_an_aborted_sale_keeps_paid_orders_too_or_fails() -> None:
    world = await live()
    world.books.paid_orders_lost = 1
    world.change_spec(abort=True)
    await world.run(10)
    assert (world.phase, world.condition("Settled")[1]) == ("Failed", "PaidOrdersLost")


async def test_the_evidence_says_what_was_sold_captured_voided_and_lost() -> None:
    world = await live()
    world.books.voided = 4
    await sold_out(world)
    assert world.phase == "Settled"
    facts, page = evidence(world)
    assert facts["paidOrdersLost"] == 0
    assert facts["outcome"]["books"]["payments"] == {
        "captured": 10,
        "authorized": 0,
        "voided": 4,
        "failed": 0,
        "cancelled": 0,
    }
    assert facts["outcome"]["books"]["ordersConfirmed"] == facts["stock"]["sold"] == 10
    assert "| paid orders lost | 0 |" in page
    assert "| voided | 4 | the customer cancelled" in page
    assert "4 voided" in facts["outcome"]["message"]


async def test_the_evidence_of_a_loss_names_it() -> None:
    world = await live()
    world.books.paid_orders_lost = 3
    await sold_out(world)
    facts, page = evidence(world)
    assert facts["paidOrdersLost"] == 3
    assert "| paid orders lost | 3 |" in page
    assert "PaidOrdersLost" in page


async def test_the_number_is_exported_for_each_sale_and_forgotten_with_it() -> None:
    world = await live()
    world.books.paid_orders_lost = 2
    await world.run(8)
    assert [(s.labels, s.value) for s in exported()] == [({"namespace": "amazonlite", "name": "sale"}, 2)]
    metrics.drop("amazonlite", "sale")
    metrics.drop("amazonlite", "never-seen")
    assert exported() == []


def exported() -> list[Any]:
    return [sample for metric in metrics.PAID_ORDERS_LOST.collect() for sample in metric.samples]


async def test_a_deletion_waits_for_payments_says_so_and_goes_on_by_itself() -> None:
    world = await live(prewarm=PREWARM)
    world.inventory.claim(SALE_ID, 5)
    world.inventory.authorize(SALE_ID, 2)
    world.inventory.payments_up = False
    await world.delete()
    await world.run(10)
    assert world.condition("Ready") == ("False", "PaymentsUnavailable")
    assert world.condition("Reconciling") == ("True", "PaymentsUnavailable")
    assert "paid orders are not given up; 5 units stay held" in message(world, "Ready")
    assert [e["type"] for e in events(world, "PaymentsUnavailable")] == ["Warning"]
    assert world.deployment()["spec"]["replicas"] == 2
    assert world.sale.state == "ABORTED"
    world.inventory.payments_up = True
    await world.run(5)
    assert world.resource is None
    assert (world.sale.stock.sold, world.inventory.stock["SKU1"]) == (2, 23)


async def test_a_deletion_that_inventory_does_not_answer_in_time_is_repeated_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = await live()
    world.inventory.claim(SALE_ID, 5)
    with monkeypatch.context() as patched:

        async def too_slow(sale_id: str, step: Step) -> None:
            raise Unreachable(f"{sale_id} {step.key}: no answer in 4 s")

        patched.setattr(world.inventory, "delete", too_slow)
        await world.delete()
        assert await world.settle_down() == 2.0
        assert world.condition("Ready") == ("False", "HoldsOutstanding")
        assert message(world, "Ready").startswith("5 units are held")
    await world.run(3)
    assert world.resource is None


async def test_an_aborted_sale_is_deleted_without_waiting_for_its_holds_to_expire() -> None:
    world = await live()
    world.inventory.claim(SALE_ID, 5)
    world.change_spec(abort=True)
    await world.run(3)
    await world.delete()
    await world.run(3)
    assert world.resource is None
    assert world.inventory.stock["SKU1"] == 25


def test_a_payment_service_that_does_not_count_losses_yet_has_none() -> None:
    assert books_of(NOTHING, {"byState": {}}) == Books()


def test_books_are_read_from_both_summaries() -> None:
    def summed(count: int) -> dict[str, Any]:
        return {"count": count, "amount": {"amount": count * 500, "currency": "EUR"}}

    orders = {
        "byState": {"CONFIRMED": 2, "COMPLETED": 1, "AUTHORIZED": 1, "CANCELLED": 4},
        "units": {"CONFIRMED": 3, "COMPLETED": 1, "AUTHORIZED": 1},
    }
    states = {"CAPTURED": 2, "AUTHORIZED": 1, "VOIDED": 4, "FAILED": 5, "CANCELLED": 6, "PROCESSING": 7}
    payments = {"byState": {state: summed(count) for state, count in states.items()}, "paidOrdersLost": 1}
    assert books_of(orders, payments) == Books(
        units_ordered=4,
        orders_confirmed=3,
        orders_in_flight=1,
        amount_paid=1500,
        payments_in_flight=7,
        payments=Payments(captured=2, authorized=1, voided=4, failed=5, cancelled=6),
        paid_orders_lost=1,
    )
