"""The payment service's routes: who may, what is answered, and in which form."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from amazonlite.common.http.app import create_app
from amazonlite.common.testing.asgi import AsgiClient, asgi_client
from amazonlite.common.testing.builders import as_service, as_shopper, trusting_verifier
from amazonlite.payment.api import internal, shop
from amazonlite.payment.domain import Method
from amazonlite.payment.signature import sign
from support.payments import SECRET, PaymentBench

ALICE, BOB = as_shopper("usr_alice"), as_shopper("usr_bob")
INTENTS = "/api/payments/intents"
WEBHOOK = "/api/payments/webhooks/provider"


@pytest.fixture
async def client(bench: PaymentBench) -> AsyncIterator[AsgiClient]:
    app = create_app("payment", routers=[shop, internal])
    app.state.deps = app.state.internal_deps = bench.deps
    app.state.verifier = trusting_verifier()
    async with asgi_client(app) as opened:
        yield opened


async def opened(client: AsgiClient, order_id: str, key: str = "k1") -> str:
    answer = await client.post(INTENTS, {"orderId": order_id}, headers={**ALICE, "Idempotency-Key": key})
    assert answer.status == 201, answer.body
    return str(answer.json()["paymentId"])


async def test_an_order_is_paid_in_two_calls(client: AsgiClient, bench: PaymentBench) -> None:
    payment_id = await opened(client, bench.order())
    headers = {**ALICE, "Idempotency-Key": "k2"}
    first = await client.post(f"{INTENTS}/{payment_id}/confirm", {"method": "pm_ok"}, headers=headers)
    again = await client.post(f"{INTENTS}/{payment_id}/confirm", {"method": "pm_ok"}, headers=headers)

    assert (first.status, first.json()["state"]) == (200, "AUTHORIZED")
    assert first.json()["amount"] == {"amount": 3998, "currency": "USD"}
    assert again.json() == first.json()
    assert (await client.get(f"{INTENTS}/{payment_id}", headers=ALICE)).json() == first.json()


async def test_an_order_that_is_not_ready_says_when_to_come_back(client: AsgiClient, bench: PaymentBench) -> None:
    body, headers = {"orderId": bench.order("PENDING")}, {**ALICE, "Idempotency-Key": "k1"}
    answer = await client.post(INTENTS, body, headers=headers)
    assert (answer.status, answer.json()["code"], answer.headers["retry-after"]) == (409, "order_not_ready", "1")


async def test_requests_that_say_too_little_or_too_much_are_refused(client: AsgiClient, bench: PaymentBench) -> None:
    order_id = bench.order()
    payment_id = await opened(client, order_id)
    headers = {**ALICE, "Idempotency-Key": "k2"}
    for path, body, sent in (
        (INTENTS, {"orderId": order_id}, ALICE),
        (INTENTS, {"orderId": order_id, "amount": 1}, headers),
        (f"{INTENTS}/{payment_id}/confirm", {"method": "pm_gold"}, headers),
        (f"{INTENTS}/{payment_id}/confirm", {"method": "pm_ok"}, ALICE),
    ):
        assert (await client.post(path, body, headers=sent)).json()["code"] == "invalid_request"


async def test_others_find_nothing_but_services_see_all(client: AsgiClient, bench: PaymentBench) -> None:
    path = f"{INTENTS}/{await opened(client, bench.order())}"
    body, headers = {"method": "pm_ok"}, {**BOB, "Idempotency-Key": "k1"}
    assert (await client.get(path, headers=BOB)).json()["code"] == "payment_not_found"
    assert (await client.post(f"{path}/confirm", body, headers=headers)).json()["code"] == "payment_not_found"
    assert (await client.get(path, headers=as_service())).status == 200
    assert (await client.get(path)).status == 401


async def test_a_service_may_only_what_its_scopes_say(client: AsgiClient, bench: PaymentBench) -> None:
    path = f"{INTENTS}/{await opened(client, bench.order())}"
    reads, seals = as_service("svc_a", "payments:read-any"), as_service("svc_b", "payments:seal")
    assert [(await client.get(path, headers=who)).status for who in (reads, seals)] == [200, 404]
    body = {"orderIds": ["ord_1"]}
    assert (await client.post("/internal/payments/seal", body, headers=reads)).status == 403
    assert (await client.post("/internal/payments/summary", {"saleId": "fs_1"}, headers=seals)).status == 403
    confirm = {"headers": {**as_service(), "Idempotency-Key": "k"}}
    assert (await client.post(f"{path}/confirm", {"method": "pm_ok"}, **confirm)).status == 403


async def test_a_webhook_is_proved_by_its_signature_alone(client: AsgiClient, bench: PaymentBench) -> None:
    payment = await bench.confirmed(Method.ASYNC_OK)
    payload = json.dumps({"id": "pwh_1", "key": payment.payment_id, "state": "AUTHORIZED"}).encode()
    signature = sign(SECRET, payload, bench.clock.now())

    forged = await client.request("POST", WEBHOOK, content=payload + b" ", headers={"Provider-Signature": signature})
    unsigned = await client.request("POST", WEBHOOK, content=payload)
    taken = await client.request("POST", WEBHOOK, content=payload, headers={"Provider-Signature": signature})
    bench.clock.advance(301)
    late = await client.request("POST", WEBHOOK, content=payload, headers={"Provider-Signature": signature})

    assert [answer.status for answer in (forged, unsigned, taken, late)] == [401, 401, 200, 401]
    codes = [answer.json()["code"] for answer in (forged, unsigned, late)]
    assert codes == ["signature_invalid", "signature_invalid", "signature_expired"]
    assert await bench.state(payment.payment_id) == "AUTHORIZED"


async def test_a_sale_is_summed_up_for_services_only(client: AsgiClient, bench: PaymentBench) -> None:
    await bench.confirm(await bench.intent(bench.order(sale_id="fs_1")))
    answer = await client.post("/internal/payments/summary", {"saleId": "fs_1"}, headers=as_service())

    money = {"amount": 3998, "currency": "USD"}
    by_state = {"AUTHORIZED": {"count": 1, "amount": money}}
    assert answer.json() == {"saleId": "fs_1", "byState": by_state, "paidOrdersLost": 0}
    assert (await client.post("/internal/payments/summary", {"saleId": "fs_1"}, headers=ALICE)).status == 403


async def test_orders_are_sealed_for_services_only(client: AsgiClient, bench: PaymentBench) -> None:
    paid = await bench.confirmed()
    body = {"orderIds": [paid.order_id, "ord_unpaid"]}
    answer = await client.post("/internal/payments/seal", body, headers=as_service())
    authorized = [{"orderId": paid.order_id, "paymentId": paid.payment_id}]
    assert (answer.status, answer.json()) == (200, {"closed": ["ord_unpaid"], "authorized": authorized})
    assert (await client.post("/internal/payments/seal", body, headers=ALICE)).status == 403
    for bad in ({"orderIds": []}, {"orderIds": [""]}, {"orderIds": ["ord"] * 501}, {}):
        assert (await client.post("/internal/payments/seal", bad, headers=as_service())).status == 422
