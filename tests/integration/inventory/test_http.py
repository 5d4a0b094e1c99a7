"""What shoppers, staff, services and the operator see over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from amazonlite.common.core.clock import iso
from amazonlite.common.http.app import create_app
from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.common.testing.asgi import AsgiClient, asgi_client
from amazonlite.common.testing.builders import SERVICE_SCOPES, as_service, bearer
from amazonlite.common.testing.fakes import FakeJwks, mint_token
from amazonlite.inventory import api
from amazonlite.inventory.flash_sale import api as sale_api
from amazonlite.inventory.flash_sale import operator_api
from amazonlite_cli.deploy.secrets import CLIENTS
from support.inventory import Pod
from support.own_redis import OwnRedis

OPERATOR = bearer(mint_token("svc_operator", ["flash-sales:operate"], kind="service"))
STAFF = bearer(
    mint_token("svc_load", ["staff:stock", "ledger:read", *CLIENTS["order"], "reservations:make"], kind="service")
)
SALE = "fs_0123456789abcdef"
SALE_URL, INTERNAL_URL = f"/api/flash-sales/{SALE}", f"/internal/flash-sales/{SALE}"


def shopper(name: str) -> dict[str, str]:
    return bearer(mint_token(name))


def step(name: str, fence: int = 1) -> dict[str, str]:
    return {**OPERATOR, "Idempotency-Key": f"uid:{name}", "X-Fencing-Token": str(fence)}


def body(**overrides: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "name": "spring",
        "sku": "B01",
        "quantity": 3,
        "unitPrice": {"amount": 999, "currency": "USD"},
        "window": {"start": iso(now - timedelta(seconds=5)), "end": iso(now + timedelta(hours=1))},
        "perCustomerLimit": 2,
        "holdTtlSeconds": 60,
        "admission": {"maxActive": 10, "ratePerSecond": 50, "order": "Fifo", "preQueueSeconds": 30},
        "rehearsal": False,
    } | overrides


@asynccontextmanager
async def serving(pod: Pod) -> AsyncIterator[AsgiClient]:
    app = create_app(
        "inventory", routers=[sale_api.shop, api.shop, operator_api.operator, api.internal, sale_api.holds]
    )
    app.state.deps, app.state.sale_deps = pod.deps, pod.sale_deps
    app.state.verifier = TokenVerifier(FakeJwks())
    async with asgi_client(app) as client:
        yield client


@pytest.fixture
async def client(pod: Pod) -> AsyncIterator[AsgiClient]:
    async with serving(pod) as client:
        yield client


async def live_sale(client: AsgiClient) -> None:
    assert (await client.put("/api/inventory/B01", {"onHand": 10}, headers=STAFF)).status == 200
    assert (await client.put(INTERNAL_URL, body(), headers=step("allocate"))).status == 200
    for state in ("QUEUEING", "LIVE"):
        answer = await client.post(f"{INTERNAL_URL}/state", {"state": state}, headers=step(state))
        assert answer.json()["state"] == state


async def test_a_shopper_s_way_from_the_queue_to_the_hold(client: AsgiClient) -> None:
    await live_sale(client)
    me = shopper("usr_a")
    joined = await client.post(f"{SALE_URL}/queue", headers=me)
    assert joined.status == 201
    assert joined.json()["state"] == "ADMITTED"
    ticket = {**me, "X-Queue-Ticket": joined.json()["ticket"]}
    looked = (await client.get(f"{SALE_URL}/queue", headers=ticket)).json()
    assert (looked["state"], looked["position"], looked["etaSeconds"]) == ("ADMITTED", 0, 0)
    claimed = await client.post(f"{SALE_URL}/claims", {"quantity": 2}, headers={**ticket, "Idempotency-Key": "k1"})
    assert claimed.status == 201
    hold = claimed.json()
    assert (hold["saleId"], hold["sku"], hold["quantity"]) == (SALE, "B01", 2)
    assert hold["total"] == {"amount": 1998, "currency": "USD"}
    assert hold.keys() == {"holdId", "orderId", "saleId", "sku", "quantity", "total", "payBefore"}
    again = await client.post(f"{SALE_URL}/claims", {"quantity": 2}, headers={**ticket, "Idempotency-Key": "k1"})
    assert (again.status, again.json()) == (201, hold)
    assert again.headers["idempotency-replayed"] == "true"
    view = (await client.get(SALE_URL)).json()
    assert view["stock"] == {"allocated": 3, "free": 1, "held": 2, "sold": 0, "returned": 0}
    assert view["price"] == {"amount": 999, "currency": "USD"}
    assert [sale["id"] for sale in (await client.get("/api/flash-sales")).json()["items"]] == [SALE]


async def test_leaving_the_queue(client: AsgiClient) -> None:
    await live_sale(client)
    joined = (await client.post(f"{SALE_URL}/queue", headers=shopper("usr_a"))).json()
    ticket = {**shopper("usr_a"), "X-Queue-Ticket": joined["ticket"]}
    assert (await client.delete(f"{SALE_URL}/queue", headers=ticket)).status == 204
    assert (await client.get(f"{SALE_URL}/queue", headers=ticket)).json()["state"] == "LEFT"
    claim = await client.post(f"{SALE_URL}/claims", {"quantity": 1}, headers={**ticket, "Idempotency-Key": "k"})
    assert (claim.status, claim.json()["code"]) == (403, "not_admitted")


async def test_what_a_claim_is_refused_for(client: AsgiClient, redis_server: OwnRedis) -> None:
    await live_sale(client)
    joined = (await client.post(f"{SALE_URL}/queue", headers=shopper("usr_a"))).json()
    good = {**shopper("usr_a"), "X-Queue-Ticket": joined["ticket"], "Idempotency-Key": "k"}
    refused = {
        "nobody": ({"X-Queue-Ticket": joined["ticket"], "Idempotency-Key": "k"}, 1, 401, "token_missing"),
        "somebody else": ({**good, **shopper("usr_b")}, 1, 403, "ticket_invalid"),
        "no key": ({k: v for k, v in good.items() if k != "Idempotency-Key"}, 1, 422, "invalid_request"),
        "no ticket": ({k: v for k, v in good.items() if k != "X-Queue-Ticket"}, 1, 422, "invalid_request"),
        "not a ticket": ({**good, "X-Queue-Ticket": "ä".encode().decode("latin-1")}, 1, 403, "ticket_invalid"),
        "nothing": (good, 0, 422, "invalid_request"),
        "too many": (good, 3, 409, "customer_limit_reached"),
    }
    for what, (headers, quantity, status, code) in refused.items():
        answer = await client.post(f"{SALE_URL}/claims", {"quantity": quantity}, headers=headers)
        assert (answer.status, answer.json()["code"]) == (status, code), what
    redis_server.stop()
    for answer in (
        await client.post(f"{SALE_URL}/claims", {"quantity": 1}, headers=good),
        await client.post(f"{SALE_URL}/queue", headers=good),
        await client.get(f"{SALE_URL}/queue", headers=good),
    ):
        assert (answer.status, answer.json()["code"]) == (503, "queue_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    assert (await client.get(SALE_URL)).json()["queue"]["available"] is False
    assert (await client.get(INTERNAL_URL, headers=OPERATOR)).json()["conserved"] is True


async def test_the_operator_s_view(client: AsgiClient) -> None:
    await live_sale(client)
    view = (await client.get(INTERNAL_URL, headers=OPERATOR)).json()
    assert view["stock"] == {"allocated": 3, "free": 3, "held": 0, "sold": 0, "returned": 0}
    assert (view["state"], view["oversold"], view["conserved"]) == ("LIVE", 0, True)
    assert view["oldestOverdueHoldSeconds"] == 0
    assert {"waiting", "active", "admitted", "rejected"} <= view["queue"].keys()
    changed = await client.post(f"{INTERNAL_URL}/admission", {"maxActive": 5}, headers=step("throttle"))
    assert changed.status == 200
    drained = await client.post(f"{INTERNAL_URL}/state", {"state": "DRAINING"}, headers=step("drain"))
    assert drained.json()["state"] == "DRAINING"
    report = (await client.post(f"{INTERNAL_URL}/settle", headers=step("settle"))).json()
    assert report["ledger"] == {"ALLOCATE": 3, "RETURN": 3}
    assert report["stock"] == {"allocated": 0, "free": 0, "held": 0, "sold": 0, "returned": 3}
    assert report["conserved"] is True


async def test_what_the_operator_is_refused_for(client: AsgiClient) -> None:
    await client.put("/api/inventory/B01", {"onHand": 10}, headers=STAFF)
    backwards = {"start": iso(datetime.now(UTC)), "end": iso(datetime.now(UTC) - timedelta(hours=1))}
    put, go = ("PUT", INTERNAL_URL), ("POST", f"{INTERNAL_URL}/state")
    refused: dict[str, tuple[tuple[str, str], Any, dict[str, str], int, str]] = {
        "a shopper": (put, body(), {**shopper("usr_a"), **step("x")} | shopper("usr_a"), 403, "insufficient_scope"),
        "no key": (put, body(), {**OPERATOR, "X-Fencing-Token": "1"}, 422, "invalid_request"),
        "no fence": (put, body(), {**OPERATOR, "Idempotency-Key": "k"}, 422, "invalid_request"),
        "a fence beyond all": (go, {"state": "LIVE"}, step("x", fence=2**63), 422, "invalid_request"),
        "a window backwards": (put, body(window=backwards), step("x"), 422, "invalid_request"),
        "unknown sku": (put, body(sku="NONE"), step("x"), 404, "unknown_sku"),
        "too much": (put, body(quantity=11), step("x"), 409, "insufficient_stock"),
        "fine": (put, body(), step("x", fence=5), 200, ""),
        "other terms": (put, body(quantity=1), step("x", fence=5), 409, "sale_differs"),
        "stale": (go, {"state": "LIVE"}, step("x", fence=4), 409, "stale_fence"),
        "not to be asked for": (go, {"state": "SETTLED"}, step("x", fence=5), 422, "invalid_request"),
        "not settleable": (("POST", f"{INTERNAL_URL}/settle"), None, step("x", fence=5), 409, "illegal_transition"),
        "no such sale": (("GET", "/internal/flash-sales/fs_none"), None, OPERATOR, 404, "sale_not_found"),
    }
    for what, ((method, url), sent, headers, status, code) in refused.items():
        answer = await client.request(method, url, json=sent, headers=headers)
        assert (answer.status, answer.json().get("code", "")) == (status, code), what
    other = await client.put("/internal/flash-sales/fs_other", body(), headers=step("y"))
    assert (other.status, other.json()["code"], other.json()["saleId"]) == (409, "sku_on_sale", SALE)
    assert (await client.delete(INTERNAL_URL, headers=step("delete", fence=5))).json()["state"] == "ABORTED"


async def test_staff_set_stock_and_everybody_sees_it(client: AsgiClient) -> None:
    assert (await client.put("/api/inventory/B01", {"onHand": 1}, headers=shopper("usr_a"))).status == 403
    assert (await client.get("/api/inventory/B01")).json()["code"] == "unknown_sku"
    many = [{"sku": f"B{number}", "onHand": number} for number in range(3)]
    answer = await client.post("/api/inventory:bulk", many, headers=STAFF)
    assert {stock["sku"]: stock["available"] for stock in answer.json()} == {"B0": 0, "B1": 1, "B2": 2}
    assert (await client.get("/api/inventory/B2")).json() == {"sku": "B2", "onHand": 2, "available": 2, "reserved": 0}


@pytest.mark.parametrize(
    ("method", "path", "mine"),
    [
        ("GET", "ledger/B01", "ledger:read"),
        ("GET", "holds/ord_1", "reservations:read"),
        ("GET", "reservations/ord_1", "reservations:read"),
        ("POST", "reservations", "reservations:make"),
    ],
)
async def test_one_capability_opens_no_other(client: AsgiClient, method: str, path: str, mine: str) -> None:
    others = as_service("svc_test", *(scope for scope in SERVICE_SCOPES if scope != mine))
    wanted = {"orderId": "ord_1", "lines": [{"sku": "B01", "quantity": 2}], "ttlSeconds": 60}
    answer = await client.request(method, f"/internal/{path}", json=wanted, headers=others)
    assert (answer.status, answer.json()["code"]) == (403, "insufficient_scope")
    assert (await client.request(method, f"/internal/{path}", json=wanted, headers=as_service("s", mine))).status != 403


async def test_services_reserve_and_look(client: AsgiClient, pod: Pod) -> None:
    await client.put("/api/inventory/B01", {"onHand": 5}, headers=STAFF)
    wanted = {"orderId": "ord_1", "lines": [{"sku": "B01", "quantity": 2}], "ttlSeconds": 60}
    made = await client.post("/internal/reservations", wanted, headers=STAFF)
    again = await client.post("/internal/reservations", wanted, headers=STAFF)
    assert made.status == again.status == 201
    assert made.json() == again.json()
    await pod.happens("payment.authorized.v1", "ord_1")
    assert (await client.get("/internal/reservations/ord_1", headers=STAFF)).json()["state"] == "CONFIRMED"
    await pod.happens("order.cancelled.v1", "ord_2")
    assert (await client.get("/internal/reservations/ord_2", headers=STAFF)).json()["state"] == "RELEASED"
    unknown = await client.get("/internal/reservations/ord_none", headers=STAFF)
    assert (unknown.status, unknown.json()["code"]) == (404, "reservation_not_found")
    too_late = await client.post("/internal/reservations", wanted | {"orderId": "ord_2"}, headers=STAFF)
    assert (too_late.status, too_late.json()["state"]) == (409, "RELEASED")
    too_much = await client.post(
        "/internal/reservations",
        {**wanted, "orderId": "ord_3", "lines": [{"sku": "B01", "quantity": 9}]},
        headers=STAFF,
    )
    assert (too_much.status, too_much.json()["available"]) == (409, 3)
    ledger = (await client.get("/internal/ledger/B01", headers=STAFF)).json()
    assert ledger["units"] == {"ADJUST": 5, "RESERVE": 2, "CONFIRM": 2}
    assert ledger["conserved"] is True
