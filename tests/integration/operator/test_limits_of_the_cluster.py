"""policies/flash-sale-limits.yaml on a real API server: what one sale may ask of the cluster."""

from __future__ import annotations

import time
import uuid
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


class Policy:
    """The policy and its binding under a name and for a namespace of the test's own: a cluster's stay as they are."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self._admission = client.AdmissionregistrationV1Api(api)
        self.name = f"test-{uuid.uuid4().hex[:8]}.amazonlite.dev"
        policy, binding = yaml.safe_load_all(FILE.read_text())
        policy["metadata"]["name"] = binding["metadata"]["name"] = binding["spec"]["policyName"] = self.name
        only_here = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
        binding["spec"]["matchResources"] = {"namespaceSelector": only_here}
        self._variables: list[dict[str, str]] = policy["spec"]["variables"]
        self._admission.create_validating_admission_policy(policy)
        self._admission.create_validating_admission_policy_binding(binding)

    def allow_replicas(self, count: int) -> None:
        variables = [{**v, "expression": str(count)} if v["name"] == "replicasAllowed" else v for v in self._variables]
        self._admission.patch_validating_admission_policy(self.name, {"spec": {"variables": variables}})

    def remove(self) -> None:
        self._admission.delete_validating_admission_policy_binding(self.name)
        self._admission.delete_validating_admission_policy(self.name)


@pytest.fixture
def policy(api: client.ApiClient, namespace: str, sales: SalesApi) -> Iterator[Policy]:
    made = Policy(api, namespace)
    until_refused(sales, targets(100))
    yield made
    made.remove()


def until_refused(sales: SalesApi, prewarm: dict[str, Any], within: float = 60) -> None:
    """The API server goes by a new policy a moment after it has it."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            sales.create(valid_spec(prewarm=prewarm))
        except client.ApiException:
            return
        time.sleep(0.5)
    pytest.fail(f"the policy had no effect in {within} s")


def test_a_sale_may_not_ask_for_more_than_the_cluster_allows(policy: Policy, sales: SalesApi) -> None:
    sales.create(valid_spec(prewarm=targets(20, 20), rehearsal={"customers": 10, "ratePerSecond": 200}))
    with pytest.raises(client.ApiException, match="ask for 41 replicas together; this cluster allows 40"):
        sales.create(valid_spec(prewarm=targets(20, 21)))
    with pytest.raises(client.ApiException, match=r"rehearsal\.ratePerSecond is 201; this cluster allows 200"):
        sales.create(valid_spec(rehearsal={"customers": 10, "ratePerSecond": 201}))


def test_a_sale_may_not_raise_a_service_past_its_share_of_the_database(policy: Policy, sales: SalesApi) -> None:
    def raised(deployment: str, replicas: int) -> dict[str, Any]:
        return {
            "targets": [{"deployment": "gateway", "replicas": 20}, {"deployment": deployment, "replicas": replicas}]
        }

    sales.create(valid_spec(prewarm=raised("inventory", 12)))
    with pytest.raises(client.ApiException, match="more pods of a service than MySQL has connections for"):
        sales.create(valid_spec(prewarm=raised("inventory", 13)))
    with pytest.raises(client.ApiException, match="payment 4"):
        sales.create(valid_spec(prewarm=raised("payment", 5)))


def test_a_sale_let_in_before_a_limit_was_lowered_can_still_be_let_go(policy: Policy, sales: SalesApi) -> None:
    name = sales.create(valid_spec(prewarm=targets(10)))
    policy.allow_replicas(5)
    until_refused(sales, targets(10))
    sales.patch(name, {"metadata": {"finalizers": ["amazonlite.dev/flash-sale"]}})
    with pytest.raises(client.ApiException, match="this cluster allows 5"):
        sales.change(name, {"paused": True})
