"""Staff change stock by so many units with a reason, or by a count compared with what was there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib import import_module

import pytest
from sqlalchemy import text

from amazonlite.common.core.ids import new_id
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.common.http.app import create_app
from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.common.testing.asgi import Answer, AsgiClient, asgi_client
from amazonlite.common.testing.builders import bearer
from amazonlite.common.testing.fakes import FakeJwks, mint_token
from amazonlite.inventory import api
from amazonlite.inventory.stock import store
from amazonlite.inventory.stock.adjust import change_by, count, start
from amazonlite.inventory.stock.domain import CountNeedsComparison, Entry, EntryKind, Reason, Stock
from support.inventory import Pod

STAFF = bearer(mint_token("svc_load", ["staff:stock", "reservations:make", "ledger:read"], kind="service"))
URL = "/api/inventory/B01"


@pytest.fixture
async def client(pod: Pod) -> AsyncIterator[AsgiClient]:
    app = create_app("inventory", routers=[api.shop, api.internal])
    app.state.deps, app.state.verifier = pod.deps, TokenVerifier(FakeJwks())
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


async def test_a_count_repeated_after_the_stock_came_back_to_what_it_was_is_stale(client: AsgiClient) -> None:
    """5, counted as 3, and two delivered: 5 again, and yet not the stock that was compared with."""
    await counted(client, 5)
    tag = (await client.get(URL)).headers["etag"]
    assert (await counted(client, 3, tag)).status == 200
    assert (await adjusted(client, 2)).json()["onHand"] == 5

    repeated = await counted(client, 3, tag)
    assert (repeated.status, repeated.json()["code"]) == (412, "stock_changed")
    assert (await client.get(URL)).json()["onHand"] == 5
    assert (await counted(client, 3, repeated.headers["etag"])).status == 200


async def test_a_pod_of_before_moves_the_tag_too(client: AsgiClient, pod: Pod) -> None:
    """It does not know of versions, and writes the counters only."""
    await counted(client, 5)
    tag = (await client.get(URL)).headers["etag"]

    async def move(uow: UnitOfWork) -> None:
        for units in ("- 2", "+ 2"):
            await uow.driver_sql(f"UPDATE stock SET on_hand = on_hand {units}, available = available {units}")  # noqa: S608

    await in_transaction(pod.deps.transactions, move)
    assert (await counted(client, 3, tag)).status == 412


async def test_a_look_that_moves_nothing_keeps_the_tag(client: AsgiClient) -> None:
    await counted(client, 5)
    tag = (await client.get(URL)).headers["etag"]
    assert (await counted(client, 5, tag)).headers["etag"] == tag
    await client.post("/api/inventory:bulk", [{"sku": "B01", "onHand": 9}], headers=STAFF)
    assert (await client.get(URL)).headers["etag"] == tag


async def test_each_answer_brings_the_tag_of_the_stock_it_tells(client: AsgiClient) -> None:
    first = await counted(client, 5)
    assert first.headers["etag"] == (await client.get(URL)).headers["etag"]
    second = await adjusted(client, 2)
    assert second.headers["etag"] == (await client.get(URL)).headers["etag"] != first.headers["etag"]
    third = await counted(client, 6, second.headers["etag"])
    assert third.headers["etag"] == (await client.get(URL)).headers["etag"]


async def test_stock_loaded_again_is_left_as_it_is(client: AsgiClient, pod: Pod) -> None:
    shelf = [{"sku": "B01", "onHand": 10}, {"sku": "B02", "onHand": 5}]
    await client.post("/api/inventory:bulk", shelf[:1], headers=STAFF)
    await sell(client, pod, 4)
    answer = await client.post("/api/inventory:bulk", shelf, headers=STAFF)
    assert {one["sku"]: one["onHand"] for one in answer.json()} == {"B01": 6, "B02": 5}


async def test_a_count_reads_no_more_of_a_long_ledger_than_of_a_short_one(pod: Pod) -> None:
    """It holds the stock's lock meanwhile."""
    await pod.stocked("B01", 5)
    await in_transaction(pod.deps.transactions, lambda uow: store.add_entries(uow, _entries("B01", 2000)))

    async def rows_read(uow: UnitOfWork) -> int:
        before = await _rows_read(uow)
        with pytest.raises(CountNeedsComparison):
            await count(pod.deps, uow, "B01", 3, seen=None)
        await start(pod.deps, uow, {"B01": 3})
        return await _rows_read(uow) - before

    assert await in_transaction(pod.deps.transactions, rows_read) < 30


async def test_stock_of_the_time_before_versions_is_no_new_stock(client: AsgiClient, pod: Pod) -> None:
    """As the migration finds it: it has a ledger, and its version is 0."""
    migration = import_module("amazonlite.inventory.migrations.versions.0004_stock_version")

    async def of_before(uow: UnitOfWork) -> None:
        await uow.driver_sql("INSERT INTO stock (sku, on_hand, available) VALUES ('B01', 5, 5), ('B02', 0, 0)")
        await store.add_entries(uow, _entries("B01", 3))
        await uow.driver_sql(migration.MOVED_BEFORE)

    await in_transaction(pod.deps.transactions, of_before)
    assert (await counted(client, 3)).status == 428
    assert [(await pod.stock(sku)).has_moved for sku in ("B01", "B02")] == [True, False]


def _entries(sku: str, count: int) -> list[Entry]:
    return [Entry(f"key-{number}", EntryKind.ADJUST, sku, 1 + number) for number in range(count)]


async def _rows_read(uow: UnitOfWork) -> int:
    return sum(int(row[1]) for row in await uow.execute(text("SHOW SESSION STATUS LIKE 'Handler\\_read\\_%'")))


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
            pod.deps.transactions, lambda uow: change_by(pod.deps, uow, "B01", 5, Reason.FOUND, key="k")
        )

    await asyncio.gather(*(one() for _ in range(8)))
    assert (await pod.stock("B01")).on_hand == 15
