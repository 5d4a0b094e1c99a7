"""Every values file of the charts renders, and the API server would take what it renders.

kind's and production's values run nowhere in these tests; so at least no template or object of theirs may be wrong.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from amazonlite_cli.cluster.base import Cluster
from amazonlite_cli.cluster.choose import choose
from amazonlite_cli.paths import REPO

pytestmark = pytest.mark.cluster

GIVEN = {
    "platform": {"image": "registry.invalid/amazonlite/app:content", "trustedProxies": "192.0.2.0/24"},
    "stores": {},
}
# The Strimzi operator brings these kinds along; it is not installed here.
STRIMZI = {"Kafka", "KafkaNodePool", "KafkaUser"}


def values_files() -> list[tuple[str, str]]:
    """All but the stores' common ones, which name no images."""
    found = sorted((path.parent.name, path.name) for path in (REPO / "charts").glob("*/values*.yaml"))
    return [pair for pair in found if pair != ("stores", "values.yaml")]


@pytest.fixture
def cluster() -> Cluster:
    return choose()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    name = f"test-charts-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def rendered(cluster: Cluster, namespace: str, chart: str, values: str) -> list[dict[str, Any]]:
    folder = REPO / "charts" / chart
    files = ["-f", str(folder / values), "-f", "-"]
    text = cluster.helm("template", chart, str(folder), *files, "-n", namespace, stdin=json.dumps(GIVEN[chart]))
    return [found for found in yaml.safe_load_all(text) if found]


@pytest.mark.parametrize(
    ("values", "bulk"), [("values.yaml", "false"), ("values-kind.yaml", "true"), ("values-localkube.yaml", "true")]
)
def test_tokens_of_synthetic_customers_are_made_only_where_shops_are_tested(
    cluster: Cluster, values: str, bulk: str
) -> None:
    auth = next(
        found
        for found in rendered(cluster, "amazonlite", "platform", values)
        if found["kind"] == "Deployment" and found["metadata"]["name"] == "auth"
    )
    environment = {each["name"]: each.get("value") for each in auth["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert environment["AUTH_BULK_TOKENS"] == bulk


@pytest.mark.parametrize(("chart", "values"), values_files())
def test_what_a_values_file_renders_is_accepted(cluster: Cluster, namespace: str, chart: str, values: str) -> None:
    objects = [found for found in rendered(cluster, namespace, chart, values) if found["kind"] not in STRIMZI]
    assert objects
    listed = {"apiVersion": "v1", "kind": "List", "items": objects}
    how = ["--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-o", "name"]
    answer = cluster.kubectl("apply", *how, "-n", namespace, "-f", "-", stdin=json.dumps(listed))
    assert len(answer.split()) == len(objects)


def test_production_brings_no_store_of_its_own_but_kafka_by_strimzi(cluster: Cluster, namespace: str) -> None:
    kinds = {found["kind"]: found for found in rendered(cluster, namespace, "stores", "values-production.yaml")}
    assert set(kinds) == {*STRIMZI, "Service"}
    pool, broker = kinds["KafkaNodePool"], kinds["Kafka"]
    assert pool["metadata"]["labels"]["strimzi.io/cluster"] == broker["metadata"]["name"]
    config = broker["spec"]["kafka"]["config"]
    assert 1 <= config["min.insync.replicas"] < config["default.replication.factor"] == pool["spec"]["replicas"]
    assert kinds["Service"]["spec"]["externalName"] == f"shop-kafka-bootstrap.{namespace}.svc.cluster.local"


def test_kind_takes_official_images_only(cluster: Cluster, namespace: str) -> None:
    sets = [
        found
        for found in rendered(cluster, namespace, "stores", "values-kind.yaml")
        if found["kind"] in {"StatefulSet", "Deployment"}
    ]
    images = {container["image"] for found in sets for container in found["spec"]["template"]["spec"]["containers"]}
    assert len(images) == 4
    assert not any(image.startswith("localhost/") for image in images)


def test_mongodb_has_accounts_wherever_the_server_knows_them(cluster: Cluster, namespace: str) -> None:
    def containers(chart: str, values: str, kind: str, name: str) -> dict[str, object]:
        found = next(
            each
            for each in rendered(cluster, namespace, chart, values)
            if (each["kind"], each["metadata"]["name"]) == (kind, name)
        )
        (container,) = found["spec"]["template"]["spec"]["containers"]
        return {each["name"]: each.get("value") for each in container["env"]}

    assert containers("stores", "values-kind.yaml", "StatefulSet", "mongodb")["MONGO_INITDB_ROOT_USERNAME"] == "root"
    for values in ("values-kind.yaml", "values-production.yaml"):
        assert containers("platform", values, "Deployment", "product")["MONGO_USER"] == "product"
    assert "MONGO_USER" not in containers("platform", "values-localkube.yaml", "Deployment", "product")
