"""Proof that the watch still hears: a ConfigMap this process touches, seen again through its own kopf watch.

A watch can go deaf without an error (nolar/kopf#1276); the process then looks well and reacts to nothing. Only what
the API server has taken or listed can be missed by the watch. An outage of its own is no deafness: no restart ends it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from amazonlite.common.observe.logs import get_logger
from amazonlite_operator.kube import metrics
from amazonlite_operator.kube.api import Kube, KubeError, Manifest, ObjectNotFound

LABEL = "amazonlite.dev/heartbeat"
BEAT_EVERY = 30.0
DEAF_AFTER = 120.0

log = get_logger(__name__)


class Heartbeat:
    """`keep` runs forever; `heard` is called by the watch; `deaf` decides liveness."""

    def __init__(
        self, kube: Kube, *, namespace: str, pod: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._kube = kube
        self._namespace = namespace
        self._pod = pod
        self._monotonic = monotonic
        self._last = monotonic()
        self._unheard: float | None = None  # since when beats were written that the watch has not shown
        self._missed: dict[str, dict[str, tuple[int, float]]] = {}  # by kind and uid: generation, and since when
        self._listed: dict[str, float] = {}

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
        if self._unheard is not None and self._monotonic() - self._unheard > DEAF_AFTER:
            return f"own heartbeat not seen through the watch for {self.age:.0f} s"
        late = [f"{kind} {uid}" for kind in self._missed for uid in self._late(kind)]
        return f"changes not seen through the watch: {', '.join(late)}" if late else ""

    def _late(self, kind: str) -> list[str]:
        listed = self._listed[kind]
        return [uid for uid, (_, since) in self._missed[kind].items() if listed - since > DEAF_AFTER]

    def heard(self) -> None:
        self._last = self._monotonic()
        self._unheard = None
        metrics.HEARTBEAT_AGE.set(0)

    def compare(self, kind: str, listed: Mapping[str, int], watched: Mapping[str, int]) -> None:
        """Generations by uid, as listed and as watched: one kind's watch can be deaf while all others hear."""
        behind = {uid: generation for uid, generation in listed.items() if watched.get(uid, -1) < generation}
        before, now = self._missed.get(kind, {}), self._monotonic()
        self._listed[kind] = now
        self._missed[kind] = {
            uid: before[uid] if before.get(uid, (-1, 0))[0] == generation else (generation, now)
            for uid, generation in behind.items()
        }

    def not_compared(self, kind: str) -> None:
        """The kind could not be listed: the API server is away, and the watch has its time again once it is back."""
        self._missed.pop(kind, None)

    async def keep(self) -> None:
        while True:
            await self.beat()
            await asyncio.sleep(BEAT_EVERY)

    async def beat(self) -> None:
        """The watch has DEAF_AFTER seconds to show what was written, counted anew after the API server was away."""
        asked = self._monotonic()
        try:
            await self._touch()
        except KubeError as error:
            self._unheard = None
            log.warning("heartbeat_not_written", error=repr(error))
        else:
            self._unheard = asked if self._unheard is None and self._last <= asked else self._unheard
        metrics.HEARTBEAT_AGE.set(self.age)

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
