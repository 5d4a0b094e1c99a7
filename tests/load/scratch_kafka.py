"""A Kafka of a benchmark's own, so that no event of it reaches the shop's consumers."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from kubernetes import client

from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.events.provision import provision
from amazonlite.common.events.topics import TOPICS
from amazonlite.common.testing import stores
from amazonlite_cli.kube import connect
from amazonlite_cli.paths import NAMESPACE

READY_WITHIN_SECONDS = 90


@asynccontextmanager
async def scratch_kafka() -> AsyncIterator[KafkaSettings]:
    """A broker like the shop's (same image and settings) with the shop's topics, empty, gone afterwards."""
    core = client.CoreV1Api(connect())
    apps = client.AppsV1Api(connect())
    name = f"bench-kafka-{uuid.uuid4().hex[:6]}"
    stateful_set: Any = apps.read_namespaced_stateful_set("kafka", NAMESPACE)
    core.create_namespaced_pod(NAMESPACE, cast(Any, _pod(name, stateful_set.spec.template)))
    try:
        kafka = stores.kafka_settings().model_copy(update={"bootstrap": f"{await _address(core, name)}:9092"})
        await asyncio.to_thread(provision, kafka, TOPICS, wait_seconds=READY_WITHIN_SECONDS)
        yield kafka
    finally:
        core.delete_namespaced_pod(name, NAMESPACE, grace_period_seconds=0)


def _pod(name: str, template: Any) -> dict[str, Any]:
    spec = client.ApiClient().sanitize_for_serialization(template.spec)  # type: ignore[no-untyped-call]
    broker = spec["containers"][0]
    kept = [variable for variable in broker.get("env", []) if variable["name"] != "BROKER_ADVERTISED"]
    address = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    broker["env"] = [*kept, address, {"name": "BROKER_ADVERTISED", "value": "$(POD_IP):9092"}]
    spec["volumes"] = [v for v in spec.get("volumes", []) if v["name"] != "data"] + [{"name": "data", "emptyDir": {}}]
    return {"metadata": {"name": name, "labels": {"app.kubernetes.io/name": "bench-kafka"}}, "spec": spec}


async def _address(core: client.CoreV1Api, name: str) -> str:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < deadline:
        pod: Any = await asyncio.to_thread(core.read_namespaced_pod, name, NAMESPACE)
        if any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions or []):
            return str(pod.status.pod_ip)
        await asyncio.sleep(0.5)
    raise TimeoutError(f"{name} is not Ready within {READY_WITHIN_SECONDS} s; see kubectl describe")
