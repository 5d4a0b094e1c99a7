"""Through the gateway every service keeps to its OpenAPI document, whatever a shopper sends.

Nothing is bought or changed: the requests are a shopper's, and name products, orders and sales that there are not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

import pytest
import requests
from fastapi import APIRouter

from amazonlite.auth import api as auth
from amazonlite.common.http.app import create_app
from amazonlite.inventory import api as inventory
from amazonlite.inventory.flash_sale import api as sales
from amazonlite.order import api as order
from amazonlite.payment import api as payment
from amazonlite.product import api as product
from support.openapi import Answer, play, report, stopped
from support.shop import GATEWAY, Shop

pytestmark = pytest.mark.cluster

EXAMPLES = 6
PAUSE = 0.06  # below what one shopper may ask for: a 429 would keep the service from answering
DOCUMENTS: Mapping[str, Sequence[APIRouter]] = {
    "auth": [auth.routes],
    "inventory": [inventory.shop, sales.shop],
    "order": [order.shop],
    "payment": [payment.shop],
    "product": [product.router],
}


def played_here(path: str) -> bool:
    """Not the few sign-ins that an address has a minute: other tests need them."""
    return path.startswith("/api/") and path not in {"/api/auth/login", "/api/auth/signup"}


@pytest.mark.parametrize("service", DOCUMENTS)
async def test_a_service_keeps_to_its_document(shop: Shop, service: str) -> None:
    document = create_app(service, routers=list(DOCUMENTS[service])).openapi()
    token = await shop.shopper("syn_reads_documents")
    played = await asyncio.to_thread(lambda: play(document, Sender(token), examples=EXAMPLES, only=played_here))
    assert not played.broken, report(played)
    assert played.statuses
    assert not stopped(played, 401, 429), report(played)


class Sender:
    def __init__(self, token: str) -> None:
        self._session = requests.Session()
        self._own = {"Authorization": f"Bearer {token}", "X-API-Version": "1"}

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        time.sleep(PAUSE)
        sent = {name: value for name, value in headers.items() if name.lower() != "authorization"} | self._own
        answer = self._session.request(method, GATEWAY + path, headers=sent, data=body, timeout=30)
        return answer.status_code, answer.headers, answer.content
