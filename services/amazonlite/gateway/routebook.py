"""The table in force is the one made of the latest objects; what became of each route is told in its status."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from prometheus_client import Gauge

from amazonlite.common.core.clock import Clock, iso
from amazonlite.common.observe.logs import get_logger
from amazonlite.gateway.domain import Route, RouteTable
from amazonlite.gateway.httproutes import (
    INVALID_KIND,
    REF_NOT_PERMITTED,
    RouteRefused,
    attached_parents,
    parse,
)
from amazonlite.gateway.kube import ApiAway, Gone, Item, KubeApi

CONTROLLER = "amazonlite.dev/gateway"
_REFERENCES = frozenset({INVALID_KIND, REF_NOT_PERMITTED})

SERVED = Gauge("gateway_routes", "HTTPRoutes by whether they are served", ["accepted"])
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """None means served."""

    item: Item
    refusal: RouteRefused | None


class RouteBook:
    """`table` is replaced, never changed, so that a request in flight sees one table."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self.table = RouteTable()
        self.verdicts: dict[str, Verdict] = {}
        self.changed = asyncio.Event()

    def replace(self, items: dict[str, Item]) -> None:
        routes: list[Route] = []
        verdicts: dict[str, Verdict] = {}
        for name, item in items.items():
            if not attached_parents(item, self._gateway):
                continue
            try:
                routes.append(parse(item))
                verdicts[name] = Verdict(item, None)
            except RouteRefused as refusal:
                log.warning("route_refused", route=name, reason=refusal.reason, detail=str(refusal))
                verdicts[name] = Verdict(item, refusal)
        self.table, self.verdicts = RouteTable(routes), verdicts
        SERVED.labels("true").set(len(routes))
        SERVED.labels("false").set(len(verdicts) - len(routes))
        self.changed.set()


class StatusWriter:
    """Patches a route's status only when it does not say already what is so; other controllers' entries stay."""

    def __init__(self, api: KubeApi, path: str, book: RouteBook, gateway: str, clock: Clock) -> None:
        self._api, self._path, self._book, self._gateway, self._clock = api, path, book, gateway, clock

    async def run(self) -> None:
        while True:
            await self._book.changed.wait()
            self._book.changed.clear()
            for name, verdict in self._book.verdicts.items():
                parents = self._parents(verdict)
                if parents != verdict.item.get("status", {}).get("parents"):
                    await self._patch(name, parents)

    async def _patch(self, name: str, parents: list[Item]) -> None:
        try:
            await self._api.patch_status(f"{self._path}/{name}", {"parents": parents})
        except (ApiAway, Gone) as error:  # told again with the next change or list; routing does not depend on it
            log.warning("route_status_not_written", route=name, reason=str(error))

    def _parents(self, verdict: Verdict) -> list[Item]:
        known: list[Item] = verdict.item.get("status", {}).get("parents") or []
        others = [parent for parent in known if parent.get("controllerName") != CONTROLLER]
        ours = {_key(parent["parentRef"]): parent for parent in known if parent.get("controllerName") == CONTROLLER}
        refs = attached_parents(verdict.item, self._gateway)
        return others + [
            {
                "parentRef": ref,
                "controllerName": CONTROLLER,
                "conditions": self._conditions(verdict, ours.get(_key(ref), {}).get("conditions", [])),
            }
            for ref in refs
        ]

    def _conditions(self, verdict: Verdict, before: list[Item]) -> list[Item]:
        refusal = verdict.refusal
        broken_reference = refusal is not None and refusal.reason in _REFERENCES
        accepted = _condition("Accepted", None if broken_reference else refusal)
        resolved = _condition("ResolvedRefs", refusal if broken_reference else None)
        generation = verdict.item["metadata"].get("generation", 1)
        return [
            self._dated({**condition, "observedGeneration": generation}, before) for condition in (accepted, resolved)
        ]

    def _dated(self, condition: Item, before: list[Item]) -> Item:
        """`lastTransitionTime` moves only when the status does."""
        same = [old for old in before if old["type"] == condition["type"] and old["status"] == condition["status"]]
        moment = same[0]["lastTransitionTime"] if same else iso(self._clock.now().replace(microsecond=0))
        return {**condition, "lastTransitionTime": moment}


def _condition(kind: str, refusal: RouteRefused | None) -> Item:
    if refusal is None:
        return {"type": kind, "status": "True", "reason": kind, "message": ""}
    return {"type": kind, "status": "False", "reason": refusal.reason, "message": str(refusal)}


def _key(ref: dict[str, Any]) -> str:
    return "/".join(str(ref.get(part, "")) for part in ("namespace", "name", "sectionName", "port"))
