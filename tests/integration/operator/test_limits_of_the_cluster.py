"""policies/flash-sale-limits.yaml on a real API server: what one sale may ask of the cluster."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from support.sales_api import SalesApi, valid_spec

pytestmark = pytest.mark.cluster
FILE = Path(__file__).parents[3] / "policies/flash-sale-limits.yaml"


def targets(*replicas: int) -> dict[str, Any]:
    return {"targets": [{"deployment": f"d{n}", "replicas": count} for n, count in enumerate(replicas)]}


@pytest.fixture(scope="module")
def policy(api: client.ApiClient) -> Iterator[dict[str, Any]]:
    """The policy and its binding under names of this test's own, so that a cluster's own stay as they are."""
    limits, policy, binding = yaml.safe_load_all(FILE.read_text())
    name = f"test-{time.time_ns()}.amazonlite.dev"
    policy["metadata"]["name"] = binding["metadata"]["name"] = binding["spec"]["policyName"] = name
    admission = client.AdmissionregistrationV1Api(api)
    admission.create_validating_admission_policy(policy)
    admission.create_validating_admission_policy_binding(binding)
    yield limits["data"]
    admission.delete_validating_admission_policy_binding(name)
    admission.delete_validating_admission_policy(name)


@pytest.fixture
def limited(policy: dict[str, Any], api: client.ApiClient, namespace: str, sales: SalesApi) -> SalesApi:
    """A namespace with the limits; policies need a moment until the API server goes by them."""
    client.CoreV1Api(api).create_namespaced_config_map(
        namespace, {"metadata": {"name": "flash-sale-limits"}, "data": policy}
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            sales.create(valid_spec(prewarm=targets(100)))
        except client.ApiException:
            return sales
        time.sleep(0.2)
    pytest.fail("the policy had no effect in 30 s")


def test_more_replicas_than_the_cluster_allows_a_sale_are_refused(limited: SalesApi) -> None:
    limited.create(valid_spec(prewarm=targets(20, 20)))
    with pytest.raises(client.ApiException, match="ask for 41 replicas together; this cluster allows 40"):
        limited.create(valid_spec(prewarm=targets(20, 21)))


def test_a_rehearsal_faster_than_the_cluster_allows_is_refused(limited: SalesApi) -> None:
    limited.create(valid_spec(rehearsal={"customers": 10, "ratePerSecond": 200}))
    with pytest.raises(client.ApiException, match=r"rehearsal\.ratePerSecond is 201; this cluster allows 200"):
        limited.create(valid_spec(rehearsal={"customers": 10, "ratePerSecond": 201}))


def test_a_sale_let_in_before_can_still_be_let_go(limited: SalesApi, api: client.ApiClient, namespace: str) -> None:
    name = limited.create(valid_spec(prewarm=targets(10)))
    client.CoreV1Api(api).patch_namespaced_config_map(
        "flash-sale-limits", namespace, {"data": {"prewarmReplicas": "5"}}
    )
    time.sleep(1)
    limited.patch(name, {"metadata": {"finalizers": ["amazonlite.dev/flash-sale"]}})


def test_without_limits_anything_within_the_kinds_bounds_goes(policy: dict[str, Any], sales: SalesApi) -> None:
    sales.create(valid_spec(prewarm=targets(100)))
