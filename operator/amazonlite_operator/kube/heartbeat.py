"""Proof that the watch still hears: a ConfigMap this process touches, seen again through its own kopf watch.

A watch can go deaf without an error (nolar/kopf#1276); the process then looks well and reacts to nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from amazonlite.common.observe.logs import get_logger
from amazonlite_operator.kube import metrics
from amazonlite_operator.kube.api import Kube, KubeError, Manifest, ObjectNotFound

LABEL = "amazonlite.dev/heartbeat"
BEAT_EVERY = 30.0
DEAF_AFTER = 120.0

log = get_logger(__name__)


class Heartbeat:
    """`beat` runs forever; `heard` is called by the watch; `deaf` decides liveness."""

    def __init__(
        self, kube: Kube, *, namespace: str, pod: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._kube = kube
        self._namespace = namespace
        self._pod = pod
        self._monotonic = monotonic
        self._last = monotonic()
        self._missed: dict[str, tuple[int, float]] = {}

    @property
    def labels(self) -> dict[str, str]:
        return {LABEL: self._pod}

    @property
    def selector(self) -> str:
        return f"{LABEL}={self._pod}"

    @property
    def age(self) -> float:
        """Seconds since the watch last showed the heartbeat (at first: since the process began)."""
        return self._monotonic() - self._last

    @property
    def deaf(self) -> str:
        """Why the process must be restarted, or empty."""
        if self.age > DEAF_AFTER:
            return f"own heartbeat not seen through the watch for {self.age:.0f} s"
        late = [key for key, (_, since) in self._missed.items() if self._monotonic() - since > DEAF_AFTER]
        return f"changes not seen through the watch: {', '.join(late)}" if late else ""

    def heard(self) -> None:
        self._last = self._monotonic()
        metrics.HEARTBEAT_AGE.set(0)

    def compare(self, listed: dict[str, int], watched: dict[str, int]) -> None:
        """Generations as listed and as watched: a kind's own watch can be deaf while the heartbeat's is not."""
        behind = {key: generation for key, generation in listed.items() if watched.get(key, -1) < generation}
        now = self._monotonic()
        self._missed = {
            key: self._missed[key] if self._missed.get(key, (-1, 0))[0] == generation else (generation, now)
            for key, generation in behind.items()
        }

    async def beat(self) -> None:
        while True:
            try:
                await self._touch()
            except KubeError as error:
                log.warning("heartbeat_not_written", error=repr(error))
            metrics.HEARTBEAT_AGE.set(self.age)
            await asyncio.sleep(BEAT_EVERY)

    async def _touch(self) -> None:
        collection = f"/api/v1/namespaces/{self._namespace}/configmaps"
        name, data = f"operator-heartbeat-{self._pod}", {"beat": str(time.time_ns())}
        try:
            await self._kube.merge(f"{collection}/{name}", {"data": data})
        except ObjectNotFound:
            metadata = {"name": name, "labels": {LABEL: self._pod}, "ownerReferences": await self._owner()}
            body: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            await self._kube.create(collection, body)

    async def _owner(self) -> list[dict[str, Any]]:
        """The pod owns its heartbeat, so that both go together."""
        pod = await self._kube.get(f"/api/v1/namespaces/{self._namespace}/pods/{self._pod}")
        if pod is None:
            return []
        return [{"apiVersion": "v1", "kind": "Pod", "name": self._pod, "uid": pod["metadata"]["uid"]}]
