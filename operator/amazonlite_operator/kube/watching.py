"""Kopf does one thing here: watch, with its timeouts set, in one namespace, writing nothing to any object."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any

import kopf

from amazonlite.common.observe.logs import get_logger
from amazonlite_operator.kube.api import Kube, KubeError
from amazonlite_operator.kube.controller import Controller, Key
from amazonlite_operator.kube.crd import GROUP, VERSION
from amazonlite_operator.kube.heartbeat import Heartbeat

log = get_logger(__name__)
CHECK_CRDS_EVERY = 5.0


class PatientPauses:
    """Seconds between tries, without an end: kopf gives up after its last pause, and with it the whole process."""

    def __iter__(self) -> Iterator[float]:
        return chain((1.0, 1.0, 2.0, 3.0, 5.0), repeat(10.0))


def settings(heartbeat: Heartbeat) -> kopf.OperatorSettings:
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # a line an event says nothing
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.scanning.disabled = True  # needs no right to list CRDs and namespaces
    chosen.peering.standalone = True
    chosen.watching.server_timeout = 240
    chosen.watching.client_timeout = 270
    chosen.watching.connect_timeout = 10
    chosen.networking.request_timeout = 15
    chosen.networking.connect_timeout = 5
    chosen.networking.error_backoffs = PatientPauses()
    chosen.process.ultimate_exiting_timeout = 20
    chosen.watching.label_selectors["configmaps"] = heartbeat.selector
    return chosen


def registry() -> kopf.OperatorRegistry:
    """With a login; what is watched registers itself."""
    made = kopf.OperatorRegistry()

    @kopf.on.login(registry=made)
    def login(**arguments: Any) -> kopf.ConnectionInfo | None:
        inside = "KUBERNETES_SERVICE_HOST" in os.environ
        return kopf.login_with_service_account(**arguments) if inside else kopf.login_with_kubeconfig(**arguments)

    return made


def watch_heartbeat(registry: kopf.OperatorRegistry, heartbeat: Heartbeat) -> None:
    @kopf.on.event("configmaps", labels=heartbeat.labels, registry=registry)
    async def heartbeat_seen(event: kopf.RawEvent, **_: Any) -> None:
        if event["type"] != "DELETED":
            heartbeat.heard()


def watch(registry: kopf.OperatorRegistry, controller: Controller) -> None:
    """What the watch shows becomes keys to reconcile; nothing is decided here."""

    @kopf.on.event(GROUP, VERSION, controller.resource.plural, registry=registry)
    async def object_seen(event: kopf.RawEvent, **_: Any) -> None:
        metadata: dict[str, Any] = {**event["object"]["metadata"]}
        key = Key(metadata["namespace"], metadata["name"])
        if event["type"] == "DELETED":
            controller.drop(key, metadata["uid"])
            return
        # Status writes, our own among them, change none of these.
        marker = f"{metadata['generation']} {metadata.get('deletionTimestamp')} {metadata.get('finalizers')}"
        controller.enqueue(key, metadata["uid"], metadata["generation"], marker)


async def until_served(kube: Kube, plurals: set[str], waiting: Callable[[], None] = lambda: None) -> set[str]:
    """Which of the kinds the API server has, as soon as it has one: kopf looks for them once, at its start.

    `waiting` is called before each further try.
    """
    while not (found := plurals & await _served(kube)):
        log.warning("crds_missing", kinds=sorted(plurals), next_step="kubectl apply -f crds/")
        waiting()
        await asyncio.sleep(CHECK_CRDS_EVERY)
    return found


async def _served(kube: Kube) -> set[str]:
    try:
        found = await kube.get(f"/apis/{GROUP}/{VERSION}")
    except KubeError as error:
        log.warning("api_server_unreachable", error=repr(error))
        return set()
    return {resource["name"] for resource in (found or {}).get("resources", ())}
