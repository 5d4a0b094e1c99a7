"""Whatever a client sends, it gets problem+json with a stable code, never a 500."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from amazonlite.common.testing.eventually import eventually
from support.shop import AUTH, Shop

pytestmark = pytest.mark.cluster

CASES: dict[str, tuple[str, str, dict[str, Any], int, str]] = {
    "wrong version": ("GET", "/api/products", {"headers": {"X-API-Version": "9"}}, 400, "unsupported_api_version"),
    "malformed token": ("GET", "/api/orders", {"token": "not-a-token"}, 401, "token_malformed"),
    "no token": ("GET", "/api/orders", {}, 401, "token_missing"),
    "unknown route": ("GET", "/api/nothing/here", {}, 404, "route_not_found"),
    "malformed body": ("POST", "/api/auth/login", {"data": b"{"}, 422, "invalid_request"),
    "wrong types": ("POST", "/api/auth/login", {"json": {"email": 7}}, 422, "invalid_request"),
    "unsigned webhook": ("POST", "/api/payments/webhooks/provider", {"json": {}}, 401, "signature_invalid"),
    "bulk tokens from outside": (
        *("POST", "/internal/auth/tokens:bulk", {"json": {"count": 1, "reason": "test"}}),
        *(404, "route_not_found"),
    ),
    "bulk tokens where they were": (
        *("POST", "/api/auth/tokens:bulk", {"json": {"count": 1, "reason": "test"}}),
        *(404, "route_not_found"),
    ),
    "internal path": ("GET", "/internal/flash-sales/fs_x", {}, 404, "route_not_found"),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_bad_request_gets_a_problem(shop: Shop, case: str) -> None:
    method, path, rest, status, code = CASES[case]
    answered, body, headers = await shop.request(method, path, **rest)
    assert (answered, body.get("code")) == (status, code), body
    assert headers["Content-Type"].startswith("application/problem+json")
    assert body["correlationId"] == headers["X-Correlation-Id"]


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
