"""What inventory, orders and payments promise the operator about a sale; held by the real services and by their fakes.

A module that imports all of this one provides the fixture `shop`.
"""

from __future__ import annotations

from typing import Any

import pytest

from contract.sale_under_test import PATHS, PRICE, Sale, Shop, assert_problem, body_of, step, units

WAYS = {
    "SCHEDULED": {"QUEUEING", "LIVE", "DRAINING", "ABORTED"},
    "QUEUEING": {"LIVE", "PAUSED", "DRAINING", "ABORTED"},
    "LIVE": {"PAUSED", "DRAINING", "ABORTED"},
    "PAUSED": {"QUEUEING", "LIVE", "DRAINING", "ABORTED"},
    "DRAINING": {"ABORTED"},
    "SETTLED": set[str](),
    "ABORTED": set[str](),
}
ASKED = ("QUEUEING", "LIVE", "PAUSED", "DRAINING", "ABORTED")


@pytest.fixture
def sale(shop: Shop) -> Sale:
    return Sale(shop)


# allocation


async def test_a_sale_nobody_has_heard_of(sale: Sale) -> None:
    for answer in (await sale.look(), await sale.move("LIVE"), await sale.admit(1, 1), await sale.settle()):
        assert_problem(answer, 404, "sale_not_found")


async def test_allocation_sets_the_units_aside(sale: Sale) -> None:
    await sale.shop.put_in_stock(sale.sku, 25)
    body = body_of(await sale.allocate())
    assert (body["id"], body["sku"], body["state"], body["settled"]) == (sale.id, sale.sku, "SCHEDULED", False)
    assert body["stock"] == {"allocated": 10, "free": 10, "held": 0, "sold": 0, "returned": 0}
    assert body["ledger"]["ALLOCATE"] == 10
    assert body == body_of(await sale.look())
    assert await sale.shop.available(sale.sku) == 15


async def test_allocating_again_changes_nothing(sale: Sale) -> None:
    await sale.in_state("LIVE")
    await sale.shop.hold(sale.id, 1)
    assert body_of(await sale.allocate())["state"] == "LIVE"
    assert units(await sale.look()) == (9, 1, 0, 0)
    assert await sale.shop.available(sale.sku) == 15


@pytest.mark.parametrize(
    "changed",
    [
        {"quantity": 9},
        {"perCustomerLimit": 2},
        {"holdTtlSeconds": 601},
        {"unitPrice": {"amount": 998, "currency": "USD"}},
        {"admission": {"maxActive": 99, "ratePerSecond": 100, "order": "Fifo", "preQueueSeconds": 30}},
        {"rehearsal": True},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_terms_are_fixed(sale: Sale, changed: dict[str, Any]) -> None:
    await sale.in_state("SCHEDULED")
    assert_problem(await sale.allocate(**changed), 409, "sale_differs")
    assert await sale.shop.available(sale.sku) == 15


@pytest.mark.parametrize("rehearsal", [False, True])
async def test_an_unknown_sku(sale: Sale, rehearsal: bool) -> None:
    assert_problem(await sale.allocate(rehearsal=rehearsal), 404, "unknown_sku")
    assert_problem(await sale.look(), 404, "sale_not_found")


async def test_too_little_stock_until_it_arrives(sale: Sale) -> None:
    await sale.shop.put_in_stock(sale.sku, 9)
    assert_problem(await sale.allocate(), 409, "insufficient_stock")
    assert_problem(await sale.look(), 404, "sale_not_found")
    await sale.shop.put_in_stock(sale.sku, 10)
    assert units(await sale.allocate()) == (10, 0, 0, 0)


async def test_a_sku_is_in_one_sale_at_a_time(sale: Sale) -> None:
    await sale.in_state("LIVE")
    other = Sale(sale.shop, sku=sale.sku)
    assert_problem(await other.allocate(), 409, "sku_on_sale")
    body_of(await sale.move("ABORTED"))
    assert units(await other.allocate()) == (10, 0, 0, 0)


async def test_a_rehearsal_sells_a_shadow_beside_the_sale(sale: Sale) -> None:
    await sale.in_state("SCHEDULED")
    shadow = Sale(sale.shop, id=f"{sale.id}r", sku=sale.sku)
    body = body_of(await shadow.allocate(rehearsal=True))
    assert (body["sku"], body["stock"]["free"]) == (f"REHEARSAL-{shadow.id}", 10)
    assert await sale.shop.available(sale.sku) == 15
    body_of(await shadow.move("LIVE"))
    await sale.shop.hold(shadow.id, 2)
    assert units(await shadow.delete()) == (0, 0, 0, 10)
    assert await sale.shop.available(body["sku"]) == 0
    assert await sale.shop.available(sale.sku) == 15


async def test_a_sale_of_nothing_is_not_a_request(sale: Sale) -> None:
    await sale.shop.put_in_stock(sale.sku, 25)
    assert_problem(await sale.allocate(quantity=0), 422, "invalid_request")


# states and admission


@pytest.mark.parametrize("state", PATHS)
async def test_the_ways_between_states(shop: Shop, state: str) -> None:
    for asked in ASKED:
        sale = await Sale(shop).in_state(state)
        answer = await sale.move(asked)
        if asked == state or asked in WAYS[state]:
            assert body_of(answer)["state"] == asked
        else:
            assert_problem(answer, 409, "illegal_transition")
            assert body_of(await sale.look())["state"] == state


async def test_a_settled_sale_goes_nowhere(sale: Sale) -> None:
    await sale.in_state("DRAINING")
    body_of(await sale.settle())
    for asked in ASKED:
        assert_problem(await sale.move(asked), 409, "illegal_transition")


@pytest.mark.parametrize("state", ["SCHEDULED", "SETTLED", "SELLING"])
async def test_what_cannot_be_asked_for(sale: Sale, state: str) -> None:
    await sale.in_state("DRAINING")
    assert_problem(await sale.move(state), 422, "invalid_request")


async def test_an_abort_gives_back_what_is_free_and_keeps_what_is_held(sale: Sale) -> None:
    await sale.in_state("LIVE")
    await sale.shop.hold(sale.id, 3)
    assert units(await sale.move("ABORTED")) == (0, 3, 0, 7)
    assert await sale.shop.available(sale.sku) == 22
    await sale.shop.buy(sale.id)
    assert units(await sale.look()) == (0, 0, 3, 7)


async def test_admission_changes_while_the_sale_is_on(sale: Sale) -> None:
    await sale.in_state("LIVE")
    assert body_of(await sale.admit(5, 2))["state"] == "LIVE"
    assert body_of(await sale.admit(5, 2))["state"] == "LIVE"
    assert body_of(await sale.allocate())["state"] == "LIVE"  # the terms were others than the admission is


@pytest.mark.parametrize(("max_active", "rate"), [(0, 1), (1, 0)])
async def test_nobody_admitted_is_not_a_request(sale: Sale, max_active: int, rate: int) -> None:
    await sale.in_state("LIVE")
    assert_problem(await sale.admit(max_active, rate), 422, "invalid_request")


# steps


async def test_a_replaced_operator_changes_nothing(sale: Sale) -> None:
    await sale.in_state("LIVE")
    before = body_of(await sale.move("PAUSED", fence=7))
    for late in (
        await sale.allocate(fence=6),
        await sale.move("LIVE", fence=6),
        await sale.admit(1, 1, fence=6),
        await sale.settle(fence=6),
        await sale.delete(fence=6),
    ):
        assert assert_problem(late, 409, "stale_fence")["fence"] == 7
    assert body_of(await sale.look()) == before
    assert body_of(await sale.move("LIVE", fence=7))["fence"] == 7


async def test_the_last_step_and_its_fence_are_shown(sale: Sale) -> None:
    await sale.in_state("SCHEDULED")
    key = {"Idempotency-Key": "uid:open", "X-Fencing-Token": "3"}
    body = body_of(await sale.shop.call("POST", f"{sale.path}/state", {"state": "LIVE"}, headers=key))
    assert (body["lastStep"], body["fence"]) == ("uid:open", 3)


async def test_a_fence_is_a_sale_s_own(sale: Sale) -> None:
    await sale.in_state("LIVE")
    body_of(await sale.move("PAUSED", fence=9))
    other = await Sale(sale.shop).in_state("LIVE")
    assert body_of(await other.move("PAUSED", fence=1))["fence"] == 1


@pytest.mark.parametrize("missing", ["Idempotency-Key", "X-Fencing-Token"])
async def test_a_step_without_its_key_or_fence_is_not_a_request(sale: Sale, missing: str) -> None:
    await sale.in_state("LIVE")
    headers = {name: value for name, value in step(1).items() if name != missing}
    answer = await sale.shop.call("POST", f"{sale.path}/state", {"state": "PAUSED"}, headers=headers)
    assert_problem(answer, 422, "invalid_request")


async def test_strangers_are_told_nothing(sale: Sale) -> None:
    await sale.in_state("LIVE")
    for method, path in (("GET", sale.path), ("GET", f"/internal/orders?saleId={sale.id}")):
        assert (await sale.shop.call(method, path, headers={"Authorization": ""})).status == 401


# the end


@pytest.mark.parametrize("state", ["SCHEDULED", "QUEUEING", "LIVE", "PAUSED"])
async def test_what_is_on_cannot_be_settled(sale: Sale, state: str) -> None:
    await sale.in_state(state)
    assert_problem(await sale.settle(), 409, "illegal_transition")


async def test_settling_waits_for_holds_and_reports_the_same_again(sale: Sale) -> None:
    await sale.in_state("LIVE")
    await sale.shop.hold(sale.id, 4)
    body_of(await sale.move("DRAINING"))
    assert_problem(await sale.settle(), 409, "holds_outstanding")
    await sale.shop.buy(sale.id)
    first, again = body_of(await sale.settle()), body_of(await sale.settle())
    assert (first["state"], first["settled"]) == ("SETTLED", True)
    assert first["stock"] == {"allocated": 4, "free": 0, "held": 0, "sold": 4, "returned": 6}
    assert again == first | {"lastStep": again["lastStep"]}
    assert await sale.shop.available(sale.sku) == 21


async def test_an_aborted_sale_settles_as_aborted(sale: Sale) -> None:
    await sale.in_state("ABORTED")
    body = body_of(await sale.settle())
    assert (body["state"], body["settled"], body["stock"]["returned"]) == ("ABORTED", True, 10)


async def test_deleting_ends_unpaid_holds_keeps_paid_ones_and_can_be_repeated(sale: Sale) -> None:
    await sale.in_state("LIVE")
    await sale.shop.hold(sale.id, 2)
    await sale.shop.buy(sale.id)
    await sale.shop.hold(sale.id, 3)
    for _ in range(2):
        answer = await sale.delete()
        assert units(answer) == (0, 0, 2, 8)
        assert (answer.json()["state"], answer.json()["settled"]) == ("ABORTED", True)
    assert await sale.shop.available(sale.sku) == 23


async def test_deleting_keeps_what_only_payment_knows_to_be_paid(sale: Sale) -> None:
    await sale.in_state("LIVE")
    await sale.shop.hold(sale.id, 3)
    await sale.shop.authorize(sale.id)
    await sale.shop.hold(sale.id, 4)
    assert units(await sale.delete()) == (0, 0, 3, 7)
    assert (await sale.payments())["paidOrdersLost"] == 0


async def test_while_payment_is_away_a_deletion_stops_claims_and_gives_nothing_up(sale: Sale) -> None:
    await sale.in_state("LIVE")
    await sale.shop.hold(sale.id, 3)
    await sale.shop.authorize(sale.id)
    sale.shop.set_payments(up=False)
    for _ in range(2):
        assert assert_problem(await sale.delete(), 503, "service_unavailable")["service"] == "payment"
        body = body_of(await sale.look())
        assert (body["state"], body["settled"], body["stock"]["held"]) == ("ABORTED", False, 3)
    sale.shop.set_payments(up=True)
    assert units(await sale.delete()) == (0, 0, 3, 7)


async def test_a_sale_deleted_before_it_was_allocated_never_takes_stock(sale: Sale) -> None:
    await sale.shop.put_in_stock(sale.sku, 25)
    for _ in range(2):
        body = body_of(await sale.delete())
        assert (body["state"], body["settled"], body["stock"]["allocated"]) == ("ABORTED", True, 0)
    assert_problem(await sale.allocate(), 409, "illegal_transition")
    assert await sale.shop.available(sale.sku) == 25


async def test_deleting_a_settled_sale_leaves_it_settled(sale: Sale) -> None:
    await sale.in_state("DRAINING")
    body_of(await sale.settle())
    assert body_of(await sale.delete())["state"] == "SETTLED"
    assert await sale.shop.available(sale.sku) == 25


# orders and payments


async def test_the_summaries_of_a_sale_that_sold_nothing(sale: Sale) -> None:
    assert await sale.orders() == {"saleId": sale.id, "byState": {}, "units": {}, "total": 0}
    assert await sale.payments() == {"saleId": sale.id, "byState": {}, "paidOrdersLost": 0}


async def test_the_summaries_of_what_was_bought(sale: Sale) -> None:
    await sale.in_state("LIVE")
    await sale.shop.hold(sale.id, 3)
    await sale.shop.buy(sale.id)
    confirmed = {"CONFIRMED": 3}
    assert await sale.orders() == {"saleId": sale.id, "byState": confirmed, "units": confirmed, "total": 3}
    captured = {"count": 3, "amount": {"amount": 3 * PRICE["amount"], "currency": "USD"}}
    assert await sale.payments() == {"saleId": sale.id, "byState": {"CAPTURED": captured}, "paidOrdersLost": 0}


async def test_a_summary_of_no_sale_is_not_a_request(shop: Shop) -> None:
    assert_problem(await shop.call("GET", "/internal/orders"), 422, "invalid_request")
    assert_problem(await shop.call("POST", "/internal/payments/summary", {}), 422, "invalid_request")
