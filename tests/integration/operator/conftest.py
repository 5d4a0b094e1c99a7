"""A namespace of its own on the API server that KUBECONFIG names, with this checkout's CRDs."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from kubernetes import client, config

from support.sales_api import SalesApi

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def api() -> client.ApiClient:
    if "KUBECONFIG" not in os.environ:
        pytest.fail("KUBECONFIG must name a real API server's kubeconfig; `make up` writes .local/kubeconfig")
    made = cast(client.ApiClient, config.new_client_from_config())  # type: ignore[no-untyped-call]
    install(client.ApiextensionsV1Api(made))
    return made


def install(extensions: client.ApiextensionsV1Api) -> None:
    crd = yaml.safe_load((ROOT / "crds/flashsale.yaml").read_text())
    name = crd["metadata"]["name"]
    try:
        extensions.create_custom_resource_definition(crd)
    except client.ApiException as error:
        if error.status != 409:
            raise
        current: Any = extensions.read_custom_resource_definition(name)
        crd["metadata"]["resourceVersion"] = current.metadata.resource_version
        extensions.replace_custom_resource_definition(name, crd)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found: Any = extensions.read_custom_resource_definition(name)
        if any(c.type == "Established" and c.status == "True" for c in found.status.conditions or ()):
            return
        time.sleep(0.1)
    pytest.fail("the CRD was not established in 30 s")


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
