"""One replica leads: whoever holds the Lease. Its leaseTransitions is the fencing number that goes with every effect.

A leader stops by its own clock RENEW_DEADLINE seconds after its last renewal; others take over only after they have
seen no renewal for DURATION seconds by theirs. The gap is longer than any request, so no effect outlives its lease.

A leader that stands still is replaced within FOLLOW_EVERY (until a follower has seen the last renewal) + DURATION (of
silence; it looks at the very end of it) + one attempt's two requests: 13 s and the API server's answers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from amazonlite.common.observe.logs import get_logger
from amazonlite_operator.kube.api import Kube, KubeError, Manifest, ObjectConflict

DURATION = 12
RENEW_DEADLINE = 7.5
RENEW_EVERY = 2.0
RETRY_EVERY = 0.5
FOLLOW_EVERY = 1.0

log = get_logger(__name__)


class LeadershipLost(Exception):
    """This replica doesn't lead any more: stop without another effect."""


@dataclass(slots=True)
class _Seen:
    """Another holder's last renewal, and when this process saw it: remote clocks are never compared with ours."""

    renewal: str = ""
    at: float = 0.0
    duration: float = DURATION


class Lease:
    """`keep` runs forever, acquiring and renewing; `fence` is the number to send, or LeadershipLost."""

    def __init__(
        self,
        kube: Kube,
        *,
        namespace: str,
        name: str,
        identity: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kube = kube
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._name = name
        self._identity = identity
        self._monotonic = monotonic
        self._seen = _Seen()
        self._fence = 0
        self._above = 0
        self._renewed = float("-inf")
        self._changed = asyncio.Event()
        self._announced: int | None = None

    @property
    def leads(self) -> bool:
        return self._monotonic() - self._renewed < RENEW_DEADLINE

    def fence(self) -> int:
        if not self.leads:
            raise LeadershipLost(self._identity)
        return self._fence

    def step_back(self, seen: int = 0) -> None:
        """Somebody has `seen` a higher number: stop until the Lease says otherwise.

        There is a newer leader, or the Lease is older than what the shop has seen: etcd was restored from a backup.
        Whichever it is, this replica leads again only with a number above the one seen.
        """
        self._above = max(self._above, seen)
        self._renewed = float("-inf")
        self._announce()

    async def leadership_changed(self) -> None:
        """Until leadership is next gained or given up."""
        await self._changed.wait()

    async def lost(self) -> None:
        """Until this replica doesn't lead any more, or leads by another number: somebody else has led in between."""
        fence = self._fence
        while self.leads and self._fence == fence:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._renewed + RENEW_DEADLINE - self._monotonic()):
                    await self.leadership_changed()
        self._announce()

    def _announce(self) -> None:
        """Wake who waits when leadership, or its number, is not what was announced last."""
        now = self._fence if self.leads else None
        if now != self._announced:
            log.info("leadership", leads=now is not None, fence=self._fence)
            self._announced = now
            self._changed.set()
            self._changed = asyncio.Event()

    async def keep(self) -> None:
        while True:
            try:
                await self.attempt()
            except KubeError as error:
                log.warning("lease_not_renewed", error=repr(error))
                await asyncio.sleep(RETRY_EVERY)
            else:
                await asyncio.sleep(self.pause)

    @property
    def pause(self) -> float:
        """Seconds until the next attempt; a follower's ends with the holder's silence."""
        if self.leads:
            return RENEW_EVERY
        left = self._seen.at + self._seen.duration - self._monotonic()
        return min(FOLLOW_EVERY, max(left, 0.05))

    async def attempt(self) -> None:
        """One round: create, take over, or renew."""
        asked = self._monotonic()
        lease = await self._kube.get(f"{self._collection}/{self._name}")
        with suppress(ObjectConflict):  # somebody else was quicker; the next round sees who
            if lease is None:
                self._hold(await self._kube.create(self._collection, self._first()), asked)
            elif self._free(lease["spec"]):
                self._hold(await self._write(lease, self._spec(lease["spec"])), asked)

    async def release(self) -> None:
        """Let the next replica lead at once instead of after DURATION."""
        if self.leads:
            self.step_back()
            try:
                await self._give_back()
            except KubeError as error:
                log.warning("lease_not_released", error=repr(error))

    async def _give_back(self) -> None:
        lease = await self._kube.get(f"{self._collection}/{self._name}")
        if lease is not None and lease["spec"].get("holderIdentity") == self._identity:
            with suppress(ObjectConflict):
                await self._write(lease, {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1})

    def _free(self, spec: dict[str, Any]) -> bool:
        holder = spec.get("holderIdentity", "")
        if holder in ("", self._identity):
            return True
        renewal = f"{holder} {spec.get('renewTime')}"
        if renewal != self._seen.renewal:
            self._seen = _Seen(renewal, self._monotonic(), float(spec.get("leaseDurationSeconds", DURATION)))
        return self._monotonic() - self._seen.at >= self._seen.duration

    def _hold(self, lease: Manifest, asked: float) -> None:
        # Counted from before the request: its answer may have taken long.
        self._fence = lease["spec"]["leaseTransitions"]
        self._renewed = asked
        self._announce()

    def _spec(self, old: dict[str, Any]) -> dict[str, Any]:
        now = _micro_time()
        # Two lives of one pod are two leaders: a number of its own for each.
        number = old.get("leaseTransitions", 0)
        mine = old.get("holderIdentity") == self._identity and number == self._fence >= self._above
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": DURATION,
            "renewTime": now,
            "acquireTime": old.get("acquireTime", now) if mine else now,
            "leaseTransitions": number if mine else max(number, self._above) + 1,
        }

    def _first(self) -> Manifest:
        # A Lease deleted by hand must not start again at 0, below numbers the shop has seen: minutes grow faster
        # than leaders change.
        spec = {**self._spec({}), "leaseTransitions": max(int(time.time()) // 60, self._above + 1)}
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "labels": {"app.kubernetes.io/part-of": "amazonlite"}},
            "spec": spec,
        }

    async def _write(self, lease: Manifest, spec: dict[str, Any]) -> Manifest:
        """Replaces what was read, guarded by its resourceVersion."""
        return await self._kube.replace(f"{self._collection}/{self._name}", {**lease, "spec": spec})


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
