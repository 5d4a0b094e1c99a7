"""A namespace of its own on the API server that KUBECONFIG names, with this checkout's CRDs."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from kubernetes import client, config

from support.definitions import install
from support.fake_shop import FakeShop
from support.operator_replica import Replica
from support.sales_api import SalesApi

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def api() -> client.ApiClient:
    if "KUBECONFIG" not in os.environ:
        pytest.fail("KUBECONFIG must name a real API server's kubeconfig; `make up` writes .local/kubeconfig")
    made = cast(client.ApiClient, config.new_client_from_config())  # type: ignore[no-untyped-call]
    install(client.ApiextensionsV1Api(made), ROOT / "crds/flashsale.yaml")
    return made


@pytest.fixture
def namespace(api: client.ApiClient) -> Iterator[str]:
    core = client.CoreV1Api(api)
    name = f"test-operator-{uuid.uuid4().hex[:8]}"
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=name)))
    yield name
    core.delete_namespace(name)


@pytest.fixture
def sales(api: client.ApiClient, namespace: str) -> Iterator[SalesApi]:
    made = SalesApi(api, namespace)
    yield made
    made.release_all()


@pytest.fixture
async def shop_url(shop: FakeShop) -> AsyncIterator[str]:
    async with shop.serve() as url:
        yield url


@pytest.fixture
def shop() -> FakeShop:
    return FakeShop({"SKU1": 25})


@pytest.fixture
async def start(namespace: str, shop_url: str) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def started(pod: str, environment: Mapping[str, str] | None = None) -> Replica:
            replica = Replica(pod, namespace, shop_url, environment)
            await replica.start()
            stack.push_async_callback(replica.stop, signal.SIGKILL)
            return replica

        yield started
