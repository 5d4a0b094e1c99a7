from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from amazonlite.common.core.settings import KafkaSettings, MongoSettings
from amazonlite.common.events.producer import EventProducer
from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.common.testing.asgi import AsgiClient, asgi_client
from amazonlite.common.testing.fakes import CollectingProducer, FakeJwks, mint_token
from amazonlite.product.app import create
from amazonlite.product.settings import Settings

Put = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def staff(mongo: MongoSettings) -> AsyncIterator[AsgiClient]:
    """A client of the service with the catalogue's staff token."""
    app = create(Settings(mongo=mongo), producer=EventProducer(KafkaSettings(), client=lambda _: CollectingProducer()))
    app.state.verifier = TokenVerifier(FakeJwks())
    await app.state.catalogue.prepare()  # the app does it in the background, while the stand-in server is busy
    token = mint_token("svc_load", ["staff:catalogue"], kind="service")
    async with asgi_client(app, {"Authorization": f"Bearer {token}"}) as client:
        yield client


@pytest.fixture
def put(staff: AsgiClient) -> Put:
    """`await put("B1", title="…", amount=199)` creates a product and answers it."""

    async def create_product(sku: str, *, amount: int = 999, **members: Any) -> dict[str, Any]:
        body = {"sku": sku, "title": f"Thing {sku}", "price": {"amount": amount, "currency": "USD"}, **members}
        answer = await staff.post("/api/products", body)
        assert answer.status == 201, answer.body
        return dict(answer.json())

    return create_product
