"""Whatever a client sends, it gets problem+json with a stable code, never a 500."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from multidict import CIMultiDict

from amazonlite.common.testing.eventually import eventually
from support.shop import AUTH, GATEWAY, Shop

pytestmark = pytest.mark.cluster

CASES: dict[str, tuple[str, str, dict[str, Any], int, str]] = {
    "wrong version": ("GET", "/api/products", {"headers": {"X-API-Version": "9"}}, 400, "unsupported_api_version"),
    "malformed token": ("GET", "/api/orders", {"token": "not-a-token"}, 401, "token_malformed"),
    "no token": ("GET", "/api/orders", {}, 401, "token_missing"),
    "unknown route": ("GET", "/api/nothing/here", {}, 404, "route_not_found"),
    "malformed body": ("POST", "/api/auth/refresh", {"data": b"{"}, 422, "invalid_request"),
    "wrong types": ("POST", "/api/auth/refresh", {"json": {"refreshToken": 7}}, 422, "invalid_request"),
    "unsigned webhook": ("POST", "/api/payments/webhooks/provider", {"json": {}}, 401, "signature_invalid"),
    "bulk tokens from outside": (
        *("POST", "/internal/auth/tokens:bulk", {"json": {"count": 1, "reason": "test"}}),
        *(404, "route_not_found"),
    ),
    "bulk tokens where they were": (
        *("POST", "/api/auth/tokens:bulk", {"json": {"count": 1, "reason": "test"}}),
        *(404, "route_not_found"),
    ),
    "metrics": ("GET", "/metrics", {}, 404, "route_not_found"),
    "internal path": ("GET", "/internal/flash-sales/fs_x", {}, 404, "route_not_found"),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_bad_request_gets_a_problem(shop: Shop, case: str) -> None:
    method, path, rest, status, code = CASES[case]
    answered, body, headers = await shop.request(method, path, **rest)
    assert (answered, body.get("code")) == (status, code), body
    assert headers["Content-Type"].startswith("application/problem+json")
    assert path == "/metrics" or body["correlationId"] == headers["X-Correlation-Id"]


async def test_an_expired_token_is_refused(shop: Shop) -> None:
    body = {"subjects": ["syn_expires"], "ttlSeconds": 1, "reason": "test"}
    status, signed, _ = await shop.request("POST", f"{AUTH}/internal/auth/tokens:bulk", shop.staff, json=body)
    assert status == 200, signed

    async def refused() -> bool:
        answered, problem, _ = await shop.request("GET", "/api/orders", signed["tokens"][0]["accessToken"])
        return bool(answered == 401 and problem["code"] == "token_expired")

    await eventually(refused, within=20, every=0.25, what="token_expired")


async def test_a_client_that_asks_too_often_is_told_when_to_come_back(shop: Shop) -> None:
    token = await shop.shopper("syn_hasty")
    answers = await asyncio.gather(*(shop.request("GET", "/api/orders", token) for _ in range(100)))
    refused = [(body, headers) for status, body, headers in answers if status == 429]
    assert refused, "100 requests at once were all served"
    body, headers = refused[0]
    assert body["code"] == "rate_limited"
    assert int(headers["Retry-After"]) >= 1
    assert "RateLimit" in headers and "RateLimit-Policy" in headers


async def test_a_revoked_token_does_not_pass_beside_a_good_one(shop: Shop) -> None:
    """Sent as two headers, which no library does by itself."""
    good, other = [await shop.shopper(f"syn_two-{number}") for number in range(2)]
    for first, last in ((good, other), (other, good)):
        headers = CIMultiDict([("Authorization", f"Bearer {first}"), ("Authorization", f"Bearer {last}")])
        async with shop.session.get(f"{GATEWAY}/api/orders", headers=headers) as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, "repeated_header")


@pytest.mark.exclusive("sign-in")
async def test_sign_ins_of_one_address_are_few_and_the_refusal_says_when_to_come_back(shop: Shop) -> None:
    body = {"email": f"nobody-{uuid.uuid4().hex}@example.org", "password": "wrong horse"}
    answers = [await shop.request("POST", "/api/auth/login", json=body) for _ in range(7)]
    refused = [headers for status, _, headers in answers if status == 429]
    assert refused and {status for status, _, _ in answers} <= {401, 429}
    assert 1 <= int(refused[-1]["Retry-After"]) <= 13


async def test_an_office_behind_one_address_browses_undisturbed(shop: Shop) -> None:
    async def browse() -> list[int]:
        paths = ["/api/products?limit=5", "/api/flash-sales", *["/api/products/NONE", "/api/inventory/NONE"] * 5]
        return [(await shop.request("GET", path))[0] for path in paths]

    answers = await asyncio.gather(*(browse() for _ in range(50)))
    assert {status for each in answers for status in each} == {200, 404}
