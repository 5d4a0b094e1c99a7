"""Staff change stock by so many units with a reason, or by a count compared with what was there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from amazonlite.common.core.ids import new_id
from amazonlite.common.data.unit_of_work import in_transaction
from amazonlite.common.http.app import create_app
from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.common.testing.asgi import Answer, AsgiClient, asgi_client
from amazonlite.common.testing.builders import bearer
from amazonlite.common.testing.fakes import FakeJwks, mint_token
from amazonlite.inventory import api
from amazonlite.inventory.adjust import change_by
from amazonlite.inventory.domain import Reason, Stock
from support.inventory import Pod

STAFF = bearer(mint_token("svc_load", ["staff:stock", "reservations:make", "ledger:read"], kind="service"))
URL = "/api/inventory/B01"


@pytest.fixture
async def client(pod: Pod) -> AsyncIterator[AsgiClient]:
    app = create_app("inventory", routers=[api.shop, api.internal])
    app.state.desk, app.state.verifier = pod.desk, TokenVerifier(FakeJwks())
    async with asgi_client(app) as client:
        yield client


async def counted(client: AsgiClient, on_hand: int, tag: str = "") -> Answer:
    return await client.put(URL, {"onHand": on_hand}, headers={**STAFF, **({"If-Match": tag} if tag else {})})


async def adjusted(client: AsgiClient, units: object, reason: str = "received", key: str = "") -> Answer:
    headers = {**STAFF, "Idempotency-Key": key or new_id("key")}
    return await client.post(f"{URL}/adjustments", {"units": units, "reason": reason}, headers=headers)


async def sell(client: AsgiClient, pod: Pod, quantity: int) -> None:
    order = new_id("ord")
    wanted = {"orderId": order, "lines": [{"sku": "B01", "quantity": quantity}], "ttlSeconds": 60}
    assert (await client.post("/internal/reservations", wanted, headers=STAFF)).status == 201
    await pod.happens("payment.authorized.v1", order)


async def test_a_count_taken_before_a_sale_brings_no_sold_unit_back(client: AsgiClient, pod: Pod) -> None:
    await counted(client, 10)
    tag = (await client.get(URL)).headers["etag"]
    await sell(client, pod, 3)

    stale = await counted(client, 10, tag)
    assert (stale.status, stale.json()["code"]) == (412, "stock_changed")
    assert await pod.stock("B01") == Stock("B01", on_hand=7, available=7, reserved=0)
    recounted = await counted(client, 6, stale.headers["etag"])
    assert (recounted.status, recounted.json()["onHand"]) == (200, 6)


async def test_a_count_without_a_comparison_is_only_for_what_is_new(client: AsgiClient, pod: Pod) -> None:
    assert (await counted(client, 2)).status == 200
    await sell(client, pod, 2)
    refused = await counted(client, 2)
    assert (refused.status, refused.json()["code"]) == (428, "precondition_required")
    assert (await pod.stock("B01")).on_hand == 0


async def test_the_same_count_again_is_the_same_answer(client: AsgiClient) -> None:
    await counted(client, 10)
    tag = (await client.get(URL)).headers["etag"]
    first, again = await counted(client, 8, tag), await counted(client, 8, tag)
    assert (first.status, again.status, first.json()) == (200, 200, again.json())


async def test_stock_loaded_again_is_left_as_it_is(client: AsgiClient, pod: Pod) -> None:
    shelf = [{"sku": "B01", "onHand": 10}, {"sku": "B02", "onHand": 5}]
    await client.post("/api/inventory:bulk", shelf[:1], headers=STAFF)
    await sell(client, pod, 4)
    answer = await client.post("/api/inventory:bulk", shelf, headers=STAFF)
    assert {one["sku"]: one["onHand"] for one in answer.json()} == {"B01": 6, "B02": 5}


async def test_an_adjustment_counts_once(client: AsgiClient, pod: Pod) -> None:
    await counted(client, 10)
    assert (await adjusted(client, 5, key="delivery 7")).json()["onHand"] == 15
    assert (await adjusted(client, 5, key="delivery 7")).json()["onHand"] == 15
    assert (await adjusted(client, 6, key="delivery 7")).json()["code"] == "idempotency_key_reused"
    assert (await adjusted(client, -3, "damaged")).json()["available"] == 12
    ledger = (await client.get("/internal/ledger/B01", headers=STAFF)).json()
    assert (ledger["conserved"], ledger["units"]) == (True, {"ADJUST": 12})


async def test_two_people_may_use_the_same_key(client: AsgiClient) -> None:
    await counted(client, 10)
    assert (await adjusted(client, 5, key="1")).json()["onHand"] == 15
    other = bearer(mint_token("svc_other", ["staff:stock"], kind="service")) | {"Idempotency-Key": "1"}
    answer = await client.post(f"{URL}/adjustments", {"units": 5, "reason": "received"}, headers=other)
    assert answer.json()["onHand"] == 20


async def test_an_adjustment_never_takes_what_is_reserved(client: AsgiClient) -> None:
    await counted(client, 5)
    wanted = {"orderId": "ord_1", "lines": [{"sku": "B01", "quantity": 4}], "ttlSeconds": 60}
    await client.post("/internal/reservations", wanted, headers=STAFF)
    refused = await adjusted(client, -2, "lost")
    assert (refused.status, refused.json()["code"]) == (409, "below_reserved")
    assert (await adjusted(client, -1, "lost")).status == 200


@pytest.mark.parametrize(
    ("units", "reason"), [(0, "found"), ("1", "found"), (True, "found"), (1, "because"), (1.5, "found")]
)
async def test_an_adjustment_that_says_nothing_is_refused(client: AsgiClient, units: object, reason: str) -> None:
    await counted(client, 5)
    assert (await adjusted(client, units, reason)).status == 422


async def test_a_sku_without_stock_cannot_be_adjusted(client: AsgiClient) -> None:
    assert (await adjusted(client, 1)).json()["code"] == "unknown_sku"


async def test_the_same_adjustment_at_once_counts_once(pod: Pod) -> None:
    await pod.stocked("B01", 10)

    async def one() -> None:
        await in_transaction(
            pod.desk.transactions, lambda uow: change_by(pod.desk, uow, "B01", 5, Reason.FOUND, key="k")
        )

    await asyncio.gather(*(one() for _ in range(8)))
    assert (await pod.stock("B01")).on_hand == 15
