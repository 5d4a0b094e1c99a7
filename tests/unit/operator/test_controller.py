from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY

from amazonlite_operator.flash_sale.crd import FLASH_SALES
from amazonlite_operator.kube import controller as controllers
from amazonlite_operator.kube.api import ApiServerAway
from amazonlite_operator.kube.controller import Controller, Key
from amazonlite_operator.kube.heartbeat import DEAF_AFTER, Heartbeat
from support.fake_cluster import FakeCluster

A = Key("ns", "a")


class Leadership:
    """A lease that the test gives and takes."""

    def __init__(self) -> None:
        self.leads = False
        self._changed = asyncio.Event()

    def give(self, leads: bool) -> None:
        self.leads = leads
        self._changed.set()
        self._changed = asyncio.Event()

    async def leadership_changed(self) -> None:
        await self._changed.wait()

    async def lost(self) -> None:
        while self.leads:
            await self.leadership_changed()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@asynccontextmanager
async def running(
    reconcile: Callable[[Key], Awaitable[float | None]], stepped_down: Callable[[], None] = lambda: None
) -> AsyncIterator[tuple[Controller, Leadership]]:
    cluster: Any = FakeCluster(lambda: datetime.now(UTC))
    lease: Any = Leadership()
    heartbeat = Heartbeat(cluster, namespace="ns", pod="pod")
    controller = Controller(FLASH_SALES, reconcile, stepped_down, kube=cluster, lease=lease, heartbeat=heartbeat)
    task = asyncio.create_task(controller.run("ns"))
    await settle()
    try:
        yield controller, lease
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_follower_remembers_and_does_nothing_until_it_leads() -> None:
    seen: list[Key] = []

    async def reconcile(key: Key) -> None:
        seen.append(key)

    async with running(reconcile) as (controller, lease):
        controller.enqueue(A, "uid", 1, "1")
        await settle()
        assert seen == []
        lease.give(True)
        await settle()
        assert seen == [A]


async def test_seeing_the_same_again_is_no_reason_to_look() -> None:
    seen: list[Key] = []

    async def reconcile(key: Key) -> None:
        seen.append(key)

    async with running(reconcile) as (controller, lease):
        lease.give(True)
        for marker in ("1", "1", "2"):
            controller.enqueue(A, "uid", 1, marker)
            await settle()
        assert seen == [A, A]


async def test_losing_the_lease_cuts_off_what_is_under_way() -> None:
    cut_off: list[Key] = []

    async def reconcile(key: Key) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cut_off.append(key)
            raise

    async with running(reconcile) as (controller, lease):
        lease.give(True)
        controller.enqueue(A, "uid", 1, "1")
        await settle()
        assert cut_off == []
        lease.give(False)
        await settle()
        assert cut_off == [A]


async def test_stepping_down_is_told_once_all_work_has_ended() -> None:
    told: list[str] = []

    async def reconcile(key: Key) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            told.append("cut off")

    async with running(reconcile, lambda: told.append("stepped down")) as (controller, lease):
        lease.give(True)
        controller.enqueue(A, "uid", 1, "1")
        await settle()
        assert told == []
        lease.give(False)
        await settle()
        assert told == ["cut off", "stepped down"]


async def test_a_deleted_object_is_reconciled_once_more() -> None:
    seen: list[Key] = []

    async def reconcile(key: Key) -> None:
        seen.append(key)

    async with running(reconcile) as (controller, lease):
        lease.give(True)
        controller.enqueue(A, "uid", 1, "1")
        await settle()
        controller.drop(A, "uid")
        await settle()
        assert seen == [A, A]


async def test_a_failing_reconciliation_does_not_stop_the_others() -> None:
    seen: list[str] = []

    async def reconcile(key: Key) -> None:
        seen.append(key.name)
        if key == A:
            raise RuntimeError("broken")

    async with running(reconcile) as (controller, lease):
        lease.give(True)
        controller.enqueue(A, "uid-a", 1, "1")
        controller.enqueue(Key("ns", "b"), "uid-b", 1, "1")
        await settle()
        assert sorted(seen) == ["a", "b"]


OTHER = replace(FLASH_SALES, kind="ReindexJob", plural="reindexjobs")


class Kinds:
    """Controllers of two kinds beside one heartbeat."""

    def __init__(self) -> None:
        self.now = 0.0
        self.cluster: Any = FakeCluster(lambda: datetime.now(UTC))
        self.heartbeat = Heartbeat(self.cluster, namespace="ns", pod="pod", monotonic=lambda: self.now)
        self.sales, self.jobs = self._controller(FLASH_SALES), self._controller(OTHER)

    def _controller(self, kind: Any) -> Controller:
        async def reconcile(key: Key) -> None:
            return None

        lease: Any = Leadership()
        return Controller(kind, reconcile, lambda: None, kube=self.cluster, lease=lease, heartbeat=self.heartbeat)

    def put(self, plural: str, name: str, phase: str) -> None:
        path = f"/apis/amazonlite.dev/v1alpha1/namespaces/ns/{plural}/{name}"
        metadata = {"name": name, "uid": name, "generation": 1}
        self.cluster.objects[path] = {"metadata": metadata, "status": {"phase": phase}}

    async def resync(self) -> None:
        await self.sales.resync("ns")
        await self.jobs.resync("ns")


def objects(kind: str, phase: str) -> float | None:
    return REGISTRY.get_sample_value("operator_objects", {"kind": kind, "phase": phase})


async def test_a_kind_keeps_its_gauges_while_another_is_listed() -> None:
    kinds = Kinds()
    kinds.put("flashsales", "a", "Live")
    kinds.put("reindexjobs", "b", "Copying")
    await kinds.resync()
    assert (objects("FlashSale", "Live"), objects("ReindexJob", "Copying")) == (1, 1)
    kinds.put("flashsales", "a", "Draining")
    await kinds.resync()
    assert objects("FlashSale", "Draining") == 1
    assert not objects("FlashSale", "Live")


async def test_a_deaf_watch_of_the_first_kind_is_noticed() -> None:
    kinds = Kinds()
    kinds.put("flashsales", "a", "Live")
    kinds.put("reindexjobs", "b", "Copying")
    kinds.jobs.enqueue(Key("ns", "b"), "b", 1, "1")
    await kinds.resync()
    kinds.now = DEAF_AFTER + 1
    await kinds.resync()
    assert kinds.heartbeat.deaf == "changes not seen through the watch: flashsales a"


async def test_a_list_that_fails_is_not_taken_for_a_deaf_watch() -> None:
    kinds = Kinds()
    kinds.put("flashsales", "a", "Live")
    await kinds.resync()
    items = kinds.cluster.items

    async def away(path: str) -> None:
        raise ApiServerAway("gone")

    kinds.cluster.items = away
    kinds.now = 3600.0
    with suppress(ApiServerAway):
        await kinds.sales.resync("ns")
    kinds.cluster.items = items
    await kinds.resync()
    assert kinds.heartbeat.deaf == ""


async def test_leadership_that_nobody_announced_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controllers, "CHECK_LEADERSHIP_EVERY", 0.01)
    seen = asyncio.Event()

    async def reconcile(key: Key) -> None:
        seen.set()

    async with running(reconcile) as (controller, lease):
        controller.enqueue(A, "uid", 1, "1")
        lease.leads = True
        async with asyncio.timeout(2):
            await seen.wait()
